// Laws that all definition readers keep: whatever comes in, an answer with useful pointers comes
// out; and what was accepted is accepted again and changes nothing.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { accepted, body, bodyOf, faultsOf, withMember } from "../../test/support/body-matrix.ts";
import { toJsonNumber } from "./decimal.ts";
import { type Form, object, readDefinition } from "./definition-reader.ts";
import type { MeterTypeFields } from "./definitions.ts";
import { optional, text } from "./fields.ts";
import { isJsonObject, type JsonValue, member } from "./json-value.ts";
import { readMeter, readMeterPatch } from "./meter.ts";
import { thresholdDocument } from "./meter-document.ts";
import { readMeterType, readMeterTypePatch } from "./meter-type.ts";
import type { Zone, Zones } from "./ports.ts";
import type { Fault, Result } from "./problem.ts";
import { readProcessor, readProcessorPatch } from "./processor.ts";
import { dayMs, formatInstant } from "./time.ts";

const now = 1_795_348_800_000;
const utc: Zone = {
  id: "Etc/UTC",
  spanAt: () => ({ start: -Infinity, end: Infinity, offsetMs: 0 }),
};
const zones: Zones = { get: (name) => (name === "Etc/UTC" ? utc : undefined) };
const context = { zones, now };
const seed = 20_261_122;

describe("any body at all", () => {
  const plain = { activeFrom: now, activeTo: null, capacity: null, thresholds: [] };
  const readers: readonly ((body: JsonValue) => Result<unknown, readonly Fault[]>)[] = [
    (sent) => readMeterType(sent, context),
    (sent) => readMeterTypePatch(sent, plain, context),
    (sent) => readMeter(sent),
    (sent) => readMeterPatch(sent, plain),
    (sent) => readProcessor(sent),
    (sent) => readProcessorPatch(sent, { flushType: "TIMEOUT", settlingSeconds: 0 }),
  ];
  const names = (
    "name description unit category externalRef timezone aggregation type resetSchedule minute " +
    "activeFrom activeTo capacity thresholds capacityPercentage absoluteValue customFields userId " +
    "meterKey meterTypeId deleteOnReset guidingRules ignoreCondition conditions field value fields " +
    "matchCategory groupBy otherOperations suspenseManagement eventThreshold deduplication " +
    "windowDays settlingSeconds lateUsage createMeters multiOutput __proto__ constructor"
  ).split(" ");
  const name = fc.oneof(
    { weight: 9, arbitrary: fc.constantFrom(...names) },
    { weight: 1, arbitrary: fc.string() },
  );
  const number = fc.constantFrom("0", "-0", "1", "1.50", "1e400", "-1e-400", "9".repeat(400));
  const scalar = fc.oneof(
    number,
    fc.constantFrom("null", "true", "false"),
    fc.string().map((value) => JSON.stringify(value)),
  );
  const { document } = fc.letrec<{ document: string }>((tie) => ({
    document: fc.oneof(
      { maxDepth: 6, depthSize: "medium" },
      scalar,
      fc.array(tie("document"), { maxLength: 3 }).map((items) => `[${items.join(",")}]`),
      fc
        .uniqueArray(fc.tuple(name, tie("document")), { maxLength: 8, selector: ([key]) => key })
        .map((pairs) => `{${pairs.map(([key, value]) => `${JSON.stringify(key)}:${value}`)}}`),
    ),
  }));

  it(`[MT2] [ME1] [MP1] gives a value or pointers into the body (seed ${seed})`, () => {
    fc.assert(
      fc.property(document, (sentText) => {
        const sent = bodyOf(sentText);
        for (const read of readers) {
          const reading = read(sent);
          if (reading.ok) continue;
          expect(reading.error.length).toBeGreaterThan(0);
          for (const { pointer, detail } of reading.error) {
            expect(detail).not.toBe("");
            expect(isInBody(sent, pointer ?? "none"), `${pointer} in ${sentText}`).toBe(true);
          }
        }
      }),
      { seed, numRuns: 1_500 },
    );
  });
});

