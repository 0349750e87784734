// Capacity and thresholds: exact amounts, both sides of each limit, faults that do not hide others.
import { describe, expect, it } from "vitest";
import {
  accepted,
  bodyOf,
  faultsOf,
  objectText,
  pointersOf,
  wrongKinds,
} from "../../test/support/body-matrix.ts";
import { parseDecimal } from "./decimal.ts";
import { readDefinition } from "./definition-reader.ts";
import { readMeterPatch } from "./meter.ts";
import { capacity, thresholds } from "./thresholds.ts";

const readCapacity = (text: string) => readDefinition(bodyOf(text), capacity);
const read = (text: string) => readDefinition(bodyOf(text), thresholds);
const readOne = (members: Record<string, string | undefined>) => read(`[${objectText(members)}]`);
const exact = (text: string) => accepted(parseDecimalAsReading(text));

function parseDecimalAsReading(text: string) {
  const parsed = parseDecimal(text);
  return parsed.ok ? parsed : { ok: false as const, error: [{ detail: parsed.error }] };
}

const positive = "must be greater than 0";
const places = "must have at most 18 decimal places";
const range = "must be less than 10^20";

describe("amounts", () => {
  it.each([
    ["1", "1"],
    ["10000", "10000"],
    ["1e3", "1000"],
    ["0.000000000000000001", "0.000000000000000001"],
    ["99999999999999999999.999999999999999999", "99999999999999999999.999999999999999999"],
    ["9007199254740993", "9007199254740993"],
    ["0.1000", "0.1"],
  ])("[MT18] capacity %s is kept exactly", (text, value) => {
    expect(accepted(readCapacity(text))).toBe(exact(value));
  });

  it.each([
    ["0", positive],
    ["-0", positive],
    ["-1", positive],
    ["-1e-18", positive],
    ["1e-19", places],
    ["1e-400", places],
    ["100000000000000000000", range],
    ["1e400", range],
    ["1e999999999", range],
  ])("[MT18] capacity %s is refused", (text, detail) => {
    expect(faultsOf(readCapacity(text))).toEqual([`: ${detail}`]);
    expect(faultsOf(readOne({ name: '"a"', absoluteValue: text }))).toEqual([
      `/0/absoluteValue: ${detail}`,
    ]);
    expect(pointersOf(readOne({ name: '"a"', capacityPercentage: text }))).toEqual([
      "/0/capacityPercentage",
    ]);
  });

  it("[MT18] [MT21] an amount of another kind is refused, strings of digits too", () => {
    for (const text of [...wrongKinds(["number"]), "null"]) {
      expect(pointersOf(readCapacity(text))).toEqual([""]);
      for (const name of ["absoluteValue", "capacityPercentage"]) {
        expect(pointersOf(readOne({ name: '"a"', [name]: text }))).toEqual([`/0/${name}`]);
      }
    }
    expect(faultsOf(readCapacity('"5"'))).toEqual([": must be a number, not a string"]);
  });
});

