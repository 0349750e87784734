// Reading meter types: every member, each wrong kind, both sides of each limit, many faults at once.
import { describe, expect, it } from "vitest";
import {
  accepted,
  body,
  bodyOf,
  faultsOf,
  type Kind,
  pointersOf,
  withMember,
  wrongKinds,
} from "../../test/support/body-matrix.ts";
import type { JsonValue } from "./json-value.ts";
import { type MeterTypeContext, readMeterType, readMeterTypePatch } from "./meter-type.ts";
import type { Zone, Zones } from "./ports.ts";
import { formatInstant, readInstant } from "./time.ts";

const now = readInstant("2026-11-22T12:00:00.000Z") ?? 0;
const utc: Zone = {
  id: "Etc/UTC",
  spanAt: () => ({ start: -Infinity, end: Infinity, offsetMs: 0 }),
};
const zones: Zones = { get: (name) => (name === "Etc/UTC" ? utc : undefined) };
const context: MeterTypeContext = { zones, now };

const sample = {
  name: "Usage based API counter",
  unit: "requests",
  timezone: "Etc/UTC",
  aggregation: { type: "sum" },
  resetSchedule: { minute: "0", hour: "0", day: "1", month: "*", weekday: "*" },
};
const plain = { activeFrom: now, activeTo: null, capacity: null, thresholds: [] };
const percentage = { name: "p", capacityPercentage: 90n * 10n ** 18n, absoluteValue: null };
const withPercentage = {
  ...plain,
  capacity: 10n ** 18n,
  thresholds: [{ ...percentage, customFields: null }],
};

const create = (value: JsonValue) => readMeterType(value, context);
const patch = (value: JsonValue) => readMeterTypePatch(value, plain, context);
const created = (members: object) => create(body({ ...sample, ...members }));
const patched = (members: object, current: Parameters<typeof readMeterTypePatch>[1] = plain) =>
  readMeterTypePatch(body(members), current, context);

/** Kind of each member, and what null gives in a POST and in a PATCH ("fault" or the value). */
const members: readonly [name: string, kind: Kind, nullInPost: unknown, nullInPatch: unknown][] = [
  ["name", "string", "fault", "fault"],
  ["description", "string", "", "fault"],
  ["unit", "string", "fault", "fault"],
  ["category", "string", "DEFAULT", "DEFAULT"],
  ["externalRef", "string", null, null],
  ["timezone", "string", "fault", "fault"],
  ["aggregation", "object", "fault", "fault"],
  ["resetSchedule", "object", "fault", "fault"],
  ["activeFrom", "string", null, null],
  ["activeTo", "string", null, null],
  ["capacity", "number", null, null],
  ["thresholds", "array", [], []],
];
const required = ["name", "unit", "timezone", "aggregation", "resetSchedule"];

