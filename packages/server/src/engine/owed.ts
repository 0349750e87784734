// How many metered records are owed for boundaries that passed while nobody closed them. A start
// that would make more than it was allowed to is refused (FL14).
import { waitingPeriodsMax } from "../core/limits.ts";
import type { EpochMs, Zones } from "../core/ports.ts";
import { assert } from "../core/problem.ts";
import { boundariesAfter, compileSchedule } from "../core/schedule.ts";
import type { Meter, State } from "../core/state.ts";

export interface Owed {
  /** Metered records; a meter of a type that ended may owe fewer than counted. */
  readonly count: number;
  /** False: there was too much to count, and at least so many are owed. */
  readonly isWhole: boolean;
}

/** Boundaries computed beyond those that are allowed: bounds the time of a refusal. */
const boundariesBeyondMax = 2_000_000;
/** Boundaries computed at once: bounds the memory. */
const boundariesAtOnce = 100_000;

/** Counts everything that is owed at `now`, since a refusal names the number. */
export function owedRecords(
  state: State,
  zones: Zones,
  { now, most }: { now: EpochMs; most: number },
): Owed {
  const byEnd = new Map<string, Closed>();
  let budget = most + boundariesBeyondMax;
  let count = 0;
  for (const meter of state.meters.values()) {
    if (meter.dueAt > now) continue;
    const settlingMs = settlingOf(state, meter);
    const waiting = meter.settling?.periods ?? [];
    const isEnding = meter.settling?.isEnding === true;
    if (meter.periodEnd > now || isEnding) {
      count += waiting.filter(({ flushAt }) => flushAt <= now).length;
      continue;
    }
    // Meters of one type, zone and end close the same number of periods.
    const key = `${meter.type.id} ${meter.timezone} ${meter.periodEnd} ${settlingMs} ${meter.deleteOnReset}`;
    let own = byEnd.get(key);
    if (own === undefined) {
      own = closed(meter, zones, { now, settlingMs, most: budget });
      if (own.ended > budget) return { count: count + own.ended, isWhole: false };
      budget -= own.ended;
      byEnd.set(key, own);
    }
    // Periods that end by now may wait for late usage still, and older ones with them (SL4, SL5).
    const longest = meter.periodEnd + settlingMs;
    const older = waiting.filter(({ flushAt }) => Math.min(flushAt, longest) > now).length;
    count += waiting.length + own.ended - Math.min(waitingPeriodsMax, older + own.waiting);
  }
  return { count, isWhole: true };
}

/** Periods of a meter that end by now, and how many of them are not flushed by now. */
interface Closed {
  readonly ended: number;
  readonly waiting: number;
}

function closed(
  meter: Meter,
  zones: Zones,
  { now, settlingMs, most }: { now: EpochMs; settlingMs: number; most: number },
): Closed {
  if (meter.deleteOnReset) return { ended: 1, waiting: meter.periodEnd + settlingMs > now ? 1 : 0 };
  const ended = 1 + passed(meter, zones, { now, most });
  return { ended, waiting: stillWaiting(meter, zones, { now, settlingMs }) };
}

function settlingOf({ accounts }: State, { accountId, meterKey }: Meter): number {
  const fields = accounts.get(accountId)?.processors.get(meterKey)?.fields;
  return (fields?.settlingSeconds ?? 0) * 1_000;
}

/** How many of the periods that end by now are not flushed yet once all are closed. */
function stillWaiting(
  { periodEnd, type, timezone }: Meter,
  zones: Zones,
  { now, settlingMs }: { now: EpochMs; settlingMs: number },
): number {
  if (settlingMs === 0) return 0;
  const zone = zones.get(timezone);
  assert(zone !== undefined, "the zone was known when it was accepted");
  const after = Math.max(periodEnd - 1, now - settlingMs);
  const limit = { after, countMax: waitingPeriodsMax, until: now };
  return boundariesAfter(compileSchedule(type.resetSchedule), zone, limit).length;
}

/** Boundaries after the end of the open period until `now`, at most `most`. */
function passed(
  { type, timezone, periodEnd }: Meter,
  zones: Zones,
  { now, most }: { now: EpochMs; most: number },
): number {
  const zone = zones.get(timezone);
  assert(zone !== undefined, "the zone was known when it was accepted");
  const schedule = compileSchedule(type.resetSchedule);
  let count = 0;
  let after = periodEnd;
  while (count < most) {
    const limit = { after, countMax: Math.min(boundariesAtOnce, most - count), until: now };
    const boundaries = boundariesAfter(schedule, zone, limit);
    const last = boundaries.at(-1);
    if (last === undefined) break;
    count += boundaries.length;
    after = last;
  }
  return count;
}
