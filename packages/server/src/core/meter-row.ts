// Meters with their counters as rows of a snapshot, and back. Rows are plain JSON, since a start may
// read a million of them: what many meters have in common stands once for a section, groups are
// numbers, and what callers sent with digits of its own is JSON text within the row.
import { type Carried, carriedEntries } from "./carried-fields.ts";
import { Counter, type CounterRow } from "./counter.ts";
import type { Threshold } from "./definitions.ts";
import { parseExactJson, writeExactJson } from "./exact-json.ts";
import type { JsonObject } from "./json-value.ts";
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
 * Counter, carried first and carried last as exact JSON (null where nothing was); then the marks of
 * thresholds that were told, if any.
 */
type PeriodRow = readonly [CounterRow, string | null, string | null, (readonly string[] | null)?];

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
  const known = common.map(() => new Map<string | null, MeterTerms>());
  for (const [place, id, userId, createdAt, period, extras, settling = null] of rows) {
    const [shared, termsByExtras] = [common[place], known[place]];
    assert(shared !== undefined && termsByExtras !== undefined, "a row's common part is there");
    let terms = termsByExtras.get(extras);
    if (terms === undefined) {
      terms = termsFromRow(state, shared, extras);
      termsByExtras.set(extras, terms);
    }
    const counter = periodFromRow(period);
    const meter = new Meter({ id, userId, createdAt, terms, counter });
    if (settling !== null) meter.settling = settlingFromRow(settling, counter);
    retainGroups(meter);
    yield meter;
  }
}

function retainGroups({ type: { groupKeys }, counter, settling }: Meter): void {
  const counters = new Set([counter, ...(settling?.periods.map((period) => period.counter) ?? [])]);
  for (const each of counters) {
    for (let at = 0; at < each.groups; at += 1) groupKeys.retain(each.groupNumber(at));
  }
}

/** The youngest period of a meter that is ending is its counter, which has its own place. */
function settlingToRow({ periods, isEnding }: Settling): SettlingRow {
  const older = isEnding ? periods.slice(0, -1) : periods;
  const rows = older.map(({ counter }) => periodToRow(counter));
  return [isEnding, rows, periods.map(({ flushAt }) => flushAt)];
}

function settlingFromRow([isEnding, rows, ends]: SettlingRow, last: Counter): Settling {
  const counters = rows.map(periodFromRow);
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

function periodFromRow([numbers, carryFirst, carryLast, fired = null]: PeriodRow): Counter {
  const counter = Counter.fromRow(numbers);
  const first = carriedEntries(carriedFromRow(carryFirst));
  const last = carriedEntries(carriedFromRow(carryLast));
  for (const [name, value] of first) counter.keepFirst(name, value);
  for (const [name, value] of last) counter.keepLast(name, value);
  if (fired !== null) counter.watch = new ThresholdWatch(fired);
  return counter;
}

function carriedToRow(carried: Carried): string | null {
  return carried === null ? null : writeExactJson(carried);
}

function carriedFromRow(text: string | null): Carried {
  return text === null ? null : (readExact(text) as Carried);
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
