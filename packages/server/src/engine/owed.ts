// How many metered records are owed for boundaries that passed while nobody closed them. A start
// that would make more than it was allowed to is refused (FL14).
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
  const byEnd = new Map<string, number>();
  let budget = most + boundariesBeyondMax;
  let count = 0;
  for (const meter of state.meters.values()) {
    if (meter.periodEnd > now) continue;
    if (meter.deleteOnReset) {
      count += 1;
      continue;
    }
    // Meters of one type, zone and end owe the same number.
    const key = `${meter.type.id} ${meter.timezone} ${meter.periodEnd}`;
    let each = byEnd.get(key);
    if (each === undefined) {
      each = 1 + passed(meter, zones, { now, most: budget });
      if (each > budget) return { count: count + each, isWhole: false };
      budget -= each;
      byEnd.set(key, each);
    }
    count += each;
  }
  return { count, isWhole: true };
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
