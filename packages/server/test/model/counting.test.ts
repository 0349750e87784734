// The core against a naive model that keeps every record and recomputes: after every step of a
// random history all live meters, and at its end all metered records, must be equal.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { apply } from "../../src/core/apply.ts";
import { carriedEntries } from "../../src/core/carried-fields.ts";
import { listGroups } from "../../src/core/groups.ts";
import type { JsonObject } from "../../src/core/json-value.ts";
import type { Output } from "../../src/core/output.ts";
import { restoreState } from "../../src/core/snapshot.ts";
import { stateSections } from "../../src/core/snapshot-pass.ts";
import { type Meter, type MeterType, State } from "../../src/core/state.ts";
import { accountId, CoreWorld, start } from "../support/core-world.ts";
import { stateDigest } from "../support/state-digest.ts";
import { type ModelRule, type ModelType, NaiveModel } from "./naive-model.ts";

const seed = Number(process.env.SEED ?? "20261122");
const categories = ["a", "b"];
const users = ["u1", "u2", "u3"];
const schedules = [
  { everyMinutes: 5, minute: "*/5", hour: "*" },
  { everyMinutes: 60, minute: "0", hour: "*" },
  { everyMinutes: 1_440, minute: "0", hour: "0" },
];

const ruleArbitrary: fc.Arbitrary<ModelRule> = fc.record({
  field: fc.constantFrom(null, "kind", "region"),
  value: fc.constantFrom("x", "y"),
  category: fc.constantFrom(...categories),
  groupBy: fc.uniqueArray(fc.constantFrom("kind", "region", "none"), { maxLength: 2 }),
  carry: fc.uniqueArray(
    fc.record({ field: fc.constantFrom("kind", "region"), first: fc.boolean() }),
    { maxLength: 2, selector: ({ field }) => field },
  ),
});

const recordArbitrary = fc.record({
  id: fc.option(fc.constantFrom("1", "2", "3", "4", "5", "6"), { nil: null, freq: 3 }),
  userId: fc.constantFrom(...users, "stranger"),
  amount: fc.integer({ min: -5_000, max: 5_000 }),
  fields: fc.record(
    { kind: fc.constantFrom("x", "y"), region: fc.constantFrom("x", "y", "z|\\") },
    { requiredKeys: [] },
  ),
});

type Step =
  | { readonly kind: "usage"; readonly records: readonly Parameters<NaiveModel["take"]>[0][] }
  | { readonly kind: "wait"; readonly seconds: number }
  | { readonly kind: "sweep" }
  | { readonly kind: "restart" }
  | { readonly kind: "meter"; readonly type: number; readonly user: string }
  | { readonly kind: "rules"; readonly rules: readonly ModelRule[] }
  | { readonly kind: "mark"; readonly at: number };

const stepArbitrary: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant("usage" as const),
      records: fc.array(recordArbitrary, { maxLength: 6 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("wait" as const),
      seconds: fc.integer({ min: 0, max: 9_000 }),
    }),
  },
  { weight: 2, arbitrary: fc.constant({ kind: "sweep" as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: "restart" as const }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("meter" as const),
      type: fc.nat(3),
      user: fc.constantFrom(...users),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("rules" as const),
      rules: fc.array(ruleArbitrary, { minLength: 1, maxLength: 3 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("mark" as const), at: fc.nat(9) }) },
);

const historyArbitrary = fc.record({
  types: fc.array(
    fc.record({
      category: fc.constantFrom(...categories),
      aggregation: fc.constantFrom(
        "sum" as const,
        "increment" as const,
        "max" as const,
        "min" as const,
      ),
      schedule: fc.constantFrom(...schedules),
    }),
    { minLength: 4, maxLength: 4 },
  ),
  rules: fc.array(ruleArbitrary, { minLength: 1, maxLength: 3 }),
  steps: fc.array(stepArbitrary, { minLength: 1, maxLength: 30 }),
});

