// Usage over time, on the side that counts: in which quarter-hour an amount stands, and telling one
// that is over, so that the projection can keep it. What is still open stays with its counter. The
// windows of a period combine to its value (UW2), so nothing here may be lost or told twice.
import type { Counter } from "./counter.ts";
import type { GroupKeys } from "./group-keys.ts";
import { OpenWindow, quarterOf, type ScaledUnits } from "./open-window.ts";
import type { Output, UsageWindowOutput, WindowGroups } from "./output.ts";
import type { EpochMs } from "./ports.ts";
import type { Meter, State } from "./state.ts";

/** A meter, and the counter of one of its periods: the open one or one that waits. */
export interface Counting {
  readonly meter: Meter;
  readonly counter: Counter;
}

/** What an entry has produced so far. */
interface Told {
  readonly state: State;
  readonly seq: number;
  readonly outputs: Output[];
}

/**
 * Where an amount stands: at its timestamp, or when it was counted if that lies in another period;
 * `last` is the last instant that it may be, since a run of flushType ALL_FILES ends periods at once.
 */
export function standsAt(
  { periodStart, periodEnd }: Counter,
  usedAt: EpochMs,
  { now, last }: { readonly now: EpochMs; readonly last: EpochMs },
): EpochMs {
  const at = usedAt >= periodStart && usedAt < periodEnd ? usedAt : now;
  return at <= last ? at : Math.max(last, periodStart);
}

/** The window that takes an amount that stands there; null when windows are not kept. */
export function windowAt(effects: Told, counting: Counting, at: EpochMs): OpenWindow | null {
  const { counter } = counting;
  const { window } = counter;
  const isKept = effects.state.settings.usageWindows !== false;
  if (window !== null) {
    if (isKept && window.holds(at)) return window;
    tellWindow(effects, counting, counter.periodEnd);
  }
  counter.window = isKept ? new OpenWindow(quarterOf(at), counter.groups) : null;
  return counter.window;
}

/** Tells the open window of a counter, which counts no more in it. */
export function tellWindow(
  { state, seq, outputs }: Told,
  { meter, counter }: Counting,
  periodEnd: EpochMs,
): void {
  const { window } = counter;
  if (window === null) return;
  counter.window = null;
  const { id: meterId, createdAt, timezone, type } = meter;
  outputs.push({
    kind: "usage-window",
    position: { partition: state.partition, seq, index: outputs.length },
    meterId,
    createdAt,
    timezone,
    aggregation: type.aggregation,
    periodStart: counter.periodStart,
    periodEnd,
    ...windowValues(counter, window, type.groupKeys),
  });
}

type WindowValues = Pick<UsageWindowOutput, "start" | "places" | "minutes" | "groups">;

/** What a counter has counted in a window of its own, as it goes out. */
export function windowValues(counter: Counter, window: OpenWindow, keys: GroupKeys): WindowValues {
  const { start, scale } = window;
  return {
    start,
    places: scale,
    minutes: window.minutes(),
    groups: groupsOf(counter, window, keys),
  };
}

function groupsOf(counter: Counter, window: OpenWindow, keys: GroupKeys): readonly WindowGroups[] {
  const byEntry = new Map<readonly string[], (string | ScaledUnits | null)[]>();
  const count = Math.min(window.groups, counter.groups);
  for (let index = 0; index < count; index += 1) {
    const units = window.group(index);
    if (units === null) continue;
    const { fields, key } = keys.group(counter.groupNumber(index));
    const turns = byEntry.get(fields);
    if (turns === undefined) byEntry.set(fields, [key, units]);
    else turns.push(key, units);
  }
  return [...byEntry].map(([fields, turns]) => ({ fields, turns }));
}
