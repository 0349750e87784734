// What the core tells the usage audit of each entry (docs/spec/usage-audit.md, UA1 to UA3), and that
// it adds up to what counting has kept.
import { describe, expect, it } from "vitest";
import type { ProcessorFields } from "../../src/core/definitions.ts";
import type { AuditOutput, Output } from "../../src/core/output.ts";
import { auditFaults, noFigures } from "../support/audit-model.ts";
import { accountId, CoreWorld, meterKey, start } from "../support/core-world.ts";
import { CorrectionWorld } from "../support/correction-world.ts";
import { createSeededRandom } from "../support/seeded-random.ts";

const bad = { userId: "nobody", value: 1 };

function facts(outputs: readonly Output[]): readonly AuditOutput[] {
  return outputs.filter((output) => output.kind === "audit");
}

function worldWith(fields: Partial<ProcessorFields> = {}): CoreWorld {
  const world = new CoreWorld();
  world.processor(fields);
  world.meter(world.meterType());
  return world;
}

describe("a usage request", () => {
  it("[UA1] is one fact, the last of its entry, with what became of its records", () => {
    const world = worldWith();
    world.usage([{ userId: "user", id: "1", value: 1 }]);
    world.usage([{ ...bad, id: "2" }]);
    const { outputs } = world.send(
      JSON.stringify([
        { userId: "user", id: "1", value: 1 },
        { userId: "user", id: "1", value: 2 },
        { userId: "user", id: "3", value: 2 },
        { userId: "user", value: 3 },
        { ...bad, id: "2" },
        { userId: "user", value: "x" },
      ]),
    );
    expect(facts(outputs)).toEqual([
      {
        kind: "audit",
        position: { partition: 0, seq: world.state.seq, index: outputs.length - 1 },
        accountId,
        meterKey,
        event: "ingest",
        at: start,
        figures: {
          ...{ ...noFigures, requests: 1, received: 6, counted: 2, duplicates: 1 },
          ...{ rejected: 3, repeated: 1 },
        },
        rejectedByReason: new Map([
          ["ID_CONFLICT", 1],
          ["NO_METER", 1],
          ["INVALID_VALUE", 1],
        ]),
        discarded: null,
      },
    ]);
  });

  it("[UA1] tells what was dropped, and what was superseded", () => {
    const world = worldWith();
    world.usage([{ userId: "late", id: "1", value: 1 }]);
    const type = world.meterType({ name: "of the late one" });
    world.meter(type, "late");
    const { outputs } = world.send('[{"userId":"late","id":"1","value":1}]');
    expect(facts(outputs)[0]?.figures).toMatchObject({ counted: 1, superseded: 1, rejected: 0 });
    const suspenseManagement = { ...world.processor({}).fields.suspenseManagement, enabled: false };
    world.processor({ suspenseManagement });
    const dropped = facts(world.send(JSON.stringify([bad, bad])).outputs)[0];
    expect(dropped?.figures).toMatchObject({ rejected: 2, dropped: 2, repeated: 0 });
    expect(dropped?.rejectedByReason).toEqual(new Map([["NO_METER", 2]]));
  });

  it("[UA1] that is refused whole, or finds no processor, is no fact", () => {
    const strict = { eventThreshold: 0, onThresholdExceeded: "ABORT" as const };
    const world = worldWith();
    const { suspenseManagement } = world.processor({}).fields;
    world.processor({ suspenseManagement: { ...suspenseManagement, ...strict } });
    expect(world.send(JSON.stringify([bad])).outcome.kind).toBe("refused");
    world.send("[]", "json", "no-such-key");
    expect(facts(world.outputs)).toEqual([]);
    expect(facts(world.send("[]").outputs)[0]?.figures).toEqual({ ...noFigures, requests: 1 });
  });
});

describe("a flush", () => {
  it("[UA2] is one fact for each processor of the entry, with its metered records", () => {
    const world = worldWith();
    const type = world.meterType({ name: "second" });
    world.meter(type, "user");
    world.meter(type, "other", "no-processor");
    world.now += 400 * 86_400_000;
    world.sweep();
    const made = facts(world.outputs).filter(({ event }) => event === "flush");
    const records = (key: string): number =>
      world.outputs.filter((one) => one.kind === "metered-record" && one.meterKey === key).length;
    expect(made.map((fact) => [fact.meterKey, fact.figures.meteredRecords, fact.at])).toEqual([
      [meterKey, records(meterKey), world.now],
      ["no-processor", records("no-processor"), world.now],
    ]);
    expect(auditFaults(facts(world.outputs), world.state)).toEqual([]);
  });

  it("[UA2] that a request brings about stands beside its own fact", () => {
    const world = worldWith();
    world.now += 40 * 86_400_000;
    const { outputs } = world.send('[{"userId":"user","value":1}]');
    expect(facts(outputs).map(({ event }) => event)).toEqual(["ingest", "flush"]);
    expect(new Set(facts(outputs).map(({ position }) => position.index)).size).toBe(2);
  });
});

