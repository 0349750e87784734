// When the periods of one meter type end, in one zone: boundaries that entries brought in, since
// the core knows no zone rules. A changed schedule opens a new version; the version in force when
// a period opens decides its end, so a change takes effect after the current period (RS, FL).
import type { EpochMs } from "./ports.ts";
import { assert } from "./problem.ts";

export interface TimetableVersion {
  /** Instant of the change that opened this version; 0 for the first. */
  readonly since: EpochMs;
  /** Strictly ascending. The last one lies after the time of every entry applied so far. */
  boundaries: readonly EpochMs[];
}

export interface ZoneTimetable {
  /** Ascending by `since`, never empty. */
  versions: TimetableVersion[];
}

/** By zone name. */
export type TypeTimetables = Map<string, ZoneTimetable>;

export function newTimetable(boundaries: readonly EpochMs[]): ZoneTimetable {
  return { versions: [{ since: 0, boundaries }] };
}

/** End of a period that opens now: the schedule as it is today. */
export function firstPeriodEnd(timetable: ZoneTimetable, periodStart: EpochMs): EpochMs {
  return boundaryAfter(latestVersion(timetable), periodStart);
}

/** End of the period that opens where another ended: the schedule in force at that instant. */
export function nextPeriodEnd(timetable: ZoneTimetable, periodStart: EpochMs): EpochMs {
  let inForce = timetable.versions[0];
  for (const version of timetable.versions) if (version.since < periodStart) inForce = version;
  assert(inForce !== undefined, "a timetable has a version");
  return boundaryAfter(inForce, periodStart);
}

export function latestVersion(timetable: ZoneTimetable): TimetableVersion {
  const latest = timetable.versions.at(-1);
  assert(latest !== undefined, "a timetable has a version");
  return latest;
}

/** The last instant that a timetable knows. */
export function coveredUntil(timetable: ZoneTimetable): EpochMs {
  const last = latestVersion(timetable).boundaries.at(-1);
  assert(last !== undefined, "a timetable version has a boundary");
  return last;
}

/** Opens a version for a schedule that changed at `since`. */
export function addVersion(
  timetable: ZoneTimetable,
  since: EpochMs,
  boundaries: readonly EpochMs[],
): void {
  timetable.versions.push({ since, boundaries });
}

/**
 * Appends boundaries and forgets those that no open period can need any more: all before
 * `oldestOpenEnd`, the earliest end of a period not yet closed.
 */
export function extend(
  timetable: ZoneTimetable,
  boundaries: readonly EpochMs[],
  oldestOpenEnd: EpochMs,
): void {
  const latest = latestVersion(timetable);
  const fresh = boundaries.filter((boundary) => boundary > coveredUntil(timetable));
  const kept = latest.boundaries.filter((boundary) => boundary >= oldestOpenEnd);
  latest.boundaries = [...kept, ...fresh];
  assert(latest.boundaries.length > 0, "an extended timetable has a boundary");
  while (timetable.versions.length > 1) {
    const [first, second] = timetable.versions;
    assert(first !== undefined && second !== undefined, "two versions were counted");
    const lastEnd = first.boundaries.find((boundary) => boundary > second.since);
    if (lastEnd === undefined || lastEnd >= oldestOpenEnd) break;
    timetable.versions.shift();
  }
}

/** Zone rules changed: boundaries up to `time` stay, later ones are replaced. */
export function replaceFuture(
  timetable: ZoneTimetable,
  time: EpochMs,
  boundaries: readonly EpochMs[],
): void {
  const latest = latestVersion(timetable);
  latest.boundaries = [
    ...latest.boundaries.filter((boundary) => boundary <= time),
    ...boundaries.filter((boundary) => boundary > time),
  ];
}

function boundaryAfter(version: TimetableVersion, instant: EpochMs): EpochMs {
  const boundaries = version.boundaries;
  let low = 0;
  let high = boundaries.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((boundaries[middle] ?? 0) > instant) high = middle;
    else low = middle + 1;
  }
  const boundary = boundaries[low];
  assert(boundary !== undefined, "the timetable covers every entry's time");
  return boundary;
}
