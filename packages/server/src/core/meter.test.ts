// Reading meters: every member, each wrong kind, both sides of each limit, many faults at once.
import { describe, expect, it } from "vitest";
import {
  accepted,
  body,
  bodyOf,
  faultsOf,
  pointersOf,
  withMember,
  wrongKinds,
} from "../../test/support/body-matrix.ts";
import { writeJson } from "./json.ts";
import type { JsonValue } from "./json-value.ts";
import { readMeter, readMeterPatch } from "./meter.ts";
import { thresholdDocument } from "./meter-document.ts";

const sample = {
  meterKey: "a1f8797b-c827-4483-b6cf-6d3d3baa18a7",
  meterTypeId: "645ed240-02b5-400c-9a3c-21857e8f2ac4",
  userId: "user0@example.com",
};
const plain = { capacity: null, thresholds: [] };
const one = 10n ** 18n;
const withPercentage = {
  capacity: 5n * one,
  thresholds: [
    { name: "p", capacityPercentage: 90n * one, absoluteValue: null, customFields: { a: 1 } },
    { name: "q", capacityPercentage: null, absoluteValue: one, customFields: null },
  ],
};

const created = (members: object) => readMeter(body({ ...sample, ...members }));
const patch = (value: JsonValue) => readMeterPatch(value, plain);
const patched = (members: object) => patch(body(members));

