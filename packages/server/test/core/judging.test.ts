// The order of checks of one record and the reason each gives (docs/spec/counting.md, JU, GR).
import { describe, expect, it } from "vitest";
import type { GuidingRule } from "../../src/core/definitions.ts";
import { ExactNumber, type JsonObject } from "../../src/core/json-value.ts";
import type { RecordResult } from "../../src/core/outcome.ts";
import { accountId, CoreWorld, meterKey, start } from "../support/core-world.ts";

const dayMs = 86_400_000;

function outcomeOf(result: RecordResult | undefined): string {
  if (result === undefined) return "none";
  return result.outcome === "rejected" ? result.reason : result.outcome;
}

function judge(world: CoreWorld, record: JsonObject): string {
  return outcomeOf(world.usage([record]).results[0]);
}

function rule(fields: Partial<GuidingRule>): GuidingRule {
  return {
    customName: "",
    ignoreCondition: true,
    conditionRelation: "and",
    conditions: [],
    matchCategory: "DEFAULT",
    groupBy: [],
    otherOperations: [],
    ...fields,
  };
}

function condition(
  field: string,
  value: string,
  type: "string" | "number" | "boolean" = "string",
): GuidingRule["conditions"][number] {
  return { customName: "", field, value, type };
}

describe("one record ([JU2] [JU3] [JU5] [JU6] [JU7] [JU8] and [DD1])", () => {
  const cases: readonly [string, string, JsonObject][] = [
    ["JU2", "MISSING_USER_ID", { value: 1 }],
    ["JU2", "MISSING_USER_ID", { userId: null, value: 1 }],
    ["JU2", "MISSING_USER_ID", { userId: "", value: 1 }],
    ["JU2", "INVALID_USER_ID", { userId: true, value: 1 }],
    ["JU2", "INVALID_USER_ID", { userId: {}, value: 1 }],
    ["JU2", "INVALID_USER_ID", { userId: ["user"], value: 1 }],
    ["JU2", "INVALID_USER_ID", { userId: "u".repeat(321), value: 1 }],
    ["JU2", "NO_METER", { userId: "😀".repeat(320), value: 1 }],
    ["JU2", "counted", { userId: 101, value: 1 }],
    ["JU2", "counted", { userId: new ExactNumber("1.010e2"), value: 1 }],
    ["JU3", "INVALID_ID", { userId: "user", id: {}, value: 1 }],
    ["JU3", "INVALID_ID", { userId: "user", id: true, value: 1 }],
    ["JU3", "INVALID_ID", { userId: "user", id: "é".repeat(129), value: 1 }],
    ["JU3", "counted", { userId: "user", id: "é".repeat(128), value: 1 }],
    ["JU3", "counted", { userId: "user", id: null, value: 1 }],
    ["JU3", "counted", { userId: "user", id: "", value: 1 }],
    ["JU3", "counted", { userId: "user", id: 7, value: 1 }],
    ["JU5", "MISSING_VALUE", { userId: "user" }],
    ["JU5", "MISSING_VALUE", { userId: "user", value: null }],
    ["JU5", "MISSING_VALUE", { userId: "user", value: "" }],
    ["JU5", "INVALID_VALUE", { userId: "user", value: "1,5" }],
    ["JU5", "INVALID_VALUE", { userId: "user", value: true }],
    ["JU5", "VALUE_OUT_OF_RANGE", { userId: "user", value: "1e20" }],
    ["JU5", "VALUE_TOO_PRECISE", { userId: "user", value: "1e-19" }],
    ["JU6", "INVALID_TIMESTAMP", { userId: "user", value: 1, timestamp: "yesterday" }],
    ["JU6", "INVALID_TIMESTAMP", { userId: "user", value: 1, timestamp: "2026-01-01" }],
    ["JU6", "INVALID_TIMESTAMP", { userId: "user", value: 1, timestamp: {} }],
    ["JU6", "counted", { userId: "user", value: 1, timestamp: null }],
    ["JU6", "counted", { userId: "user", value: 1, timestamp: start + 1_000 }],
    ["JU6", "counted", { userId: "user", value: 1, timestamp: String(start + 1_000) }],
    ["JU6", "counted", { userId: "user", value: 1, timestamp: start + 2_000 + 300_000 }],
    [
      "JU6",
      "TIMESTAMP_IN_FUTURE",
      { userId: "user", value: 1, timestamp: start + 2_001 + 300_000 },
    ],
    ["JU7", "TIMESTAMP_BEFORE_ACTIVE_FROM", { userId: "user", value: 1, timestamp: start - 1 }],
    ["JU8", "NO_METER", { userId: "stranger", value: 1 }],
  ];
  it.each(cases)("[%s] is %s: %j", (_rule, expected, record) => {
    const world = new CoreWorld();
    const type = world.meterType();
    world.meter(type, "user");
    world.meter(type, "101");
    world.now = start + 2_000;
    expect(judge(world, record)).toBe(expected);
  });

  it("[JU1] that cannot be read does not hinder its neighbours", () => {
    const world = new CoreWorld();
    const meter = world.meter(world.meterType());
    const text = '[{"userId":"user","value":1}, 5, {"userId":"user","value":2}]';
    const { outcome } = world.send(text);
    expect(outcome).toMatchObject({ kind: "usage", received: 3, counted: 2, rejected: 1 });
    expect(meter.counter.value).toBe(3n * 10n ** 18n);
    const correction = world.outputs.find(({ kind }) => kind === "correction");
    expect(correction).toMatchObject({ reason: "INVALID_RECORD", original: "5", record: null });
  });

  it("[JU4] [DD5] is judged by its id before its value, timestamp and rules", () => {
    const world = new CoreWorld();
    world.meter(world.meterType());
    expect(judge(world, { userId: "user", id: "a", value: 1 })).toBe("counted");
    expect(judge(world, { value: new ExactNumber("1.0"), id: "a", userId: "user" })).toBe(
      "duplicate",
    );
    expect(judge(world, { userId: "user", id: "a", value: "broken" })).toBe("ID_CONFLICT");
    expect(judge(world, { userId: "user", id: "a", value: 1, timestamp: "x" })).toBe("ID_CONFLICT");
    expect(judge(world, { userId: "user", id: "a", value: 1 })).toBe("duplicate");
  });

  it("[JU4] knows an id for a user and a processor, no further", () => {
    const world = new CoreWorld();
    const type = world.meterType();
    world.processor({}, "other-key");
    world.meter(type, "user");
    world.meter(type, "user2");
    world.meter(type, "user", "other-key");
    expect(judge(world, { userId: "user", id: "a", value: 1 })).toBe("counted");
    expect(judge(world, { userId: "user2", id: "a", value: 1 })).toBe("counted");
    expect(world.usage([{ userId: "user", id: "a", value: 1 }], "other-key").counted).toBe(1);
  });

  it("[DD4] takes a number as the id that its canonical decimal is", () => {
    const world = new CoreWorld();
    world.meter(world.meterType());
    expect(judge(world, { userId: "user", id: 7, value: 1 })).toBe("counted");
    expect(judge(world, { userId: "user", id: new ExactNumber("7.0"), value: 1 })).toBe(
      "duplicate",
    );
    expect(judge(world, { userId: "user", id: "7", value: 1 })).toBe("ID_CONFLICT");
    expect(judge(world, { userId: "user", id: "7.0", value: 1 })).toBe("counted");
  });

  it("[JU4] may carry its id in another member", () => {
    const world = new CoreWorld();
    world.processor({ deduplication: { field: "eventId", windowDays: 35 } });
    world.meter(world.meterType());
    expect(judge(world, { userId: "user", id: {}, eventId: "a", value: 1 })).toBe("counted");
    expect(judge(world, { userId: "user", id: {}, eventId: "a", value: 1 })).toBe("duplicate");
  });

  it("[JU9] [DD12] older than the memory of ids is refused, unless the id is still known", () => {
    const world = new CoreWorld();
    world.meter(world.meterType());
    const first = { userId: "user", id: "a", value: 1, timestamp: start };
    expect(judge(world, first)).toBe("counted");
    world.now = start + 35 * dayMs;
    expect(judge(world, first)).toBe("duplicate");
    expect(judge(world, { ...first, id: "b" })).toBe("counted");
    world.now += 1_001;
    expect(judge(world, first)).toBe("OLDER_THAN_ID_WINDOW");
    expect(judge(world, { ...first, id: "c" })).toBe("OLDER_THAN_ID_WINDOW");
    expect(judge(world, { userId: "user", value: 1, timestamp: start })).toBe("counted");
  });

  it("[JU10] a longer window does not trust ids that a shorter one let go", () => {
    const world = new CoreWorld();
    world.processor({ deduplication: { field: "id", windowDays: 1 } });
    world.meter(world.meterType());
    expect(judge(world, { userId: "user", id: "a", value: 1, timestamp: start })).toBe("counted");
    world.now = start + 3 * dayMs;
    world.processor({ deduplication: { field: "id", windowDays: 30 } });
    const late = { userId: "user", id: "b", value: 1 };
    expect(judge(world, { ...late, timestamp: start + dayMs })).toBe("OLDER_THAN_ID_WINDOW");
    expect(judge(world, { ...late, timestamp: start + 2 * dayMs })).toBe("counted");
  });

  it("[JU7] outside the window of some of its meters counts in the others", () => {
    const world = new CoreWorld();
    const ended = world.meterType({ activeTo: start + 1_000 });
    const open = world.meterType();
    const [first, second] = [world.meter(ended), world.meter(open)];
    world.now = start + 5_000;
    expect(judge(world, { userId: "user", value: 1, timestamp: start + 1_000 })).toBe("counted");
    expect(judge(world, { userId: "user", value: 1, timestamp: start + 1_001 })).toBe("counted");
    expect([first.counter.count, second.counter.count]).toEqual([1, 2]);
  });

  it("[JU7] after the end of all its meters is refused with that reason", () => {
    const world = new CoreWorld();
    world.meter(world.meterType({ activeTo: start + 1_000 }));
    world.now = start + 5_000;
    expect(judge(world, { userId: "user", value: 1 })).toBe("TIMESTAMP_AFTER_ACTIVE_TO");
  });
});

