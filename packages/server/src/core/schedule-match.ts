// A reset schedule against the civil calendar: which local minutes match its five fields. It knows
// months, weekdays and leap years, and nothing of zones or instants. It must never step through
// minutes or days that cannot match: schedules are asked for years at a time.
//
// Local time is counted in milliseconds as if the local clock showed UTC ("local ms").
import type { ResetSchedule } from "./definitions.ts";
import { assert } from "./problem.ts";
import { type FieldValues, readScheduleField, type ScheduleField } from "./schedule-fields.ts";
import { civilDate, dayMs, dayNumber, daysInMonth, minuteMs } from "./time.ts";

/** A schedule prepared for matching. */
export interface CompiledSchedule {
  /** For each minute of an hour the first matching one from there on, or -1. */
  readonly minuteFrom: readonly number[];
  readonly hourFrom: readonly number[];
  /** Bit sets: days 1 to 31, months 1 to 12, weekdays 0 (Sunday) to 6. */
  readonly days: number;
  readonly months: number;
  readonly weekdays: number;
  readonly hasLastDay: boolean;
  /** Day and weekday are both restricted: a date matches when either does, else both must. */
  readonly eitherDay: boolean;
  /** Minute or hour has `*` or `/`: follows elapsed time through clock changes. */
  readonly isInterval: boolean;
}

/** Prepares a schedule that `readResetSchedule` accepted. */
export function compileSchedule(schedule: ResetSchedule): CompiledSchedule {
  const day = field(schedule, "day");
  const weekday = field(schedule, "weekday");
  return {
    minuteFrom: firstFrom(field(schedule, "minute").values, 60),
    hourFrom: firstFrom(field(schedule, "hour").values, 24),
    days: bits(day.values),
    months: bits(field(schedule, "month").values),
    weekdays: bits(weekday.values.map((value) => value % 7)),
    hasLastDay: day.hasLastDay,
    eitherDay: !day.isFree && !weekday.isFree,
    isInterval: /[*/]/.test(schedule.minute + schedule.hour),
  };
}

/** The first matching local minute at or after `from` and before `end`, all in local ms. */
export function nextMatch(
  schedule: CompiledSchedule,
  from: number,
  end: number,
): number | undefined {
  const minute = Math.ceil(from / minuteMs);
  const startDay = Math.floor(minute / 1_440);
  const lastDay = Math.ceil(end / dayMs) - 1;
  let day = nextMatchingDay(schedule, startDay, lastDay);
  if (day === undefined) return undefined;
  let minuteOfDay = nextMinuteOfDay(schedule, day === startDay ? minute - day * 1_440 : 0);
  if (minuteOfDay < 0) {
    day = nextMatchingDay(schedule, day + 1, lastDay);
    if (day === undefined) return undefined;
    minuteOfDay = nextMinuteOfDay(schedule, 0);
  }
  const match = day * dayMs + minuteOfDay * minuteMs;
  return match < end ? match : undefined;
}

/** The first matching minute of a day at or after `from`, or -1. */
function nextMinuteOfDay(schedule: CompiledSchedule, from: number): number {
  const fromHour = Math.floor(from / 60);
  const hour = schedule.hourFrom[fromHour] ?? -1;
  if (hour === fromHour) {
    const minute = schedule.minuteFrom[from % 60] ?? -1;
    if (minute >= 0) return hour * 60 + minute;
  }
  const later = hour === fromHour ? (schedule.hourFrom[hour + 1] ?? -1) : hour;
  return later < 0 ? -1 : later * 60 + (schedule.minuteFrom[0] ?? 0);
}

/** The first matching date from day number `from` to day number `last`. */
function nextMatchingDay(
  schedule: CompiledSchedule,
  from: number,
  last: number,
): number | undefined {
  if (from > last) return undefined;
  let { year, month, day } = civilDate(from);
  let monthStart = from - day;
  while (monthStart < last) {
    if ((schedule.months >> month) & 1) {
      const found = matchingDayOfMonth(schedule, day, {
        monthStart,
        days: daysInMonth(year, month),
      });
      if (found > 0) return monthStart + found <= last ? monthStart + found : undefined;
    }
    day = 1;
    month += 1;
    if (month > 12) {
      month = 1;
      year += 1;
    }
    monthStart = dayNumber(year, month, 1) - 1;
  }
  return undefined;
}

/** The first matching day of a month at or after `from`; 0 when there is none. */
function matchingDayOfMonth(
  schedule: CompiledSchedule,
  from: number,
  { monthStart, days }: { readonly monthStart: number; readonly days: number },
): number {
  const lastDay = schedule.hasLastDay ? 1 << days : 0;
  for (let day = from; day <= days; day += 1) {
    const isDay = ((schedule.days | lastDay) & (1 << day)) !== 0;
    // Day number 0, 1970-01-01, was a Thursday.
    const weekday = (((monthStart + day + 4) % 7) + 7) % 7;
    const isWeekday = ((schedule.weekdays >> weekday) & 1) === 1;
    if (schedule.eitherDay ? isDay || isWeekday : isDay && isWeekday) return day;
  }
  return 0;
}

function field(schedule: ResetSchedule, name: ScheduleField): FieldValues {
  const read = readScheduleField(name, schedule[name]);
  assert(read.ok, `an unchecked reset schedule: ${name} is "${schedule[name]}"`);
  return read.value;
}

function bits(values: readonly number[]): number {
  return values.reduce((set, value) => set | (1 << value), 0);
}

function firstFrom(values: readonly number[], count: number): readonly number[] {
  return Array.from({ length: count }, (_, from) => values.find((value) => value >= from) ?? -1);
}
