// Meters with their counters as rows of a snapshot, and back. Rows are plain JSON, since a start may
// read a million of them: what many meters have in common stands once for a section, groups are
// numbers, and what callers sent with digits of its own is JSON text within the row.
import { type Carried, carriedEntries } from "./carried-fields.ts";
import { Counter, type CounterRow } from "./counter.ts";
import type { Threshold } from "./definitions.ts";
import { parseExactJson, writeExactJson } from "./exact-json.ts";
import type { GroupKeys } from "./group-keys.ts";
import type { JsonObject, JsonValue } from "./json-value.ts";
import { noFields } from "./meter-tables.ts";
import { assert } from "./problem.ts";
import type { Settling } from "./settling.ts";
import { Meter, type MeterTerms, type State } from "./state.ts";
import { ThresholdWatch } from "./threshold-watch.ts";

/** Account, meter type, meter key, time zone and unit. */
type Common = readonly [string, string, string, string, string];

/** Place in `common`, id, user id, time made, counter, what is seldom there, what waits. */
type Row = readonly [
  number,
  string,
  string,
  number,
  PeriodRow,
  string | null,
  (SettlingRow | null)?,
];

/** Whether the meter is ending; the older periods that wait, and when each is flushed. */
type SettlingRow = readonly [boolean, readonly PeriodRow[], readonly number[]];

/**
 * Counter, carried first and carried last (null where nothing was); then the marks of thresholds that
 * were told, if any.
 */
type PeriodRow = readonly [CounterRow, CarriedRow, CarriedRow, (readonly string[] | null)?];

/** Names and values in turn where all values are texts; else as exact JSON. */
type CarriedRow = readonly string[] | string | null;

/** Custom fields, capacity, thresholds, delete on reset. */
type Extras = readonly [JsonObject, Meter["capacity"], readonly Threshold[], boolean];

/** Meters of one section. */
interface MetersSection {
  readonly common: readonly Common[];
  readonly rows: readonly Row[];
}

/** Meters of a section, and characters before the last one: bounds what is built at once. */
const metersPerSection = 500;
const charactersPerSection = 1_000_000;

const noExtras: Extras = [noFields, null, [], false];

/** Puts meters together to the text of a section; each is written as it is when it is added. */
export class MeterRows {
  readonly #common = new Map<string, number>();
  readonly #rows: string[] = [];
  #characters = 0;

  /** As much as a section should hold. */
  get isFull(): boolean {
    return this.#rows.length >= metersPerSection || this.#characters >= charactersPerSection;
  }

  add(meter: Meter): void {
    const { accountId, type, meterKey, timezone, unit } = meter;
    const common = JSON.stringify([accountId, type.id, meterKey, timezone, unit]);
    let place = this.#common.get(common);
    if (place === undefined) {
      place = this.#common.size;
      this.#common.set(common, place);
    }
    const { id, userId, createdAt, counter, settling } = meter;
    const row = [place, id, userId, createdAt, periodToRow(counter), extrasToRow(meter)] as const;
    const whole: Row = settling === null ? row : [...row, settlingToRow(settling)];
    const text = JSON.stringify(whole);
    this.#rows.push(text);
    this.#characters += text.length;
  }

  text(): string {
    return `{"common":[${[...this.#common.keys()].join()}],"rows":[${this.#rows.join()}]}`;
  }
}

/** The meters of a section's text, whose accounts and meter types are in the state. */
export function* readMeterRows(state: State, text: string): Generator<Meter> {
  const { common, rows } = JSON.parse(text) as MetersSection;
  const names: Names = new Map();
  const known = common.map(() => new Map<string | null, MeterTerms>());
  for (const [place, id, userId, createdAt, period, extras, settling = null] of rows) {
    const [shared, termsByExtras] = [common[place], known[place]];
    assert(shared !== undefined && termsByExtras !== undefined, "a row's common part is there");
    let terms = termsByExtras.get(extras);
    if (terms === undefined) {
      terms = termsFromRow(state, shared, extras);
      termsByExtras.set(extras, terms);
    }
    const counter = periodFromRow(period, names);
    const meter = new Meter({ id, userId, createdAt, terms, counter });
    if (settling !== null) meter.settling = settlingFromRow(settling, counter, names);
    retainGroups(meter);
    yield meter;
  }
}