/** One history, run in the core and in the model side by side. */
class Pair {
  world = new CoreWorld(start + 12_345);
  readonly model = new NaiveModel();
  readonly types: MeterType[] = [];
  readonly modelTypes: ModelType[] = [];

  prepare({ types, rules }: { types: readonly TypeChoice[]; rules: readonly ModelRule[] }): void {
    for (const { category, aggregation, schedule } of types) {
      const { minute, hour } = schedule;
      const resetSchedule = { minute, hour, day: "*", month: "*", weekday: "*" };
      const type = this.world.meterType({ category, aggregation, resetSchedule });
      this.types.push(type);
      const { everyMinutes } = schedule;
      this.modelTypes.push({ id: type.id, category, aggregation, everyMinutes });
    }
    this.setRules(rules);
    this.addMeter(0, "u1");
    this.addMeter(1, "u2");
  }

  step(step: Step): void {
    switch (step.kind) {
      case "wait":
        this.world.now += step.seconds * 1_000;
        break;
      case "sweep":
        this.world.sweep();
        break;
      case "restart":
        this.world.restart();
        break;
      case "meter":
        this.addMeter(step.type, step.user);
        break;
      case "rules":
        this.setRules(step.rules);
        break;
      case "mark":
        this.mark(step.at);
        break;
      case "usage": {
        const outcome = this.world.usage(step.records.map(toWire));
        const expected = step.records.map((record) => this.model.take(record, this.world.now));
        const actual = outcome.results.map((result) =>
          result.outcome === "rejected" ? result.reason : result.outcome,
        );
        expect(actual).toEqual(expected);
      }
    }
    this.compareLive();
  }

  /** The open period of every meter that is up to date equals the recomputed one. */
  compareLive(): void {
    for (const modelMeter of this.model.meters) {
      const meter = this.world.state.meters.get(modelMeter.id);
      const gone = this.model.goneAt(modelMeter);
      if (meter === undefined) {
        expect(gone).toBeLessThanOrEqual(this.world.now);
        continue;
      }
      const period = this.model
        .periods(modelMeter, this.world.now)
        .find(({ start: opened }) => opened === meter.periodStart);
      expect(period, `period of ${meter.id}`).toBeDefined();
      expect(seen(meter)).toEqual(period);
    }
  }

  /** Every period that ended was flushed once, in order, with its recomputed content. */
  compareFlushed(): void {
    this.world.sweep();
    for (const modelMeter of this.model.meters) {
      const gone = this.model.goneAt(modelMeter);
      const until = Math.min(this.world.now, gone);
      const expected = this.model
        .periods(modelMeter, until)
        .filter(({ end }) => end <= until)
        .map(({ start: from, end, value, count }) => [iso(from), iso(end), exact(value), count]);
      const actual = this.world
        .metered()
        .filter(({ id }) => id === modelMeter.id)
        .map((record) => [
          record.periodStart,
          record.periodEnd,
          record.valueExact,
          (record.meterMetaData as { count: number }).count,
        ]);
      expect(actual).toEqual(expected);
    }
  }

  setRules(rules: readonly ModelRule[]): void {
    this.model.rules = rules;
    this.world.processor({
      guidingRules: rules.map((rule) => ({
        customName: "",
        ignoreCondition: rule.field === null,
        conditionRelation: "and" as const,
        conditions:
          rule.field === null
            ? []
            : [{ customName: "", field: rule.field, value: rule.value, type: "string" as const }],
        matchCategory: rule.category,
        groupBy: rule.groupBy.map((field) => ({ fields: [field] })),
        otherOperations: rule.carry.map(({ field, first }) => ({
          field,
          operation: first ? ("carry-first" as const) : ("carry-last" as const),
        })),
      })),
    });
  }

  addMeter(at: number, userId: string): void {
    const type = this.world.state.meterTypes.get(this.types[at]?.id ?? "");
    const modelType = this.modelTypes[at];
    if (type === undefined || modelType === undefined) return;
    this.world.sweep();
    const owned = [...this.world.state.meters.values()].some(
      (meter) => meter.type === type && meter.userId === userId,
    );
    if (owned) return;
    const { id } = this.world.meter(type, userId);
    const createdAt = this.world.now;
    this.model.addMeter({ id, type: modelType, userId, createdAt, deleteOnReset: false });
  }

