// The forms of a usage request, their faults and bounds (docs/spec/usage-bodies.md).
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { writeJson } from "./json.ts";
import { ExactNumber, type JsonObject } from "./json-value.ts";
import { recordMembersMax, recordStringCharactersMax, recordsPerRequestMax } from "./limits.ts";
import { type RawRecord, type RawRecords, readUsageBody, type UsageForm } from "./usage-body.ts";

const seed = 5;

function read(form: UsageForm, text: string, invalidLines: readonly number[] = []): RawRecords {
  const result = readUsageBody({ form, text, invalidLines });
  if (!result.ok) throw new Error(`${result.error.code}: ${result.error.detail}`);
  return result.value;
}

function recordsOf(raw: RawRecords): readonly RawRecord[] {
  return Array.from({ length: raw.length }, (_, index) => raw.record(index));
}

/** Members of each record, or its fault. */
function members(form: UsageForm, text: string): readonly unknown[] {
  return recordsOf(read(form, text)).map((record) => record.fields ?? record.fault);
}

function problem(form: UsageForm, text: string): { code: string; detail: string } {
  const result = readUsageBody({ form, text, invalidLines: [] });
  if (result.ok) throw new Error("the body was read");
  expect(result.error.kind).toBe("invalid-request");
  return result.error;
}

function objectOf(count: number): JsonObject {
  return Object.fromEntries(Array.from({ length: count }, (_, at) => [`m${at}`, at]));
}

const event = {
  specversion: "1.0",
  id: "e1",
  source: "/s",
  type: "t",
  data: { userId: "u", value: 1 },
};

describe("JSON", () => {
  it("[UB8] one object is one record, an array has one an element", () => {
    expect(members("json", '{"value":1}')).toEqual([{ value: 1 }]);
    expect(members("json", ' [ {"value":1} , {"value":2.50} ] ')).toEqual([
      { value: 1 },
      { value: 2.5 },
    ]);
    expect(members("json", "[]")).toEqual([]);
    expect(members("json", '{"value":1e3}')).toEqual([{ value: new ExactNumber("1e3") }]);
  });

  it.each(["1", '"a"', "null", "true"])("[UB8] the JSON value %s is refused", (text) => {
    expect(problem("json", text)).toMatchObject({ code: "invalid-request" });
  });

  it("[UB10] what cannot be read is refused whole, with the byte", () => {
    expect(problem("json", '[{"value":1},{"value":01}]').detail).toContain("at byte 22");
    expect(problem("json", '[{"ü€😀":1},{"a":1,"a":2}]')).toMatchObject({
      code: "malformed-json",
      errors: [{ pointer: "", detail: expect.stringContaining("at byte 24, a member's name") }],
    });
    for (const form of ["json", "cloudevent", "cloudevents"] as const) {
      expect(problem(form, '[{"a":NaN}]').code).toBe("malformed-json");
      expect(problem(form, "\ufeff[]").detail).toContain("at byte 0, a byte order mark");
    }
  });

  it.each(["json", "ndjson", "cloudevent", "cloudevents"] as const)(
    "[UB11] an empty body is refused as %s",
    (form) => {
      for (const text of ["", " ", "\r\n\t\n"]) expect(problem(form, text).code).toBe("empty-body");
    },
  );

  it("[UB12] takes 10,000 records and refuses one more", () => {
    const full = Array.from({ length: recordsPerRequestMax }, () => "{}");
    expect(members("json", `[${full.join(",")}]`)).toHaveLength(recordsPerRequestMax);
    expect(members("ndjson", `${full.join("\n\n")}\n`)).toHaveLength(recordsPerRequestMax);
    expect(problem("json", `[${full.join(",")},{}]`).code).toBe("too-many-records");
    expect(problem("ndjson", `${full.join("\n")}\nx`).code).toBe("too-many-records");
    expect(problem("cloudevents", `[${full.join(",")},{}]`).code).toBe("too-many-records");
  });
});