describe("a new meter", () => {
  it("has its sample's fields and empty custom fields", () => {
    expect(accepted(created({}))).toEqual({
      userId: "user0@example.com",
      meterKey: "a1f8797b-c827-4483-b6cf-6d3d3baa18a7",
      meterType: { id: "645ed240-02b5-400c-9a3c-21857e8f2ac4" },
      customFields: {},
    });
  });

  it("[ME1] all faults are told at once", () => {
    for (const text of ["null", "1", "[]", '"x"']) {
      expect(pointersOf(readMeter(bodyOf(text)))).toEqual([""]);
      expect(pointersOf(patch(bodyOf(text)))).toEqual([""]);
    }
    expect(faultsOf(readMeter({}))).toEqual([
      "/userId: is required",
      "/meterKey: is required",
      "/meterTypeId: is required; name the meter type by meterTypeId or by externalRef",
    ]);
    const faulty = { userid: "x", meterKey: 5, customFields: [], __x: 1 };
    expect(faultsOf(readMeter(body(faulty)))).toEqual([
      "/userid: is not a member of a meter; did you mean userId?",
      "/__x: is not a member of a meter",
      "/userId: is required",
      "/meterKey: must be a string, not a number",
      "/customFields: must be an object, not an array",
      "/meterTypeId: is required; name the meter type by meterTypeId or by externalRef",
    ]);
  });

  it.each([
    ["userId", "string"],
    ["meterKey", "string"],
    ["meterTypeId", "string"],
    ["customFields", "object"],
  ] as const)("[ME8] %s refuses every kind of value but %s", (name, kind) => {
    for (const text of wrongKinds([kind])) {
      const reading = readMeter(withMember(sample, name, text));
      expect(pointersOf(reading), `${name} = ${text}`).toEqual([`/${name}`]);
    }
    const isNullable = name === "customFields";
    const withNull = readMeter(withMember(sample, name, "null"));
    expect(pointersOf(withNull)).toEqual(isNullable ? [] : [`/${name}`]);
  });

  it("[ME2] userId is kept exactly as sent", () => {
    for (const userId of ["101", " user ", "é😀", "x".repeat(320), "😀".repeat(320)]) {
      expect(accepted(created({ userId }))).toMatchObject({ userId });
    }
    const range = "/userId: must be 1 to 320 characters";
    expect(faultsOf(created({ userId: "" }))).toEqual([range]);
    expect(faultsOf(created({ userId: " \t" }))).toEqual([`${range}, not only white space`]);
    expect(faultsOf(created({ userId: "😀".repeat(321) }))).toEqual([range]);
    expect(faultsOf(created({ userId: 101 }))).toEqual(["/userId: must be a string, not a number"]);
  });

  it("[ME3] meterKey has 1 to 36 characters", () => {
    const longest = "k".repeat(36);
    expect(accepted(created({ meterKey: ` ${longest}\n` }))).toMatchObject({ meterKey: longest });
    for (const meterKey of ["", "  ", `${longest}k`]) {
      expect(faultsOf(created({ meterKey }))).toEqual(["/meterKey: must be 1 to 36 characters"]);
    }
  });

  it("[ME4] exactly one of meterTypeId and externalRef names the meter type", () => {
    const { meterTypeId: _, ...bare } = sample;
    const named = (members: object) => readMeter(body({ ...bare, ...members }));
    expect(accepted(named({ meterTypeId: " t " }))).toMatchObject({ meterType: { id: "t" } });
    expect(accepted(named({ externalRef: " r " }))).toMatchObject({
      meterType: { externalRef: "r" },
    });
    for (const externalRef of [null, "", "  "]) {
      expect(accepted(created({ externalRef }))).toMatchObject({
        meterType: { id: sample.meterTypeId },
      });
      expect(pointersOf(named({ externalRef }))).toEqual(["/meterTypeId"]);
    }
    expect(faultsOf(created({ externalRef: "r" }))).toEqual([
      "/externalRef: must not be sent together with meterTypeId; " +
        "name the meter type by meterTypeId or by externalRef",
    ]);
    expect(pointersOf(named({ meterTypeId: "t".repeat(37) }))).toEqual(["/meterTypeId"]);
    expect(pointersOf(named({ meterTypeId: " " }))).toEqual(["/meterTypeId"]);
    expect(pointersOf(named({ externalRef: "r".repeat(101) }))).toEqual(["/externalRef"]);
    expect(pointersOf(named({ externalRef: "r".repeat(100) }))).toEqual([]);
    for (const text of wrongKinds(["string"])) {
      expect(pointersOf(readMeter(withMember(bare, "externalRef", text)))).toEqual([
        "/externalRef",
      ]);
    }
  });

  it("[ME5] custom fields are kept with their digits, within their bounds", () => {
    const text = '{"b":[1.50,123456789012345678901234567890],"a":{"c":null}}';
    const read = accepted(readMeter(withMember(sample, "customFields", text)));
    expect(writeJson(read.customFields)).toBe(text);
    const keys = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, index]));
    expect(faultsOf(created({ customFields: keys(50) }))).toEqual([]);
    expect(faultsOf(created({ customFields: keys(51) }))).toEqual([
      "/customFields: must have at most 50 members",
    ]);
    expect(faultsOf(created({ customFields: { a: keys(51) } }))).toEqual([]);
    const filled = (count: number) => created({ customFields: { a: "é".repeat(count) } });
    expect(faultsOf(filled((16_384 - 8) / 2))).toEqual([]);
    expect(faultsOf(filled((16_384 - 8) / 2 + 1))).toEqual([
      "/customFields: must be at most 16384 bytes as JSON text",
    ]);
  });

  it("[ME6] names with a meaning in JavaScript are refused in custom fields", () => {
    const text = '{"a":[[{"__proto__":{"prototype":1}}]],"constructor":1,"prototype":2}';
    const pointers = [
      "/customFields/a/0/0/__proto__",
      "/customFields/a/0/0/__proto__/prototype",
      "/customFields/constructor",
      "/customFields/prototype",
    ];
    expect(pointersOf(readMeter(withMember(sample, "customFields", text)))).toEqual(pointers);
    expect(pointersOf(patch(withMember({}, "customFields", text)))).toEqual(pointers);
  });

  it("[ME7] members of an answer are refused with the reason", () => {
    for (const [name, reason] of [
      ["id", "set by the engine"],
      ["value", "set by the engine"],
      ["valueExact", "set by the engine"],
      ["periodEnd", "set by the engine"],
      ["unit", "taken from the meter type"],
      ["timezone", "taken from the meter type"],
      ["capacity", "change it afterwards with PATCH"],
      ["thresholds", "change it afterwards with PATCH"],
      ["deleteOnReset", "change it afterwards with PATCH"],
    ] as const) {
      const faults = faultsOf(created({ [name]: "x" }));
      expect(faults).toHaveLength(1);
      expect(faults[0]).toContain(`/${name}: `);
      expect(faults[0]).toContain(reason);
    }
  });
});