describe("thresholds", () => {
  it("[MT19] 0 to 20 are accepted", () => {
    const many = (count: number) =>
      `[${Array.from({ length: count }, (_, index) => `{"name":"t${index}","absoluteValue":1}`)}]`;
    expect(accepted(read("[]"))).toEqual([]);
    expect(accepted(read(many(20)))).toHaveLength(20);
    expect(faultsOf(read(many(21)))).toEqual([": must have at most 20 thresholds"]);
    expect(pointersOf(read(many(5_000)))).toEqual([""]);
    expect(pointersOf(read('[1,null,"x",[],true]'))).toEqual(["/0", "/1", "/2", "/3", "/4"]);
  });

  it("[MT20] a name of 1 to 80 characters that differs from the earlier ones", () => {
    const named = (text: string | undefined) => readOne({ name: text, absoluteValue: "1" });
    for (const [text, name] of [
      ['" 50 % / é "', "50 % / é"],
      [`"${"é".repeat(80)}"`, "é".repeat(80)],
    ]) {
      expect(accepted(named(text))).toMatchObject([{ name }]);
    }
    for (const text of ['""', '"  "', `"${"x".repeat(81)}"`]) {
      expect(faultsOf(named(text))).toEqual(["/0/name: must be 1 to 80 characters"]);
    }
    for (const text of [undefined, "null", ...wrongKinds(["string"])]) {
      expect(pointersOf(named(text))).toEqual(["/0/name"]);
    }
    const twice = '[{"name":"a","absoluteValue":1},{"name":" a","absoluteValue":0},{"name":"A"}]';
    expect(faultsOf(read(twice))).toEqual([
      "/1/absoluteValue: must be greater than 0",
      "/2: must have exactly one of capacityPercentage and absoluteValue",
      "/1/name: is the name of an earlier threshold",
    ]);
  });

  it("[MT21] exactly one amount, a percentage of at most 1,000", () => {
    const one = "/0: must have exactly one of capacityPercentage and absoluteValue";
    expect(faultsOf(readOne({ name: '"a"' }))).toEqual([one]);
    const both = { name: '"a"', absoluteValue: "1", capacityPercentage: "1" };
    expect(faultsOf(readOne(both))).toEqual([one]);
    expect(accepted(readOne({ name: '"a"', capacityPercentage: "1000.0" }))).toEqual([
      { name: "a", capacityPercentage: exact("1000"), absoluteValue: null, customFields: null },
    ]);
    const over = { name: '"a"', capacityPercentage: "1000.000000000000000001" };
    expect(faultsOf(readOne(over))).toEqual([
      "/0/capacityPercentage: must be greater than 0 and at most 1000",
    ]);
    expect(faultsOf(readOne({ name: '"a"', absolutevalue: "1" }))).toEqual([
      "/0/absolutevalue: is not a member of a threshold; did you mean absoluteValue?",
      one,
    ]);
  });

  const custom = (text: string) => readOne({ name: '"a"', absoluteValue: "1", customFields: text });

  it("[MT23] custom fields of at most 4 KiB in UTF-8", () => {
    const filled = (unit: string, count: number) => custom(`{"a":"${unit.repeat(count)}"}`);
    // 8 bytes are {"a":""}.
    for (const [unit, bytes] of [
      ["x", 1],
      ["é", 2],
      ["€", 3],
      ["😀", 4],
    ] as const) {
      const most = Math.floor((4_096 - 8) / bytes);
      expect(faultsOf(filled(unit, most))).toEqual([]);
      expect(faultsOf(filled(unit, most + 1))).toEqual([
        "/0/customFields: must be at most 4096 bytes as JSON text",
      ]);
    }
    expect(accepted(custom('{"a":[{"b":1.50}]}'))).toHaveLength(1);
    expect(accepted(custom("null"))).toMatchObject([{ customFields: null }]);
    for (const text of wrongKinds(["object"])) {
      expect(pointersOf(custom(text))).toEqual(["/0/customFields"]);
    }
  });

  it("[MT24] names with a meaning in JavaScript are refused at every depth", () => {
    const text = '{"__proto__":1,"a":[{"constructor":{"prototype":{}}}],"b":{"proto":1}}';
    expect(faultsOf(custom(text))).toEqual([
      '/0/customFields/__proto__: must not be named "__proto__"',
      '/0/customFields/a/0/constructor: must not be named "constructor"',
      '/0/customFields/a/0/constructor/prototype: must not be named "prototype"',
    ]);
  });

  it("[MT22] a percentage needs a capacity, whatever else is wrong", () => {
    const none = { capacity: null, thresholds: [] };
    const text = `{"thresholds":[{"capacityPercentage":5},{"name":"b","absoluteValue":1},
      {"name":"b","capacityPercentage":5}]}`;
    expect(pointersOf(readMeterPatch(bodyOf(text), none))).toEqual([
      "/thresholds/0/name",
      "/thresholds/2/name",
      "/thresholds/0/capacityPercentage",
      "/thresholds/2/capacityPercentage",
    ]);
  });
});
