// Reading by columns against reading into objects: whatever the body, both must come to the same
// records, with the same hashes and verdicts. Bodies are made of pieces that stand near the border
// of what is plain.
import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { contentHash, textHash } from "../../src/core/content-hash.ts";
import { fingerprint, readFingerprintKey } from "../../src/core/fingerprint.ts";
import { type JsonObject, memberOfRead } from "../../src/core/json-value.ts";
import { ScanColumns, timestampColumn, userIdColumn } from "../../src/core/scan-plan.ts";
import type { ScannedRecords } from "../../src/core/scanned-records.ts";
import { readUsageBody, type UsageBody } from "../../src/core/usage-body.ts";
import { sentBody } from "../support/sent-body.ts";

const seed = 20_262;
const key = readFingerprintKey("00112233445566778899aabbccddeeff");
const ruleFields = ["region", "a.b", "constructor", "", "__proto__"];
const columns = new ScanColumns();
const ruleColumns = new Map(ruleFields.map((name) => [name, columns.of(name)]));
const context = { plan: columns.plan("id"), key };

const goodTexts = fc.constantFrom(
  ...['""', '"x"', '"user-1@example.com"', '"ä"', '"\\n"', '"\\ud83d\\ude00"', '"\u{1f600}"'],
  ...['"a very long text that is longer than thirteen units"', `"${"y".repeat(321)}"`],
);
const badTexts = fc.constantFrom('"\\ud800"', '"\\u0000"', '"\t"', '"', '"\\x"');
const goodNumbers = fc.oneof(
  fc.constantFrom("0", "-0", "1.50", "-1.5", "1e5", "1E-7", "0.1", "123456789012345"),
  fc.constantFrom("1234567890123456", "0.000000000000001", "12345678.12345678"),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
  fc.integer().map(String),
);
const badNumbers = fc.constantFrom("00", "1.", ".5", "-", "+1", "1e", "0x1");
const otherValues = fc.constantFrom(
  "true",
  "false",
  "null",
  '{"b":1}',
  "[1,2]",
  "[[[[[[[[[]]]]]]]]]",
);
const goodValues = fc.oneof(goodTexts, goodNumbers, otherValues);
const badValues = fc.oneof(badTexts, badNumbers, fc.constantFrom("nul", "", "{", "]"));
const names = fc.constantFrom("userId", "value", "timestamp", "id", "note", "é", ...ruleFields);
const space = fc.constantFrom("", "", "", " ", "\n\t\r ");

function membersOf(value: fc.Arbitrary<string>, count: fc.ArrayConstraints): fc.Arbitrary<string> {
  const member = fc
    .tuple(space, names, space, value)
    .map(
      ([before, name, between, text]) => `${before}"${name}"${between}:${between}${text}${before}`,
    );
  return fc.array(member, count).map((members) => `{${members.join(",")}}`);
}

const usual = fc
  .tuple(fc.nat(3), goodNumbers, fc.nat(9), goodTexts)
  .map(
    ([user, value, id, region]) =>
      `{"id":"r-${id}","userId":"u-${user}","value":${value},"region":${region}}`,
  );
const record = fc.oneof(
  { weight: 20, arbitrary: usual },
  { weight: 4, arbitrary: membersOf(goodValues, { maxLength: 4 }) },
  { weight: 1, arbitrary: membersOf(fc.oneof(goodValues, badValues), { maxLength: 6 }) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      "{}",
      "[]",
      "1",
      '"{"',
      "{",
      '{"a":1',
      '{"a":1}}',
      '{"a" 1}',
      '{"a":1,}',
    ),
  },
);
const bodies = fc.oneof(
  {
    weight: 8,
    arbitrary: fc
      .tuple(space, fc.array(record, { maxLength: 5 }))
      .map(([between, all]) => `${between}[${all.join(`${between},`)}${between}]`),
  },
  { weight: 1, arbitrary: record },
  { weight: 1, arbitrary: fc.tuple(record, space, record).map((parts) => parts.join("")) },
);

/** What is known of each record, however it was read; or the problem. */
function told(body: UsageBody, scan: typeof context | null): unknown {
  const read = readUsageBody(body, "all", scan);
  if (!read.ok) return read.error;
  const raw = read.value;
  return Array.from({ length: raw.length }, (_, index) => ({
    record: raw.record(index),
    original: raw.original(index),
  }));
}

function columnsOf(text: string): ScannedRecords | null {
  const read = readUsageBody(sentBody(text), "all", context);
  return read.ok ? read.value.scanned : null;
}

