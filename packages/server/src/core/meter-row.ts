// One meter with its counter as a row of a snapshot, and back. Rows are plain JSON, since a start
// may read a million of them: amounts are their scaled digits, and what callers sent with digits of
// its own (custom and carried fields) is JSON text within the row.
import type { Carried } from "./carried-fields.ts";
import type { Threshold } from "./definitions.ts";
import { parseExactJson, writeExactJson } from "./exact-json.ts";
import { groupByIdentity } from "./group-shape.ts";
import type { Grouped } from "./groups.ts";
import type { JsonObject } from "./json-value.ts";
import { noFields } from "./meter-tables.ts";
import { assert } from "./problem.ts";
import type { Counter, Meter, MeterType, State } from "./state.ts";

/** Fields, key (null beyond the bound) and value of a group. */
type GroupRow = readonly [readonly string[], string | null, string];

interface CounterRow extends Pick<Counter, "count" | "firstAt" | "lastAt"> {
  readonly value: string | null;
  readonly groups: readonly GroupRow[];
  /** Exact JSON of names and values in turn; null where nothing was carried. */
  readonly carryFirst: string | null;
  readonly carryLast: string | null;
}

type PlainParts = Omit<
  Meter,
  "type" | "counter" | "deleted" | "customFields" | "capacity" | "thresholds"
>;

/** What a snapshot holds of a meter; a deleted one is in none. */
export interface MeterRow extends PlainParts {
  readonly typeId: string;
  readonly counter: CounterRow;
  /** Exact JSON of custom fields, capacity and thresholds; null when all are as without any. */
  readonly extras: string | null;
}

/** Shared by all meters without thresholds. */
const noThresholds: readonly Threshold[] = [];

type Extras = readonly [JsonObject, Meter["capacity"], readonly Threshold[]];

export function meterToRow(meter: Meter): MeterRow {
  const { type, counter, deleted: _, customFields, capacity, thresholds, ...row } = meter;
  const isPlain =
    capacity === null && thresholds.length === 0 && Object.keys(customFields).length === 0;
  return {
    ...row,
    typeId: type.id,
    counter: {
      value: counter.value === null ? null : String(counter.value),
      count: counter.count,
      firstAt: counter.firstAt,
      lastAt: counter.lastAt,
      groups: groupsToRow(counter),
      carryFirst: carriedToRow(counter.carryFirst),
      carryLast: carriedToRow(counter.carryLast),
    },
    extras: isPlain ? null : writeExactJson([customFields, capacity, thresholds]),
  };
}

export function meterFromRow(state: State, row: MeterRow, type: MeterType): Meter {
  const { typeId: _, extras, counter, ...plain } = row;
  const [customFields, capacity, thresholds] = extrasFromRow(extras);
  return {
    ...plain,
    type,
    customFields,
    capacity,
    thresholds,
    deleted: false,
    counter: {
      value: counter.value === null ? null : BigInt(counter.value),
      count: counter.count,
      firstAt: counter.firstAt,
      lastAt: counter.lastAt,
      ...groupsFromRow(counter.groups, state),
      carryFirst: carriedFromRow(counter.carryFirst),
      carryLast: carriedFromRow(counter.carryLast),
    },
  };
}

function groupsToRow({ shape, values }: Grouped): readonly GroupRow[] {
  return shape.groups.map(({ fields, key }, at) => [fields, key, String(values[at] ?? 0n)]);
}

function groupsFromRow(rows: readonly GroupRow[], state: State): Grouped {
  let shape = state.rootShape;
  for (const [fields, key] of rows) {
    shape = shape.with(groupByIdentity(fields), { fields, key }, state.shapes);
  }
  return { shape, values: rows.map(([, , value]) => BigInt(value)) };
}

function carriedToRow(carried: Carried): string | null {
  return carried === null ? null : writeExactJson(carried);
}

function carriedFromRow(text: string | null): Carried {
  return text === null ? null : (readExact(text) as Carried);
}

function extrasFromRow(text: string | null): Extras {
  return text === null ? [noFields, null, noThresholds] : (readExact(text) as Extras);
}

function readExact(text: string): unknown {
  const value = parseExactJson(text);
  assert(value !== undefined, "a snapshot's row is readable");
  return value;
}
