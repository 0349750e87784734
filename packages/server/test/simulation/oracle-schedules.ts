// When periods end, told a second time for the few schedules and zones that the simulation uses:
// plain arithmetic over days and quarters of an hour. It shares no code with core/schedule.ts, and
// knows no zone data but one rule for summer time written down here.
import type { ResetSchedule } from "../../src/core/definitions.ts";

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;
const chunkMs = 64 * dayMs;

const everyHour: ResetSchedule = { minute: "0", hour: "*", day: "*", month: "*", weekday: "*" };

/** All that the simulation draws from: minutes are quarters, days one, last or a weekday. */
export const oracleSchedules: readonly ResetSchedule[] = [
  { ...everyHour, minute: "*/15" },
  everyHour,
  { ...everyHour, hour: "*/6" },
  { ...everyHour, hour: "0" },
  { ...everyHour, minute: "30", hour: "2" },
  { ...everyHour, minute: "15,45", hour: "8,20" },
  { ...everyHour, hour: "0", weekday: "1" },
  { ...everyHour, hour: "0", day: "1" },
];

/** Minutes ahead of UTC; the European one is an hour more in summer. */
export const oracleZones: Readonly<Record<string, number>> = {
  "Etc/UTC": 0,
  "Asia/Kathmandu": 345,
  "Europe/Stockholm": 60,
};

const known = new Map<string, Map<number, readonly number[]>>();

/** The first boundary after the instant. */
export function boundaryAfter(schedule: ResetSchedule, zone: string, instant: number): number {
  const key = `${Object.values(schedule).join(" ")} ${zone}`;
  const chunks = known.get(key) ?? new Map<number, readonly number[]>();
  known.set(key, chunks);
  for (let chunk = Math.floor(instant / chunkMs); ; chunk += 1) {
    const boundaries = chunks.get(chunk) ?? boundariesOf(schedule, zone, chunk * chunkMs);
    chunks.set(chunk, boundaries);
    const found = firstAfter(boundaries, instant);
    if (found !== undefined) return found;
  }
}

/** A schedule with a star or a slash in minute or hour follows real time, any other local time. */
function boundariesOf(schedule: ResetSchedule, zone: string, from: number): readonly number[] {
  const isInterval = /[*/]/.test(schedule.minute + schedule.hour);
  const found = new Set<number>();
  if (isInterval) {
    for (let at = from; at < from + chunkMs; at += 15 * minuteMs) {
      if (isOn(schedule, at + offsetAt(zone, at))) found.add(at);
    }
    return [...found];
  }
  for (let local = from - 2 * dayMs; local < from + chunkMs + 2 * dayMs; local += 15 * minuteMs) {
    if (!isOn(schedule, local)) continue;
    const at = instantOf(zone, local);
    if (at >= from && at < from + chunkMs) found.add(at);
  }
  return [...found].sort((a, b) => a - b);
}

/** `local` is an instant whose UTC fields are the local ones. */
function isOn({ minute, hour, day, weekday }: ResetSchedule, local: number): boolean {
  const date = new Date(local);
  return (
    isIn(minute, date.getUTCMinutes()) &&
    isIn(hour, date.getUTCHours()) &&
    isIn(day, date.getUTCDate()) &&
    isIn(weekday, date.getUTCDay())
  );
}

function isIn(field: string, value: number): boolean {
  if (field === "*") return true;
  if (field.startsWith("*/")) return value % Number.parseInt(field.slice(2), 10) === 0;
  return field.split(",").some((item) => Number.parseInt(item, 10) === value);
}

/** In a repeated hour the first pass, in a missing one the instant at which it is skipped. */
function instantOf(zone: string, local: number): number {
  const early = local - offsetAt(zone, local - dayMs);
  const late = local - offsetAt(zone, local + dayMs);
  const fits = [early, late].filter((at) => at + offsetAt(zone, at) === local);
  if (fits.length > 0) return Math.min(...fits);
  let at = Math.min(early, late);
  while (at + offsetAt(zone, at) < local) at += 15 * minuteMs;
  return at;
}

function offsetAt(zone: string, instant: number): number {
  const minutes = oracleZones[zone];
  if (minutes === undefined) throw new Error(`the oracle does not know the zone ${zone}`);
  const isSummer = zone === "Europe/Stockholm" && isEuropeanSummer(instant);
  return minutes * minuteMs + (isSummer ? hourMs : 0);
}

/** From 01:00 UTC on the last Sunday of March to 01:00 UTC on the last Sunday of October. */
function isEuropeanSummer(instant: number): boolean {
  const year = new Date(instant).getUTCFullYear();
  return instant >= lastSunday(year, 2) && instant < lastSunday(year, 9);
}

function lastSunday(year: number, month: number): number {
  const last = Date.UTC(year, month + 1, 0, 1);
  return last - new Date(last).getUTCDay() * dayMs;
}

function firstAfter(boundaries: readonly number[], instant: number): number | undefined {
  let low = 0;
  let high = boundaries.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((boundaries[middle] ?? 0) > instant) high = middle;
    else low = middle + 1;
  }
  return boundaries[low];
}
