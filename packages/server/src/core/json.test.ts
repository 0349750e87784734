// The strict reader against RFC 8259 and JSON.parse, and the fast one against the strict one.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readJson, readJsonFast, writeJson } from "./json.ts";
import { readJsonStrictly } from "./json-reader.ts";
import { ExactNumber, type JsonObject, type JsonValue, member } from "./json-value.ts";
import { jsonDepthMax } from "./limits.ts";

const seed = 20261122;

function value(text: string): JsonValue {
  const read = readJson(text);
  if (!read.ok) throw new Error(`${read.error.offset}: ${read.error.detail}`);
  return read.value;
}

/** Offset of the fault, which both readers must find at the same place. */
function faultAt(text: string): number | null {
  const read = readJson(text);
  expect(readJsonFast(text).ok).toBe(read.ok);
  return read.ok ? null : read.error.offset;
}

/** Equal in values, classes of numbers and the order of members. */
function expectSame(actual: unknown, expected: unknown): void {
  expect(actual).toEqual(expected);
  expect(writeJson(actual)).toBe(writeJson(expected));
}

function nested(depth: number, open = "[", close = "]"): string {
  return open.repeat(depth) + close.repeat(depth);
}

describe("what is JSON", () => {
  it("[UB1] reads every kind of value, with white space anywhere", () => {
    expect(value(' \n{ "a" : [ 1 , -2.5 , true , false , null ] ,\t"b":{},"c":[]}\r\n')).toEqual({
      a: [1, -2.5, true, false, null],
      b: {},
      c: [],
    });
    expect(value('"\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\ud83d\\ude00"')).toBe('"\\/\b\f\n\r\té😀');
  });

  it.each([
    ["", 0],
    ["  ", 2],
    ["01", 0],
    ["-01", 0],
    ["+1", 0],
    [".5", 0],
    ["1.", 2],
    ["1.e5", 2],
    ["1e", 2],
    ["1e+", 3],
    ["-", 1],
    ["0x10", 1],
    ["1_000", 1],
    ["NaN", 0],
    ["Infinity", 0],
    ["-Infinity", 1],
    ["nul", 0],
    ["nullx", 4],
    ["True", 0],
    ["'a'", 0],
    ["[1,]", 3],
    ["[1 2]", 3],
    ["[", 1],
    ["[1", 2],
    ["]", 0],
    ["{", 1],
    ['{"a"}', 4],
    ['{"a":}', 5],
    ['{"a":1,}', 7],
    ['{"a":1 "b":2}', 7],
    ["{a:1}", 1],
    ["{1:1}", 1],
    ['{"a":1}}', 7],
    ["[1}", 2],
    ["1 2", 2],
    ["/**/1", 0],
    ['"a', 0],
    ['"\\x"', 1],
    ['"\\u12g4"', 1],
    ['"\\', 1],
    ['"a\\"', 0],
    ["\u00a01", 0],
    ['"a\nb"', 2],
    ["[١]", 1],
  ])("[UB1] refuses %j at %i", (text, offset) => {
    expect(faultAt(text)).toBe(offset);
  });

  it("[UB2] refuses a name twice in one object, escaped or not", () => {
    expect(faultAt('{"value":1,"value":2}')).toBe(11);
    expect(faultAt('{"value":1,"valu\\u0065":2}')).toBe(11);
    expect(faultAt('[{"a":{"b":1,"c":{},"b":1}}]')).toBe(20);
    expect(faultAt('{"__proto__":1,"__proto__":2}')).toBe(15);
    expect(faultAt('{"":1,"":2}')).toBe(6);
    expect(faultAt('{"1":1,"1":2}')).toBe(7);
    expect(faultAt('{"a":{"a":1},"b":[{"a":1},{"a":1}]}')).toBeNull();
  });

  it("[UB3] reads 32 levels and refuses 33, and millions without harm", () => {
    expect(faultAt(nested(jsonDepthMax))).toBeNull();
    expect(faultAt(nested(jsonDepthMax + 1))).toBe(jsonDepthMax);
    expect(faultAt(nested(jsonDepthMax - 1, '{"a":', "}").replace("}", "[]}"))).toBeNull();
    expect(faultAt(nested(jsonDepthMax, '{"a":', "}").replace("}", "[]}"))).toBe(jsonDepthMax * 5);
    expect(faultAt(nested(2_000_000))).toBe(jsonDepthMax);
    expect(faultAt(`[${nested(20)},${nested(20)}]`)).toBeNull();
  });

  it("[UB4] refuses lone surrogates, NUL, control characters and a byte order mark", () => {
    expect(faultAt('"\ud800"')).toBe(1);
    expect(faultAt('["😀","a\udc00"]')).toBe(8);
    expect(faultAt('["a","\\ud800"]')).toBe(5);
    expect(faultAt('"\\ude00\\ud83d"')).toBe(0);
    expect(faultAt('"a\u0000"')).toBe(2);
    expect(faultAt('"a\\u0000"')).toBe(2);
    expect(faultAt('{"\\u0000":1}')).toBe(2);
    expect(faultAt('"\u001f"')).toBe(1);
    expect(faultAt("\ufeff[]")).toBe(0);
    expect(value('"\\u0001\u007f\ufeff\uffff"')).toBe("\u0001\u007f\ufeff\uffff");
  });

  it("[UB5] takes names of Object.prototype as ordinary members", () => {
    const text = '{"__proto__":{"polluted":1},"constructor":2,"toString":3,"hasOwnProperty":4}';
    for (const read of [readJson, readJsonFast]) {
      const result = read(text);
      const object = (result.ok ? result.value : null) as JsonObject;
      expect(Object.keys(object)).toEqual([
        "__proto__",
        "constructor",
        "toString",
        "hasOwnProperty",
      ]);
      expect(Object.getPrototypeOf(object)).toBe(Object.prototype);
      expect(member(object, "__proto__")).toEqual({ polluted: 1 });
      expect(writeJson(object)).toBe(text);
    }
    expect(Object.hasOwn(Object.prototype, "polluted")).toBe(false);
  });
});

