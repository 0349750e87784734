// Usage over time in the projection: parts of a row, retention step by step, deleted meters, and a
// rebuild. What is kept is compared as pieces, since rows are nobody's business.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Output, UsageWindowOutput } from "../../src/core/output.ts";
import type { UsagePiece } from "../../src/core/usage-answer.ts";
import { openProjection, type Projection } from "../../src/projection/database.ts";
import { zones } from "../support/core-world.ts";

const quarter = 900_000;
const hour = 4 * quarter;
const day = 24 * hour;
/** 2026-03-29T00:00:00Z, the day on which clocks go forward in Berlin. */
const sunday = Date.UTC(2026, 2, 29);

let directory = "";
let projection: Projection;
let seq = 0;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "usage-windows-"));
  projection = openProjection(join(directory, "projection.db"), { zones });
  seq = 0;
});
afterEach(() => {
  projection.close();
  rmSync(directory, { recursive: true });
});

function told(start: number, more: Partial<UsageWindowOutput> = {}): UsageWindowOutput {
  return {
    kind: "usage-window",
    position: { partition: 0, seq, index: 0 },
    meterId: "m",
    createdAt: sunday - day,
    timezone: "Europe/Berlin",
    aggregation: "sum",
    periodStart: sunday - day,
    periodEnd: sunday + 10 * day,
    start,
    places: 0,
    minutes: [3, 5],
    groups: [{ fields: ["f"], turns: ["k", 5, null, 1] }],
    ...more,
  };
}

function store(...make: readonly (() => Output)[]): void {
  seq += 1;
  projection.store(
    make.map((each) => each()),
    seq,
  );
}

function read(
  detail: "minutes" | "quarters" | "quarters-and-days",
  meterId = "m",
): readonly UsagePiece[] | null {
  const range = { from: sunday - 2 * day, to: sunday + 5 * day };
  return projection.usage.pieces({ ...range, meterId, detail, withGroups: true });
}

/** Start (hours after sunday), value, and groups of each piece. */
function texts(detail: Parameters<typeof read>[0], meterId = "m"): readonly string[] {
  return (read(detail, meterId) ?? []).map(({ start, value, groups }) => {
    const listed = groups.map((group) => `${group.key}=${group.value}`).sort();
    return [(start - sunday) / hour, value, ...listed].join(" ");
  });
}

const one = 10n ** 18n;

