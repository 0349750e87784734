// Working on records in data correction: corrected, counted anew, deleted, gone after their time
// (docs/spec/data-correction.md).
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { conservationFault } from "../../src/core/conservation.ts";
import { correctionActionsPerAccountMax } from "../../src/core/limits.ts";
import type { Meter } from "../../src/core/state.ts";
import { dayMs } from "../../src/core/time.ts";
import { accountId, meterKey } from "../support/core-world.ts";
import { CorrectionWorld } from "../support/correction-world.ts";

let world: CorrectionWorld;
let meter: Meter;

beforeEach(() => {
  world = new CorrectionWorld();
  meter = world.meter(world.meterType());
});

afterEach(() => {
  expect(conservationFault(world.state)).toBeNull();
  world.close();
});

const setUser = { kind: "set", field: "userId", value: "user" } as const;
const setId = (value: string | null): { kind: "set"; field: string; value: string | null } => ({
  kind: "set",
  field: "id",
  value,
});

function value(): bigint {
  return (world.live(meter)?.counter.value ?? 0n) / 10n ** 18n;
}

/** Each item as `reason state attempts`. */
function told(): readonly string[] {
  return world.items().map(({ reason, state, attempts }) => `${reason} ${state} ${attempts}`);
}

describe("correcting", () => {
  it("[DC12] sets and renames a field, keeps the original, and judges nothing", () => {
    world.send('[{"userId":"user", "amount": 1.50, "n":12345678901234567890}]');
    const rename = { kind: "rename", from: "amount", to: "value" } as const;
    expect(world.act({ action: "correct", change: rename })).toMatchObject({ done: 1, failed: 0 });
    world.now += 1_000;
    const change = { kind: "set", field: "region.name", value: "eu" } as const;
    world.act({ action: "correct", change });
    const [item] = world.items();
    expect(item).toMatchObject({
      original: '{"userId":"user", "amount": 1.50, "n":12345678901234567890}',
      reason: "MISSING_VALUE",
      state: "waiting",
      attempts: 1,
      updatedAt: world.now,
      receivedAt: world.now - 1_000,
    });
    expect(item?.record).toMatch(
      /^\{"userId":"user","n":12345678901234567890,"value":1\.50?,"region\.name":"eu"\}$/,
    );
    expect(value()).toBe(0n);
  });

  it("[DC12] finds a field where rules find it: the literal name first, else nested", () => {
    world.usage([{ a: { b: 1, c: 2 } }, { a: { b: 1 }, "a.b": 2 }]);
    world.act({ action: "correct", change: { kind: "set", field: "a.b", value: [3] } });
    expect(world.items().map(({ record }) => record)).toEqual([
      '{"a":{"b":[3],"c":2}}',
      '{"a":{"b":1},"a.b":[3]}',
    ]);
  });

  it("[DC12] leaves alone what it cannot change, and says how many", () => {
    const long = "x".repeat(1_001);
    world.send(`["no record", {"amount":1,"value":2}, {"value":null,"amount":1}, {"a":1}]`);
    const rename = { kind: "rename", from: "amount", to: "value" } as const;
    const before = world.items().map(({ record }) => record);
    expect(world.act({ action: "correct", change: rename })).toMatchObject({ done: 1, failed: 3 });
    const set = { kind: "set", field: "a", value: long } as const;
    expect(world.act({ action: "correct", change: set })).toMatchObject({ done: 0, failed: 4 });
    expect(world.items().map(({ record }) => record)).toEqual([
      before[0],
      before[1],
      '{"value":1}',
      before[3],
    ]);
  });

  it("[DC12] takes names that mean something to JavaScript for names", () => {
    world.send('[{"__proto__":{"a":1},"constructor":1}]');
    const change = { kind: "rename", from: "__proto__", to: "toString" } as const;
    world.act({ action: "correct", change });
    world.act({ action: "correct", change: { kind: "set", field: "__proto__", value: 2 } });
    expect(world.items()[0]?.record).toBe('{"constructor":1,"toString":{"a":1},"__proto__":2}');
  });
});

