// Forms the next group: what the engine itself must journal first, then waiting commands, up to the
// bounds of a group.
import type { Entry, EntryBody } from "../core/entry.ts";
import { metersPerBusySweepMin, metersPerCommitMs, metersPerSweepMax } from "../core/limits.ts";
import type { EpochMs } from "../core/ports.ts";
import type { State } from "../core/state.ts";
import { closingsOf } from "./closings.ts";
import type { CommandQueue, Queued } from "./command-queue.ts";
import type { Planner } from "./planner.ts";

export interface Group {
  /** The engine's own entries first, then one for each command taken. */
  readonly entries: readonly Entry[];
  readonly taken: readonly Queued[];
}

interface Surroundings {
  readonly now: EpochMs;
  readonly state: State;
  readonly planner: Planner;
  /** What the last commits took. */
  readonly commitMs: number;
}

/**
 * Takes commands off the queue. No command is taken while a timetable does not reach beyond `now`
 * (after a long stop that may need several groups). Periods that are due are closed first, fewer of
 * them where somebody writes.
 */
export function formGroup(
  queue: CommandQueue,
  { now, state, planner, commitMs }: Surroundings,
): Group {
  const bodies: EntryBody[] = [];
  let taken: readonly Queued[] = [];
  const extension = planner.extension(now);
  if (extension !== null) bodies.push(extension);
  else {
    const isDue = (state.due.earliest() ?? Number.POSITIVE_INFINITY) <= now;
    if (isDue) {
      const limit = queue.isQuiet ? metersPerSweepMax : busySweep(commitMs);
      bodies.push({ kind: "end-periods", limit });
    }
    taken = queue.take((queued) => (isDue ? closingsOf(queued, state, now) : 0));
    for (const { command } of taken) bodies.push(planner.complete(command, now));
  }
  const entries = bodies.map((body, index) => ({ seq: state.seq + 1 + index, time: now, body }));
  return { entries, taken };
}

/** Few, so that nobody waits for long; but where commits are slow, more, so that all are done in time. */
function busySweep(commitMs: number): number {
  const asLongAsCommit = Math.ceil(commitMs * metersPerCommitMs);
  return Math.min(metersPerSweepMax, Math.max(metersPerBusySweepMin, asLongAsCommit));
}
