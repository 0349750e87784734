// What the oracle keeps: definitions as they were sent, and every record of an open period, from
// which each value is recomputed when it is asked for.
import type {
  GuidingRule,
  MeterTypeFields,
  ProcessorFields,
  Threshold,
} from "../../src/core/definitions.ts";
import { amountText, type OracleRecord } from "./oracle-records.ts";

export interface OracleType extends Omit<MeterTypeFields, "activeFrom"> {
  readonly id: string;
  activeFrom: number;
  /** Each with the time from which on it is in force, ascending. */
  readonly schedules: {
    readonly since: number;
    readonly schedule: MeterTypeFields["resetSchedule"];
  }[];
  meters: number;
}

export interface Taken {
  readonly record: OracleRecord;
  readonly now: number;
  readonly rule: GuidingRule;
}

export interface OracleMeter {
  readonly id: string;
  readonly userId: string;
  readonly meterKey: string;
  readonly type: OracleType;
  readonly timezone: string;
  readonly createdAt: number;
  capacity: bigint | null;
  thresholds: readonly Threshold[];
  deleteOnReset: boolean;
  /** The open period; of a meter that is ending, its last. */
  open: OraclePeriod;
  /** Ended periods that are not flushed yet, oldest first. */
  readonly waiting: (OraclePeriod & { flushAt: number })[];
  isEnding: boolean;
}

export interface OraclePeriod {
  readonly start: number;
  readonly end: number;
  readonly taken: Taken[];
  /** Names of thresholds with what they needed. */
  readonly told: Set<string>;
}

export interface OracleProcessor {
  fields: ProcessorFields;
  /** By user and id: content, and the second of counting. */
  readonly ids: Map<string, { readonly content: string; readonly at: number }>;
  knownSince: number;
  readonly waiting: Set<string>;
  /** Waiting items in all, those without an id too. */
  waitingCount: number;
  readonly tally: Record<"received" | "counted" | "duplicates" | "rejected", number>;
}

/** What every account begins with (PR1). */
export const defaultProcessor: ProcessorFields = {
  name: "Default",
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
  suspenseManagement: {
    enabled: true,
    abortOnDisabled: false,
    eventThreshold: 100,
    onThresholdExceeded: "CONTINUE",
    resetOnValidEvent: false,
  },
  deduplication: { field: "id", windowDays: 35 },
  settlingSeconds: 0,
  lateUsage: "current",
  createMeters: false,
  multiOutput: null,
};

/** A period as text: its meter, its ends, and all that is recomputed from its records. */
export function periodText(meter: OracleMeter, period: OraclePeriod, end: number): string {
  const { id, type } = meter;
  const { start, taken } = period;
  return JSON.stringify([
    id,
    iso(start),
    iso(end),
    amountText(combined(type.aggregation, taken)),
    taken.length,
    taken.length === 0 ? null : iso(taken[0]?.now ?? 0),
    taken.length === 0 ? null : iso(taken.at(-1)?.now ?? 0),
    groupsOf(type.aggregation, taken),
    carriedOf(taken, "carry-first"),
    carriedOf(taken, "carry-last"),
    // Only the last one says so.
    meter.deleteOnReset && start === meter.open.start,
  ]);
}

export function combined(
  aggregation: MeterTypeFields["aggregation"],
  taken: readonly Taken[],
): bigint {
  const amounts = taken.map(({ record }) => record.amount);
  const first = amounts[0];
  if (first === undefined) return 0n;
  switch (aggregation) {
    case "sum":
      return amounts.reduce((sum, amount) => sum + amount, 0n);
    case "increment":
      return BigInt(amounts.length) * 10n ** 18n;
    case "max":
      return amounts.reduce((most, amount) => (amount > most ? amount : most), first);
    case "min":
      return amounts.reduce((least, amount) => (amount < least ? amount : least), first);
  }
}

/** By group-by field in the order of first use, each key in the order of appearance. */
function groupsOf(
  aggregation: MeterTypeFields["aggregation"],
  taken: readonly Taken[],
): readonly (readonly [string, readonly string[], string])[] {
  const byField = new Map<string, Map<string, Taken[]>>();
  for (const one of taken) {
    for (const { fields } of one.rule.groupBy) {
      const field = fields[0] ?? "";
      const keys = byField.get(field) ?? new Map<string, Taken[]>();
      byField.set(field, keys);
      const key = String(one.record.fields[field] ?? "");
      const own = keys.get(key);
      if (own === undefined) keys.set(key, [one]);
      else own.push(one);
    }
  }
  return [...byField].flatMap(([field, keys]) =>
    [...keys].map(([key, own]) => [key, [field], amountText(combined(aggregation, own))] as const),
  );
}

function carriedOf(
  taken: readonly Taken[],
  operation: "carry-first" | "carry-last",
): Record<string, unknown> {
  const carried: Record<string, unknown> = {};
  for (const { record, rule } of taken) {
    for (const { field, operation: own } of rule.otherOperations) {
      const value = record.fields[field];
      if (own !== operation || value === undefined) continue;
      if (operation === "carry-last" || !(field in carried)) carried[field] = value;
    }
  }
  return carried;
}

function iso(instant: number): string {
  return new Date(instant).toISOString();
}