function retainGroups({ type: { groupKeys }, counter, settling }: Meter): void {
  retainGroupsOf(counter, groupKeys);
  // The youngest period of a meter that is ending is its counter.
  for (const period of settling?.periods ?? []) {
    if (period.counter !== counter) retainGroupsOf(period.counter, groupKeys);
  }
}

function retainGroupsOf(counter: Counter, groupKeys: GroupKeys): void {
  for (let at = 0; at < counter.groups; at += 1) groupKeys.retain(counter.groupNumber(at));
}

/** The youngest period of a meter that is ending is its counter, which has its own place. */
function settlingToRow({ periods, isEnding }: Settling): SettlingRow {
  const older = isEnding ? periods.slice(0, -1) : periods;
  const rows = older.map(({ counter }) => periodToRow(counter));
  return [isEnding, rows, periods.map(({ flushAt }) => flushAt)];
}

function settlingFromRow(
  [isEnding, rows, ends]: SettlingRow,
  last: Counter,
  names: Names,
): Settling {
  const counters = rows.map((row) => periodFromRow(row, names));
  if (isEnding) counters.push(last);
  assert(counters.length === ends.length, "every period that waits has its time");
  const periods = counters.map((counter, at) => ({ counter, flushAt: ends[at] ?? 0 }));
  return { periods, isEnding };
}

function periodToRow(counter: Counter): PeriodRow {
  const { carryFirst, carryLast, watch } = counter;
  const row = [counter.toRow(), carriedToRow(carryFirst), carriedToRow(carryLast)] as const;
  return watch === null || watch.fired.length === 0 ? row : [...row, watch.fired];
}

function periodFromRow(
  [numbers, carryFirst, carryLast, fired = null]: PeriodRow,
  names: Names,
): Counter {
  const counter = Counter.fromRow(numbers);
  for (const [name, value] of carriedFromRow(carryFirst)) {
    counter.keepFirst(shared(name, names), value);
  }
  for (const [name, value] of carriedFromRow(carryLast)) {
    counter.keepLast(shared(name, names), value);
  }
  if (fired !== null) counter.watch = new ThresholdWatch(fired);
  return counter;
}

function carriedToRow(carried: Carried): CarriedRow {
  if (carried === null || isTexts(carried)) return carried;
  return writeExactJson(carried);
}

function carriedFromRow(row: CarriedRow): readonly [string, JsonValue][] {
  return carriedEntries(typeof row === "string" ? (readExact(row) as Carried) : row);
}

function isTexts(values: readonly JsonValue[]): values is readonly string[] {
  return values.every((value) => typeof value === "string");
}

/** Names of carried fields, each by itself: a million meters carry the same ones. */
type Names = Map<string, string>;

function shared(name: string, names: Names): string {
  const known = names.get(name);
  if (known === undefined) names.set(name, name);
  return known ?? name;
}

function extrasToRow({ customFields, capacity, thresholds, deleteOnReset }: Meter): string | null {
  const isPlain =
    capacity === null && thresholds.length === 0 && Object.keys(customFields).length === 0;
  if (isPlain && !deleteOnReset) return null;
  const extras: Extras = [customFields, capacity, thresholds, deleteOnReset];
  return writeExactJson(extras);
}

function termsFromRow(state: State, common: Common, extras: string | null): MeterTerms {
  const [, typeId, meterKey, timezone, unit] = common;
  const type = state.meterTypes.get(typeId);
  assert(type !== undefined, "a meter's type comes first");
  const [customFields, capacity, thresholds, deleteOnReset] =
    extras === null ? noExtras : (readExact(extras) as Extras);
  return { type, meterKey, timezone, unit, customFields, capacity, thresholds, deleteOnReset };
}

function readExact(text: string): unknown {
  const value = parseExactJson(text);
  assert(value !== undefined, "a snapshot's row is readable");
  return value;
}
