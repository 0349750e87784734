// Usage over time, on the side that counts: in which quarter-hour an amount stands, and telling one
// that is over, so that the projection can keep it. What is still open stays with its counter. The
// windows of a period combine to its value (UW2), so nothing here may be lost or told twice.
import type { Counter } from "./counter.ts";
import type { ScaledUnits } from "./exact-cells.ts";
import type { GroupKeys } from "./group-keys.ts";
import { quarterOf } from "./open-window.ts";
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

/** Opens the window that takes an amount that stands there; none when windows are not kept. */
export function windowAt(effects: Told, counting: Counting, at: EpochMs): void {
  const { counter } = counting;
  const isKept = effects.state.settings.usageWindows !== false;
  if (isKept && counter.isInWindow(at)) return;
  tellWindow(effects, counting, counter.periodEnd);
  if (isKept) counter.openWindow(quarterOf(at));
}

/** Tells the open window of a counter, which counts no more in it. */
export function tellWindow(
  { state, seq, outputs }: Told,
  { meter, counter }: Counting,
  periodEnd: EpochMs,
): void {
  if (!counter.hasWindow) return;
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
    ...windowValues(counter, type.groupKeys),
  });
  counter.closeWindow();
}

type WindowValues = Pick<UsageWindowOutput, "start" | "places" | "minutes" | "groups">;

/** What a counter has counted in its open window, as it goes out. */
export function windowValues(counter: Counter, keys: GroupKeys): WindowValues {
  const { windowStart: start, places } = counter;
  return { start, places, minutes: counter.windowMinutes(), groups: groupsOf(counter, keys) };
}

function groupsOf(counter: Counter, keys: GroupKeys): readonly WindowGroups[] {
  const byEntry = new Map<readonly string[], (string | ScaledUnits | null)[]>();
  const count = counter.groups;
  for (let index = 0; index < count; index += 1) {
    const units = counter.windowGroup(index);
    if (units === null) continue;
    const { fields, key } = keys.group(counter.groupNumber(index));
    const turns = byEntry.get(fields);
    if (turns === undefined) byEntry.set(fields, [key, units]);
    else turns.push(key, units);
  }
  return [...byEntry].map(([fields, turns]) => ({ fields, turns }));
}