  mark(at: number): void {
    const modelMeter = this.model.meters[at];
    if (modelMeter === undefined || modelMeter.deleteOnReset) return;
    const patch = { deleteOnReset: true };
    this.world.apply({ kind: "patch-meter", accountId, id: modelMeter.id, patch });
    modelMeter.deleteOnReset = true;
    this.model.marks.set(modelMeter.id, this.world.now);
  }
}

type TypeChoice = {
  readonly category: string;
  readonly aggregation: ModelType["aggregation"];
  readonly schedule: (typeof schedules)[number];
};

function toWire(record: Parameters<NaiveModel["take"]>[0]): JsonObject {
  const { id, userId, amount, fields } = record;
  const value = `${amount < 0 ? "-" : ""}${Math.floor(Math.abs(amount) / 1_000)}.${String(Math.abs(amount) % 1_000).padStart(3, "0")}`;
  return { ...(id === null ? {} : { id }), userId, value, ...fields };
}

function seen(meter: Meter): unknown {
  const { counter } = meter;
  return {
    meterId: meter.id,
    start: meter.periodStart,
    end: meter.periodEnd,
    value: counter.value ?? 0n,
    count: counter.count,
    groups: listGroups(counter, meter.type.groupKeys).map(({ group: { fields, key }, value }) => ({
      key,
      field: fields[0],
      value,
    })),
    carryFirst: Object.fromEntries(carriedEntries(counter.carryFirst)),
    carryLast: Object.fromEntries(carriedEntries(counter.carryLast)),
  };
}

function iso(instant: number): string {
  return new Date(instant).toISOString();
}

function exact(value: bigint): string {
  const digits = (value < 0n ? -value : value).toString().padStart(19, "0");
  const fraction = digits.slice(-18).replace(/0+$/, "");
  const sign = value < 0n ? "-" : "";
  return `${sign}${digits.slice(0, -18)}${fraction === "" ? "" : `.${fraction}`}`;
}

function digest(state: State): string {
  return stateDigest(state).join("\n");
}

describe(`random histories, seed ${seed}`, () => {
  it("[AG1] [AG2] [FL1] [FL2] [GR1] counting equals recomputation from all records", () => {
    fc.assert(
      fc.property(historyArbitrary, (history) => {
        const pair = new Pair();
        pair.prepare(history);
        for (const step of history.steps) pair.step(step);
        pair.compareFlushed();
        const { tally } = pair.world.processor({});
        expect(tally).toMatchObject(pair.model.totals);
        expect(tally.received).toBe(tally.counted + tally.duplicates + tally.rejected);
      }),
      { seed, numRuns: 400 },
    );
  });

  it("[JN1] replaying a journal twice gives equal states and outputs, byte for byte", () => {
    fc.assert(
      fc.property(historyArbitrary, (history) => {
        const pair = new Pair();
        pair.prepare(history);
        for (const step of history.steps) pair.step(step);
        const replays = [1, 2].map(() => {
          const state = new State();
          const outputs: Output[] = [];
          for (const entry of pair.world.entries) outputs.push(...apply(state, entry).outputs);
          return { digest: digest(state), outputs: outputs.map(withoutMeter) };
        });
        expect(replays[0]).toEqual(replays[1]);
        expect(replays[0]?.outputs).toEqual(pair.world.outputs.map(withoutMeter));
        expect(digest(restoreState([...stateSections(pair.world.state)]))).toBe(
          digest(pair.world.state),
        );
      }),
      { seed, numRuns: 150 },
    );
  });
});

/** The listed meter is an object of its state; its id says enough. */
function withoutMeter(output: Output): unknown {
  return output.kind === "meter-listed" ? { kind: output.kind, id: output.meter.id } : output;
}