describe("reprocessing", () => {
  it("[UA2] is one fact for each processor, without receiving anything again", () => {
    const world = new CorrectionWorld();
    const type = world.meterType();
    const late = { userId: "late", value: 1 };
    world.processor({}, "second");
    world.usage([late, { ...late, id: "1" }, { ...late, value: "x" }]);
    world.usage([late], "second");
    world.usage([late], "second");
    world.meter(type, "late");
    world.meter(type, "late", "second");
    const { length } = world.outputs;
    world.act({ action: "reprocess" });
    const made = facts(world.outputs.slice(length));
    expect(made.map(({ event, meterKey: key, figures }) => [event, key, figures])).toEqual([
      ["reprocess", meterKey, { ...noFigures, reprocessed: 2 }],
      ["reprocess", "second", { ...noFigures, reprocessed: 2 }],
    ]);
    world.act({ action: "reprocess" });
    expect(facts(world.outputs)).toHaveLength(5);
    expect(auditFaults(facts(world.outputs), world.state)).toEqual([]);
    world.close();
  });
});

describe("DELETE of a meter", () => {
  it("[UA3] tells what its open period held, exactly", () => {
    const world = worldWith();
    const meter = world.meter(world.meterType({ name: "gone" }), "gone");
    world.usage([{ userId: "gone", value: 0.1 }]);
    world.usage([{ userId: "gone", value: "12345678901234567890.000000000000000002" }]);
    const { outputs } = world.apply({ kind: "delete-meter", accountId, id: meter.id });
    expect(facts(outputs)).toMatchObject([
      {
        event: "delete-meter",
        figures: noFigures,
        discarded: {
          ...{ meterId: meter.id, userId: "gone", meterTypeId: meter.type.id, records: 2 },
          ...{ periodStart: start, value: "12345678901234567890.100000000000000002" },
        },
      },
    ]);
  });

  it("[UA3] of a meter that counted nothing is a fact too, and a refused one is none", () => {
    const world = worldWith();
    const meter = world.meter(world.meterType({ name: "idle" }), "idle");
    const remove = (): readonly AuditOutput[] =>
      facts(world.apply({ kind: "delete-meter", accountId, id: meter.id }).outputs);
    expect(remove()[0]?.discarded).toMatchObject({ records: 0, value: "0" });
    expect(remove()).toEqual([]);
  });
});

it.each([1, 2, 3])("[UA5] facts add up to the counters of every processor, seed %d", (seed) => {
  const random = createSeededRandom(seed);
  const world = worldWith();
  world.processor({}, "second");
  const hourly = { minute: "0", hour: "*", day: "*", month: "*", weekday: "*" };
  const type = world.meterType({ name: "hourly", resetSchedule: hourly });
  for (const user of ["a", "b"])
    for (const key of [meterKey, "second"]) world.meter(type, user, key);
  for (let i = 0; i < 200; i += 1) {
    const records = Array.from({ length: random.integer(0, 6) }, () => ({
      userId: ["a", "b", "user", "nobody"][random.integer(0, 3)] ?? "a",
      ...(random.integer(0, 1) === 0 ? {} : { id: `${random.integer(0, 30)}` }),
      value: random.integer(0, 9) === 0 ? "x" : random.integer(0, 2),
    }));
    world.usage(records, random.integer(0, 1) === 0 ? meterKey : "second");
    world.now += random.integer(0, 900_000);
    if (random.integer(0, 9) === 0) world.sweep();
    if (random.integer(0, 19) === 0) {
      const enabled = random.integer(0, 1) === 0;
      const { suspenseManagement } = world.processor({}, "second").fields;
      world.processor({ suspenseManagement: { ...suspenseManagement, enabled } }, "second");
    }
  }
  expect(auditFaults(facts(world.outputs), world.state)).toEqual([]);
  const { tally } = world.processor({}, "second");
  const seen = [tally.counted, tally.duplicates, tally.repeated, tally.dropped, tally.superseded];
  expect([...seen, tally.meteredRecords].filter((n) => n === 0).length).toBeLessThan(2);
});
