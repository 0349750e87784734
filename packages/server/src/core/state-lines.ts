// A state as lines that are equal for equal states, whatever their history: the order in which meters
// stand in memory, the numbers that stand for groups, and where ids lie are left out. For comparing
// what a replay gives with what a snapshot holds; never for storing.
import type { Counter } from "./counter.ts";
import { writeExactJson } from "./exact-json.ts";
import { listGroups } from "./groups.ts";
import { definitionSections } from "./snapshot.ts";
import type { Meter, MeterType, State } from "./state.ts";
import { windowValues } from "./usage-windows.ts";

/** Definitions with their figures first, then every meter by id. Ids of records are left out. */
export function* stateLines(state: State): Generator<string> {
  for (const section of definitionSections(state)) {
    // Numbers of groups are none of the state's; groups stand with their meters.
    if (!("text" in section) || section.name === "groups") continue;
    yield `${section.name} ${withoutPlaces(section.name, section.text)}`;
  }
  const ids = [...state.meters.keys()].sort();
  for (const id of ids) {
    const meter = state.meters.get(id);
    if (meter !== undefined) yield meterLine(meter);
  }
}

function withoutPlaces(name: string, text: string): string {
  if (name !== "head" && name !== "processor") return text;
  const { idRuns: _, ids: __, ...row } = JSON.parse(text);
  return JSON.stringify(row);
}

function meterLine(meter: Meter): string {
  const { id, userId, createdAt, type, meterKey, timezone, unit, counter, settling } = meter;
  const { customFields, capacity, thresholds, deleteOnReset } = meter;
  const own = [id, userId, createdAt, type.id, meterKey, timezone, unit];
  const terms = [customFields, capacity, thresholds, deleteOnReset];
  const waiting = settling?.periods.map((period) => [
    period.flushAt,
    partsOf(period.counter, type),
  ]);
  const rest = settling === null ? [] : [settling.isEnding, waiting];
  return `meter ${writeExactJson([...own, ...terms, ...partsOf(counter, type), ...rest])}`;
}

function partsOf(counter: Counter, type: MeterType): readonly unknown[] {
  const { periodStart, periodEnd, updatedAt, count, firstAt, lastAt, value } = counter;
  const { carryFirst, carryLast } = counter;
  const window = counter.hasWindow ? windowValues(counter, type.groupKeys) : null;
  const numbers = [periodStart, periodEnd, updatedAt, count, firstAt, lastAt, value, window];
  const groups = listGroups(counter, type.groupKeys);
  const fired = counter.watch?.fired ?? [];
  return [numbers, groups, carryFirst, carryLast, fired];
}