describe("bounds of a record", () => {
  const longest = "😀".repeat(recordStringCharactersMax);
  const allLongest = Object.fromEntries(
    Array.from({ length: recordMembersMax }, (_, at) => [`${at % 10}`.repeat(900) + at, longest]),
  );

  it.each([
    ["64 members", objectOf(recordMembersMax)],
    ["a string of 1,000 characters", { a: longest }],
    ["a name of 1,000 characters", { [longest]: 1 }],
    ["many members further in", { a: objectOf(500) }],
    ["64 of the longest strings", allLongest],
    ["400 nines", { a: new ExactNumber("9".repeat(400)) }],
  ])("[UB13] %s are taken", (_, fields) => {
    expect(members("json", writeJson(fields))).toEqual([fields]);
  });

  it.each([
    ["65 members", writeJson(objectOf(recordMembersMax + 1)), "64 members"],
    ["a long string", writeJson({ a: `${longest}x` }), "1000 characters"],
    ["a long ASCII string", writeJson({ a: "x".repeat(1_001) }), "1000 characters"],
    ["a very long string", writeJson({ a: "x".repeat(500_000) }), "1000 characters"],
    ["a long string inside", writeJson({ a: [{ b: [`${longest}x`] }] }), "1000 characters"],
    ["a long name", writeJson({ a: { [`${longest}x`]: 1 } }), "1000 characters"],
    ["a long number", `{"a":[1${"0".repeat(1_000)}]}`, "1000 characters"],
    ["much in an array", `{"a":[${"1,".repeat(327_680)}1]}`, "327680 characters"],
    ["many texts", writeJson({ a: Array(400).fill("x".repeat(1_000)) }), "327680 characters"],
    ["a number", "7", "must be a JSON object"],
    ["an array", "[]", "must be a JSON object"],
    ["null", "null", "must be a JSON object"],
    ["a string", '"a"', "must be a JSON object"],
    ["an exact number", "1e5", "must be a JSON object"],
  ])("[UB13] %s is a faulty record, and the others are read", (_, faulty, fault) => {
    const [first, second, third] = recordsOf(read("json", `[{"a":1},${faulty},{"b":2}]`));
    expect([first?.fields, third?.fields]).toEqual([{ a: 1 }, { b: 2 }]);
    expect(second).toMatchObject({ fields: null, fault: expect.stringContaining(fault) });
  });

  it("[UB5] [UB13] names of Object.prototype are members", () => {
    const text = '{"__proto__":{"userId":"x"},"constructor":1}';
    const fields = read("json", text).record(0).fields;
    expect(writeJson(fields)).toBe(text);
    expect(fields?.userId).toBeUndefined();
  });
});

describe("NDJSON", () => {
  it("[UB9] reads each line by itself", () => {
    const text = '{"a":1}\r\n\n  \t\r\n{"a":01}\n[{"a":2}]\n{"a":"\\ud800"}\n{"a":3},\n {"a":4} ';
    expect(members("ndjson", text)).toEqual([
      { a: 1 },
      "The line is not JSON: at byte 5, a number with a leading zero.",
      "A usage record must be a JSON object.",
      "The line is not JSON: at byte 5, a string with a lone surrogate.",
      "The line is not JSON: at byte 7, more text after the end of the JSON value.",
      { a: 4 },
    ]);
    expect(members("ndjson", "\ufeff{}")).toEqual([expect.stringContaining("byte order mark")]);
    expect(members("ndjson", '{"a":[1\n2]}')).toHaveLength(2);
  });

  it("[UB9] [UB17] a line that is no UTF-8 is a faulty record, kept byte for byte", () => {
    const bytes = '{"a":"\u00ff\u0080"}';
    const records = read("ndjson", `\n{"a":1}\n${bytes}\n{"a":"ÿ"}\n`, [2]);
    expect(recordsOf(records).map((each) => each.fields ?? each.fault)).toEqual([
      { a: 1 },
      "The line is not valid UTF-8.",
      { a: "ÿ" },
    ]);
    expect(records.original(1)).toEqual({ text: bytes, isBytes: true });
    expect(records.original(2)).toEqual({ text: '{"a":"ÿ"}', isBytes: false });
  });
});

