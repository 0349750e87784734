// What applying an entry produces for the world: named by position, stored by the projections
// with insert-if-absent, so that replay and retry never make a second one of the same fact.

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
  readonly receivedAt: EpochMs;
}

/** A waiting item whose record was counted when it was sent again. */
export interface CorrectionSupersededOutput {
  readonly kind: "correction-superseded";
  /** Position of the item. */
  readonly item: Position;
  readonly updatedAt: EpochMs;
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

export type Output =
  | MeteredRecordOutput
  | CorrectionOutput
  | CorrectionSupersededOutput
  | MeterListedOutput
  | MeterUnlistedOutput;
