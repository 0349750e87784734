// The content hash: equal for equal members and values, different for anything else (DD7).
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { contentHash } from "./content-hash.ts";
import { readFingerprintKey } from "./fingerprint.ts";
import { readJson, readJsonFast, writeJson } from "./json.ts";
import type { JsonObject } from "./json-value.ts";

const seed = 41;
const key = readFingerprintKey("000102030405060708090a0b0c0d0e0f");
const otherKey = readFingerprintKey("000102030405060708090a0b0c0d0e1f");

function hash(fields: JsonObject, under = key): string {
  const out = new Uint32Array(2);
  contentHash(under, fields, out);
  return out.join(".");
}

/** Hash of a JSON object's text; the same whichever reader read it. */
function of(text: string): string {
  const [kept, fast] = [readJson(text), readJsonFast(text)];
  if (!kept.ok || !fast.ok) throw new Error(`no JSON: ${text}`);
  const hashes = [hash(kept.value as JsonObject), hash(fast.value as JsonObject)];
  expect(hashes[0]).toBe(hashes[1]);
  return hashes[0] ?? "";
}

describe("equal content", () => {
  it("[DD7] whatever the order of members, at any depth, and the white space", () => {
    const first = of('{"a":1,"b":{"x":[1,{"p":1,"q":2}],"y":"z"},"c":null}');
    expect(of('{"c":null,"b":{"y":"z","x":[1,{"q":2,"p":1}]},"a":1}')).toBe(first);
    expect(of('{ "c" : null,\n"b":{"y":"\\u007a","x":[ 1 ,{"q":2,"p":1}]},"a":1}')).toBe(first);
  });

  it.each([
    ["1", "1.0", "1e0", "10E-1", "0.1e1", "100000000000000000000e-20", "1.0000000000000000000"],
    ["0", "-0", "0.0", "-0e5", "0e999999999"],
    ["1.5", "1.50", "15e-1", "0.15E+1"],
    ["1e21", "1000000000000000000000", "1.0e21", "1e+21"],
    ["1e-7", "0.0000001", "0.00000010"],
    ["9007199254740993", "9007199254740993.0", "9007199254740993e0"],
    ["123456789012345678.9", "1234567890123456789e-1"],
    ["1e400", "10e399", "1.0e+400"],
    ["-1e-400", "-0.1e-399"],
  ])("[DD7] %s however the number is spelled", (...spellings) => {
    const hashes = spellings.map((spelling) => of(`{"value":${spelling}}`));
    expect(new Set(hashes).size).toBe(1);
  });
});

const distinct = [
  "1",
  '"1"',
  "true",
  '"true"',
  "false",
  "null",
  '"null"',
  '""',
  '" "',
  "[]",
  "{}",
  "[1]",
  "[[1]]",
  "[[]]",
  "[1,2]",
  "[2,1]",
  "[1,[2]]",
  "[[1],2]",
  '{"1":1}',
  '{"a":1}',
  '{"b":1}',
  '{"a":{"a":1}}',
  '["a",1]',
  '"a"',
  '"b"',
  '"ab"',
  '"ba"',
  '"a\\u0001"',
  '"é"',
  '"e\u0301"',
  "0",
  "-1",
  "2",
  "0.1",
  "1e-7",
  "1e21",
  "9007199254740992",
  "9007199254740993",
  "9007199254740994",
  "0.10000000000000001",
  "1e400",
  "1e401",
  "-1e400",
  '"1e400"',
  "4294967297",
  "4294967296",
  '{"a":null}',
  '{"a":1,"b":1}',
  '{"a":[1],"b":[]}',
  '{"a":[],"b":[1]}',
];

describe("other content", () => {
  it("[DD7] types, values, names, absence, nesting and the order of items all tell", () => {
    const texts = [
      ...distinct.map((value) => `{"v":${value}}`),
      ...distinct.map((value) => `{"w":${value}}`),
      "{}",
    ];
    texts.push('{"v":1,"w":2}', '{"v":2,"w":1}', '{"v":"w"}', '{"w":"v"}');
    expect(new Set(texts.map(of)).size).toBe(texts.length);
  });

  it("[DD14] the key decides, also for names met under another key", () => {
    const fields = { name: "x", count: 1 };
    const first = hash(fields);
    expect(hash(fields, otherKey)).not.toBe(first);
    expect(hash(fields)).toBe(first);
    // Kept for ever: journals and snapshots hold content hashes.
    expect(first).toBe("3923965870.88849485");
  });

  it("[DD7] more names than are kept change nothing", () => {
    const before = hash({ value: 1 });
    const other = hash({ value: 1 }, otherKey);
    for (const under of [key, otherKey]) {
      for (let name = 0; name < 10_000; name += 1) hash({ [`n${name}`]: 1, value: 1 }, under);
    }
    expect(hash({ value: 1 }, otherKey)).toBe(other);
    expect(hash({ value: 1 })).toBe(before);
  });

  it("[DD7] a hundred thousand records that differ in one small thing all differ", () => {
    const hashes = new Set<string>();
    for (let at = 0; at < 50_000; at += 1) {
      hashes.add(hash({ userId: `u${at % 100}`, value: at, region: "eu" }));
      hashes.add(hash({ userId: `u${at}`, value: 7, region: "eu" }));
    }
    hashes.add("one of them was the same: u7, 7");
    expect(hashes.size).toBe(100_000);
  });
});

describe("random content", () => {
  const leaf = fc.oneof(
    fc.constantFrom<unknown>(null, true, false, "", "a", "1", 0, 1, -1, 1.5, 1e21, 1e-9),
    fc.string({ unit: "grapheme", maxLength: 4 }),
    fc.integer(),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
  );
  const { value } = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 3 },
      leaf,
      fc.array(tie("value"), { maxLength: 3 }),
      fc.dictionary(fc.constantFrom("a", "b", "c", "__proto__"), tie("value"), { maxKeys: 3 }),
    ),
  }));
  const record = fc.dictionary(fc.constantFrom("a", "b", "c", "id"), value, { maxKeys: 4 });

  it(`[DD7] hashes are equal exactly when sorted members are (seed ${seed})`, () => {
    const property = fc.property(record, record, (one, two) => {
      const [a, b] = [sorted(one), sorted(two)];
      expect(of(writeJson(a))).toBe(of(writeJson(reversed(one))));
      expect(of(writeJson(one)) === of(writeJson(two))).toBe(writeJson(a) === writeJson(b));
    });
    fc.assert(property, { seed, numRuns: 2_000 });
  });
});

function sorted(value: unknown): unknown {
  return reordered(value, (names) => names.sort());
}

function reversed(value: unknown): unknown {
  return reordered(value, (names) => names.sort().reverse());
}

function reordered(value: unknown, order: (names: string[]) => string[]): unknown {
  if (Array.isArray(value)) return value.map((item) => reordered(item, order));
  if (typeof value !== "object" || value === null) return value;
  const members = Object.entries(value);
  const names = order(members.map(([name]) => name));
  const byName = new Map(members);
  return Object.fromEntries(names.map((name) => [name, reordered(byName.get(name), order)]));
}
