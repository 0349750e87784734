// Usage over time as it is answered: pieces of what a meter has counted are put into the windows of
// a grid and combined by the aggregation. Windows are cut where periods end, so that those of a
// period combine to its value (UW2). It knows nothing of where pieces are kept.
import { combine } from "./aggregation.ts";
import type { Counter } from "./counter.ts";
import type { Decimal } from "./decimal.ts";
import type { AggregationType } from "./definitions.ts";
import { type ScaledUnits, scaledToDecimal } from "./exact-cells.ts";
import type { GroupKeys } from "./group-keys.ts";
import type { UsageWindowOutput } from "./output.ts";
import type { EpochMs, Zone } from "./ports.ts";
import type { Meter } from "./state.ts";
import { minuteMs } from "./time.ts";
import { type WindowSize, windowEnd, windowStart, windowsPerAnswerMax } from "./usage-grid.ts";
import { windowValues } from "./usage-windows.ts";

/** A group; the key is null for what is beyond the bound of groups. */
export interface UsageGroup {
  readonly fields: readonly string[];
  readonly key: string | null;
  readonly value: Decimal;
}

/** What was counted in a minute, a quarter-hour or a day, and in one period. */
export interface UsagePiece {
  /** First instant of the minute, quarter-hour or day. */
  readonly start: EpochMs;
  readonly periodStart: EpochMs;
  readonly periodEnd: EpochMs;
  readonly value: Decimal;
  readonly groups: readonly UsageGroup[];
}

export interface UsageQuestion {
  readonly size: WindowSize;
  readonly zone: Zone;
  readonly aggregation: AggregationType;
  /** Windows that have a part in `from <= t < to` are told, whole. */
  readonly from: EpochMs;
  readonly to: EpochMs;
  /** Nothing is told of what was before: the meter was made then. */
  readonly openedAt: EpochMs;
  /** Fields, with commas between them, of the entry whose groups are told; null: none are. */
  readonly groupBy: string | null;
}

export interface UsageWindow {
  readonly start: EpochMs;
  readonly end: EpochMs;
  /** Null: nothing was counted. */
  readonly value: Decimal | null;
  readonly groups: readonly UsageGroup[];
}

/** The windows in order, empty ones too; null when they are more than one answer may have. */
export function tellUsage(
  question: UsageQuestion,
  pieces: readonly UsagePiece[],
): readonly UsageWindow[] | null {
  const { size, zone, from, to, openedAt } = question;
  if (from >= to) return [];
  const byWindow = combinedByWindow(question, pieces);
  const told: UsageWindow[] = [];
  let start = windowStart(size, from, zone);
  while (start < to) {
    const end = windowEnd(size, start, zone);
    const parts = byWindow.get(start)?.values() ?? [];
    tellParts(told, { start: Math.max(start, openedAt), end }, [...parts].sort(byPeriod));
    if (told.length > windowsPerAnswerMax) return null;
    start = end;
  }
  return told;
}

/** What the open windows of a meter hold, those of periods that wait included. */
export function openPieces(meter: Meter, question: Pieces): readonly UsagePiece[] {
  const waiting = meter.settling?.periods.map(({ counter }) => counter) ?? [];
  // The last period of a meter that is ending is its own counter and waits too.
  const counters = new Set([...waiting, meter.counter]);
  return [...counters].flatMap((counter) => piecesOf(counter, meter.type.groupKeys, question));
}

type Pieces = Pick<UsageQuestion, "aggregation" | "size">;

function piecesOf(
  counter: Counter,
  keys: GroupKeys,
  { aggregation, size }: Pieces,
): readonly UsagePiece[] {
  if (!counter.hasWindow) return [];
  const { start, places, minutes, groups } = windowValues(counter, keys);
  const { periodStart, periodEnd } = counter;
  const period = { periodStart, periodEnd };
  const byMinute = piecesOfMinutes({ start, places, minutes }, period);
  if (size === "PT1M") return byMinute;
  const value = byMinute
    .map((piece) => piece.value)
    .reduce((one, other) => combine(aggregation, one, other));
  return [{ start, ...period, value, groups: groups.flatMap((entry) => valuesOf(entry, places)) }];
}

