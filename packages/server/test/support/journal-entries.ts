// Entries for tests of the journal: small numbered ones that can be told apart, and random ones of
// every kind with what hostile callers put into them.
import fc from "fast-check";
import type { Entry, EntryBody } from "../../src/core/entry.ts";
import { ExactNumber } from "../../src/core/json-value.ts";
import { usageForms } from "../../src/core/usage-body.ts";
import { sentBody } from "./sent-body.ts";

/** One usage entry whose text says its sequence; `bytes` is about its size. */
export function usageEntry(seq: number, bytes = 40): Entry {
  const text = `{"n":${seq},"pad":"${"x".repeat(Math.max(0, bytes - 20))}"}`;
  const body = sentBody(text);
  return { seq, time: 1_000 + seq, body: { kind: "usage", accountId: "a", meterKey: "k", body } };
}

export function usageEntries(from: number, to: number, bytes?: number): Entry[] {
  return Array.from({ length: to - from + 1 }, (_, index) => usageEntry(from + index, bytes));
}

const hostileTexts = [
  "",
  "$",
  "$d1",
  "$sx",
  "$z",
  '"$d5',
  "\u0000",
  "\ufeffmark",
  "\ud800",
  "a\udc00b",
  "\u{1f600}",
  "\udcdc\udcdc\udcdc",
  "__proto__",
];
const hostileNames = [
  "__proto__",
  "constructor",
  "toJSON",
  "$d",
  "$decimal",
  "kind",
  "",
  "rawJSON",
];

const anyText = fc.oneof(
  fc.constantFrom(...hostileTexts),
  fc.string({ unit: "grapheme" }),
  fc.string({ unit: "binary" }),
);
const wellFormedText = anyText.filter((text) => text.isWellFormed());
const anyName = fc.oneof(fc.constantFrom(...hostileNames), anyText);
const exactNumber = fc
  .constantFrom("1e400", "-0.10", "9007199254740993", "0.1234567890123456789012345678")
  .map((text) => new ExactNumber(text));

/** Any JSON value, with own members of any name. */
const jsonValue = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.constant(null),
    fc.boolean(),
    anyText,
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.constant(-0),
    exactNumber,
    fc.array(tie("value"), { maxLength: 4 }),
    fc.array(fc.tuple(anyName, tie("value")), { maxLength: 4 }).map(Object.fromEntries),
  ),
})).value;

/** Plain objects: what decoding makes. */
function record<T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> {
  return fc.record(model, { noNullPrototype: true }) as fc.Arbitrary<T>;
}

const amount = fc.bigInt({ min: -(10n ** 60n), max: 10n ** 60n });
const instant = fc.integer({ min: 0, max: 2 ** 52 });
const id = fc.uuid();

const usage = record({
  kind: fc.constant("usage" as const),
  accountId: id,
  meterKey: wellFormedText.filter((text) => text.length <= 100),
  body: fc
    .tuple(
      fc.oneof(
        anyText,
        fc.array(anyText, { maxLength: 20 }).map((parts) => parts.join("\n")),
      ),
      fc.constantFrom(...usageForms),
      fc.array(fc.nat(), { maxLength: 10 }),
    )
    .map((parts) => sentBody(...parts)),
});

const otherKinds = [
  "genesis",
  "configure",
  "create-account",
  "put-access",
  "create-meter-type",
  "patch-meter-type",
  "delete-meter-type",
  "create-meters",
  "patch-meter",
  "delete-meter",
  "create-processor",
  "patch-processor",
  "delete-processor",
  "create-destination",
  "patch-destination",
  "delete-destination",
  "rotate-destination-secret",
  "disable-destination",
  "start-correction-action",
  "work-corrections",
  "expire-corrections",
  "end-periods",
  "extend-timetables",
  "replan",
] as const;

/** Every kind but usage, each with more than its members: amounts, instants and hostile values. */
const other = record({
  kind: fc.constantFrom(...otherKinds),
  accountId: id,
  fields: record({ capacity: fc.option(amount), customFields: jsonValue, name: anyText }),
  thresholds: fc.array(record({ absoluteValue: amount }), { maxLength: 3 }),
  boundaries: fc.array(instant, { maxLength: 5 }),
  multiOutput: jsonValue,
}).map((body) => body as unknown as EntryBody);

export const anyEntryBody: fc.Arbitrary<EntryBody> = fc.oneof(usage, other);
