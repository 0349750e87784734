// Thresholds over the core alone: when one is told, when it is not, and what the event says. Values
// are sent as text where a double could not carry them.
import { describe, expect, it } from "vitest";
import { formatDecimal, parseDecimal } from "../../src/core/decimal.ts";
import type { AggregationType, MeterPatch, Threshold } from "../../src/core/definitions.ts";
import type { JsonValue } from "../../src/core/json-value.ts";
import type { Meter } from "../../src/core/state.ts";
import { accountId, CoreWorld, meterKey, start } from "../support/core-world.ts";
import { stateDigest } from "../support/state-digest.ts";

const hourMs = 3_600_000;
const daily = { minute: "0", hour: "0", day: "*", month: "*", weekday: "*" };

function amount(text: string): bigint {
  const read = parseDecimal(text);
  if (!read.ok) throw new Error(`${text} is no amount`);
  return read.value;
}

function absolute(name: string, value: string): Threshold {
  const customFields = { action: name };
  return { name, absoluteValue: amount(value), capacityPercentage: null, customFields };
}

function percentage(name: string, percent: string): Threshold {
  const capacityPercentage = amount(percent);
  return { name, absoluteValue: null, capacityPercentage, customFields: null };
}

/** One meter with these thresholds, and what it tells. */
class Watched {
  readonly world = new CoreWorld();
  readonly meter: Meter;

  constructor(
    thresholds: readonly Threshold[],
    {
      capacity = null,
      aggregation = "sum",
    }: { capacity?: string | null; aggregation?: AggregationType } = {},
  ) {
    const limits = { capacity: capacity === null ? null : amount(capacity), thresholds };
    const type = this.world.meterType({ aggregation, resetSchedule: daily, ...limits });
    this.meter = this.world.meter(type);
  }

  /** Counts the values, each as an entry of its own; names of the thresholds that each told. */
  count(...values: JsonValue[]): string[][] {
    return values.map((value) => {
      const before = this.world.outputs.length;
      this.world.usage([{ userId: "user", value }]);
      return namesOf(this.world.outputs.slice(before));
    });
  }

  patch(patch: MeterPatch): void {
    const { id } = this.meter;
    const { outcome } = this.world.apply({ kind: "patch-meter", accountId, id, patch });
    expect(outcome.kind).toBe("meter");
  }
}

function events(outputs: CoreWorld["outputs"]): Record<string, unknown>[] {
  return outputs.flatMap((output) =>
    output.kind === "threshold-event" ? [JSON.parse(output.json) as Record<string, unknown>] : [],
  );
}

function namesOf(outputs: CoreWorld["outputs"]): string[] {
  return events(outputs).map(({ thresholdReached }) => (thresholdReached as Threshold).name);
}

