// Lets out what a group has produced: stores its outputs, tells the metrics, then answers. A group
// whose outputs find no room is durable and counted already, so it is held as it is and tried again;
// no other group is taken meanwhile, so one group is all that ever waits here.
import { type Outcome, rejectedByReason } from "../core/outcome.ts";
import type { Output } from "../core/output.ts";
import type { Clock } from "../core/ports.ts";
import { assert, fail, NoRoomError, ok } from "../core/problem.ts";
import type { Queued } from "./command-queue.ts";
import type { EngineLog, EngineTelemetry, OutputStore } from "./stores.ts";
import { storeLate } from "./unavailable.ts";

/** A group that was applied, with what came of it. */
export interface Produced {
  readonly seq: number;
  readonly outputs: readonly Output[];
  /** One for each of `taken`. */
  readonly answers: readonly Outcome[];
  readonly taken: readonly Queued[];
}

/** How long a sender may have to wait for room before it is told that its change is durable. */
const heldAnswersMsMax = 20_000;

export interface ReleaseParts {
  readonly outputs: OutputStore;
  readonly telemetry: EngineTelemetry;
  readonly log: EngineLog;
  readonly clock: Clock;
}

export class Release {
  readonly #parts: ReleaseParts;
  #held: Produced | null = null;
  #heldAt = 0;

  constructor(parts: ReleaseParts) {
    this.#parts = parts;
  }

  /** Outputs of a durable group wait for room: nothing else may be journaled or saved. */
  get isHolding(): boolean {
    return this.#held !== null;
  }

  /** Stores and answers; false when there is no room, and then `retry` is to be called. */
  release(produced: Produced): boolean {
    assert(this.#held === null, "one group at a time waits for room");
    if (this.#store(produced)) return true;
    this.#held = produced;
    this.#heldAt = this.#parts.clock.monotonic();
    this.#parts.log.error({ seq: produced.seq }, "no room for outputs, writing stops");
    return false;
  }

  /** Tries the group that waits again; true when none waits any more. */
  retry(): boolean {
    const held = this.#held;
    if (held === null) return true;
    if (this.#store(held)) {
      this.#held = null;
      this.#parts.log.info({ seq: held.seq }, "outputs stored, writing goes on");
      return true;
    }
    if (this.#parts.clock.monotonic() - this.#heldAt >= heldAnswersMsMax) this.#stopWaiting();
    return false;
  }

  /** The engine ends: a last try. What is not stored is made again by the next start. */
  close(): void {
    if (!this.retry()) this.#stopWaiting();
  }

  /** Gives up on answers, never on outputs. */
  #stopWaiting(): void {
    if (this.#held === null) return;
    for (const { resolve } of this.#held.taken) resolve(fail(storeLate));
    this.#held = { ...this.#held, answers: [], taken: [] };
  }

  #store(produced: Produced): boolean {
    const { outputs, seq, answers, taken } = produced;
    try {
      if (outputs.length > 0) this.#parts.outputs.store(outputs, seq);
    } catch (error) {
      if (!(error instanceof NoRoomError)) throw error;
      return false;
    }
    report(this.#parts.telemetry, outputs, answers);
    for (const [index, { resolve }] of taken.entries()) {
      const outcome = answers[index];
      assert(outcome !== undefined, "every command has an outcome");
      resolve(outcome.kind === "refused" ? fail(outcome.problem) : ok(outcome));
    }
    return true;
  }
}

function report(
  telemetry: EngineTelemetry,
  outputs: readonly Output[],
  answers: readonly Outcome[],
): void {
  for (const outcome of answers) {
    if (outcome.kind !== "usage") continue;
    const { counted, duplicates } = outcome;
    telemetry.recordsJudged({ counted, duplicates, rejected: rejectedByReason(outcome) });
  }
  for (const kind of ["metered-record", "threshold-event", "correction"] as const) {
    const count = outputs.reduce((sum, output) => sum + (output.kind === kind ? 1 : 0), 0);
    if (count > 0) telemetry.outputsReleased({ kind, count });
  }
}
