// How many metered records are owed for boundaries that passed while nobody closed them. A start
// that would make more than it was allowed to is refused (FL14).
import type { EpochMs, Zones } from "../core/ports.ts";
import { assert } from "../core/problem.ts";
import { boundariesAfter, compileSchedule } from "../core/schedule.ts";
import type { MeterType, State } from "../core/state.ts";

/** Stops counting soon after `most`; a meter of a type that ended may owe fewer than counted. */
export function owedRecords(
  state: State,
  zones: Zones,
  { now, most }: { now: EpochMs; most: number },
): number {
  const byEnd = new Map<string, number>();
  let owed = 0;
  for (const meter of state.meters.values()) {
    if (meter.periodEnd > now) continue;
    if (meter.deleteOnReset) owed += 1;
    else {
      // Meters of one type, zone and end owe the same number.
      const key = `${meter.type.id} ${meter.timezone} ${meter.periodEnd}`;
      let each = byEnd.get(key);
      if (each === undefined) {
        each = 1 + passed(meter.type, zones, { meter, now, most });
        byEnd.set(key, each);
      }
      owed += each;
    }
    if (owed > most) return owed;
  }
  return owed;
}

function passed(
  type: MeterType,
  zones: Zones,
  {
    meter,
    now,
    most,
  }: {
    meter: { readonly timezone: string; readonly periodEnd: EpochMs };
    now: EpochMs;
    most: number;
  },
): number {
  const zone = zones.get(meter.timezone);
  assert(zone !== undefined, "the zone was known when it was accepted");
  const limit = { after: meter.periodEnd, countMax: most + 1, until: now };
  return boundariesAfter(compileSchedule(type.resetSchedule), zone, limit).length;
}