describe("CloudEvents", () => {
  it("[UB14] [UB16] the record is data; id and attributes stand beside it", () => {
    const text = writeJson({ ...event, subject: "s", region: "eu" });
    const expected = {
      fields: { userId: "u", value: 1 },
      fault: null,
      fallbackId: "/s e1",
      attributes: {
        specversion: "1.0",
        id: "e1",
        source: "/s",
        type: "t",
        subject: "s",
        region: "eu",
      },
    };
    expect(recordsOf(read("cloudevent", text))).toEqual([expected]);
    expect(recordsOf(read("cloudevents", `[${text},${text}]`))).toEqual([expected, expected]);
    expect(recordsOf(read("cloudevents", "[]"))).toEqual([]);
  });

  it.each([undefined, null, ""])("[UB15] subject and time stand for %j", (absent) => {
    const data = { value: 1, userId: absent, timestamp: absent };
    const full = { ...event, subject: "s", time: "2026-03-01T00:00:00Z", data };
    const fields = { value: 1, userId: "s", timestamp: "2026-03-01T00:00:00Z" };
    expect(members("cloudevent", writeJson(full))).toEqual([fields]);
  });

  it("[UB15] stand for nothing that data has, and are nothing when empty or no string", () => {
    const data = { userId: 0, timestamp: false };
    const full = { ...event, subject: "s", time: "t", data };
    expect(members("cloudevent", writeJson(full))).toEqual([data]);
    const none = { ...event, subject: "", time: 5, data: { userId: null } };
    expect(members("cloudevent", writeJson(none))).toEqual([{ userId: null }]);
  });

  it.each([
    ["specversion", "0.3"],
    ["specversion", 1],
    ["id", ""],
    ["id", 7],
    ["source", undefined],
    ["type", ""],
    ["type", null],
    ["data", undefined],
    ["data", null],
    ["data", "{}"],
    ["data", []],
    ["data", new ExactNumber("1e5")],
    ["data", objectOf(recordMembersMax + 1)],
  ])("[UB14] an event whose %s is %j is a faulty record", (name, value) => {
    const broken = writeJson({ ...event, [name]: value });
    const [fault, good] = members("cloudevents", `[${broken},${writeJson(event)}]`);
    expect(fault).toContain(name);
    expect(good).toEqual(event.data);
    expect(members("cloudevent", broken)).toEqual([fault]);
  });

  it("[UB8] [UB14] a batch must be an array, a single event an object", () => {
    expect(problem("cloudevents", writeJson(event)).code).toBe("invalid-request");
    expect(problem("cloudevent", `[${writeJson(event)}]`).code).toBe("invalid-request");
    expect(members("cloudevents", "[1]")).toEqual(["A CloudEvent must be a JSON object."]);
  });
});

describe("originals", () => {
  it("[UB17] are the pieces as sent", () => {
    const pieces = [
      '{"a" : "],[{\\"" , "b":[1,{"c":[]}]}',
      "1.50",
      '"\\\\"',
      "[ ]",
      "null",
      '{"é":"😀"}',
    ];
    const records = read("json", ` [ ${pieces.join(" ,\n")}\t] `);
    expect(pieces.map((_, at) => records.original(at).text)).toEqual(pieces);
    expect(read("json", ' {"a": 1}\n').original(0)).toEqual({ text: '{"a": 1}', isBytes: false });
    expect(read("ndjson", '\n{"a":1} \r\n\n  x').original(1).text).toBe("x");
    expect(read("cloudevents", `[1, ${writeJson(event)}]`).original(1).text).toBe(writeJson(event));
  });

  it(`[UB17] [UB18] read again by themselves they give the same record (seed ${seed})`, () => {
    const element = fc.oneof(
      fc.jsonValue({ maxDepth: 3 }),
      fc.dictionary(fc.string(), fc.jsonValue()),
    );
    const property = fc.property(
      fc.array(element, { maxLength: 8 }),
      fc.nat(3),
      (elements, indent) => {
        const text = JSON.stringify(elements, null, indent);
        fc.pre(!text.includes("\\u0000") && !/\\ud[89a-f]/.test(text));
        const records = read("json", text);
        expect(recordsOf(records)).toEqual(recordsOf(read("json", text)));
        expect(recordsOf(records)).toHaveLength(elements.length);
        for (const [at, record] of recordsOf(records).entries()) {
          const original = records.original(at).text;
          expect(JSON.parse(original)).toEqual(elements[at]);
          expect(recordsOf(read("json", `[${original}]`))).toEqual([record]);
        }
      },
    );
    fc.assert(property, { seed, numRuns: 500 });
  });
});
