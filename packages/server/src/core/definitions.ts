// What callers define: accounts, application accesses, meter types, meters, meter processors.
// Plain data, read-only; the counters that change with each record live in state.ts.
import type { Decimal } from "./decimal.ts";
import type { JsonObject, JsonValue } from "./json-value.ts";
import type { EpochMs } from "./ports.ts";

export const aggregationTypes = ["sum", "increment", "max", "min"] as const;
export type AggregationType = (typeof aggregationTypes)[number];

/** Five crontab fields as text (docs/spec/schedules.md). */
export interface ResetSchedule {
  readonly minute: string;
  readonly hour: string;
  readonly day: string;
  readonly month: string;
  readonly weekday: string;
}

/** Exactly one of the two amounts is set. */
export interface Threshold {
  readonly name: string;
  readonly capacityPercentage: Decimal | null;
  readonly absoluteValue: Decimal | null;
  readonly customFields: JsonObject | null;
}

/** What a caller may say of a meter type; aggregation never changes. */
export interface MeterTypeFields {
  readonly name: string;
  readonly description: string;
  readonly unit: string;
  readonly category: string;
  readonly externalRef: string | null;
  readonly timezone: string;
  readonly aggregation: AggregationType;
  readonly resetSchedule: ResetSchedule;
  /** Null on create or PATCH: the time of the entry. */
  readonly activeFrom: EpochMs | null;
  readonly activeTo: EpochMs | null;
  readonly capacity: Decimal | null;
  readonly thresholds: readonly Threshold[];
}

/** Absent members stay as they are. `activeFrom: null` means now. */
export type MeterTypePatch = Partial<Omit<MeterTypeFields, "aggregation">>;

/** What a caller may say of a new meter: a meter type by id or by external reference. */
export interface MeterFields {
  readonly userId: string;
  readonly meterKey: string;
  readonly meterType: { readonly id: string } | { readonly externalRef: string };
  readonly customFields: JsonObject;
}

export interface MeterPatch {
  readonly deleteOnReset?: boolean;
  /** Replaces the whole object; null clears (D-34). */
  readonly customFields?: JsonObject;
  readonly capacity?: Decimal | null;
  readonly thresholds?: readonly Threshold[];
}

export const conditionTypes = ["string", "number", "boolean"] as const;
export type ConditionType = (typeof conditionTypes)[number];

export interface Condition {
  readonly customName: string;
  readonly field: string;
  /** The expected value as text, whatever the type. */
  readonly value: string;
  readonly type: ConditionType;
}

export const carryOperations = ["carry-first", "carry-last"] as const;
export type CarryOperation = (typeof carryOperations)[number];

export interface GuidingRule {
  readonly customName: string;
  readonly ignoreCondition: boolean;
  readonly conditionRelation: "and" | "or";
  readonly conditions: readonly Condition[];
  readonly matchCategory: string;
  readonly groupBy: readonly { readonly fields: readonly string[] }[];
  readonly otherOperations: readonly {
    readonly field: string;
    readonly operation: CarryOperation;
  }[];
}

export const flushTypes = ["TIMEOUT", "ALL_FILES"] as const;
export type FlushType = (typeof flushTypes)[number];

export const lateUsages = ["current", "correct"] as const;
export type LateUsage = (typeof lateUsages)[number];

/** What becomes of records that cannot be counted (D-45). */
export interface SuspenseManagement {
  readonly enabled: boolean;
  readonly abortOnDisabled: boolean;
  readonly eventThreshold: number;
  readonly onThresholdExceeded: "ABORT" | "CONTINUE";
  readonly resetOnValidEvent: boolean;
}

export interface ProcessorFields {
  readonly name: string;
  readonly guidingRules: readonly GuidingRule[];
  readonly flushType: FlushType;
  readonly suspenseManagement: SuspenseManagement;
  readonly deduplication: { readonly field: string; readonly windowDays: number };
  /** How long an ended period waits for late usage. */
  readonly settlingSeconds: number;
  /** What becomes of usage of a period that was flushed: counted in the open one, or corrected. */
  readonly lateUsage: LateUsage;
  readonly createMeters: boolean;
  /** Accepted from an exported node and given back unchanged; null when not sent. */
  readonly multiOutput: JsonValue;
}

/** Of the two nested objects only the members that were sent; the others stay. */
export interface ProcessorPatch
  extends Partial<Omit<ProcessorFields, "suspenseManagement" | "deduplication">> {
  readonly suspenseManagement?: Partial<SuspenseManagement>;
  readonly deduplication?: Partial<ProcessorFields["deduplication"]>;
}

export interface Account {
  readonly id: string;
  readonly name: string;
  readonly createdAt: EpochMs;
}

/** Client id and secret of one integration. The secret itself is never kept. */
export interface Access {
  readonly id: string;
  readonly accountId: string;
  readonly name: string;
  readonly clientId: string;
  /** Lower-case hex SHA-256 of the secret, which is drawn with 256 bits or more. */
  readonly secretHash: string;
  readonly scopes: readonly string[];
  readonly createdAt: EpochMs;
}