describe("usage over time in the projection", () => {
  it("[UW2] parts of a quarter-hour are added up, within a group and from group to group", () => {
    const more = { places: 3, minutes: [3, 250, 9, "90071992547409930000"], groups: [] } as const;
    store(
      () => told(sunday),
      () => told(sunday, more),
    );
    expect(texts("quarters")).toEqual([
      `0 ${5n * one + 250n * 10n ** 15n + 90071992547409930000n * 10n ** 15n} k=${5n * one} null=${one}`,
    ]);
    store(() => told(sunday));
    expect(texts("minutes")).toEqual([
      `0.05 ${10n * one + 250n * 10n ** 15n}`,
      `0.15 ${90071992547409930000n * 10n ** 15n}`,
    ]);
    // Another period of the same quarter-hour stands by itself.
    store(() => told(sunday, { periodStart: sunday + 1 }));
    expect(texts("minutes").length).toBe(3);
  });

  it.each([
    ["max", [7n, 2n]],
    ["min", [5n, 1n]],
  ] as const)("[UW2] parts of a %s are compared", (aggregation, [total, other]) => {
    store(() => told(sunday, { aggregation }));
    const turns = ["k", 7, null, 2];
    const more = { aggregation, minutes: [3, 7], groups: [{ fields: ["f"], turns }] };
    store(() => told(sunday, more));
    expect(texts("quarters")).toEqual([`0 ${total * one} k=${total * one} null=${other * one}`]);
  });

  it("[UW8] outputs that come again are not added again, and a reset empties all", () => {
    store(() => told(sunday));
    const before = texts("minutes");
    projection.store([told(sunday)], seq);
    seq += 1;
    projection.store([{ ...told(sunday), position: { partition: 0, seq: 1, index: 0 } }], seq);
    expect(texts("minutes")).toEqual(before);
    projection.reset();
    expect(texts("minutes")).toEqual([]);
  });

  it("[UW6] minutes are cleared, quarter-hours become days of the zone, days go", () => {
    for (let at = sunday - hour; at < sunday + day + hour; at += hour) store(() => told(at));
    const values = texts("quarters");
    expect(values).toHaveLength(26);
    const clearTo = sunday + 2 * hour;
    const prune = (list: Parameters<Projection["prune"]>[0], before: number): number => {
      let met = 0;
      for (;;) {
        const rows = projection.prune(list, before, 2);
        met += rows;
        if (rows < 2) return met;
      }
    };
    expect(prune("usage-minutes", clearTo)).toBe(3);
    expect(texts("minutes")[0]).toBe(`2.05 ${5n * one}`);
    expect(texts("quarters")).toEqual(values);
    // What comes late for a time whose minutes are gone has none either.
    store(() => told(sunday - hour));
    expect([texts("minutes").length, prune("usage-minutes", clearTo)]).toEqual([23, 0]);
    expect(prune("usage-quarters", sunday + 23 * hour)).toBe(24);
    expect(texts("quarters")).toHaveLength(2);
    // Days of Berlin: one begins at 23:00, lasts 23 hours and has a record late; the next at 22:00.
    const ofDay = (records: bigint): string =>
      `${5n * records * one} k=${5n * records * one} null=${records * one}`;
    expect(texts("quarters-and-days").slice(2)).toEqual([`-1 ${ofDay(24n)}`, `22 ${ofDay(1n)}`]);
    store(() => told(sunday + hour));
    prune("usage-quarters", sunday + 23 * hour);
    expect(texts("quarters-and-days")[2]).toBe(`-1 ${ofDay(25n)}`);
    expect(prune("usage-days", sunday + 20 * hour)).toBe(1);
    expect(texts("quarters-and-days")).toHaveLength(3);
  });

  it("[UW6] a deleted meter's rows go step by step, and nobody else's", () => {
    for (let at = sunday; at < sunday + 6 * quarter; at += quarter) {
      store(
        () => told(at),
        () => told(at, { meterId: "other" }),
      );
    }
    store(() => told(sunday + 100 * quarter, { meterId: "other" }));
    projection.prune("usage-quarters", sunday + quarter, 100);
    const others = texts("quarters-and-days", "other");
    store(
      () => told(sunday + 9 * quarter),
      () => ({ kind: "meter-unlisted", meterId: "m" }),
      () => ({ kind: "meter-unlisted", meterId: "never counted" }),
    );
    expect(texts("quarters-and-days")).toEqual([]);
    let steps = 0;
    while (projection.prune("usage-gone", 0, 2) === 2) steps += 1;
    expect(steps).toBeGreaterThan(2);
    expect(texts("quarters-and-days", "other")).toEqual(others);
    projection.flush();
    const database = new DatabaseSync(join(directory, "projection.db"), { readOnly: true });
    const count = (sql: string): unknown => Object.values(database.prepare(sql).get() ?? {})[0];
    expect(count("SELECT count(*) FROM usage_quarters")).toBe(6);
    expect(count("SELECT count(*) FROM usage_days")).toBe(1);
    expect(count("SELECT count(*) FROM usage_meters")).toBe(1);
    database.close();
  });

  it("[UW9] what is more than one answer may read is not read", () => {
    const outputs = Array.from({ length: 20_001 }, (_, at) => () => {
      return {
        ...told(sunday, { periodStart: sunday + at }),
        position: { partition: 0, seq, index: at },
      };
    });
    store(...outputs);
    expect(read("quarters")).toBeNull();
  });
});
