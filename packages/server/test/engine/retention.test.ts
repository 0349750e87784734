// How long lists are kept: what goes, when, in which steps, and what a full disk or a clock that
// leapt does to it (docs/spec/history.md).
import { describe, expect, it } from "vitest";
import { NoRoomError } from "../../src/core/problem.ts";
import {
  type PrunedList,
  prunedRowsMax,
  Retention,
  type RetentionParts,
} from "../../src/engine/retention.ts";
import { VirtualClock } from "../support/virtual-clock.ts";

const day = 86_400_000;
const start = 1_767_225_600_000;

interface Call {
  readonly list: PrunedList;
  readonly before: number;
  readonly at: number;
}

class Lists {
  readonly clock = new VirtualClock(start);
  readonly calls: Call[] = [];
  readonly logged: string[] = [];
  /** Rows that are still there to be removed. */
  readonly rows: Partial<Record<PrunedList, number>> = {};
  fault: Error | null = null;
  lastEntryAt: number = start;

  retention(keepMs: RetentionParts["keepMs"]): Retention {
    const log = (_: object, message: string): void => void this.logged.push(message);
    return new Retention({
      ...{ store: this, clock: this.clock, keepMs, lastEntryAt: () => this.lastEntryAt },
      log: { info: log, warn: log, error: log },
    });
  }

  prune(list: PrunedList, before: number, rowsMax: number): number {
    this.calls.push({ list, before, at: this.clock.now() });
    if (this.fault !== null) throw this.fault;
    const rows = this.rows[list] ?? 0;
    const removed = Math.min(rowsMax, rows);
    this.rows[list] = rows - removed;
    return removed;
  }
}

describe("retention", () => {
  it("[HI1] [HI2] removes what is older than its time, a bounded number at once, with pauses", async () => {
    const lists = new Lists();
    lists.rows["usage-audit"] = 2 * prunedRowsMax + 1;
    const retention = lists.retention({ "metered-records": 30 * day, "usage-audit": 180 * day });
    retention.start();
    await lists.clock.advanceTo(start + 1_000);
    expect(lists.calls.map(({ list, before, at }) => [list, before - at, at - start])).toEqual([
      ["usage-audit", -180 * day, 0],
      ["usage-audit", -180 * day - 50, 50],
      ["usage-audit", -180 * day - 100, 100],
      ["metered-records", -30 * day - 100, 100],
    ]);
    expect(lists.rows["usage-audit"]).toBe(0);
    lists.rows["metered-records"] = 1;
    lists.lastEntryAt = start + day;
    await lists.clock.advanceTo(start + 601_000);
    expect(lists.rows["metered-records"]).toBe(0);
    await retention.stop();
  });

  it("[HI1] keeps for ever what has no time, and ends at once when it is stopped", async () => {
    const lists = new Lists();
    const retention = lists.retention({ "metered-records": null, "usage-audit": null });
    retention.start();
    await lists.clock.advanceTo(start + day);
    expect(lists.calls).toEqual([]);
    await retention.stop();
    expect(lists.clock.sleeping).toBe(0);
  });

  it("[HI3] a clock that leapt ahead of the last entry removes nothing more", async () => {
    const lists = new Lists();
    const retention = lists.retention({ "metered-records": null, "usage-audit": day });
    lists.clock.set(start + 1_000 * day);
    retention.start();
    await lists.clock.advanceTo(lists.clock.now() + 1);
    expect(lists.calls.map(({ before }) => before)).toEqual([start - day]);
    await retention.stop();
  });

  it("[HI3] a store without room is tried again in the next round", async () => {
    const lists = new Lists();
    lists.fault = new NoRoomError("full");
    lists.rows["usage-audit"] = 3;
    const retention = lists.retention({ "metered-records": day, "usage-audit": day });
    retention.start();
    await lists.clock.advanceTo(start + 1);
    expect(lists.logged).toEqual(["retention skipped", "retention skipped"]);
    lists.fault = null;
    await lists.clock.advanceTo(start + 600_000);
    expect(lists.rows["usage-audit"]).toBe(0);
    expect(lists.logged).toHaveLength(3);
    await retention.stop();
  });
});
