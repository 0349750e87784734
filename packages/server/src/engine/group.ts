// Forms the next group: what the engine itself must journal first, then waiting commands in the
// order they came, up to the bounds of a group.
import type { Entry, EntryBody } from "../core/entry.ts";
import {
  closingsPerGroupMax,
  groupBytesMax,
  groupCommandsMax,
  metersPerSweepMax,
} from "../core/limits.ts";
import type { Outcome } from "../core/outcome.ts";
import type { EpochMs } from "../core/ports.ts";
import type { Result } from "../core/problem.ts";
import type { State } from "../core/state.ts";
import type { RawRecords } from "../core/usage-body.ts";
import { closingsOf } from "./closings.ts";
import { type Command, isBarrier } from "./command.ts";
import type { Planner } from "./planner.ts";

/** A command that waits for its place in the journal. */
export interface Queued {
  readonly command: Command;
  /** The usage body already read, so that it is not read twice. */
  readonly raw: RawRecords | null;
  readonly bytes: number;
  readonly resolve: (result: Result<Outcome>) => void;
}

export interface Group {
  /** The engine's own entries first, then one for each command taken. */
  readonly entries: readonly Entry[];
  readonly taken: readonly Queued[];
}

/**
 * Takes commands off the queue. No command is taken while a timetable does not reach beyond `now`
 * (after a long stop that may need several groups), nor while it would have to close more periods
 * than one group should; and a barrier stands alone.
 */
export function formGroup(
  queue: Queued[],
  { now, state, planner }: { now: EpochMs; state: State; planner: Planner },
): Group {
  const bodies: EntryBody[] = [];
  const taken: Queued[] = [];
  const extension = planner.extension(now);
  if (extension !== null) bodies.push(extension);
  else {
    const isDue = (state.due.earliest() ?? Number.POSITIVE_INFINITY) <= now;
    if (isDue) bodies.push({ kind: "end-periods", limit: metersPerSweepMax });
    takeCommands(queue, taken, (queued) => (isDue ? closingsOf(queued, state, now) : 0));
    for (const { command } of taken) bodies.push(planner.complete(command, now));
  }
  const entries = bodies.map((body, index) => ({ seq: state.seq + 1 + index, time: now, body }));
  return { entries, taken };
}

function takeCommands(
  queue: Queued[],
  taken: Queued[],
  closingsBefore: (queued: Queued) => number,
): void {
  let bytes = 0;
  let count = 0;
  let closings = 0;
  for (const queued of queue) {
    const isAlone = isBarrier(queued.command);
    if (count > 0 && (isAlone || bytes + queued.bytes > groupBytesMax)) break;
    closings += closingsBefore(queued);
    if (closings > closingsPerGroupMax) break;
    bytes += queued.bytes;
    count += 1;
    if (isAlone || count >= groupCommandsMax) break;
  }
  for (const queued of queue.splice(0, count)) taken.push(queued);
}
