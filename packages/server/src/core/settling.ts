// Ended periods that wait for late usage before they are flushed, and in which period of a meter usage
// of some time belongs (SL1 to SL12). Only looks; closing and flushing are in period.ts.
import type { Counter } from "./counter.ts";
import type { EpochMs } from "./ports.ts";
import type { Meter } from "./state.ts";

/** An ended period that still takes usage of its time. */
export interface WaitingPeriod {
  readonly counter: Counter;
  /** Never later than that of a younger period of the meter. */
  flushAt: EpochMs;
}

/** What of a meter waits; a meter of which nothing does has null instead. */
export interface Settling {
  /** Oldest first; one at least, `waitingPeriodsMax` at most. */
  readonly periods: WaitingPeriod[];
  /** No period follows: the youngest is the meter's own counter, and the meter goes with it. */
  isEnding: boolean;
}

/** What is to be known of now. */
export interface Moment {
  readonly now: EpochMs;
  /** The processor's settling time. */
  readonly settlingMs: number;
}

/** Where usage of some time is counted. */
export interface Place {
  /** Null: the period that opens when the meter is brought up to date, still empty. */
  readonly counter: Counter | null;
  /** The period that it belongs to was flushed before. */
  readonly isLate: boolean;
}

/** The waiting period that usage of this time belongs to; null: none that waits. */
export function waitingAt({ settling, createdAt }: Meter, at: EpochMs): Counter | null {
  if (settling === null) return null;
  for (const { counter } of settling.periods) {
    if (holds(counter, at, createdAt)) return counter;
  }
  return null;
}

/**
 * Where usage of this time counts in the meter; null: nowhere, since the meter ended. A meter that is
 * due and not closed yet is taken as if its period had just been closed.
 */
export function placeOf(meter: Meter, at: EpochMs, { now, settlingMs }: Moment): Place | null {
  const { counter, settling, createdAt, deleteOnReset } = meter;
  const waiting = waitingAt(meter, at);
  if (waiting !== null) return { counter: waiting, isLate: false };
  if (settling?.isEnding === true) return null;
  const { periodStart, periodEnd } = counter;
  if (periodEnd > now) return { counter, isLate: at < periodStart && periodStart !== createdAt };
  const waits = periodEnd + settlingMs > now;
  if (waits && holds(counter, at, createdAt)) return { counter, isLate: false };
  return deleteOnReset ? null : { counter: null, isLate: at < periodEnd };
}

/** The first period of a meter also takes what was before it: no period of that time was flushed. */
function holds({ periodStart, periodEnd }: Counter, at: EpochMs, createdAt: EpochMs): boolean {
  return at < periodEnd && (at >= periodStart || periodStart === createdAt);
}
