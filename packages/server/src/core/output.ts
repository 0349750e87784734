// What applying an entry produces for the world: named by position, stored by the projections
// with insert-if-absent, so that replay and retry never make a second one of the same fact.

import type { Places } from "./amount.ts";
import type { AggregationType } from "./definitions.ts";
import type { WaitingItem } from "./entry.ts";
import type { ScaledUnits } from "./exact-cells.ts";
import type { EpochMs } from "./ports.ts";
import type { Meter } from "./state.ts";

/** `partition.sequence.index` as text, and its parts for sorting. */
export interface Position {
  readonly partition: number;
  readonly seq: number;
  readonly index: number;
}

export function positionText(position: Position): string {
  return `${position.partition}.${position.seq}.${position.index}`;
}

/** A flushed period of a meter. `json` is the record as it goes out, byte for byte. */
export interface MeteredRecordOutput {
  readonly kind: "metered-record";
  readonly position: Position;
  readonly accountId: string;
  readonly meterId: string;
  readonly meterTypeId: string;
  readonly meterKey: string;
  readonly userId: string;
  readonly periodEnd: EpochMs;
  readonly json: string;
}

/** A threshold that a period of a meter has reached. `json` goes out byte for byte. */
export interface ThresholdEventOutput {
  readonly kind: "threshold-event";
  readonly position: Position;
  readonly accountId: string;
  readonly meterId: string;
  readonly meterTypeId: string;
  readonly meterKey: string;
  readonly userId: string;
  /** Time of the entry that counted the record. */
  readonly emittedAt: EpochMs;
  readonly json: string;
}

/** A record that could not be counted; it waits in data correction. */
export interface CorrectionOutput {
  readonly kind: "correction";
  readonly position: Position;
  readonly accountId: string;
  readonly meterKey: string;
  /** Null where the record has none that can be read. */
  readonly userId: string | null;
  readonly recordId: string | null;
  readonly reason: string;
  readonly detail: string;
  /** The element as sent. */
  readonly original: string;
  /** True when `original` is not UTF-8 and holds one character per byte. */
  readonly originalIsBytes: boolean;
  /** The record as JSON text, null when the element is no JSON object. */
  readonly record: string | null;
  /** JSON text of a CloudEvent's `{ id, attributes }` beside the record; else null. */
  readonly event?: string | null;
  readonly receivedAt: EpochMs;
}

/** A waiting item whose record was counted when it was sent again. */
export interface CorrectionSupersededOutput {
  readonly kind: "correction-superseded";
  /** Position of the item. */
  readonly item: Position;
  readonly updatedAt: EpochMs;
}

/** What an action has made of an item. */
export interface CorrectionChangedOutput {
  readonly kind: "correction-changed";
  readonly position: Position;
  /** Position of the item. */
  readonly item: Position;
  readonly state: "waiting" | "reprocessed" | "superseded" | "deleted";
  /** What it waits with from now on; null when it waits no more. */
  readonly waits: WaitingItem | null;
  /** True when it was judged once more. */
  readonly isJudged: boolean;
  readonly updatedAt: EpochMs;
}

/** An item, waiting or not, is kept no longer. */
export interface CorrectionExpiredOutput {
  readonly kind: "correction-expired";
  readonly position: Position;
  /** Position of the item. */
  readonly item: Position;
}

/** An action on data correction as it is from now on; `json` goes out byte for byte. */
export interface CorrectionActionOutput {
  readonly kind: "correction-action";
  readonly position: Position;
  readonly accountId: string;
  readonly id: string;
  readonly json: string;
  /** Null while it goes on. */
  readonly finishedAt: EpochMs | null;
}

/** A period has ended and waits for late usage: a row more in the list of those, until it is flushed. */
export interface PeriodWaitingOutput {
  readonly kind: "period-waiting";
  readonly accountId: string;
  readonly meterId: string;
  readonly meterTypeId: string;
  readonly meterKey: string;
  readonly userId: string;
  readonly periodStart: EpochMs;
  readonly periodEnd: EpochMs;
}

export interface PeriodSettledOutput {
  readonly kind: "period-settled";
  readonly meterId: string;
  readonly periodEnd: EpochMs;
}

/** The list of meters gains or loses a row. */
export interface MeterListedOutput {
  readonly kind: "meter-listed";
  readonly meter: Meter;
}

export interface MeterUnlistedOutput {
  readonly kind: "meter-unlisted";
  readonly meterId: string;
}

/** Groups of one group-by entry. */
export interface WindowGroups {
  readonly fields: readonly string[];
  /** Key (null for what is beyond the bound) and value in turns. */
  readonly turns: readonly (string | ScaledUnits | null)[];
}

/**
 * What a meter has counted in a quarter-hour and one of its periods, or a part of it: the parts of
 * the same quarter-hour and period combine by the aggregation.
 */
export interface UsageWindowOutput {
  readonly kind: "usage-window";
  readonly position: Position;
  readonly meterId: string;
  /** When the meter was made: none of its windows starts more than a quarter-hour earlier. */
  readonly createdAt: EpochMs;
  readonly timezone: string;
  readonly aggregation: AggregationType;
  readonly periodStart: EpochMs;
  /** As known now: an open period may still end earlier. */
  readonly periodEnd: EpochMs;
  readonly start: EpochMs;
  /** Decimal places of all values. */
  readonly places: Places;
  /** Minute of the quarter-hour and value in turns. */
  readonly minutes: readonly ScaledUnits[];
  readonly groups: readonly WindowGroups[];
}

export const auditEvents = ["ingest", "flush", "reprocess", "delete-meter"] as const;
export type AuditEvent = (typeof auditEvents)[number];

/** What an entry added to the figures of a processor; the parts of the conservation law. */
export interface AuditFigures {
  readonly requests: number;
  readonly received: number;
  readonly counted: number;
  readonly duplicates: number;
  readonly rejected: number;
  readonly dropped: number;
  readonly repeated: number;
  readonly superseded: number;
  readonly meteredRecords: number;
  readonly thresholdEvents: number;
  readonly reprocessed: number;
}

/** What a deleted meter had counted in its open period. */
export interface Discarded {
  readonly meterId: string;
  readonly userId: string;
  readonly meterTypeId: string;
  readonly periodStart: EpochMs;
  readonly records: number;
  /** Canonical text. */
  readonly value: string;
}

/** What one entry did to one processor, for the usage audit. */
export interface AuditOutput {
  readonly kind: "audit";
  readonly position: Position;
  readonly accountId: string;
  readonly meterKey: string;
  readonly event: AuditEvent;
  /** Time of the entry. */
  readonly at: EpochMs;
  readonly figures: AuditFigures;
  /** Only of records rejected on arrival; they add up to `figures.rejected`. */
  readonly rejectedByReason: ReadonlyMap<string, number>;
  /** Null but for a deleted meter. */
  readonly discarded: Discarded | null;
}

export type Output =
  | MeteredRecordOutput
  | ThresholdEventOutput
  | CorrectionOutput
  | CorrectionSupersededOutput
  | CorrectionChangedOutput
  | CorrectionExpiredOutput
  | CorrectionActionOutput
  | PeriodWaitingOutput
  | PeriodSettledOutput
  | MeterListedOutput
  | MeterUnlistedOutput
  | UsageWindowOutput
  | AuditOutput;
