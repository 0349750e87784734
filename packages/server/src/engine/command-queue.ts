// The commands that wait for their group, in three lanes: changes that were read against the present
// state, small commands, and large ones, so that a small one does not wait behind all large ones. It
// is bounded by numbers, by bytes, and by how long the last groups took. Never holds what is full.
import {
  closingsPerGroupAim,
  closingsPerGroupMax,
  groupBytesMax,
  groupCommandsMax,
  largeCommandBytesMin,
  queuedChangesMax,
  queueWaitMsMax,
  waitingLargeGroupsMax,
  waitingSmallGroupsMax,
} from "../core/limits.ts";
import type { Outcome } from "../core/outcome.ts";
import type { Result } from "../core/problem.ts";
import type { RawRecords } from "../core/usage-body.ts";
import { type Command, isBarrier } from "./command.ts";

/** A command that waits for its place in the journal. */
export interface Queued {
  readonly command: Command;
  /** The usage body already read, so that it is not read twice. */
  readonly raw: RawRecords | null;
  readonly bytes: number;
  readonly resolve: (result: Result<Outcome>) => void;
}

/** What one lane may hold, and give to one group. */
interface LaneBounds {
  /** Commands, and bytes after which none is taken, of one group. */
  readonly commandsMax: number;
  readonly bytesMax: number;
  /** Groups' worth of it that may wait. */
  readonly groupsMax: number;
  /** Whether fewer may wait where groups take long. */
  readonly isTimed: boolean;
}

const bounds = {
  changes: {
    commandsMax: 1,
    bytesMax: Number.POSITIVE_INFINITY,
    groupsMax: queuedChangesMax,
    isTimed: false,
  },
  small: {
    commandsMax: groupCommandsMax,
    bytesMax: groupBytesMax,
    groupsMax: waitingSmallGroupsMax,
    isTimed: true,
  },
  large: {
    commandsMax: groupCommandsMax,
    bytesMax: groupBytesMax,
    groupsMax: waitingLargeGroupsMax,
    isTimed: true,
  },
} satisfies Record<string, LaneBounds>;

/** So many groups without a command make it quiet. */
const quietGroupsMin = 4;

/** How much each group counts against those before it, in what a group is thought to take. */
const paceShare = 0.2;

export class CommandQueue {
  readonly #changes = new Lane(bounds.changes);
  readonly #small = new Lane(bounds.small);
  readonly #large = new Lane(bounds.large);
  /** In the order in which a group takes from them: changes stand first. */
  readonly #lanes: readonly Lane[] = [this.#changes, this.#small, this.#large];
  /** Groups in a row that found nobody waiting. */
  #quietGroups = Number.POSITIVE_INFINITY;

  get commands(): number {
    return this.#lanes.reduce((sum, lane) => sum + lane.commands, 0);
  }

  get bytes(): number {
    return this.#lanes.reduce((sum, lane) => sum + lane.bytes, 0);
  }

  /** Nobody has written lately, nor waits: whoever comes next is the first. */
  get isQuiet(): boolean {
    return this.commands === 0 && this.#quietGroups >= quietGroupsMin;
  }

  /**
   * Whether a command of so many bytes finds no room, `elapsedMs` after the group in flight was
   * formed. The last one that is taken may pass a bound of bytes.
   */
  isFull(command: Pick<Queued, "bytes"> & { readonly isBarrier: boolean }, elapsedMs = 0): boolean {
    return this.#laneOf(command).isFull(elapsedMs);
  }

  push(queued: Queued): void {
    this.#laneOf({ bytes: queued.bytes, isBarrier: isBarrier(queued.command) }).push(queued);
  }

  /**
   * Takes the commands of the next group: at most one change, which stands first; then small ones,
   * then large ones, each in the order they came and at least one of each that waits. Stops where
   * they would close more periods than a group should (`closingsOf` tells for each).
   */
  take(closingsOf: (queued: Queued) => number): readonly Queued[] {
    this.#quietGroups = this.commands === 0 ? this.#quietGroups + 1 : 0;
    const taken: Queued[] = [];
    let closings = 0;
    for (const lane of this.#lanes) {
      lane.take(taken, (queued, isFirst) => {
        const all = closings + closingsOf(queued);
        if (all > (isFirst ? closingsPerGroupMax : closingsPerGroupAim)) return false;
        closings = all;
        return true;
      });
    }
    return taken;
  }

  takeAll(): readonly Queued[] {
    return this.#lanes.flatMap((lane) => lane.takeAll());
  }

  /** A group with these commands took so long from when it was formed until it was answered. */
  committed(taken: readonly Queued[], durationMs: number): void {
    const lanes = new Set(
      taken.map(({ command, bytes }) => this.#laneOf({ bytes, isBarrier: isBarrier(command) })),
    );
    for (const lane of lanes) lane.committed(durationMs);
  }

  #laneOf(command: { readonly bytes: number; readonly isBarrier: boolean }): Lane {
    if (command.isBarrier) return this.#changes;
    return command.bytes >= largeCommandBytesMin ? this.#large : this.#small;
  }
}

class Lane {
  readonly #bounds: LaneBounds;
  #queued: Queued[] = [];
  #bytes = 0;
  /** What a group with commands of this lane takes, going by the last ones. */
  #groupMs = 0;

  constructor(laneBounds: LaneBounds) {
    this.#bounds = laneBounds;
  }

  get commands(): number {
    return this.#queued.length;
  }

  get bytes(): number {
    return this.#bytes;
  }

  isFull(elapsedMs: number): boolean {
    const { commandsMax, bytesMax, isTimed } = this.#bounds;
    const groups = isTimed ? this.#groupsInTime(elapsedMs) : this.#bounds.groupsMax;
    return this.#queued.length >= groups * commandsMax || this.#bytes >= groups * bytesMax;
  }

  push(queued: Queued): void {
    this.#queued.push(queued);
    this.#bytes += queued.bytes;
  }

  take(taken: Queued[], accepts: (queued: Queued, isFirst: boolean) => boolean): void {
    const { commandsMax, bytesMax } = this.#bounds;
    let bytes = 0;
    let count = 0;
    for (const queued of this.#queued) {
      if (count >= commandsMax || bytes >= bytesMax || !accepts(queued, count === 0)) break;
      taken.push(queued);
      bytes += queued.bytes;
      count += 1;
    }
    this.#queued.splice(0, count);
    this.#bytes -= bytes;
  }

  takeAll(): readonly Queued[] {
    this.#bytes = 0;
    return this.#queued.splice(0);
  }

  committed(durationMs: number): void {
    this.#groupMs += (durationMs - this.#groupMs) * paceShare;
  }

  /** A slow disk shows in the group in flight before that one is done. */
  #groupsInTime(elapsedMs: number): number {
    const groups = Math.floor(queueWaitMsMax / Math.max(this.#groupMs, elapsedMs, 1));
    return Math.min(this.#bounds.groupsMax, Math.max(1, groups));
  }
}
