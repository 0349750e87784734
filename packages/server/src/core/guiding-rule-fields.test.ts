// Reading guiding rules: every member, each wrong kind, both sides of each limit.
import { describe, expect, it } from "vitest";
import {
  accepted,
  body,
  bodyOf,
  faultsOf,
  type Kind,
  objectText,
  pointersOf,
  withMember,
  wrongKinds,
} from "../../test/support/body-matrix.ts";
import { readDefinition } from "./definition-reader.ts";
import { guidingRules } from "./guiding-rule-fields.ts";
import type { JsonValue } from "./json-value.ts";

const condition = { field: "type", value: "L1" };
const sample = { conditions: [condition], matchCategory: "C" };

const readRules = (value: JsonValue) => readDefinition(value, guidingRules);
const readRule = (rule: JsonValue) => readRules([rule]);
const rule = (members: object) => readRule(body({ ...sample, ...members }));
const kept = (members: object) => accepted(rule(members))[0];
const readCondition = (members: Record<string, string | undefined>) =>
  readRule(bodyOf(`{"matchCategory":"C","conditions":[${objectText(members)}]}`));
const longest = "x".repeat(1_000);

it("a rule has every default", () => {
  expect(kept({})).toEqual({
    customName: "",
    ignoreCondition: false,
    conditionRelation: "and",
    conditions: [{ customName: "", field: "type", value: "L1", type: "string" }],
    matchCategory: "C",
    groupBy: [],
    otherOperations: [],
  });
});

it("[MP13] 1 to 10 rules, kept in order", () => {
  const many = (count: number) =>
    readRules(body(Array.from({ length: count }, (_, at) => ({ ...sample, customName: `${at}` }))));
  expect(
    accepted(many(10))
      .map(({ customName }) => customName)
      .join(""),
  ).toBe("0123456789");
  for (const count of [0, 11, 3_000]) {
    expect(faultsOf(many(count))).toEqual([": must have 1 to 10 rules"]);
  }
  expect(pointersOf(readRules([null, 1, "x", [], true]))).toEqual(["/0", "/1", "/2", "/3", "/4"]);
});

const kinds: readonly [name: string, kind: Kind][] = [
  ["customName", "string"],
  ["ignoreCondition", "boolean"],
  ["conditionRelation", "string"],
  ["conditions", "array"],
  ["matchCategory", "string"],
  ["groupBy", "array"],
  ["otherOperations", "array"],
];

it.each(kinds)("[MP12] %s refuses null and every kind of value but %s", (name, kind) => {
  for (const text of ["null", ...wrongKinds([kind])]) {
    const pointers = pointersOf(readRule(withMember(sample, name, text)));
    expect(pointers, `${name} = ${text}`).toEqual([`/0/${name}`]);
  }
});

it("[MP14] custom names are any text of at most 1,000 characters", () => {
  for (const customName of ["", " a ", longest]) {
    expect(kept({ customName })).toMatchObject({ customName });
    const conditions = [{ ...condition, customName }];
    expect(kept({ conditions })).toMatchObject({ conditions });
  }
  const long = "must be at most 1000 characters";
  expect(faultsOf(rule({ customName: `${longest}x` }))).toEqual([`/0/customName: ${long}`]);
  expect(faultsOf(rule({ conditions: [{ ...condition, customName: `${longest}x` }] }))).toEqual([
    `/0/conditions/0/customName: ${long}`,
  ]);
});

it("[MP15] the relation is and, or or", () => {
  expect(kept({ conditionRelation: "or" })).toMatchObject({ conditionRelation: "or" });
  for (const conditionRelation of ["AND", "xor", ""]) {
    expect(faultsOf(rule({ conditionRelation }))).toEqual([
      '/0/conditionRelation: must be one of "and", "or"',
    ]);
  }
});