describe("guiding rules", () => {
  const first = (fields: Partial<GuidingRule>): ((record: JsonObject) => string) => {
    const world = new CoreWorld();
    world.processor({ guidingRules: [rule({ ignoreCondition: false, ...fields })] });
    world.meter(world.meterType());
    return (record) => judge(world, { userId: "user", value: 1, ...record });
  };

  it("[GR1] fall through where the condition fails or the user has no meter", () => {
    const world = new CoreWorld();
    world.processor({
      guidingRules: [
        rule({ ignoreCondition: false, conditions: [condition("kind", "x")], matchCategory: "X" }),
        rule({ matchCategory: "EMPTY" }),
        rule({ matchCategory: "Y" }),
      ],
    });
    const x = world.meter(world.meterType({ category: "X" }), "both");
    const y = world.meter(world.meterType({ category: "Y" }), "both");
    const outcome = world.usage([
      { userId: "both", value: 1, kind: "x" },
      { userId: "both", value: 1, kind: "z" },
      { userId: "none", value: 1, kind: "x" },
    ]);
    expect([x.counter.count, y.counter.count]).toEqual([1, 1]);
    expect(outcome.results[0]).toMatchObject({ rule: 0 });
    expect(outcome.results[1]).toMatchObject({ rule: 2 });
    expect(outcomeOf(outcome.results[2])).toBe("NO_METER");
  });

  it("[GR2] [JU8] join their conditions by and, or by or", () => {
    const conditions = [condition("a", "1"), condition("b", "2")];
    const and = first({ conditions, conditionRelation: "and" });
    const or = first({ conditions, conditionRelation: "or" });
    expect(and({ a: "1" })).toBe("NO_MATCHING_RULE");
    expect(and({ a: "1", b: "2" })).toBe("counted");
    expect(or({ b: "2" })).toBe("counted");
    expect(or({ a: "2", b: "1" })).toBe("NO_MATCHING_RULE");
  });

  const texts: readonly [string, JsonObject, boolean][] = [
    ["1", { f: 1 }, true],
    ["1", { f: new ExactNumber("1.0") }, true],
    ["1.0", { f: 1 }, false],
    ["true", { f: true }, true],
    ["x", { f: "x" }, true],
    ["x", { f: "X" }, false],
    ["", { f: null }, false],
    ["", {}, false],
    ["", { f: "" }, true],
    ["{}", { f: {} }, false],
    ["[]", { f: [] }, false],
    ["constructor", {}, false],
  ];
  it.each(texts)("[GR3] text %j against %j holds: %s", (value, record, expected) => {
    const judged = first({ conditions: [condition("f", value)] })(record);
    expect(judged).toBe(expected ? "counted" : "NO_MATCHING_RULE");
  });

  const typed: readonly ["number" | "boolean", string, JsonObject, boolean][] = [
    ["number", "10", { f: new ExactNumber("1e1") }, true],
    ["number", "10.0", { f: "10" }, true],
    ["number", "10", { f: "ten" }, false],
    ["number", "ten", { f: "ten" }, false],
    ["number", "1", { f: true }, false],
    ["number", "0", {}, false],
    ["boolean", "true", { f: true }, true],
    ["boolean", "true", { f: "true" }, true],
    ["boolean", "true", { f: 1 }, false],
    ["boolean", "yes", { f: "yes" }, false],
  ];
  it.each(typed)("[GR4] %s %j against %j holds: %s", (type, value, record, expected) => {
    const judged = first({ conditions: [condition("f", value, type)] })(record);
    expect(judged).toBe(expected ? "counted" : "NO_MATCHING_RULE");
  });

  it("[GR5] walk dotted names, and prefer the literal one", () => {
    const judged = first({ conditions: [condition("a.b", "1")] });
    expect(judged({ a: { b: "1" } })).toBe("counted");
    expect(judged({ a: { b: "1" }, "a.b": "2" })).toBe("NO_MATCHING_RULE");
    expect(judged({ a: "1" })).toBe("NO_MATCHING_RULE");
    expect(first({ conditions: [condition("a.constructor.name", "Object")] })({ a: {} })).toBe(
      "NO_MATCHING_RULE",
    );
  });

  it("[GR6] change all meters of the category, in the order of their ids", () => {
    const world = new CoreWorld();
    const sum = world.meter(world.meterType({ aggregation: "sum" }));
    const calls = world.meter(world.meterType({ aggregation: "increment" }));
    const outcome = world.usage([{ userId: "user", value: 2.5 }]);
    expect(outcome.counted).toBe(1);
    const [result] = outcome.results;
    expect(result?.outcome === "counted" && result.meters).toEqual([
      { id: sum.id, meterTypeId: sum.type.id, value: 25n * 10n ** 17n },
      { id: calls.id, meterTypeId: calls.type.id, value: 10n ** 18n },
    ]);
  });

  it("[GR7] make meters of every active type of the category when the processor says so", () => {
    const world = new CoreWorld();
    world.processor({ createMeters: true });
    world.meterType({ aggregation: "sum" });
    world.meterType({ aggregation: "max" });
    world.meterType({ activeTo: start + 1, aggregation: "min" });
    world.meterType({ category: "OTHER" });
    world.now = start + 10;
    const outcome = world.usage([
      { userId: "new", value: 3 },
      { userId: "new", value: 4 },
    ]);
    expect(outcome.counted).toBe(2);
    const made = [...world.state.meters.values()];
    expect(made.map(({ type, userId }) => [type.aggregation, userId]).sort()).toEqual([
      ["max", "new"],
      ["sum", "new"],
    ]);
    expect(made.every(({ counter }) => counter.count === 2)).toBe(true);
    expect(made.every(({ id }) => /^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/.test(id))).toBe(
      true,
    );
  });

  it("[GR7] find no meter for a user when no type of the category is active", () => {
    const world = new CoreWorld();
    world.processor({ createMeters: true });
    world.meterType({ category: "OTHER" });
    expect(judge(world, { userId: "new", value: 3 })).toBe("NO_METER");
  });

  it("[GR8] see the attributes of a CloudEvent where the data lacks the member", () => {
    const world = new CoreWorld();
    const kinds = [condition("type", "call")];
    world.processor({ guidingRules: [rule({ ignoreCondition: false, conditions: kinds })] });
    const meter = world.meter(world.meterType());
    const event = { specversion: "1.0", id: "1", source: "s", type: "call", subject: "user" };
    world.send(JSON.stringify({ ...event, data: { value: 1 } }), "cloudevent");
    world.send(JSON.stringify({ ...event, id: "2", data: { value: 1, type: "x" } }), "cloudevent");
    expect(meter.counter.count).toBe(1);
  });
});

describe("usage for a processor", () => {
  it("[GR1] that does not exist is refused and changes nothing", () => {
    const world = new CoreWorld();
    const { outcome, outputs } = world.send("[]", "json", "no-such-key");
    expect(outcome).toMatchObject({ kind: "refused", problem: { kind: "not-found" } });
    expect(outputs).toEqual([]);
  });

  it("[GR1] takes meters made before it under its key", () => {
    const world = new CoreWorld();
    const meter = world.meter(world.meterType(), "user", "later-key");
    world.processor({}, "later-key");
    world.usage([{ userId: "user", value: 1 }], "later-key");
    expect(world.live(meter)?.counter.count).toBe(1);
    expect(world.state.accounts.get(accountId)?.processors.get(meterKey)?.tally.received).toBe(0);
  });
});
