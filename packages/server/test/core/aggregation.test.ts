// Aggregation, breakdowns and carried fields (docs/spec/counting.md, AG).
import { describe, expect, it } from "vitest";
import { aggregate } from "../../src/core/aggregation.ts";
import { parseDecimal } from "../../src/core/decimal.ts";
import type { GuidingRule } from "../../src/core/definitions.ts";
import { writeJson } from "../../src/core/json.ts";
import { ExactNumber, type JsonObject } from "../../src/core/json-value.ts";
import { groupsPerBreakdownMax } from "../../src/core/limits.ts";
import { meterDocument } from "../../src/core/meter-document.ts";
import { assert } from "../../src/core/problem.ts";
import type { Meter } from "../../src/core/state.ts";
import { accountId, CoreWorld, start } from "../support/core-world.ts";

type Shown = {
  value: number;
  valueExact: string;
  groups: { key: string; fields: string[]; value: number; valueExact: string }[];
  carryFirst: JsonObject;
  carryLast: JsonObject;
  meterMetaData: { count: number; firstEvent: string | null; lastEvent: string | null };
};

function shown(meter: Meter): Shown {
  return JSON.parse(writeJson(meterDocument(meter))) as Shown;
}

function withRule(fields: Partial<GuidingRule>): { world: CoreWorld; meter: Meter } {
  const world = new CoreWorld();
  const rule: GuidingRule = {
    customName: "",
    ignoreCondition: true,
    conditionRelation: "and",
    conditions: [],
    matchCategory: "DEFAULT",
    groupBy: [],
    otherOperations: [],
    ...fields,
  };
  world.processor({ guidingRules: [rule] });
  return { world, meter: world.meter(world.meterType()) };
}

describe("aggregation", () => {
  const table = [
    ["sum", [5, -7, 2.5], "0.5"],
    ["increment", [5, -7, 2.5], "3"],
    ["max", [-5, -7, -2.5], "-2.5"],
    ["min", [5, 7, 2.5], "2.5"],
  ] as const;
  it.each(table)("[AG1] [AG2] %s of %j is %s, in any order", (aggregation, values, expected) => {
    for (const order of [values, [...values].reverse()]) {
      const world = new CoreWorld();
      const meter = world.meter(world.meterType({ aggregation }));
      world.usage(order.map((value) => ({ userId: "user", value })));
      expect(shown(meter).valueExact).toBe(expected);
    }
  });

  it.each(["sum", "increment", "max", "min"] as const)(
    "[AG2] an empty %s period shows 0 and counts no record",
    (aggregation) => {
      const world = new CoreWorld();
      const meter = world.meter(world.meterType({ aggregation }));
      expect(shown(meter)).toMatchObject({
        value: 0,
        valueExact: "0",
        meterMetaData: { count: 0 },
      });
    },
  );

  it("[AG3] 10 million times 0.1 is exactly 1,000,000", () => {
    const tenth = parseDecimal("0.1");
    expect(tenth.ok).toBe(true);
    let value: bigint | null = null;
    for (let time = 0; time < 10_000_000; time += 1) {
      value = aggregate("sum", value, tenth.ok ? tenth.value : 0n);
    }
    expect(value).toBe(1_000_000n * 10n ** 18n);
  });

  it("[AG3] values of 38 digits pass through sums unchanged, beyond them in full", () => {
    const world = new CoreWorld();
    const meter = world.meter(world.meterType());
    const most = "99999999999999999999.999999999999999999";
    world.usage([{ userId: "user", value: new ExactNumber(most) }]);
    expect(shown(meter).valueExact).toBe(most);
    expect(writeJson(meterDocument(meter))).toContain(`"value":${most},`);
    world.usage([{ userId: "user", value: most }]);
    expect(shown(meter).valueExact).toBe("199999999999999999999.999999999999999998");
  });
});

