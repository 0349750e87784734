// What applying an entry tells its sender. The answer to a request is made from it; what the world
// gets besides stands in output.ts.
import type { Decimal } from "./decimal.ts";
import type { Access, Account } from "./definitions.ts";
import type { Destination } from "./destination.ts";
import type { JsonValue } from "./json-value.ts";
import type { Problem, Result } from "./problem.ts";
import type { Meter, MeterType, Processor } from "./state.ts";

/** Why a record is in data correction (JU1 to JU10). */
export const rejectionReasons = [
  "INVALID_RECORD",
  "MISSING_USER_ID",
  "INVALID_USER_ID",
  "INVALID_ID",
  "ID_CONFLICT",
  "OLDER_THAN_ID_WINDOW",
  "MISSING_VALUE",
  "INVALID_VALUE",
  "VALUE_OUT_OF_RANGE",
  "VALUE_TOO_PRECISE",
  "INVALID_TIMESTAMP",
  "TIMESTAMP_IN_FUTURE",
  "TIMESTAMP_BEFORE_ACTIVE_FROM",
  "TIMESTAMP_AFTER_ACTIVE_TO",
  "NO_MATCHING_RULE",
  "NO_METER",
  "PERIOD_CLOSED",
] as const;
export type RejectionReason = (typeof rejectionReasons)[number];

export interface CountedMeter {
  readonly id: string;
  readonly meterTypeId: string;
  /** The meter's value after the record. */
  readonly value: Decimal;
}

/** What became of one record, by its place in the request. */
export type RecordResult =
  | {
      readonly outcome: "counted";
      /** As sent: string or number; null where there is none, or where nobody asked. */
      readonly id: JsonValue;
      /** None where nobody asked. */
      readonly meters: readonly CountedMeter[];
      /** Index of the guiding rule that held, from 0. */
      readonly rule: number;
    }
  | { readonly outcome: "duplicate"; readonly id: JsonValue }
  | {
      readonly outcome: "rejected";
      readonly id: JsonValue;
      readonly reason: RejectionReason;
      readonly detail: string;
    };

export interface UsageOutcome {
  readonly kind: "usage";
  readonly received: number;
  readonly counted: number;
  readonly duplicates: number;
  readonly rejected: number;
  /** One for each record, in the order sent. */
  readonly results: readonly RecordResult[];
}

export type Outcome =
  | { readonly kind: "done" }
  | { readonly kind: "account"; readonly account: Account }
  | { readonly kind: "access"; readonly access: Access }
  | { readonly kind: "meter-type"; readonly meterType: MeterType }
  | { readonly kind: "meters"; readonly results: readonly Result<Meter>[] }
  | { readonly kind: "meter"; readonly meter: Meter }
  | { readonly kind: "processor"; readonly processor: Processor }
  | { readonly kind: "destination"; readonly destination: Destination }
  /** JSON text of the action as it goes out. */
  | { readonly kind: "correction-action"; readonly json: string }
  | { readonly kind: "deleted" }
  | { readonly kind: "periods-ended"; readonly count: number }
  | UsageOutcome
  | { readonly kind: "refused"; readonly problem: Problem };

/** How many records of a request were rejected for each reason. */
export function rejectedByReason({
  rejected,
  results,
}: UsageOutcome): ReadonlyMap<RejectionReason, number> {
  if (rejected === 0) return noReasons;
  const reasons = new Map<RejectionReason, number>();
  for (const result of results) {
    if (result.outcome !== "rejected") continue;
    reasons.set(result.reason, (reasons.get(result.reason) ?? 0) + 1);
  }
  return reasons;
}

/** Shared, so that the usual case makes nothing. */
const noReasons: ReadonlyMap<RejectionReason, number> = new Map();