describe("reprocessing", () => {
  it("[DC13] counts what is right now, in the open period, without receiving it again", () => {
    world.usage([{ value: 2 }, { userId: "user", value: 5 }]);
    const { tally } = world.processor({});
    world.act({ action: "correct", change: setUser });
    world.now += 1_000;
    expect(world.act({ action: "reprocess" })).toMatchObject({ total: 1, done: 1 });
    expect(told()).toEqual(["MISSING_USER_ID reprocessed 2"]);
    expect(value()).toBe(7n);
    expect(tally).toMatchObject({ received: 2, counted: 1, rejected: 1, reprocessed: 1 });
  });

  it("[DC13] leaves what is still wrong waiting, with its new reason", () => {
    world.usage([{ value: "x" }]);
    world.act({ action: "correct", change: setUser });
    expect(world.act({ action: "reprocess" })).toMatchObject({ done: 0, failed: 1 });
    expect(world.act({ action: "reprocess" })).toMatchObject({ done: 0, failed: 1 });
    expect(told()).toEqual(["INVALID_VALUE waiting 3"]);
    expect(world.items()[0]).toMatchObject({
      userId: "user",
      detail: expect.stringMatching("value"),
    });
  });

  it("[DC13] keeps waiting what is wrong when suspense management was switched off", () => {
    world.usage([{ value: 1 }]);
    const { suspenseManagement } = world.processor({}).fields;
    world.processor({ suspenseManagement: { ...suspenseManagement, enabled: false } });
    world.act({ action: "reprocess" });
    expect(told()).toEqual(["MISSING_USER_ID waiting 2"]);
  });

  it("[DC14] asked twice counts once; what waits no more is skipped", () => {
    world.usage([{ userId: "user", id: "a" }, { userId: "user" }, { userId: "user" }]);
    const set = { kind: "set", field: "value", value: 1 } as const;
    world.act({ action: "correct", change: set });
    const ids = world.items().map(({ id }) => id);
    world.ask({ action: "reprocess" }, ids);
    world.ask({ action: "reprocess" }, ids);
    world.ask({ action: "delete" }, ids);
    world.turn(1);
    world.usage([{ userId: "user", id: "b", value: 1 }]);
    world.restart();
    expect(world.turn()).toMatchObject({ state: "finished", done: 3, skipped: 0 });
    expect(world.turn()).toMatchObject({ state: "finished", done: 0, failed: 0, skipped: 3 });
    expect(world.turn()).toMatchObject({ state: "finished", done: 0, skipped: 3 });
    expect(value()).toBe(4n);
    expect(told()).toEqual(ids.map(() => "MISSING_VALUE reprocessed 2"));
  });

  it("[DC14] an entry that comes a second time, or too late, changes nothing", () => {
    world.usage([{ value: 1 }, { value: 1 }]);
    world.act({ action: "correct", change: setUser });
    world.ask({ action: "reprocess" });
    world.sync();
    world.turn(1);
    const entry = world.entries.at(-1);
    if (entry === undefined) throw new Error("there is an entry");
    world.apply(entry.body);
    expect(world.state.correctionActions.size).toBe(1);
    world.turn();
    world.apply(entry.body);
    expect(value()).toBe(2n);
  });

  it("[DC15] exempts from the age check what was received in time, but no other id", () => {
    const old = { userId: "user", timestamp: "2026-01-01T00:00:00Z" };
    world.usage([
      { ...old, id: "a" },
      { ...old, id: "b" },
      { ...old, value: 1, id: "c", userId: "" },
    ]);
    const [a, b, c] = world.items().map(({ id }) => id);
    if (a === undefined || b === undefined || c === undefined) throw new Error("three items");
    world.act({ action: "correct", change: { kind: "set", field: "value", value: 1 } });
    world.act({ action: "correct", change: setId("other") }, [b]);
    world.act({ action: "correct", change: setUser }, [c]);
    world.now += 36 * dayMs;
    world.act({ action: "reprocess" });
    expect(told()).toEqual([
      "MISSING_VALUE reprocessed 2",
      "OLDER_THAN_ID_WINDOW waiting 2",
      "OLDER_THAN_ID_WINDOW waiting 2",
    ]);
  });

  it("[DC16] an id in conflict stays so, however long, until it is changed or taken away", () => {
    const record = { userId: "user", value: 1 };
    world.usage([
      { ...record, id: "a" },
      { ...record, id: "a", value: 2 },
    ]);
    world.usage([
      { ...record, id: "b" },
      { ...record, id: "b", value: 3 },
    ]);
    world.now += 40 * dayMs;
    world.act({ action: "correct", change: { kind: "set", field: "note", value: "looked at" } });
    world.act({ action: "reprocess" });
    expect(told()).toEqual(["ID_CONFLICT waiting 2", "ID_CONFLICT waiting 2"]);
    const [first, second] = world.items().map(({ id }) => id);
    world.act({ action: "correct", change: setId("c") }, [first ?? ""]);
    world.act({ action: "correct", change: setId(null) }, [second ?? ""]);
    world.act({ action: "reprocess" });
    expect(told()).toEqual(["ID_CONFLICT reprocessed 3", "ID_CONFLICT reprocessed 3"]);
    expect(world.usage([{ ...record, value: 2, id: "c", note: "looked at" }]).duplicates).toBe(1);
  });

  it("[DC16] a record older than the window counts without its id only", () => {
    world.usage([{ userId: "user", value: 1, id: "a", timestamp: "2025-01-01T00:00:00Z" }]);
    expect(told()).toEqual(["OLDER_THAN_ID_WINDOW waiting 1"]);
    world.act({ action: "correct", change: { kind: "set", field: "timestamp", value: null } });
    world.act({ action: "reprocess" });
    expect(told()).toEqual(["OLDER_THAN_ID_WINDOW waiting 2"]);
    world.act({ action: "correct", change: setId("") });
    world.act({ action: "reprocess" });
    expect(told()).toEqual(["OLDER_THAN_ID_WINDOW reprocessed 3"]);
  });

  it("[DC17] finds what was counted under the same id meanwhile, and closes it", () => {
    world.usage([{ value: 1, id: "a" }]);
    world.usage([{ value: 1, id: "a", userId: "user" }]);
    const change = { kind: "set", field: "userId", value: "user" } as const;
    world.act({ action: "correct", change });
    expect(world.act({ action: "reprocess" })).toMatchObject({ done: 1 });
    expect(told()).toEqual(["MISSING_USER_ID superseded 2"]);
    expect(value()).toBe(1n);
    expect(world.processor({}).tally).toMatchObject({ superseded: 1, reprocessed: 0 });
  });

  it("[DC18] a corrected record waits under its new user and id", () => {
    world.usage([{ value: 1, id: "a" }]);
    world.act({ action: "correct", change: setUser });
    expect(world.usage([{ userId: "user", id: "a" }])).toMatchObject({ rejected: 1 });
    expect(world.processor({}).tally.repeated).toBe(1);
    world.usage([{ userId: "user", value: 1, id: "a" }]);
    expect(told()).toEqual(["MISSING_USER_ID superseded 1"]);
    expect(world.usage([{ value: 1, id: "a" }]).rejected).toBe(1);
    expect(world.items("waiting")).toHaveLength(1);
  });

  it("[DC18] two that are given one id count once", () => {
    world.usage([{ value: 1 }, { value: 1 }, { value: 2 }]);
    world.act({ action: "correct", change: setUser });
    world.act({ action: "correct", change: setId("same") });
    expect(world.act({ action: "reprocess" })).toMatchObject({ done: 2, failed: 1 });
    expect(told()).toEqual([
      "MISSING_USER_ID reprocessed 2",
      "MISSING_USER_ID superseded 2",
      "ID_CONFLICT waiting 2",
    ]);
    expect(value()).toBe(1n);
  });

  it("[DC26] a CloudEvent is judged with its own id and attributes, until the id is touched", () => {
    world.processor({
      guidingRules: [
        {
          customName: "",
          conditionRelation: "and",
          conditions: [{ customName: "", field: "type", value: "call", type: "string" }],
          ignoreCondition: false,
          matchCategory: "DEFAULT",
          groupBy: [],
          otherOperations: [],
        },
      ],
    });
    const event = (id: string, data: object): object => ({
      specversion: "1.0",
      source: "s",
      id,
      type: "call",
      data,
    });
    const events = [event("1", { value: 1 }), event("2", { value: 2 }), event("3", { value: 4 })];
    world.send(JSON.stringify(events), "cloudevents");
    world.act({ action: "correct", change: setUser });
    const third = world.items()[2]?.id ?? "";
    world.act({ action: "correct", change: setId(null) }, [third]);
    expect(world.items().map(({ recordId }) => recordId)).toEqual(["s 1", "s 2", null]);
    world.act({ action: "reprocess" });
    expect(value()).toBe(7n);
    const again = [
      event("1", { value: 1, userId: "user" }),
      event("3", { value: 4, userId: "user" }),
    ];
    const { outcome } = world.send(JSON.stringify(again), "cloudevents");
    expect(outcome).toMatchObject({ duplicates: 1, counted: 1 });
  });

  it("[DC13] makes what counting makes: ended periods, and meters where the processor says so", () => {
    world.processor({ createMeters: true });
    world.usage([{ userId: "new" }, { userId: "user", value: 1 }, { userId: "user" }]);
    world.act({ action: "correct", change: { kind: "set", field: "value", value: 3 } });
    world.now = Date.UTC(2026, 1, 1);
    world.act({ action: "reprocess" });
    expect(world.metered().map(({ value: flushed }) => flushed)).toEqual([1]);
    expect(value()).toBe(3n);
    expect(world.state.meters.size).toBe(2);
  });
});