describe("a body as a whole", () => {
  it("[MT1] anything but an object is one fault of the whole body", () => {
    for (const text of ["null", "true", "1", '"x"', "[]", "[{}]"]) {
      expect(pointersOf(create(bodyOf(text)))).toEqual([""]);
      expect(pointersOf(patch(bodyOf(text)))).toEqual([""]);
    }
    expect(faultsOf(create([]))).toEqual([": must be an object, not an array"]);
  });

  it("the sample has every default", () => {
    expect(accepted(created({}))).toEqual({
      name: "Usage based API counter",
      description: "",
      unit: "requests",
      category: "DEFAULT",
      externalRef: null,
      timezone: "Etc/UTC",
      aggregation: "sum",
      resetSchedule: sample.resetSchedule,
      activeFrom: null,
      activeTo: null,
      capacity: null,
      thresholds: [],
    });
  });

  it("[MT2] all faults are told at once, a missing member at itself", () => {
    const faulty = {
      description: "x".repeat(201),
      unit: 5,
      aggregation: { type: "count" },
      resetSchedule: { ...sample.resetSchedule, minute: "60" },
      timezone: "Mars/Olympus",
      activeTo: "yesterday",
      thresholds: [{ name: "a", capacityPercentage: 50 }, { absoluteValue: "7" }],
      resetshedule: {},
    };
    expect([...pointersOf(create(body(faulty)))].sort()).toEqual([
      "/activeTo",
      "/aggregation/type",
      "/description",
      "/name",
      "/resetSchedule/minute",
      "/resetshedule",
      "/thresholds/0/capacityPercentage",
      "/thresholds/1/absoluteValue",
      "/thresholds/1/name",
      "/timezone",
      "/unit",
    ]);
  });

  it.each(required)("[MT2] %s is required in a POST and optional in a PATCH", (name) => {
    expect(faultsOf(create(withMember(sample, name, undefined)))).toEqual([
      `/${name}: is required`,
    ]);
    expect(faultsOf(patch(body({})))).toEqual([]);
  });

  it("[MT3] an unknown member is a fault that names the nearest known one", () => {
    const hints = [
      ["resetshedule", "; did you mean resetSchedule?"],
      ["active_from", "; did you mean activeFrom?"],
      ["Name", "; did you mean name?"],
      ["treshold", "; did you mean thresholds?"],
      ["color", ""],
    ];
    for (const [name = "", hint = ""] of hints) {
      const fault = `/${name}: is not a member of a meter type${hint}`;
      expect(faultsOf(created({ [name]: 1 }))).toEqual([fault]);
      expect(faultsOf(patched({ [name]: 1 }))).toEqual([fault]);
    }
    expect(pointersOf(created({ "a/b~c": 1, "": 2 }))).toEqual(["/a~1b~0c", "/"]);
  });

  it("[MT4] members that the engine sets are refused by name", () => {
    for (const name of ["id", "accountId", "createdAt", "updatedAt", "numberOfMeters"]) {
      const fault = `/${name}: is set by the engine and cannot be sent`;
      expect(faultsOf(created({ [name]: "x" }))).toEqual([fault]);
      expect(faultsOf(patched({ [name]: "x" }))).toEqual([fault]);
    }
  });

  it("[MT5] names that mean something to JavaScript are unknown members", () => {
    for (const name of ["__proto__", "constructor", "prototype", "toString", "hasOwnProperty"]) {
      const fault = `/${name}: is not a member of a meter type`;
      expect(faultsOf(create(withMember(sample, name, '{"name":"x"}')))).toEqual([fault]);
      expect(faultsOf(patch(withMember({}, name, '{"name":"x"}')))).toEqual([fault]);
    }
    expect(pointersOf(create(bodyOf('{"__proto__":{"name":"x","unit":"y"}}')))).toContain("/name");
  });
});

