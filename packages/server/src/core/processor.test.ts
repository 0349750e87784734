// Reading processors' settings: every member, each wrong kind, both sides of each limit, defaults.
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
import { writeJson } from "./json.ts";
import type { JsonValue } from "./json-value.ts";
import { defaultProcessorFields, readProcessor, readProcessorPatch } from "./processor.ts";

const rule = { ignoreCondition: true, matchCategory: "DEFAULT" };
const sample = { name: "Calls", guidingRules: [rule] };

const create = (value: JsonValue) => readProcessor(value);
const plain = defaultProcessorFields("");
const patch = (value: JsonValue) => readProcessorPatch(value, plain);
const created = (members: object) => create(body({ ...sample, ...members }));
const patched = (members: object) => patch(body(members));
const fieldsOf = (members: object) => accepted(created(members)).fields;

/** The exported node of the Botbot example, its params as they are. */
const exported = {
  flushType: "TIMEOUT",
  guidingRules: [
    {
      customName: "L1 API Requests",
      conditionRelation: "and",
      conditions: [{ customName: "", field: "apiCallsType", value: "L1" }],
      ignoreCondition: false,
      matchCategory: "L1_API_Requests",
      groupBy: [{ fields: ["region"] }, { fields: ["status"] }],
      otherOperations: [{ field: "caseNumber", operation: "carry-last" }],
    },
    {
      customName: "",
      ignoreCondition: true,
      conditionRelation: "and",
      conditions: [{ customName: "", field: "", value: "" }],
      matchCategory: "Printing",
      groupBy: [],
      otherOperations: [],
    },
  ],
  multiOutput: { fixed: { reset: { id: "6ae8" }, threshold: { id: "2c34" } } },
  suspenseManagement: { enabled: true },
};
const defaultSuspense = {
  enabled: true,
  abortOnDisabled: false,
  eventThreshold: 10_000,
  onThresholdExceeded: "ABORT",
  resetOnValidEvent: true,
};