describe("deleting and keeping", () => {
  it("[DC19] a deleted record is never counted, and its id is free", () => {
    world.usage([{ userId: "user", id: "a" }]);
    expect(world.act({ action: "delete" })).toMatchObject({ done: 1 });
    expect(
      world.act(
        { action: "reprocess" },
        world.items().map(({ id }) => id),
      ),
    ).toMatchObject({
      skipped: 1,
    });
    expect(told()).toEqual(["MISSING_VALUE deleted 1"]);
    expect(world.usage([{ userId: "user", id: "a" }]).rejected).toBe(1);
    expect(world.items("waiting")).toHaveLength(1);
    expect(world.processor({}).tally).toMatchObject({ deleted: 1, repeated: 0 });
  });

  it("[DC20] expired items leave the list; those that waited are tallied", () => {
    world.usage([{ value: 1, id: "a" }, { value: 1 }]);
    world.act({ action: "delete" }, [world.items()[1]?.id ?? ""]);
    const { worked } = world.projection.corrections;
    expect(worked.stale(world.now, 10)).toEqual([]);
    const items = worked.stale(world.now + 1, 10);
    expect(items).toHaveLength(2);
    world.apply({ kind: "expire-corrections", items });
    world.apply({ kind: "expire-corrections", items });
    expect(world.items()).toEqual([]);
    expect(world.processor({}).tally).toMatchObject({ expired: 1, deleted: 1 });
    expect(world.processor({}).waitingCorrections).toBe(0);
    expect(world.usage([{ value: 1, id: "a" }]).rejected).toBe(1);
    expect(world.items()).toHaveLength(1);
  });

  it("[DC20] finished actions leave their list, unfinished ones stay", () => {
    world.usage([{ value: 1 }]);
    world.act({ action: "reprocess" });
    world.ask({ action: "delete" });
    world.sync();
    const { projection } = world;
    const total = (): number =>
      projection.corrections.worked.actions(accountId, { limit: 9, skip: 0 }).total;
    expect(projection.prune("correction-actions", world.now, 10)).toBe(0);
    expect(total()).toBe(2);
    expect(projection.prune("correction-actions", world.now + 1, 10)).toBe(1);
    expect(total()).toBe(1);
  });

  it("[DC22] ten actions of an account may be unfinished, not more", () => {
    world.usage([{ value: 1 }]);
    for (let asked = 0; asked < correctionActionsPerAccountMax; asked += 1) {
      expect(world.ask({ action: "reprocess" }).kind).toBe("correction-action");
    }
    expect(world.ask({ action: "delete" })).toMatchObject({
      kind: "refused",
      problem: { kind: "too-many-requests", code: "too-many-actions" },
    });
    world.turn();
    expect(world.ask({ action: "delete" }).kind).toBe("correction-action");
  });

  it("[DC29] a processor goes once nothing waits for it", () => {
    const key = "other";
    world.processor({}, key);
    world.usage([{ value: 1 }], key);
    const remove = { kind: "delete-processor", accountId, meterKey: key } as const;
    expect(world.apply(remove).outcome.kind).toBe("refused");
    world.act({ action: "delete" });
    expect(world.apply(remove).outcome.kind).toBe("deleted");
    expect(world.items("deleted")).toHaveLength(1);
    expect(world.processor({}, meterKey).waitingCorrections).toBe(0);
  });

  it("[DC14] another account's items are none of the action's", () => {
    world.usage([{ value: 1 }]);
    const [item] = world.items();
    const other = "00000000-0000-4000-8000-000000000009";
    world.apply({ kind: "create-account", accountId: other, name: "other", meterKey: "theirs" });
    const asked = { action: "delete", change: null, lateUsage: null, filter: null } as const;
    const start = { kind: "start-correction-action", createdBy: "c", ...asked } as const;
    const [, seq = 0, index = 0] = (item?.id ?? "").split(".").map(Number);
    world.apply({ ...start, id: "theirs", accountId: other, items: [[seq, index]] });
    expect(world.turn()).toMatchObject({ total: 1, done: 0, skipped: 1 });
    expect(world.items("waiting")).toHaveLength(1);
  });
});