describe("each member", () => {
  it.each(members)("[MT25] %s refuses every kind of value but %s", (name, kind) => {
    for (const text of wrongKinds([kind])) {
      const pointers = pointersOf(create(withMember(sample, name, text)));
      expect(pointers, `${name} = ${text}`).toEqual([`/${name}`]);
      expect(pointersOf(patch(withMember({}, name, text)))).toEqual([`/${name}`]);
    }
  });

  it.each(members)("[MT25] [MT27] %s of kind %s with null", (...row) => {
    const [name, , inPost, inPatch] = row;
    const posted = create(withMember(sample, name, "null"));
    if (inPost === "fault") expect(pointersOf(posted)).toEqual([`/${name}`]);
    else expect(accepted(posted)).toMatchObject({ [name]: inPost });
    const changed = patch(withMember({}, name, "null"));
    if (inPatch === "fault") expect(pointersOf(changed)).toEqual([`/${name}`]);
    else expect(accepted(changed)).toEqual({ [name]: inPatch });
  });

  const lengths: readonly [name: string, max: number, range: string][] = [
    ["name", 80, "must be 1 to 80 characters"],
    ["description", 200, "must be at most 200 characters"],
    ["unit", 50, "must be 1 to 50 characters"],
    ["category", 50, "must be at most 50 characters"],
    ["externalRef", 100, "must be at most 100 characters"],
  ];

  it.each(lengths)("[MT6] %s has its greatest length", (name, max, range) => {
    const longest = "x".repeat(max);
    for (const [sent, kept] of [
      [longest, longest],
      [` \t${longest}\n`, longest],
      ["x", "x"],
    ]) {
      expect(accepted(created({ [name]: sent }))).toMatchObject({ [name]: kept });
      expect(accepted(patched({ [name]: sent }))).toEqual({ [name]: kept });
    }
    expect(faultsOf(created({ [name]: `${longest}x` }))).toEqual([`/${name}: ${range}`]);
    expect(faultsOf(patched({ [name]: "x".repeat(100_000) }))).toEqual([`/${name}: ${range}`]);
    if (name === "name") return;
    expect(faultsOf(created({ [name]: "😀".repeat(max) }))).toEqual([]);
    expect(faultsOf(created({ [name]: "😀".repeat(max + 1) }))).toEqual([`/${name}: ${range}`]);
  });

  it("[MT7] [MT9] [MT10] [MT11] [MT8] what blank text means", () => {
    for (const blank of ["", "  \t "]) {
      expect(faultsOf(created({ name: blank }))).toEqual(["/name: must be 1 to 80 characters"]);
      expect(faultsOf(created({ unit: blank }))).toEqual(["/unit: must be 1 to 50 characters"]);
      const text = { category: blank, externalRef: blank, description: blank };
      const kept = { category: "DEFAULT", externalRef: null, description: "" };
      expect(accepted(created(text))).toMatchObject(kept);
      expect(accepted(patched(text))).toEqual(kept);
    }
  });

  it("[MT7] a name has letters, digits, white space and _ . ( ) - only", () => {
    for (const name of ["a", "9", "A_b (c) 1.2-x", "two\twords"]) {
      expect(accepted(created({ name }))).toMatchObject({ name });
    }
    for (const name of ["a/b", "é", "a:b", "a,b", "naïve", "😀", "a&b", '"', "a+b"]) {
      expect(faultsOf(patched({ name }))).toEqual([
        "/name: may hold only letters A to Z, digits, white space and the characters _ . ( ) -",
      ]);
    }
    expect(pointersOf(created({ name: "é".repeat(81) }))).toEqual(["/name", "/name"]);
  });

  it("[MT12] aggregation is an object with one of four types", () => {
    for (const type of ["sum", "increment", "max", "min"]) {
      expect(accepted(created({ aggregation: { type } }))).toMatchObject({ aggregation: type });
    }
    const choice = 'must be one of "sum", "increment", "max", "min"';
    for (const type of ["Sum", "count", "", 1, null, ["sum"]]) {
      expect(faultsOf(created({ aggregation: { type } }))).toEqual([
        `/aggregation/type: ${choice}`,
      ]);
    }
    expect(faultsOf(created({ aggregation: {} }))).toEqual(["/aggregation/type: is required"]);
    expect(faultsOf(created({ aggregation: "sum" }))).toEqual([
      '/aggregation: must be an object such as {"type": "sum"}',
    ]);
    expect(faultsOf(created({ aggregation: { type: "sum", typ: 1 } }))).toEqual([
      "/aggregation/typ: is not a member of aggregation; did you mean type?",
    ]);
  });

  it("[MT13] resetSchedule has the schedule's own faults, each at its field", () => {
    const faulty = { minute: "60", hour: "x", day: "1", month: "*" };
    const pointers = ["/resetSchedule/hour", "/resetSchedule/minute", "/resetSchedule/weekday"];
    expect([...pointersOf(created({ resetSchedule: faulty }))].sort()).toEqual(pointers);
    expect([...pointersOf(patched({ resetSchedule: faulty }))].sort()).toEqual(pointers);
    const never = { ...sample.resetSchedule, day: "30", month: "2" };
    expect(pointersOf(created({ resetSchedule: never }))).toEqual(["/resetSchedule"]);
  });

  it("[MT14] timezone is a name of the zone port, exactly", () => {
    for (const timezone of ["etc/utc", "Etc/UTC ", "", "Mars/Olympus", "constructor"]) {
      expect(pointersOf(created({ timezone }))).toEqual(["/timezone"]);
      expect(pointersOf(patched({ timezone }))).toEqual(["/timezone"]);
    }
    expect(accepted(patched({ timezone: "Etc/UTC" }))).toEqual({ timezone: "Etc/UTC" });
  });
});