export function piecesOfMinutes(
  { start, places, minutes }: Pick<UsageWindowOutput, "start" | "places" | "minutes">,
  period: Pick<UsagePiece, "periodStart" | "periodEnd">,
): readonly UsagePiece[] {
  const pieces: UsagePiece[] = [];
  for (let at = 0; at < minutes.length; at += 2) {
    const value = scaledToDecimal(minutes[at + 1] ?? 0, places);
    const first = start + Number(minutes[at]) * minuteMs;
    pieces.push({ ...period, start: first, value, groups: [] });
  }
  return pieces;
}

/** The groups of one group-by entry. */
export function valuesOf(
  { fields, turns }: UsageWindowOutput["groups"][number],
  places: number,
): readonly UsageGroup[] {
  const groups: UsageGroup[] = [];
  for (let at = 0; at < turns.length; at += 2) {
    const units: ScaledUnits = turns[at + 1] ?? 0;
    const key = turns[at] ?? null;
    groups.push({
      fields,
      key: key === null ? null : String(key),
      value: scaledToDecimal(units, places),
    });
  }
  return groups;
}

/** Tells groups of all group-by entries from each other. */
export function groupIdentity({ fields, key }: Omit<UsageGroup, "value">): string {
  return JSON.stringify([fields, key]);
}

/** What one period has in one window. */
interface Part {
  readonly periodStart: EpochMs;
  readonly periodEnd: EpochMs;
  value: Decimal;
  readonly groups: Map<string, UsageGroup>;
}

function combinedByWindow(
  { size, zone, aggregation, groupBy }: UsageQuestion,
  pieces: readonly UsagePiece[],
): ReadonlyMap<EpochMs, ReadonlyMap<EpochMs, Part>> {
  const ends = periodEnds(pieces);
  const byWindow = new Map<EpochMs, Map<EpochMs, Part>>();
  for (const piece of pieces) {
    const start = windowStart(size, piece.start, zone);
    let parts = byWindow.get(start);
    if (parts === undefined) {
      parts = new Map();
      byWindow.set(start, parts);
    }
    const { periodStart, value } = piece;
    let part = parts.get(periodStart);
    if (part === undefined) {
      const periodEnd = ends.get(periodStart) ?? piece.periodEnd;
      part = { periodStart, periodEnd, value, groups: new Map() };
      parts.set(periodStart, part);
    } else part.value = combine(aggregation, part.value, value);
    for (const group of piece.groups) {
      if (group.fields.join(",") !== groupBy) continue;
      const name = groupIdentity(group);
      const known = part.groups.get(name);
      const together =
        known === undefined ? group.value : combine(aggregation, known.value, group.value);
      part.groups.set(name, { ...group, value: together });
    }
  }
  return byWindow;
}

/** A period that ended early may have been told with the end that it should have had. */
function periodEnds(pieces: readonly UsagePiece[]): ReadonlyMap<EpochMs, EpochMs> {
  const ends = new Map<EpochMs, EpochMs>();
  for (const { periodStart, periodEnd } of pieces) {
    ends.set(periodStart, Math.min(ends.get(periodStart) ?? periodEnd, periodEnd));
  }
  return ends;
}

function byPeriod(one: Part, other: Part): number {
  return one.periodStart - other.periodStart;
}

/** The parts of a window in order, and what lies between them as empty windows. */
function tellParts(
  told: UsageWindow[],
  { start, end }: { readonly start: EpochMs; readonly end: EpochMs },
  parts: readonly Part[],
): void {
  let from = start;
  if (start >= end) return;
  for (const [index, { periodStart, periodEnd, value, groups }] of parts.entries()) {
    if (periodStart > from) told.push(empty(from, periodStart));
    const first = Math.max(start, periodStart);
    const next = parts[index + 1]?.periodStart ?? end;
    from = Math.min(end, Math.max(first, Math.min(periodEnd, next)));
    told.push({ start: first, end: from, value, groups: [...groups.values()] });
  }
  if (from < end) told.push(empty(from, end));
}

function empty(start: EpochMs, end: EpochMs): UsageWindow {
  return { start, end, value: null, groups: [] };
}