describe("a threshold", () => {
  it.each<[string, Threshold, string | null, readonly JsonValue[], readonly string[][]]>([
    ["at its value", absolute("t", "10"), null, [9, 1, 1], [[], ["t"], []]],
    ["beyond it", absolute("t", "10"), null, [25], [["t"]]],
    ["just below", absolute("t", "10"), null, ["9.999999999999999999"], [[]]],
    ["by one 10^-18", absolute("t", "10"), null, ["9.999999999999999999", "1e-18"], [[], ["t"]]],
    [
      "of 20 digits",
      absolute("t", "99999999999999999999"),
      null,
      ["99999999999999999998.9", "0.1"],
      [[], ["t"]],
    ],
    ["in thousandths", absolute("t", "0.3"), null, [0.1, 0.1, 0.1], [[], [], ["t"]]],
    ["as a percentage", percentage("t", "90"), "10000", [8_999, 1], [[], ["t"]]],
    ["beyond capacity", percentage("t", "120"), "10", [11, 1], [[], ["t"]]],
    // A third of a percent of 1e-18 is 3.3e-21: the smallest amount there is reaches it.
    [
      "below all amounts",
      percentage("t", "0.33"),
      "0.000000000000000001",
      ["0", "1e-18"],
      [[], ["t"]],
    ],
    ["never below zero", absolute("t", "1"), null, [-5, 5, 1], [[], [], ["t"]]],
  ])("[TH1] %s", (_name, threshold, capacity, values, told) => {
    expect(new Watched([threshold], { capacity }).count(...values)).toEqual(told);
  });

  it("[TH2] is told once in a period, and again in the next", () => {
    const watched = new Watched([absolute("t", "10")]);
    expect(watched.count(12, -12, 12)).toEqual([["t"], [], []]);
    watched.world.now = start + 24 * hourMs;
    expect(watched.count(9, 1)).toEqual([[], ["t"]]);
    expect(
      watched.world.state.accounts.get(accountId)?.processors.get(meterKey)?.tally,
    ).toMatchObject({ thresholdEvents: 2, meteredRecords: 1 });
  });

  it("[TH3] several reached by one record are told ascending, then as the array has them", () => {
    const watched = new Watched(
      [
        absolute("c", "30"),
        percentage("b", "20"),
        absolute("a", "10"),
        absolute("d", "20"),
        absolute("e", "99"),
      ],
      { capacity: "100" },
    );
    expect(watched.count(5, 25, 70)).toEqual([[], ["a", "b", "d", "c"], ["e"]]);
  });

  it("[TH3] of several meters are told in the order of their ids", () => {
    const world = new CoreWorld();
    const types = ["low", "high"].map((name) =>
      world.meterType({ thresholds: [absolute(name, "1")] }),
    );
    const meters = types.map((type) => world.meter(type));
    world.usage([{ userId: "user", value: 3 }]);
    expect(events(world.outputs).map(({ id }) => id)).toEqual(meters.map(({ id }) => id).sort());
  });

  it.each<[AggregationType, readonly number[], readonly string[][]]>([
    ["increment", [900, 900, 900], [[], [], ["t"]]],
    ["max", [1, 2, 7, 9], [[], [], ["t"], []]],
    ["min", [5, 2, 7], [["t"], [], []]],
    ["min", [2, 7], [[], []]],
  ])("[TH4] of a meter of type %s looks at its value only", (aggregation, values, told) => {
    const watched = new Watched([absolute("t", "3")], { aggregation });
    watched.world.processor({
      guidingRules: [
        {
          customName: "",
          ignoreCondition: true,
          conditionRelation: "and",
          conditions: [],
          matchCategory: "DEFAULT",
          groupBy: [{ fields: ["userId"] }],
          otherOperations: [],
        },
      ],
    });
    expect(watched.count(...values)).toEqual(told);
  });

  it("[TH5] added below the value is told with the next counted record", () => {
    const watched = new Watched([]);
    expect(watched.count(20)).toEqual([[]]);
    watched.patch({ thresholds: [absolute("t", "10")] });
    expect(namesOf(watched.world.outputs)).toEqual([]);
    expect(watched.count("no number", 0)).toEqual([[], ["t"]]);
  });

  it("[TH6] is armed again by another name or effective value, and by nothing else", () => {
    const watched = new Watched([percentage("p", "50"), absolute("a", "10")], { capacity: "20" });
    expect(watched.count(10)).toEqual([["p", "a"]]);
    watched.patch({ customFields: { a: 1 } });
    watched.patch({
      thresholds: [absolute("a", "10.0"), { ...percentage("p", "50"), customFields: {} }],
    });
    expect(watched.count(1)).toEqual([[]]);
    // Half of 20 is a quarter of 40.
    watched.patch({
      capacity: amount("40"),
      thresholds: [percentage("p", "25"), absolute("a", "10")],
    });
    expect(watched.count(1)).toEqual([[]]);
    watched.patch({ capacity: amount("44") });
    expect(watched.count(1)).toEqual([["p"]]);
    watched.patch({ thresholds: [percentage("p", "25"), absolute("b", "10")] });
    expect(watched.count(1)).toEqual([["b"]]);
    watched.patch({ thresholds: [] });
    watched.patch({ thresholds: [absolute("b", "10")] });
    expect(watched.count(1)).toEqual([["b"]]);
    expect(watched.meter.counter.watch?.fired).toHaveLength(1);
  });

  it("[TH7] [TH9] the event is the meter after the record, and counting goes on", () => {
    const { world, meter, ...watched } = new Watched([absolute("t", "10")], { capacity: "10" });
    void watched;
    world.now = start + hourMs;
    world.usage([
      { userId: "user", value: 4 },
      { userId: "user", value: 7 },
      { userId: "user", value: 5 },
    ]);
    const [event] = events(world.outputs);
    const output = world.outputs.find(({ kind }) => kind === "threshold-event");
    expect(event).toMatchObject({
      id: meter.id,
      value: 11,
      valueExact: "11",
      periodStart: new Date(start).toISOString(),
      updatedAt: new Date(world.now).toISOString(),
      emittedAt: new Date(world.now).toISOString(),
      meterMetaData: { count: 2 },
      capacity: 10,
      thresholdReached: { name: "t", absoluteValue: 10, customFields: { action: "t" } },
      thresholds: [{ name: "t", absoluteValue: 10, customFields: { action: "t" } }],
    });
    expect(event?.eventId).toMatch(new RegExp(`^0\\.${world.state.seq}\\.\\d+$`));
    expect(output).toMatchObject({ accountId, meterKey, meterId: meter.id, emittedAt: world.now });
    expect(formatDecimal(meter.counter.value ?? 0n)).toBe("16");
  });

  it("[TH8] what was told comes back with a snapshot", () => {
    const watched = new Watched([absolute("a", "10"), absolute("b", "20")]);
    expect(watched.count(15)).toEqual([["a"]]);
    const before = stateDigest(watched.world.state);
    watched.world.restart();
    expect(stateDigest(watched.world.state)).toEqual(before);
    expect(watched.count(1, 4)).toEqual([[], ["b"]]);
  });
});
