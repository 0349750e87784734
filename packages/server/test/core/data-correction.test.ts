// What becomes of records that cannot be counted (docs/spec/data-correction.md, DC).
import { describe, expect, it } from "vitest";
import type { SuspenseManagement } from "../../src/core/definitions.ts";
import type { CorrectionOutput, Output } from "../../src/core/output.ts";
import { accountId, CoreWorld, meterKey, start } from "../support/core-world.ts";

const exported: SuspenseManagement = {
  enabled: true,
  abortOnDisabled: false,
  eventThreshold: 10_000,
  onThresholdExceeded: "ABORT",
  resetOnValidEvent: true,
};

const good = { userId: "user", value: 1 };
const bad = { userId: "user" };

function worldWith(fields: Partial<SuspenseManagement>): CoreWorld {
  const world = new CoreWorld();
  world.processor({ suspenseManagement: { ...exported, ...fields } });
  world.meter(world.meterType());
  return world;
}

function corrections(outputs: readonly Output[]): CorrectionOutput[] {
  return outputs.filter((output) => output.kind === "correction");
}

function untouched(world: CoreWorld): void {
  expect(corrections(world.outputs)).toEqual([]);
  expect([...world.state.meters.values()][0]?.counter.count).toBe(0);
  expect(world.processor({}).tally).toMatchObject({ received: 0, counted: 0, rejected: 0 });
}

describe("a rejected record", () => {
  it("[DC1] is kept as it was sent, with what could be read of it", () => {
    const world = worldWith({});
    const element = '{ "value": 1.50 ,\t"userId":"nobody","id":"é-1" }';
    world.send(`[${element}]`);
    expect(corrections(world.outputs)).toEqual([
      {
        kind: "correction",
        position: { partition: 0, seq: world.state.seq, index: 0 },
        accountId,
        meterKey,
        userId: "nobody",
        recordId: "é-1",
        reason: "NO_METER",
        detail: expect.stringContaining("has no meter"),
        original: element,
        originalIsBytes: false,
        event: null,
        record: expect.stringMatching(/^\{"value":1\.50?,"userId":"nobody","id":"é-1"\}$/),
        receivedAt: world.now,
      },
    ]);
  });

  it("[DC31] has the detail that others with the same fault have", () => {
    const world = worldWith({});
    world.processor({ lateUsage: "correct" });
    const day = 86_400_000;
    world.now = start + 40 * day;
    world.usage(["a", "b"].map((id) => ({ userId: "user", id, value: 1 })));
    const at = (timestamp: number): object => ({ userId: "user", value: 1, timestamp });
    const pairs: readonly (readonly [string, object, object])[] = [
      ["NO_METER", { userId: "ann", value: 1 }, { userId: "bob", value: 1 }],
      ["ID_CONFLICT", { ...good, id: "a", value: 2 }, { ...good, id: "b", value: 3 }],
      ["TIMESTAMP_IN_FUTURE", at(start + 50 * day), at(start + 60 * day)],
      ["TIMESTAMP_BEFORE_ACTIVE_FROM", at(start - 1), at(start - day)],
      ["PERIOD_CLOSED", at(start + 1), at(start + 2)],
      ["OLDER_THAN_ID_WINDOW", { ...at(start), id: "c" }, { ...at(start + day), id: "d" }],
    ];
    for (const [reason, ...records] of pairs) {
      const { results } = world.usage(records.map((record) => ({ ...record })));
      expect(results.map((result) => "reason" in result && result.reason)).toEqual([
        reason,
        reason,
      ]);
      const details = results.map((result) => "detail" in result && result.detail);
      expect(new Set(details).size).toBe(1);
    }
  });

  it("[DC2] [DD9] [DD10] sent again under its id makes no second item, without an id it does", () => {
    const world = worldWith({});
    for (const _time of [1, 2, 3]) {
      world.usage([{ ...bad, id: "a" }, bad, { id: "b", value: 1 }]);
    }
    expect(corrections(world.outputs)).toHaveLength(2 + 3);
    const { tally, waitingCorrections } = world.processor({});
    expect([tally.rejected, tally.repeated, waitingCorrections]).toEqual([9, 4, 5]);
  });

  it("[DC3] [DD10] is superseded when its id is counted later", () => {
    const world = worldWith({});
    world.usage([{ ...bad, id: "a" }]);
    const item = corrections(world.outputs)[0]?.position;
    const { outputs } = world.send('[{"userId":"user","id":"a","value":1}]');
    const closed = { kind: "correction-superseded", item, updatedAt: world.now };
    expect(outputs.filter(({ kind }) => kind !== "audit")).toEqual([closed]);
    const { tally, waitingCorrections } = world.processor({});
    expect([tally.superseded, waitingCorrections]).toEqual([1, 0]);
    expect(world.usage([{ userId: "user", id: "a", value: 1 }]).duplicates).toBe(1);
  });

  it("[DC7] [DC27] keeps the tallies in balance, across a restart too", () => {
    const world = worldWith({});
    world.usage([good, bad, { ...bad, id: "a" }, { ...bad, id: "a" }, { ...good, id: "b" }]);
    world.restart();
    world.usage([{ ...good, id: "a" }, { ...good, id: "b" }, bad]);
    const { tally, waitingCorrections } = world.processor({});
    expect(tally.received).toBe(tally.counted + tally.duplicates + tally.rejected);
    const { dropped, repeated, superseded } = tally;
    expect(tally.rejected).toBe(waitingCorrections + dropped + repeated + superseded);
    expect(tally).toMatchObject({ received: 8, counted: 3, duplicates: 1, rejected: 4 });
  });
});

