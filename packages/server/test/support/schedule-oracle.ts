// A second, slow answer to where boundaries lie: looks at every UTC minute of a window through the
// platform's clocks and judges each by the words of the rules. It must share no code with
// core/schedule*.ts or runtime/zones.ts, so that no mistake is made on both sides.

/** What a zone's clocks show at one UTC minute. */
interface Minute {
  readonly at: number;
  /** The wall time, counted in minutes as if it were UTC. */
  readonly wall: number;
}

export interface Window {
  readonly minutes: readonly Minute[];
  /** The instant at which each wall time is first shown. */
  readonly firstAt: ReadonlyMap<number, number>;
}

export interface OracleSchedule {
  readonly minute: string;
  readonly hour: string;
  readonly day: string;
  readonly month: string;
  readonly weekday: string;
}

const minuteMs = 60_000;

/** Both ends must be whole UTC minutes. */
export function scanWindow(zone: string, from: number, to: number): Window {
  const minutes: Minute[] = [];
  const firstAt = new Map<number, number>();
  for (let at = from; at < to; at += minuteMs) {
    const shown = Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(zone);
    const { year, month, day, hour, minute } = shown;
    const wall = Date.UTC(year, month - 1, day, hour, minute) / minuteMs;
    minutes.push({ at, wall });
    if (!firstAt.has(wall)) firstAt.set(wall, at);
  }
  return { minutes, firstAt };
}

/** All boundaries in a window, ascending; unsure within two days of its ends. */
export function slowBoundaries(schedule: OracleSchedule, window: Window): readonly number[] {
  const isInterval = /[*/]/.test(schedule.minute) || /[*/]/.test(schedule.hour);
  const holds = judgeOf(schedule);
  if (isInterval) {
    return window.minutes.filter(({ wall }) => holds(wall)).map(({ at }) => at);
  }
  const walls = window.minutes.map(({ wall }) => wall);
  const last = Math.max(...walls.slice(-1_500));
  const found = new Set<number>();
  for (let wall = Math.min(...walls.slice(0, 1_500)); wall <= last; wall += 1) {
    if (!holds(wall)) continue;
    const at = window.firstAt.get(wall) ?? window.minutes.find((one) => one.wall > wall)?.at;
    if (at !== undefined) found.add(at);
  }
  return [...found].sort((a, b) => a - b);
}

const months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const weekdays = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

type Judge = (wall: number) => boolean;

function judgeOf(schedule: OracleSchedule): Judge {
  const isMinute = verdicts(schedule.minute, 0);
  const isHour = verdicts(schedule.hour, 0);
  const isMonth = verdicts(numbered(schedule.month, months, 1), 1);
  const isDay = verdicts(schedule.day, 1);
  const isWeekday = verdicts(numbered(schedule.weekday, weekdays, 0), 0);
  const hasLastDay = schedule.day.split(",").includes("L");
  const isFree = /^[*?]/.test(schedule.day) || /^[*?]/.test(schedule.weekday);
  return (wall) => {
    const shown = new Date(wall * minuteMs);
    if (!isMinute[shown.getUTCMinutes()] || !isHour[shown.getUTCHours()]) return false;
    if (!isMonth[shown.getUTCMonth() + 1]) return false;
    const isLastDay = new Date((wall + 1_440) * minuteMs).getUTCDate() === 1;
    const day = (hasLastDay && isLastDay) || isDay[shown.getUTCDate()] === true;
    const weekday = isWeekday[shown.getUTCDay()] || (shown.getUTCDay() === 0 && isWeekday[7]);
    return isFree ? day && weekday === true : day || weekday === true;
  };
}

function verdicts(text: string, lowest: number): readonly boolean[] {
  return Array.from({ length: 60 }, (_, value) => isIn(text, value, lowest));
}

function numbered(text: string, names: readonly string[], first: number): string {
  return text.toLowerCase().replace(/[a-z]{3}/g, (name) => String(names.indexOf(name) + first));
}

function isIn(text: string, value: number, lowest: number): boolean {
  return text.split(",").some((item) => {
    if (item === "*" || item === "?") return true;
    const [range = "", step = "1"] = item.split("/");
    const [low = "", high = low] = range === "*" ? [`${lowest}`, "99"] : range.split("-");
    return value >= +low && value <= +high && (value - +low) % +step === 0;
  });
}