describe("conditions", () => {
  it("[MP16] 1 to 10 with a field and a value", () => {
    const instead = "set ignoreCondition to true for a rule that always holds";
    const none = `/0/conditions: must have 1 to 10 conditions; ${instead}`;
    expect(faultsOf(rule({ conditions: [] }))).toEqual([none]);
    expect(faultsOf(readRule({ matchCategory: "C" }))).toEqual([none]);
    expect(faultsOf(rule({ conditions: [], ignoreCondition: false }))).toEqual([none]);
    const ten = Array.from({ length: 10 }, () => condition);
    expect(kept({ conditions: ten })?.conditions).toHaveLength(10);
    expect(pointersOf(rule({ conditions: [...ten, condition] }))).toEqual(["/0/conditions"]);
    expect(faultsOf(readCondition({}))).toEqual([
      "/0/conditions/0/field: is required",
      "/0/conditions/0/value: is required",
    ]);
    for (const text of ['""', '"  "', "null", "1", `"${longest}x"`]) {
      const pointers = pointersOf(readCondition({ field: text, value: '"x"' }));
      expect(pointers).toEqual(["/0/conditions/0/field"]);
    }
    expect(accepted(readCondition({ field: '" a.b "', value: '""' }))[0]?.conditions).toEqual([
      { customName: "", field: " a.b ", value: "", type: "string" },
    ]);
    expect(faultsOf(readCondition({ field: '"a"', value: '"b"', operator: '"="' }))).toEqual([
      "/0/conditions/0/operator: is not a member of a condition",
    ]);
  });

  it("[MP17] without condition they may be missing, empty or blank", () => {
    for (const conditions of [
      [],
      [{ customName: "", field: "", value: "", type: "string" }],
      [{ customName: "x", field: "a", value: "b", type: "number" }],
    ]) {
      const ignoring = { ignoreCondition: true, matchCategory: "C", conditions };
      expect(accepted(readRule(body(ignoring)))).toMatchObject([ignoring]);
    }
    const missing = accepted(readRule({ ignoreCondition: true, matchCategory: "C" }));
    expect(missing[0]?.conditions).toEqual([]);
    expect(kept({ ignoreCondition: true, conditions: [{}] })?.conditions).toEqual([
      { customName: "", field: "", value: "", type: "string" },
    ]);
    const unknown = rule({ ignoreCondition: true, conditions: [{ fields: "a" }] });
    expect(pointersOf(unknown)).toEqual(["/0/conditions/0/fields"]);
    const unclear = rule({ ignoreCondition: "yes", conditions: [{}] });
    expect(pointersOf(unclear)).toEqual(["/0/ignoreCondition"]);
  });

  it("[MP18] the type says what the value must be", () => {
    const read = (type: string, value: string) =>
      readCondition({ field: '"a"', type: `"${type}"`, value });
    for (const [type, value, text] of [
      ["number", '"12.50"', "12.50"],
      ["number", '"1e400"', "1e400"],
      ["number", "1.50", "1.5"],
      ["boolean", '"true"', "true"],
      ["boolean", "false", "false"],
      ["string", '"12"', "12"],
    ] as const) {
      expect(accepted(read(type, value))[0]?.conditions).toMatchObject([{ type, value: text }]);
    }
    for (const value of ['"x"', '""', '" 1"', '"1,5"', '"0x10"', '"NaN"', "true"]) {
      expect(faultsOf(read("number", value))).toEqual([
        "/0/conditions/0/value: must be a number, as the condition's type is number",
      ]);
    }
    for (const value of ['"True"', '"1"', "1", '""']) {
      expect(faultsOf(read("boolean", value))).toEqual([
        '/0/conditions/0/value: must be "true" or "false", as the type is boolean',
      ]);
    }
    expect(pointersOf(read("date", '"x"'))).toEqual(["/0/conditions/0/type"]);
  });

  it("[MP19] numbers and booleans become the text that records have of them", () => {
    for (const [value, text] of [
      ["1.50", "1.5"],
      ["1e2", "100"],
      ["-0", "0"],
      ["true", "true"],
      ['" as sent "', " as sent "],
      [`"${longest}"`, longest],
    ] as const) {
      const read = accepted(readCondition({ field: '"a"', value }));
      expect(read[0]?.conditions).toMatchObject([{ value: text, type: "string" }]);
    }
    for (const value of ["null", "[]", "{}", `"${longest}x"`, "1".repeat(1_001)]) {
      const pointers = pointersOf(readCondition({ field: '"a"', value }));
      expect(pointers, value.slice(0, 9)).toEqual(["/0/conditions/0/value"]);
    }
  });
});

it("[MP20] matchCategory has 1 to 50 characters", () => {
  expect(kept({ matchCategory: ` ${"é".repeat(50)} ` })?.matchCategory).toBe("é".repeat(50));
  for (const matchCategory of ["", " ", "x".repeat(51), undefined]) {
    expect(pointersOf(rule({ matchCategory }))).toEqual(["/0/matchCategory"]);
  }
});

it("[MP21] groupBy has 0 to 10 entries of 1 to 10 fields", () => {
  const fields = Array.from({ length: 10 }, (_, at) => `f${at}`);
  const groupBy = Array.from({ length: 10 }, () => ({ fields }));
  expect(kept({ groupBy })).toMatchObject({ groupBy });
  expect(pointersOf(rule({ groupBy: [...groupBy, { fields }] }))).toEqual(["/0/groupBy"]);
  for (const wrong of [[], [...fields, "x"], null, "a", 1]) {
    const pointers = pointersOf(rule({ groupBy: [{ fields: wrong }] }));
    expect(pointers).toEqual(["/0/groupBy/0/fields"]);
  }
  for (const wrong of ["", " ", null, 1, `${longest}x`]) {
    const pointers = pointersOf(rule({ groupBy: [{ fields: ["a", wrong] }] }));
    expect(pointers).toEqual(["/0/groupBy/0/fields/1"]);
  }
});

it("[MP22] otherOperations has 0 to 50 carry operations", () => {
  const operation = { field: "a", operation: "carry-first" };
  const otherOperations = Array.from({ length: 50 }, () => operation);
  expect(kept({ otherOperations })).toMatchObject({ otherOperations });
  const over = { otherOperations: [...otherOperations, operation] };
  expect(pointersOf(rule(over))).toEqual(["/0/otherOperations"]);
  expect(kept({ otherOperations: [{ ...operation, operation: "carry-last" }] })).toBeDefined();
  expect(faultsOf(rule({ otherOperations: [{ field: " ", operation: "carry" }] }))).toEqual([
    "/0/otherOperations/0/field: must be 1 to 1000 characters, not only white space",
    '/0/otherOperations/0/operation: must be one of "carry-first", "carry-last"',
  ]);
});
