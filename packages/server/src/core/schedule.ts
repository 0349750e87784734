// Reset schedules: reads one from a definition, and finds the instants at which its periods end in
// a zone. Rules in docs/spec/schedules.md. Zone rules come through the `Zone` port and are asked
// for outside the core's state: their results travel in entries, so that a replay never needs them.

import { canonicalNumber } from "./decimal.ts";
import type { ResetSchedule } from "./definitions.ts";
import {
  ExactNumber,
  isJsonObject,
  type JsonObject,
  type JsonValue,
  member,
} from "./json-value.ts";
import { scheduleHorizonYears } from "./limits.ts";
import type { EpochMs, Zone, ZoneSpan } from "./ports.ts";
import { type Fault, fail, ok, type Result } from "./problem.ts";
import { readScheduleField, scheduleFields } from "./schedule-fields.ts";
import { type CompiledSchedule, compileSchedule, nextMatch } from "./schedule-match.ts";
import { dayMs, dayNumber, instantMax } from "./time.ts";

export { type CompiledSchedule, compileSchedule };

/** Horizon of a search. The rarest schedules, a 29 February that is a given weekday, wait 40 years. */
const horizonMs = scheduleHorizonYears * 366 * dayMs;
/** Offsets are less than a day, so a span that ended earlier shows no local time of now or later. */
const overlapReachMs = 2 * dayMs;

const shapeText =
  'must be an object such as {"minute":"0","hour":"0","day":"1","month":"*","weekday":"*"}';

/**
 * A reset schedule as sent, texts unchanged (numbers become their canonical text). All faults at
 * once, each at `<pointer>/<member>`; a schedule that no date matches is a fault at `pointer`.
 */
export function readResetSchedule(
  value: JsonValue | undefined,
  pointer: string,
): Result<ResetSchedule, readonly Fault[]> {
  if (value === undefined) return fail([{ pointer, detail: "is required" }]);
  if (!isJsonObject(value)) return fail([{ pointer, detail: shapeText }]);
  const faults = unknownMembers(value, pointer);
  const texts = new Map<string, string>();
  for (const name of scheduleFields) {
    const text = fieldText(member(value, name));
    const read = text.ok ? readScheduleField(name, text.value) : text;
    if (!read.ok) faults.push({ pointer: `${pointer}/${name}`, detail: read.error });
    else if (text.ok) texts.set(name, text.value);
  }
  if (faults.length > 0) return fail(faults);
  const [minute = "", hour = "", day = "", month = "", weekday = ""] = scheduleFields.map((name) =>
    texts.get(name),
  );
  const schedule = { minute, hour, day, month, weekday };
  if (matchesSomeDate(schedule)) return ok(schedule);
  const detail =
    `No date has day ${JSON.stringify(day)} in month ${JSON.stringify(month)}, so that this ` +
    "schedule would never end a period. Use L for the last day of a month.";
  return fail([{ pointer, detail }]);
}

/** The first boundary strictly after `after`; undefined when there is none within the horizon. */
export function nextBoundary(
  schedule: CompiledSchedule,
  zone: Zone,
  after: EpochMs,
): EpochMs | undefined {
  return boundariesAfter(schedule, zone, { after, countMax: 1 })[0];
}

/** Which boundaries are wanted. */
export interface BoundaryQuery {
  /** Exclusive. */
  readonly after: EpochMs;
  readonly countMax: number;
  /** Inclusive; without it only the horizon ends the search. */
  readonly until?: EpochMs;
}

/**
 * Boundaries strictly after `after`, strictly ascending, at most `countMax` of them. Each is sought
 * within the horizon after the one before it.
 *
 * Walks the zone's spans. A fixed-time schedule fires for each local time once, at the first
 * instant at which the local clock has reached or passed it; that is the end of a gap, and the
 * first pass of an overlap. An interval schedule fires whenever the local clock shows a match.
 */
export function boundariesAfter(
  schedule: CompiledSchedule,
  zone: Zone,
  query: BoundaryQuery,
): EpochMs[] {
  const found: EpochMs[] = [];
  let from = query.after + 1;
  let last = searchEnd(query, query.after);
  let span = zone.spanAt(query.after);
  let passed = schedule.isInterval ? -Infinity : localTimePassed(zone, span, query.after);
  while (found.length < query.countMax) {
    const end = Math.min(span.end, last + 1) + span.offsetMs;
    const match = nextMatch(schedule, Math.max(from + span.offsetMs, passed), end);
    if (match !== undefined) {
      found.push(match - span.offsetMs);
      last = searchEnd(query, match - span.offsetMs);
      from = match - span.offsetMs + 1;
      continue;
    }
    if (span.end > last) break;
    from = span.end;
    const next = zone.spanAt(from);
    if (!schedule.isInterval) {
      passed = Math.max(passed, from + span.offsetMs);
      if (hasMatchInGap(schedule, passed, from + next.offsetMs)) {
        found.push(from);
        last = searchEnd(query, from);
        from += 1;
      }
    }
    span = next;
  }
  return found;
}

function searchEnd({ until = instantMax }: BoundaryQuery, previous: EpochMs): EpochMs {
  return Math.min(until, previous + horizonMs, instantMax);
}

/** The latest local time that earlier spans showed, as far as it can matter from `after` on. */
function localTimePassed(zone: Zone, span: ZoneSpan, after: EpochMs): number {
  let passed = -Infinity;
  let earlier = span;
  while (earlier.start > after - overlapReachMs && earlier.start > -instantMax) {
    earlier = zone.spanAt(earlier.start - 1);
    passed = Math.max(passed, earlier.end + earlier.offsetMs);
  }
  return passed;
}

function hasMatchInGap(schedule: CompiledSchedule, from: number, end: number): boolean {
  return from < end && nextMatch(schedule, from, end) !== undefined;
}

function matchesSomeDate(schedule: ResetSchedule): boolean {
  const from = dayNumber(2000, 1, 1) * dayMs;
  return nextMatch(compileSchedule(schedule), from, from + horizonMs) !== undefined;
}

function fieldText(value: JsonValue | undefined): Result<string, string> {
  if (value === undefined) return fail('is required; "*" stands for every value');
  if (typeof value === "string") return ok(value);
  if (typeof value === "number" || value instanceof ExactNumber) return ok(canonicalNumber(value));
  return fail('must be a string such as "0" or "*"');
}

function unknownMembers(value: JsonObject, pointer: string): Fault[] {
  const known: readonly string[] = scheduleFields;
  const unknown = Object.keys(value).filter((name) => !known.includes(name));
  return unknown.map((name) => ({
    pointer: `${pointer}/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`,
    detail: `is not a member of a reset schedule; its members are ${scheduleFields.join(", ")}`,
  }));
}