describe("groups", () => {
  it("[AG4] are a breakdown for each entry, in order of first appearance", () => {
    const groupBy = [{ fields: ["region"] }, { fields: ["status", "kind"] }];
    const { world, meter } = withRule({ groupBy });
    world.usage([
      { userId: "user", value: 1, region: "EMEA", status: "a|b", kind: "c\\d" },
      { userId: "user", value: 2, region: "APAC", status: "a", kind: "b|c\\d" },
      { userId: "user", value: 4, region: "EMEA" },
      { userId: "user", value: 8, region: null, status: 1, kind: { x: [true] } },
    ]);
    expect(
      shown(meter).groups.map(({ key, fields, value }) => [key, fields.join(), value]),
    ).toEqual([
      ["EMEA", "region", 5],
      ["APAC", "region", 2],
      ["", "region", 8],
      ["a\\|b|c\\\\d", "status,kind", 1],
      ["a|b\\|c\\\\d", "status,kind", 2],
      ["|", "status,kind", 4],
      ['1|{"x":[true]}', "status,kind", 8],
    ]);
  });

  it("[AG10] of an entry that is there twice count a record once", () => {
    const fields = ["f", "g"];
    const groupBy = [{ fields }, { fields: ["g", "f"] }, { fields: [...fields] }];
    const { world, meter } = withRule({ groupBy });
    world.usage([{ userId: "user", value: 3, f: "x", g: "y" }]);
    expect(shown(meter).groups).toEqual([
      { key: "x|y", fields, value: 3, valueExact: "3" },
      { key: "y|x", fields: ["g", "f"], value: 3, valueExact: "3" },
    ]);
  });

  it("[AG5] beyond the bound go into one more, and nothing is lost", () => {
    const { world, meter } = withRule({ groupBy: [{ fields: ["f"] }] });
    const records = Array.from({ length: groupsPerBreakdownMax + 5 }, (_, at) => ({
      userId: "user",
      value: 1,
      f: `key-${at}`,
    }));
    world.usage(records);
    world.usage(records);
    const { groups } = shown(meter);
    expect(groups).toHaveLength(groupsPerBreakdownMax + 1);
    expect(groups.at(-1)).toEqual({ key: "__other__", fields: [], value: 10, valueExact: "10" });
    expect(groups.reduce((sum, { value }) => sum + value, 0)).toBe(shown(meter).value);
  });

  it("[AG5] [AG9] are bounded for each entry and each meter, over restarts, whatever a key is", () => {
    const { world, meter } = withRule({ groupBy: [{ fields: ["f"] }, { fields: ["g"] }] });
    const other = world.meter(meter.type, "other");
    const keys = Array.from({ length: groupsPerBreakdownMax - 1 }, (_, at) => `key-${at}`);
    world.usage(keys.map((f) => ({ userId: "user", value: 1, f, g: "same" })));
    world.usage([{ userId: "user", value: 1, f: "__other__", g: "same" }]);
    world.restart();
    // Both are beyond the bound for this meter, and the first of all for the other one.
    world.usage([{ userId: "user", value: 7, f: "late", g: "late" }]);
    world.usage([{ userId: "other", value: 9, f: "late", g: "__other__" }]);
    world.restart();
    world.usage([{ userId: "user", value: 2, f: "later", g: "same" }]);
    const [mine, theirs] = [meter, other].map((each) => shown(liveOf(world, each)).groups);
    expect(mine).toHaveLength(groupsPerBreakdownMax + 1 + 2);
    const exact = { valueExact: expect.any(String) };
    const [f, g] = [{ fields: ["f"] }, { fields: ["g"] }];
    expect(mine).toContainEqual({ ...exact, ...f, key: "__other__", value: 1 });
    expect(mine).toContainEqual({ ...exact, key: "__other__", fields: [], value: 9 });
    expect(mine).toContainEqual({ ...exact, ...g, key: "same", value: 1_002 });
    expect(mine).toContainEqual({ ...exact, ...g, key: "late", value: 7 });
    expect(theirs).toEqual([
      { ...exact, ...f, key: "late", value: 9 },
      { ...exact, ...g, key: "__other__", value: 9 },
    ]);
    // What a meter loses with its period is no other's loss, and the bound begins anew.
    world.apply({ kind: "delete-meter", accountId, id: other.id });
    expect(mine).toEqual(shown(liveOf(world, meter)).groups);
    world.now = liveOf(world, meter).periodEnd;
    world.sweep();
    world.usage([{ userId: "user", value: 3, f: "late", g: "late" }]);
    expect(shown(liveOf(world, meter)).groups).toMatchObject([
      { key: "late", value: 3 },
      { key: "late", value: 3 },
    ]);
  });
});

function liveOf(world: CoreWorld, meter: Meter): Meter {
  const live = world.live(meter);
  assert(live !== undefined, "the meter is there");
  return live;
}

describe("carried fields", () => {
  it("[AG6] keep the first and the last value by processing order, with type and digits", () => {
    const { world, meter } = withRule({
      otherOperations: [
        { field: "first", operation: "carry-first" },
        { field: "last", operation: "carry-last" },
        { field: "deep.x", operation: "carry-last" },
        { field: "__proto__", operation: "carry-last" },
      ],
    });
    world.usage([
      {
        userId: "user",
        value: 1,
        last: "a",
        deep: { x: new ExactNumber("1.00000000000000000001") },
      },
      { userId: "user", value: 1, first: null, last: { n: 1 }, timestamp: start },
      { userId: "user", value: 1, first: "late" },
    ]);
    const text = writeJson(meterDocument(meter));
    expect(shown(meter).carryFirst).toEqual({ first: null });
    expect(text).toContain('"carryLast":{"last":{"n":1},"deep.x":1.00000000000000000001}');
    world.send('[{"userId":"user","value":1,"__proto__":{"polluted":true}}]');
    expect(writeJson(meterDocument(meter))).toContain('"__proto__":{"polluted":true}');
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
    const before = writeJson(meterDocument(meter));
    world.restart();
    expect(writeJson(meterDocument(liveOf(world, meter)))).toBe(before);
  });

  it("[AG7] meterMetaData tells how many records were counted and when", () => {
    const { world, meter } = withRule({});
    world.now = start + 1_000;
    world.usage([{ userId: "user", value: 1 }]);
    world.now = start + 9_000;
    world.usage([{ userId: "user", value: 1, timestamp: start + 2_000 }]);
    expect(shown(meter).meterMetaData).toEqual({
      count: 2,
      firstEvent: "2026-01-01T00:00:01.000Z",
      lastEvent: "2026-01-01T00:00:09.000Z",
    });
  });
});