describe("suspense management", () => {
  it("[DC4] switched off answers rejections and drops them", () => {
    const world = worldWith({ enabled: false });
    const outcome = world.usage([good, bad]);
    expect(outcome).toMatchObject({ counted: 1, rejected: 1 });
    expect(corrections(world.outputs)).toEqual([]);
    expect(world.processor({}).tally.dropped).toBe(1);
  });

  it("[DC4] switched off with abortOnDisabled refuses any request with a rejection", () => {
    const world = worldWith({ enabled: false, abortOnDisabled: true });
    const { outcome } = world.send(JSON.stringify([good, bad, good]));
    expect(outcome).toMatchObject({ kind: "refused", problem: { code: "records-rejected" } });
    untouched(world);
    expect(world.usage([good, good]).counted).toBe(2);
  });

  const rows: readonly [boolean, string, boolean][] = [
    [true, "bbg", false],
    [true, "bbb", true],
    [true, "bbgbb", false],
    [true, "gbbbg", true],
    [false, "bbgbb", true],
    [false, "bgb", false],
  ];
  it.each(rows)(
    "[DC5] over two rejections (in a row: %s) in %s refuse the request: %s",
    (resetOnValidEvent, pattern, isRefused) => {
      const world = worldWith({ eventThreshold: 2, resetOnValidEvent });
      const records = [...pattern].map((letter) => (letter === "g" ? good : bad));
      const { outcome } = world.send(JSON.stringify(records));
      if (!isRefused) expect(outcome).toMatchObject({ kind: "usage", received: pattern.length });
      else {
        expect(outcome).toMatchObject({ kind: "refused", problem: { code: "too-many-rejected" } });
        untouched(world);
      }
    },
  );

  it("[DC5] takes a conflict within the request for the rejection that it is", () => {
    const world = worldWith({ eventThreshold: 0 });
    const records = [
      { ...good, id: "a" },
      { ...good, id: "a" },
    ];
    expect(world.usage(records)).toMatchObject({ counted: 1, duplicates: 1 });
    const conflicting = [
      { ...good, id: "b" },
      { ...good, id: "b", value: 2 },
    ];
    const { outcome } = world.send(JSON.stringify(conflicting));
    expect(outcome).toMatchObject({ kind: "refused", problem: { code: "too-many-rejected" } });
  });

  it("[DC6] refuses what does not fit the account's queue, and lets good requests pass", () => {
    const world = worldWith({});
    const settings = { futureToleranceMs: 300_000, correctionsPerAccountMax: 3 };
    world.apply({ kind: "configure", ...settings });
    world.usage([bad, bad]);
    const { outcome } = world.send(JSON.stringify([good, bad, bad]));
    expect(outcome).toMatchObject({
      kind: "refused",
      problem: { kind: "too-many-requests", code: "correction-queue-full" },
    });
    expect(world.usage([good, bad, good])).toMatchObject({ counted: 2, rejected: 1 });
    expect(world.usage([good, good, good, good]).counted).toBe(4);
    expect(world.send(JSON.stringify([bad])).outcome.kind).toBe("refused");
  });
});
