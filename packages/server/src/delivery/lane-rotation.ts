// Who sends next: accounts take turns, and within an account its destinations do, so that nobody
// waits for the others' backlog. Attempts under way are bounded in all, for each account, and for
// receivers that have not answered lately, which together never get more than half of all.
import { assert } from "../core/problem.ts";
import type { Lane } from "./lane.ts";

/** Attempts under way at a time: of all, of one account, and to receivers that do not answer. */
const attemptsMax = 128;
const accountAttemptsMax = 48;
const doubtfulAttemptsMax: number = attemptsMax / 2;
/** Files that are written at a time. */
const fileAttemptsMax = 2;

interface Turn {
  readonly lanes: Lane[];
  next: number;
  attempts: number;
}

/** What a started attempt counts against until it has ended. */
export interface Slot {
  readonly lane: Lane;
  readonly isDoubtful: boolean;
}

export class LaneRotation {
  readonly #turns: Turn[] = [];
  readonly #turnOf = new Map<string, Turn>();
  #next = 0;
  #all = 0;
  #doubtful = 0;
  #files = 0;

  get attempts(): number {
    return this.#all;
  }

  add(lane: Lane): void {
    const { accountId } = lane.destination;
    let turn = this.#turnOf.get(accountId);
    if (turn === undefined) {
      turn = { lanes: [], next: 0, attempts: 0 };
      this.#turnOf.set(accountId, turn);
      this.#turns.push(turn);
    }
    turn.lanes.push(lane);
  }

  remove(lane: Lane): void {
    const { accountId } = lane.destination;
    const turn = this.#turnOf.get(accountId);
    const at = turn?.lanes.indexOf(lane) ?? -1;
    if (turn === undefined || at < 0) return;
    turn.lanes.splice(at, 1);
    this.#forget(accountId, turn);
  }

  /**
   * The next lane that may start an attempt, its slot taken; undefined when none may. `hasDue` is
   * asked only of lanes that have room.
   */
  next(hasDue: (lane: Lane) => boolean): Slot | undefined {
    if (this.#all >= attemptsMax) return undefined;
    for (let step = 0; step < this.#turns.length; step++) {
      const at = (this.#next + step) % this.#turns.length;
      const turn = this.#turns[at];
      if (turn === undefined || turn.attempts >= accountAttemptsMax) continue;
      const lane = this.#laneOf(turn, hasDue);
      if (lane === undefined) continue;
      this.#next = at + 1;
      return this.#take(turn, lane);
    }
    return undefined;
  }

  /** The attempt has ended. */
  free({ lane, isDoubtful }: Slot): void {
    const { accountId } = lane.destination;
    const turn = this.#turnOf.get(accountId);
    assert(turn !== undefined, "an account is known while it has attempts under way");
    turn.attempts -= 1;
    this.#all -= 1;
    if (isDoubtful) this.#doubtful -= 1;
    if (lane.isFile) this.#files -= 1;
    this.#forget(accountId, turn);
  }

  #forget(accountId: string, turn: Turn): void {
    if (turn.lanes.length > 0 || turn.attempts > 0) return;
    this.#turnOf.delete(accountId);
    this.#turns.splice(this.#turns.indexOf(turn), 1);
  }

  #laneOf(turn: Turn, hasDue: (lane: Lane) => boolean): Lane | undefined {
    for (let step = 0; step < turn.lanes.length; step++) {
      const at = (turn.next + step) % turn.lanes.length;
      const lane = turn.lanes[at];
      if (lane === undefined || !lane.isOpen || !lane.hasRoom) continue;
      const isBarred = lane.isFile
        ? this.#files >= fileAttemptsMax
        : !lane.isTrusted && this.#doubtful >= doubtfulAttemptsMax;
      if (isBarred || !hasDue(lane)) continue;
      turn.next = at + 1;
      return lane;
    }
    return undefined;
  }

  #take(turn: Turn, lane: Lane): Slot {
    const isDoubtful = !lane.isFile && !lane.isTrusted;
    turn.attempts += 1;
    this.#all += 1;
    if (isDoubtful) this.#doubtful += 1;
    if (lane.isFile) this.#files += 1;
    return { lane, isDoubtful };
  }
}