describe("a change of a meter", () => {
  it("[ME9] takes four members and gives back what was named", () => {
    expect(accepted(patched({}))).toEqual({});
    expect(accepted(patched({ deleteOnReset: true }))).toEqual({ deleteOnReset: true });
    const all = { deleteOnReset: false, customFields: { a: 1 }, capacity: 2, thresholds: [] };
    expect(accepted(patched(all))).toEqual({ ...all, capacity: 2n * one });
    expect(faultsOf(patched({ deleteonreset: true }))).toEqual([
      "/deleteonreset: is not a member of a meter; did you mean deleteOnReset?",
    ]);
  });

  it("[ME10] [ME8] deleteOnReset is true or false", () => {
    for (const text of [...wrongKinds(["boolean"]), "null"]) {
      expect(pointersOf(patch(withMember({}, "deleteOnReset", text)))).toEqual(["/deleteOnReset"]);
    }
    expect(faultsOf(patched({ deleteOnReset: "true" }))).toEqual([
      "/deleteOnReset: must be true or false, not a string",
    ]);
  });

  it("[ME11] [ME12] null clears", () => {
    const nothing = { customFields: null, capacity: null, thresholds: null };
    expect(accepted(readMeterPatch(body(nothing), withPercentage))).toEqual({
      customFields: {},
      capacity: null,
      thresholds: [],
    });
  });

  it("[ME11] [ME12] every wrong kind is refused", () => {
    for (const [name, kind] of [
      ["customFields", "object"],
      ["capacity", "number"],
      ["thresholds", "array"],
    ] as const) {
      for (const text of wrongKinds([kind])) {
        expect(pointersOf(patch(withMember({}, name, text)))).toEqual([`/${name}`]);
      }
    }
    expect(pointersOf(patched({ capacity: 0 }))).toEqual(["/capacity"]);
  });

  it("[ME13] percentages need a capacity after the change", () => {
    const pointers = (members: object) => pointersOf(readMeterPatch(body(members), withPercentage));
    expect(pointers({ capacity: null })).toEqual(["/capacity"]);
    expect(pointers({ capacity: null, thresholds: [{ name: "a", absoluteValue: 1 }] })).toEqual([]);
    expect(pointers({ deleteOnReset: true })).toEqual([]);
    const percentage = { thresholds: [{ name: "a", capacityPercentage: 1 }] };
    expect(pointers(percentage)).toEqual([]);
    expect(pointersOf(patched(percentage))).toEqual(["/thresholds/0/capacityPercentage"]);
    expect(pointersOf(patched({ ...percentage, capacity: 1 }))).toEqual([]);
  });

  it("[ME14] everything else of an answer is refused by name", () => {
    for (const name of [
      "userId",
      "meterKey",
      "meterTypeId",
      "externalRef",
      "value",
      "id",
      "unit",
    ]) {
      const faults = faultsOf(patched({ [name]: "x" }));
      expect(faults).toHaveLength(1);
      expect(faults[0]).toMatch(/cannot be (sent|changed)/);
    }
  });

  it("[ME15] what an answer shows is accepted and changes nothing", () => {
    const shown = body({
      deleteOnReset: true,
      customFields: { b: [{ c: 1.5 }] },
      capacity: 5,
      thresholds: withPercentage.thresholds.map(thresholdDocument),
    });
    expect(accepted(readMeterPatch(shown, withPercentage))).toEqual({
      deleteOnReset: true,
      customFields: { b: [{ c: 1.5 }] },
      ...withPercentage,
    });
  });
});
