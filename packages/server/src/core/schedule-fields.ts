// The grammar of a reset schedule's five fields (crontab(5) with names, L and ?): text to the
// values that it names. It exists apart from the calendar so that the language stands in one place.
// It must never guess: what the grammar does not have is refused, with what would be right.
import type { ResetSchedule } from "./definitions.ts";
import { scheduleItemsMax } from "./limits.ts";
import { fail, ok, type Result } from "./problem.ts";

/** What one field names. */
export interface FieldValues {
  /** Ascending, without repetition. Sunday may appear as 0, as 7 or as both. */
  readonly values: readonly number[];
  /** The list has `L`, the last day of the month. */
  readonly hasLastDay: boolean;
  /** The text begins with `*` or is `?`: the field leaves the choice of days to the other one. */
  readonly isFree: boolean;
}

export type ScheduleField = keyof ResetSchedule;

/** In the order of crontab. */
export const scheduleFields: readonly ScheduleField[] = [
  "minute",
  "hour",
  "day",
  "month",
  "weekday",
];

interface FieldRule {
  readonly lowest: number;
  readonly highest: number;
  /** Names of the values from `lowest` up. */
  readonly names: readonly string[];
  readonly hasLastDay: boolean;
  readonly hasQuestionMark: boolean;
}

const plain = { names: [], hasLastDay: false, hasQuestionMark: false };
const monthNames = "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC".split(" ");
const weekdayNames = "SUN MON TUE WED THU FRI SAT".split(" ");

const rules: Readonly<Record<ScheduleField, FieldRule>> = {
  minute: { ...plain, lowest: 0, highest: 59 },
  hour: { ...plain, lowest: 0, highest: 23 },
  day: { ...plain, lowest: 1, highest: 31, hasLastDay: true, hasQuestionMark: true },
  month: { ...plain, lowest: 1, highest: 12, names: monthNames },
  weekday: { ...plain, lowest: 0, highest: 7, names: weekdayNames, hasQuestionMark: true },
};

/** Longest list that could be right: every item at its longest, such as "JAN-DEC/12". */
const textCharactersMax = scheduleItemsMax * 11;

const itemPattern =
  /^(?:\*|([0-9]{1,2}|[A-Za-z]{3})(?:-([0-9]{1,2}|[A-Za-z]{3}))?)(?:\/([0-9]{1,2}))?$/;

/** The values of a field, or a sentence that says which item is wrong and what is allowed. */
export function readScheduleField(field: ScheduleField, text: string): Result<FieldValues, string> {
  const rule = rules[field];
  if (text === "?" && rule.hasQuestionMark) return readScheduleField(field, "*");
  const items = text.length <= textCharactersMax ? text.split(",", scheduleItemsMax + 1) : null;
  if (items === null || items.length > scheduleItemsMax) {
    return fail(`The list is too long: it may have up to ${scheduleItemsMax} items.`);
  }
  const values = new Set<number>();
  let hasLastDay = false;
  for (const item of items) {
    if (item === "L" && rule.hasLastDay) {
      hasLastDay = true;
    } else if (!addItem(rule, item, values)) {
      return fail(`${quoted(item)} is not allowed in ${field}. ${allowed(rule)}`);
    }
  }
  const ascending = [...values].sort((a, b) => a - b);
  return ok({ values: ascending, hasLastDay, isFree: text.startsWith("*") });
}

/** Adds the values of one item; false when the item is not in the grammar. */
function addItem(rule: FieldRule, item: string, values: Set<number>): boolean {
  const match = itemPattern.exec(item);
  if (match === null) return false;
  const [, from, to, stepText] = match;
  if (stepText !== undefined && from !== undefined && to === undefined) return false;
  const first = from === undefined ? rule.lowest : numberOf(rule, from);
  const last = from === undefined ? rule.highest : numberOf(rule, to ?? from);
  const step = stepText === undefined ? 1 : Number.parseInt(stepText, 10);
  if (first === undefined || last === undefined || first > last) return false;
  if (step < 1 || step > rule.highest) return false;
  for (let value = first; value <= last; value += step) values.add(value);
  return true;
}

function numberOf(rule: FieldRule, text: string): number | undefined {
  const named = rule.names.indexOf(text.toUpperCase());
  const value = named >= 0 ? rule.lowest + named : Number.parseInt(text, 10);
  return value >= rule.lowest && value <= rule.highest ? value : undefined;
}

function allowed({ lowest, highest, names, hasLastDay, hasQuestionMark }: FieldRule): string {
  const named = names.length > 0 ? ` or ${names[0]} to ${names.at(-1)}` : "";
  const last = hasLastDay ? "L for the last day of the month, " : "";
  const question = hasQuestionMark ? ' A lone "?" means "*".' : "";
  return (
    `Allowed are *, a number ${lowest} to ${highest}${named}, a range such as ` +
    `${names.length > 0 ? `${names[0]}-${names[2]}` : `${lowest}-${highest}`}, a step such as */2 ` +
    `or ${lowest}-${highest}/2 (1 to ${highest}), ${last}` +
    `and comma lists of these, without spaces.${question}`
  );
}

function quoted(item: string): string {
  return JSON.stringify(item.length > 20 ? `${item.slice(0, 20)}…` : item);
}