describe("the active window", () => {
  const at = (offsetMs: number) => formatInstant(now + offsetMs);
  const minute = 60_000;

  it("[MT15] instants are read with their offset", () => {
    const window = {
      activeFrom: "2027-01-01T02:00:00.500+02:00",
      activeTo: "2028-01-01T00:00:00Z",
    };
    const read = {
      activeFrom: readInstant("2027-01-01T00:00:00.500Z"),
      activeTo: 1_830_297_600_000,
    };
    expect(accepted(created(window))).toMatchObject(read);
    expect(accepted(patched(window))).toEqual(read);
    for (const text of ["", "2027-01-01", "2027-01-01T00:00:00", "2027-02-30T00:00:00Z", "now"]) {
      expect(pointersOf(created({ activeFrom: text, activeTo: text }))).toEqual([
        "/activeFrom",
        "/activeTo",
      ]);
    }
  });

  it("[MT16] five minutes in the past are accepted, a millisecond more is not", () => {
    expect(pointersOf(created({ activeFrom: at(-5 * minute) }))).toEqual([]);
    expect(faultsOf(created({ activeFrom: at(-5 * minute - 1) }))).toEqual([
      "/activeFrom: must not be in the past; it is 2026-11-22T12:00:00.000Z now",
    ]);
    expect(pointersOf(created({ activeTo: at(-5 * minute - 1) }))).toEqual(["/activeTo"]);
    const window = { activeFrom: at(-5 * minute), activeTo: at(-5 * minute + 1) };
    expect(pointersOf(created(window))).toEqual([]);
  });

  it("[MT17] activeTo is later than activeFrom, or than now", () => {
    const equal = { activeFrom: at(minute), activeTo: at(minute) };
    expect(faultsOf(created(equal))).toEqual([
      "/activeTo: must be after activeFrom, which is 2026-11-22T12:01:00.000Z",
    ]);
    expect(pointersOf(created({ ...equal, activeTo: at(minute + 1) }))).toEqual([]);
    expect(faultsOf(created({ activeTo: at(0) }))).toEqual([
      "/activeTo: must be after activeFrom, which is the present time",
    ]);
    expect(pointersOf(created({ activeTo: at(1) }))).toEqual([]);
    const past = { activeFrom: at(minute), activeTo: at(-10 * minute) };
    expect(pointersOf(created(past))).toEqual(["/activeTo", "/activeTo"]);
    expect(pointersOf(created({ activeFrom: "x", activeTo: at(0) }))).toEqual(["/activeFrom"]);
  });

  const old = { ...plain, activeFrom: now - 1e10, activeTo: now - 1e9 };

  it("[MT29] an old instant sent again is accepted, another old one is not", () => {
    expect(accepted(patched({ activeFrom: at(-1e10), activeTo: at(-1e9) }, old))).toEqual({
      activeFrom: old.activeFrom,
      activeTo: old.activeTo,
    });
    expect(pointersOf(patched({ activeFrom: at(-1e10 + 1) }, old))).toEqual(["/activeFrom"]);
    expect(pointersOf(patched({ activeTo: at(-1e9 + 1) }, old))).toEqual(["/activeTo"]);
  });

  it("[MT30] the window is judged as the change leaves it", () => {
    const current = { ...plain, activeFrom: now + minute, activeTo: now + 2 * minute };
    expect(pointersOf(patched({ activeTo: at(minute) }, current))).toEqual(["/activeTo"]);
    expect(faultsOf(patched({ activeFrom: at(2 * minute) }, current))).toEqual([
      "/activeFrom: must be before activeTo, which is 2026-11-22T12:02:00.000Z",
    ]);
    expect(pointersOf(patched({ activeFrom: at(2 * minute), activeTo: null }, current))).toEqual(
      [],
    );
    const both = { activeFrom: at(4 * minute), activeTo: at(3 * minute) };
    expect(pointersOf(patched(both, current))).toEqual(["/activeTo"]);
    expect(pointersOf(patched({ activeFrom: null }, old))).toEqual(["/activeFrom"]);
    expect(pointersOf(patched({ name: "other" }, old))).toEqual([]);
    const empty = { ...plain, activeFrom: now, activeTo: now };
    expect(pointersOf(patched({ unit: "x", activeTo: at(0) }, empty))).toEqual([]);
  });
});

describe("changing", () => {
  it("[MT26] an empty change is accepted, and only what is named changes", () => {
    expect(accepted(patched({}))).toEqual({});
    expect(accepted(patched({ unit: " MB ", description: "d" }))).toEqual({
      unit: "MB",
      description: "d",
    });
  });

  it("[MT28] aggregation cannot be updated", () => {
    for (const text of ['{"type":"sum"}', "null", "1"]) {
      expect(faultsOf(patch(withMember({ unit: "x" }, "aggregation", text)))).toEqual([
        "/aggregation: cannot be updated; create a new meter type to aggregate in another way",
      ]);
    }
  });

  it("[MT31] capacity stays as long as percentages need it", () => {
    const faults = (value: object) =>
      faultsOf(readMeterTypePatch(body(value), withPercentage, context));
    expect(faults({ capacity: null })).toEqual([
      '/capacity: cannot be removed while threshold "p" is a percentage of it; replace thresholds too',
    ]);
    expect(faults({ capacity: null, thresholds: [] })).toEqual([]);
    expect(faults({ capacity: null, thresholds: null })).toEqual([]);
    expect(faults({ capacity: 5 })).toEqual([]);
    const other = [{ name: "q", capacityPercentage: 1 }];
    expect(faults({ thresholds: other })).toEqual([]);
    expect(faults({ capacity: null, thresholds: other })).toHaveLength(1);
    expect(pointersOf(patched({ thresholds: other }))).toEqual([
      "/thresholds/0/capacityPercentage",
    ]);
    expect(pointersOf(patched({ thresholds: other, capacity: 0 }))).toEqual(["/capacity"]);
    expect(pointersOf(patched({ thresholds: other, capacity: 7 }))).toEqual([]);
  });
});