describe("a usage body read by columns", () => {
  it("[UB7] holds what reading it into objects makes, or has the same fault", () => {
    const property = fc.property(bodies, (text) => {
      fc.pre(text.isWellFormed());
      expect(isDeepStrictEqual(told(sentBody(text), context), told(sentBody(text), null))).toBe(
        true,
      );
    });
    fc.assert(property, { seed, numRuns: 4_000 });
  });

  it("[UB7] [UB9] holds what reading lines makes", () => {
    const line = fc.tuple(space, record, space).map((parts) => parts.join(""));
    const lines = fc
      .array(fc.oneof({ weight: 6, arbitrary: line }, fc.constantFrom("", " \r", "\ufeff{}")))
      .chain((all) => fc.constantFrom("\n", "\r\n").map((feed) => all.join(feed)));
    const property = fc.property(lines, (text) => {
      fc.pre(text.isWellFormed());
      const body = sentBody(text, "ndjson");
      expect(isDeepStrictEqual(told(body, context), told(body, null))).toBe(true);
    });
    fc.assert(property, { seed, numRuns: 4_000 });
  });

  it("[UB7] holds every record of long bodies, whatever was read before them", () => {
    for (const [count, fields] of [
      [70, 36],
      [1_000, 0],
      [300, 20],
      [10_000, 1],
    ] as const) {
      const wide = new ScanColumns();
      for (let at = 0; at < fields; at += 1) wide.of(`field-${at}`);
      const records = Array.from({ length: count }, (_, at) => ({
        userId: `user-${at}`,
        value: at + 0.5,
        "field-0": `f-${at}`,
      }));
      const scan = { plan: wide.plan("id"), key };
      const body = sentBody(JSON.stringify(records));
      expect(isDeepStrictEqual(told(body, scan), told(body, null))).toBe(true);
      const read = readUsageBody(body, "all", scan);
      const scanned = read.ok ? read.value.scanned : null;
      expect(scanned?.length).toBe(count);
      expect(scanned?.isPlain(count - 1)).toBe(true);
      expect(scanned?.value(count - 1)).toBe(count - 0.5);
    }
  });

  it("[UB7] [DD3] has the members and hashes of the records themselves", () => {
    let plain = 0;
    const property = fc.property(bodies, (text) => {
      fc.pre(text.isWellFormed());
      const scanned = columnsOf(text);
      for (let index = 0; index < (scanned?.length ?? 0); index += 1) {
        if (scanned?.isPlain(index) !== true) continue;
        plain += 1;
        sameAs(scanned, index, scanned.fields(index));
      }
    });
    fc.assert(property, { seed, numRuns: 4_000 });
    expect(plain).toBeGreaterThan(1_000);
  });

  it("[UB7] is plain for what clients mostly send, and for no more members than have a bit", () => {
    const usage = {
      id: "r",
      userId: "u",
      value: 1.25,
      region: "eu",
      on: true,
      off: false,
      no: null,
    };
    expect(columnsOf(JSON.stringify([usage, usage], null, 2))?.isPlain(1)).toBe(true);
    expect(columnsOf(JSON.stringify(usage))?.isPlain(0)).toBe(true);
    const many = Object.fromEntries(Array.from({ length: 30 }, (_, at) => [`m${at}`, at]));
    expect(columnsOf(JSON.stringify({ userId: "u", value: 1, ...many }))?.isPlain(0)).toBe(false);
  });

  it("[UB7] gives up where a processor looks at very many fields", () => {
    const wide = new ScanColumns();
    for (let at = 0; at < 40; at += 1) wide.of(`field-${at}`);
    const body = sentBody('{"userId":"u","value":1}');
    const read = readUsageBody(body, "all", { plan: wide.plan("id"), key });
    expect(read.ok && read.value.scanned).toBeNull();
  });
});

function sameAs(scanned: ScannedRecords, index: number, fields: JsonObject): void {
  const userId = memberOfRead(fields, "userId");
  const id = memberOfRead(fields, "id") ?? null;
  expect(scanned.ownText(index, userIdColumn)).toBe(userId);
  expect(scanned.value(index)).toBe(memberOfRead(fields, "value"));
  expect(scanned.member(index, timestampColumn)).toBe(memberOfRead(fields, "timestamp"));
  for (const [name, column] of ruleColumns) {
    expect(scanned.member(index, column)).toBe(memberOfRead(fields, name));
  }
  expect(scanned.userHash(index)).toBe(textHash(key, String(userId)) | 0);
  if (id === null || id === "") return;
  const [expected, found] = [new Uint32Array(6), new Uint32Array(6)];
  fingerprint(key, String(userId), String(id), expected);
  contentHash(key, fields, expected.subarray(4));
  found.set(scanned.words.subarray(scanned.idWordsAt(index)).subarray(0, 6));
  expect(found).toEqual(expected);
}