describe("numbers", () => {
  it.each(["0", "-1", "1.5", "9007199254740992", "0.1", "1e+21", "123456789012345680000"])(
    "[UB6] %s is a plain number",
    (text) => expect(value(text)).toBe(JSON.parse(text)),
  );

  it.each([
    "9007199254740993",
    "1.50",
    "1e3",
    "1E+2",
    "-0",
    "1e400",
    "1e-400",
    "9".repeat(400),
    "0.1000000000000000055511151231257827",
    "99999999999999999999.000000000000000001",
  ])("[UB6] %.40s keeps its digits, in and out", (text) => {
    expect(value(text)).toEqual(new ExactNumber(text));
    expect(writeJson({ a: value(text) })).toBe(`{"a":${text}}`);
  });

  it("[UB7] the short cut respells only where no digit can be lost", () => {
    const text = "[1.50,-0,0.00000010,123456789012345,1.00000000000000001,1e2,9007199254740993]";
    const read = readJsonFast(text);
    expect(read).toEqual(readJsonStrictly(text, "free"));
    expect(writeJson(read.ok && read.value)).toBe(
      "[1.5,0,1e-7,123456789012345,1.00000000000000001,1e2,9007199254740993]",
    );
    expect(readJsonFast("[1.50,0.10]")).toEqual({ ok: true, value: [1.5, 0.1] });
    expect(readJsonFast('[1.50,"\\n"]')).toEqual({ ok: true, value: [1.5, "\n"] });
  });

  it("a bigint never leaves as JSON", () => {
    expect(() => writeJson({ a: 1n })).toThrow(TypeError);
  });
});

const names = fc.oneof(
  fc.constantFrom("a", "b", "id", "", "__proto__", "constructor", "toString", "1", "0", "é", "\n"),
  fc.string({ unit: "binary", maxLength: 6 }),
);
const numbers = fc.oneof(
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.constantFrom(0.1, 1e21, 1e-7, 2 ** 53, 5e-324),
);
const { document } = fc.letrec<{ document: unknown }>((tie) => ({
  document: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.constantFrom(null, true, false),
    numbers,
    fc.string({ unit: "grapheme", maxLength: 12 }),
    fc.array(tie("document"), { maxLength: 4 }),
    fc
      .array(fc.tuple(names, tie("document")), { maxLength: 5 })
      .map((members) => Object.fromEntries(members)),
  ),
}));
const documents = document
  .filter((each) => !JSON.stringify(each).includes("\\u0000"))
  .map((each) => JSON.stringify(each));
const literals = fc.constantFrom(
  "1.50",
  "-0",
  "1e2",
  "0.1000000000000001",
  "12345678901234567",
  "1E400",
  "0.10",
  "-12.00",
);
/** Texts that are nearly JSON: pieces cut out, doubled, or strewn in. */
const mutated = fc
  .tuple(documents, fc.nat(), fc.nat(6), fc.oneof(literals, fc.constantFrom(...'[]{}:,"\\ 0e.-')))
  .map(([text, at, cut, piece]) => {
    const index = at % (text.length + 1);
    return text.slice(0, index) + piece + text.slice(index + cut);
  });

describe("the two readers", () => {
  it(`[UB1] [UB6] the strict one reads what JSON.parse reads (seed ${seed})`, () => {
    const property = fc.property(documents, (text) => {
      expect(readJsonStrictly(text, "free")).toEqual({ ok: true, value: JSON.parse(text) });
      expect(writeJson(value(text))).toBe(text);
    });
    fc.assert(property, { seed, numRuns: 1_500 });
  });

  it(`[UB7] the short cut answers as the strict one, on every text (seed ${seed})`, () => {
    let refused = 0;
    const property = fc.property(fc.oneof(documents, mutated, mutated, mutated), (text) => {
      const strict = readJsonStrictly(text, "free");
      if (!strict.ok) refused += 1;
      expectSame(readJsonFast(text), strict);
      expect(readJson(text).ok).toBe(strict.ok);
      if (strict.ok) expect(() => JSON.parse(text)).not.toThrow();
    });
    fc.assert(property, { seed, numRuns: 6_000 });
    expect(refused).toBeGreaterThan(1_000);
  });

  it(`[UB1] [UB4] takes from random texts only what JSON.parse takes (seed ${seed})`, () => {
    const unit = fc.constantFrom(
      ...'[]{}:,"\\u0019aeE+-. \t\n',
      "true",
      "null",
      "\ud800",
      "\u0000",
    );
    const property = fc.property(fc.array(unit, { maxLength: 12 }), (units) => {
      const text = units.join("");
      const read = readJsonFast(text);
      expectSame(read, readJsonStrictly(text, "free"));
      if (read.ok) expect(() => JSON.parse(text)).not.toThrow();
      else expect(read.error.offset).toBeLessThanOrEqual(text.length);
    });
    fc.assert(property, { seed, numRuns: 6_000 });
  });
});