describe("sending again", () => {
  const amount = fc.bigInt({ min: 1n, max: 10n ** 38n - 1n });
  const label = fc.string({ minLength: 1, maxLength: 40, unit: "grapheme-ascii" });
  const visible = label.filter((value) => value.trim() !== "");
  const custom = fc.constantFrom(null, {}, { a: [1.5, null, { b: "é" }] });
  const threshold = fc.record({
    name: visible,
    customFields: custom,
    limit: fc.oneof(
      amount.map((value) => ({ absoluteValue: toJsonNumber(value) })),
      amount
        .map((value) => (value % (1_000n * 10n ** 18n)) + 1n)
        .map((value) => ({ capacityPercentage: toJsonNumber(value) })),
    ),
  });
  const thresholds = fc
    .uniqueArray(threshold, { maxLength: 5, selector: (item) => item.name.trim() })
    .map((items) => items.map(({ limit, ...rest }) => ({ ...rest, ...limit })));
  const offsets = fc.tuple(fc.nat(dayMs * 30), fc.integer({ min: 1, max: dayMs * 365 }));
  const meterType = fc.record(
    {
      name: fc.stringMatching(/^[\w ().-]{1,40}$/).filter((value) => value.trim() !== ""),
      description: label,
      unit: visible,
      category: label,
      externalRef: fc.option(label),
      timezone: fc.constant("Etc/UTC"),
      aggregation: fc.record({ type: fc.constantFrom("sum", "increment", "max", "min") }),
      resetSchedule: fc.constantFrom(
        { minute: "0", hour: "0", day: "L", month: "*", weekday: "*" },
        { minute: 0, hour: "*/6", day: "1", month: "JAN-jun", weekday: "?" },
      ),
      window: offsets.map(([from, length]) => ({ from: now + from, to: now + from + length })),
      capacity: amount.map(toJsonNumber),
      thresholds,
    },
    { requiredKeys: ["name", "unit", "timezone", "aggregation", "resetSchedule", "capacity"] },
  );

  it(`[MT32] a meter type is accepted in a PATCH and stays as it is (seed ${seed})`, () => {
    fc.assert(
      fc.property(meterType, ({ window, ...members }) => {
        const instants =
          window === undefined
            ? {}
            : { activeFrom: formatInstant(window.from), activeTo: formatInstant(window.to) };
        const fields = accepted(readMeterType(body({ ...members, ...instants }), context));
        const current = { ...fields, activeFrom: fields.activeFrom ?? now };
        const later = { zones, now: now + 1_000 * dayMs };
        const patch = accepted(readMeterTypePatch(body(wireOf(current)), current, later));
        expect({ ...current, ...patch }).toEqual(current);
      }),
      { seed, numRuns: 500 },
    );
  });

  function wireOf(current: MeterTypeFields & { readonly activeFrom: number }): object {
    const { aggregation: _, activeFrom, activeTo, capacity, thresholds, ...rest } = current;
    return {
      ...rest,
      activeFrom: formatInstant(activeFrom),
      activeTo: activeTo === null ? null : formatInstant(activeTo),
      capacity: capacity === null ? null : toJsonNumber(capacity),
      thresholds: thresholds.map(thresholdDocument),
    };
  }
});

it("[MT2] a pointer of more than 1,000 characters stops at an ancestor that fits", () => {
  const long = "k".repeat(100_000);
  const custom = `{"a":{"${long}":{"b":[{"constructor":1}]}}}`;
  const sent = { userId: "a", meterKey: "b", meterTypeId: "c", [long]: 1 };
  expect(faultsOf(readMeter(withMember(sent, "customFields", custom)))).toEqual([
    `: the member "${"k".repeat(40)}…" is not a member of a meter`,
    "/customFields: must be at most 16384 bytes as JSON text",
    '/customFields/a: must not be named "constructor"',
  ]);
});

describe("unknown members", () => {
  const form: Form<{ readonly unit: string; readonly activeFrom: string }> = {
    name: "a sample",
    members: {
      unit: optional(text({ min: 0, max: 9 }), ""),
      activeFrom: optional(text({ min: 0, max: 9 }), ""),
    },
  };

  it.each([
    ["Unit", "unit"],
    ["units", "unit"],
    ["unti", "unit"],
    ["nit", "unit"],
    ["uid", undefined],
    ["id", undefined],
    ["", undefined],
    ["ACTIVE-FROM", "activeFrom"],
    ["active", undefined],
    ["activefrm", "activeFrom"],
    ["actifefrn", undefined],
    ["aktiveForm", undefined],
    ["aktiveFromm", "activeFrom"],
  ])("[MT3] %s is a misspelt %s", (sent, meant) => {
    const hint = meant === undefined ? "" : `; did you mean ${meant}?`;
    const reading = readDefinition(body({ [sent]: "x" }), object(form));
    expect(faultsOf(reading)).toEqual([`/${sent}: is not a member of a sample${hint}`]);
  });
});

/** Whether the pointer's value is there, or at least the object that should hold it. */
function isInBody(sent: JsonValue, pointer: string): boolean {
  if (pointer === "") return true;
  const tokens = pointer
    .split("/")
    .map((token) => token.replaceAll("~1", "/").replaceAll("~0", "~"));
  if (tokens[0] !== "") return false;
  let value: JsonValue | undefined = sent;
  for (const token of tokens.slice(1, -1)) value = childOf(value, token);
  const last = tokens.at(-1) ?? "";
  return isJsonObject(value) || childOf(value, last) !== undefined;
}

function childOf(value: JsonValue | undefined, token: string): JsonValue | undefined {
  if (isJsonObject(value)) return member(value, token);
  return Array.isArray(value) ? value[JSON.parse(token)] : undefined;
}