describe("a new processor", () => {
  it("[MP25] the least body and a new account's processor have every default", () => {
    const { meterKey, fields } = accepted(created({}));
    expect(meterKey).toBeNull();
    expect(fields).toEqual(defaultProcessorFields("Calls"));
    expect(fields).toEqual({
      name: "Calls",
      guidingRules: [
        {
          customName: "",
          ignoreCondition: true,
          conditionRelation: "and",
          conditions: [],
          matchCategory: "DEFAULT",
          groupBy: [],
          otherOperations: [],
        },
      ],
      flushType: "TIMEOUT",
      suspenseManagement: defaultSuspense,
      deduplication: { field: "id", windowDays: 35 },
      settlingSeconds: 0,
      lateUsage: "current",
      createMeters: false,
      multiOutput: null,
    });
  });

  it("takes the params of an exported node as they are", () => {
    const fields = fieldsOf(exported);
    expect(fields).toMatchObject(exported);
    expect(fields.suspenseManagement).toEqual(defaultSuspense);
    expect(fields.guidingRules[0]?.conditions[0]?.type).toBe("string");
  });

  it("[MP1] all faults are told at once, at every level", () => {
    for (const text of ["null", "1", "[]", '"x"']) {
      expect(pointersOf(create(bodyOf(text)))).toEqual([""]);
      expect(pointersOf(patch(bodyOf(text)))).toEqual([""]);
    }
    expect(faultsOf(readProcessor({}))).toEqual([
      "/name: is required",
      "/guidingRules: is required",
    ]);
    const faulty = {
      guidingrules: [],
      flushType: "timeout",
      suspenseManagement: { enable: true, eventThreshold: -1 },
      deduplication: { window: 3, windowDays: 0 },
      guidingRules: [{ matchcategory: "x", groupBy: [{ field: ["a"] }] }],
    };
    expect(faultsOf(create(body(faulty)))).toEqual([
      "/guidingrules: is not a member of a meter processor; did you mean guidingRules?",
      "/name: is required",
      "/guidingRules/0/matchcategory: is not a member of a guiding rule; did you mean matchCategory?",
      "/guidingRules/0/matchCategory: is required",
      "/guidingRules/0/groupBy/0/field: is not a member of a groupBy entry; did you mean fields?",
      "/guidingRules/0/groupBy/0/fields: is required",
      "/guidingRules/0/conditions: must have 1 to 10 conditions; " +
        "set ignoreCondition to true for a rule that always holds",
      '/flushType: must be one of "TIMEOUT", "ALL_FILES"',
      "/suspenseManagement/enable: is not a member of suspenseManagement; did you mean enabled?",
      "/suspenseManagement/eventThreshold: must be a whole number from 0 to 1000000000",
      "/deduplication/window: is not a member of deduplication",
      "/deduplication/windowDays: must be a whole number from 1 to 400",
    ]);
  });

  const kinds: readonly [name: string, kind: Kind][] = [
    ["name", "string"],
    ["guidingRules", "array"],
    ["flushType", "string"],
    ["suspenseManagement", "object"],
    ["deduplication", "object"],
    ["createMeters", "boolean"],
    ["settlingSeconds", "number"],
    ["lateUsage", "string"],
    ["meterKey", "string"],
  ];

  it.each(kinds)("[MP12] %s refuses null and every kind of value but %s", (name, kind) => {
    for (const text of ["null", ...wrongKinds([kind])]) {
      const pointers = pointersOf(create(withMember(sample, name, text)));
      expect(pointers, `${name} = ${text}`).toEqual([`/${name}`]);
      expect(pointersOf(patch(withMember({}, name, text)))).toEqual([`/${name}`]);
    }
  });

  it("[MP2] a name is any text of 1 to 80 characters", () => {
    expect(fieldsOf({ name: ` ${"é".repeat(80)} ` }).name).toBe("é".repeat(80));
    expect(fieldsOf({ name: "A/B: 1 & 2?" }).name).toBe("A/B: 1 & 2?");
    for (const name of ["", " ", "x".repeat(81)]) {
      expect(faultsOf(created({ name }))).toEqual(["/name: must be 1 to 80 characters"]);
      expect(faultsOf(patched({ name }))).toEqual(["/name: must be 1 to 80 characters"]);
    }
  });

  it("[MP3] a meter key of its own has 1 to 36 letters, digits, - and _, and never changes", () => {
    for (const meterKey of ["a", "A-b_9", "k".repeat(36)]) {
      expect(accepted(created({ meterKey })).meterKey).toBe(meterKey);
    }
    for (const meterKey of ["", "a b", "é", "a/b", "k".repeat(37), "a.b"]) {
      expect(pointersOf(created({ meterKey }))).toEqual(["/meterKey"]);
    }
    expect(faultsOf(patched({ meterKey: "a" }))).toEqual([
      "/meterKey: cannot be changed; create another meter processor",
    ]);
  });

  it("[MP4] [MP7] [MP8] the other settings", () => {
    expect(fieldsOf({ flushType: "ALL_FILES" }).flushType).toBe("ALL_FILES");
    expect(fieldsOf({ createMeters: true }).createMeters).toBe(true);
    for (const text of ["null", "1.50", '"x"', "[]", '{"a":{"__proto__":[1e400]}}']) {
      const kept = accepted(create(withMember(sample, "multiOutput", text))).fields.multiOutput;
      expect(writeJson(kept)).toBe(text);
      expect(writeJson(accepted(patch(withMember({}, "multiOutput", text))).multiOutput)).toBe(
        text,
      );
    }
  });

  it("[MP5] [MP10] each setting of suspenseManagement is bounded", () => {
    const read = (text: string) => create(withMember(sample, "suspenseManagement", text));
    for (const [text, eventThreshold] of [
      ["0", 0],
      ["1000000000", 1e9],
      ["1e9", 1e9],
      ["35.0", 35],
      ["3.5e1", 35],
    ] as const) {
      const reading = read(`{"eventThreshold":${text},"onThresholdExceeded":"CONTINUE"}`);
      expect(accepted(reading).fields.suspenseManagement).toEqual({
        ...defaultSuspense,
        eventThreshold,
        onThresholdExceeded: "CONTINUE",
      });
    }
    for (const text of ["-1", "1000000001", "0.5", "1e-1", "1e400", '"5"', "null", "true"]) {
      const pointers = ["/suspenseManagement/eventThreshold"];
      expect(pointersOf(read(`{"eventThreshold":${text}}`))).toEqual(pointers);
    }
    for (const name of ["enabled", "abortOnDisabled", "resetOnValidEvent", "onThresholdExceeded"]) {
      for (const text of ["1", "null", '"true"', '"abort"', "{}"]) {
        expect(pointersOf(read(`{"${name}":${text}}`))).toEqual([`/suspenseManagement/${name}`]);
      }
    }
  });

  it("[MP6] [MP10] deduplication names a field and a window of 1 to 400 days", () => {
    const read = (text: string) => create(withMember(sample, "deduplication", text));
    const kept = (text: string) => accepted(read(text)).fields.deduplication;
    expect(kept("{}")).toEqual({ field: "id", windowDays: 35 });
    expect(kept('{"windowDays":1}')).toEqual({ field: "id", windowDays: 1 });
    expect(kept('{"windowDays":4.0e2,"field":" a.b "}')).toEqual({
      field: " a.b ",
      windowDays: 400,
    });
    for (const text of ["0", "401", "1.5", "-1", "1e99", "null", '"35"']) {
      expect(pointersOf(read(`{"windowDays":${text}}`))).toEqual(["/deduplication/windowDays"]);
    }
    for (const text of ['""', '" "', "null", "1", `"${"x".repeat(1_001)}"`]) {
      expect(pointersOf(read(`{"field":${text}}`))).toEqual(["/deduplication/field"]);
    }
  });

  it("[MP9] settlingSeconds is 0 to 604,800, lateUsage current or correct", () => {
    const now = { settlingSeconds: 0, lateUsage: "current" };
    expect(fieldsOf(now)).toEqual(defaultProcessorFields("Calls"));
    expect(accepted(patched(now))).toEqual(now);
    const later = { settlingSeconds: 604_800, lateUsage: "correct" };
    expect(fieldsOf(later)).toEqual({ ...defaultProcessorFields("Calls"), ...later });
    expect(accepted(patched(later))).toEqual(later);
    const lateUsages = ['/lateUsage: must be one of "current", "correct"'];
    expect(faultsOf(patched({ lateUsage: "x" }))).toEqual(lateUsages);
    for (const text of ["-1", "0.5", "1e400", "604801", "null"]) {
      expect(pointersOf(patch(withMember({}, "settlingSeconds", text)))).toHaveLength(1);
      expect(pointersOf(create(withMember(sample, "settlingSeconds", text)))).toHaveLength(1);
    }
  });

  it("[MP28] nothing settles with flushType ALL_FILES, whichever of the two comes last", () => {
    const both = { flushType: "ALL_FILES", settlingSeconds: 1 };
    const faults = ["/settlingSeconds: must be 0 with flushType ALL_FILES"];
    expect(faultsOf(created(both))).toEqual(faults);
    expect(faultsOf(patched(both))).toEqual(faults);
    const patchOf = (current: object, sent: object) =>
      readProcessorPatch(body(sent), { ...plain, ...current });
    expect(faultsOf(patchOf({ flushType: "ALL_FILES" }, { settlingSeconds: 1 }))).toEqual(faults);
    expect(faultsOf(patchOf({ settlingSeconds: 1 }, { flushType: "ALL_FILES" }))).toEqual(faults);
    const change = { settlingSeconds: 0, flushType: "ALL_FILES" };
    expect(accepted(patchOf({ settlingSeconds: 1 }, change))).toEqual(change);
  });

  it("[MP11] members of an answer and of the node around params are refused by name", () => {
    for (const name of ["id", "accountId", "createdAt", "updatedAt"]) {
      const fault = `/${name}: is set by the engine and cannot be sent`;
      expect(faultsOf(created({ [name]: "x" }))).toEqual([fault]);
      expect(faultsOf(patched({ [name]: "x" }))).toEqual([fault]);
    }
    const node = { type: "transforms/meter", schemaVersion: 2, params: exported };
    const reason = "belongs to the exported node; send name and the members of its params";
    expect(faultsOf(created(node))).toEqual(
      ["type", "schemaVersion", "params"].map((name) => `/${name}: ${reason}`),
    );
  });
});

describe("a change of a processor", () => {
  it("[MP23] names what changes; nested settings that are not sent stay", () => {
    expect(accepted(patched({}))).toEqual({});
    expect(accepted(patched({ name: " other " }))).toEqual({ name: "other" });
    const change = { suspenseManagement: { enabled: false }, deduplication: { windowDays: 9 } };
    expect(accepted(patched(change))).toEqual(change);
    expect(accepted(patched({ suspenseManagement: {} }))).toEqual({ suspenseManagement: {} });
    const rules = accepted(patched({ guidingRules: exported.guidingRules })).guidingRules;
    expect(rules).toHaveLength(2);
  });

  it("[MP24] what was accepted is accepted again and changes nothing", () => {
    const { fields } = accepted(created(exported));
    expect(accepted(readProcessorPatch(body(fields), fields))).toEqual(fields);
  });
});
