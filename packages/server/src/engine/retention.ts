// Removes what has been kept long enough from the lists, a little at a time beside ingest. It looks
// at the time of the last entry too, so that a clock that leapt ahead deletes nothing, and it never
// touches what recovery or counting needs.
import type { Clock, EpochMs } from "../core/ports.ts";
import type { EngineLog } from "./stores.ts";

export const prunedLists = [
  "usage-audit",
  "metered-records",
  "threshold-events",
  "correction-actions",
  "usage-minutes",
  "usage-quarters",
  "usage-days",
  "usage-gone",
] as const;
export type PrunedList = (typeof prunedLists)[number];

/** What the projection offers for it. */
export interface PrunedStore {
  /** Removes at most `rowsMax` rows older than `before`; returns how many. May throw `NoRoomError`. */
  prune(list: PrunedList, before: EpochMs, rowsMax: number): number;
}

export interface RetentionParts {
  readonly store: PrunedStore;
  readonly clock: Clock;
  readonly log: EngineLog;
  /** Time of the last entry. */
  readonly lastEntryAt: () => EpochMs;
  /** How long each list is kept; for ever where it is null or not named. */
  readonly keepMs: Readonly<Partial<Record<PrunedList, number | null>>>;
}

/** Rows removed at once: some milliseconds during which nobody is answered. */
export const prunedRowsMax = 250;
/** Between two such chunks. */
const pauseMs = 50;
/** Between two rounds, of which each leaves nothing that is due. */
const roundEveryMs = 600_000;

export class Retention {
  readonly #parts: RetentionParts;
  readonly #stop = new AbortController();
  #running: Promise<void> = Promise.resolve();

  constructor(parts: RetentionParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      for (const list of prunedLists) await this.#prune(list);
      await this.#sleep(roundEveryMs);
    }
  }

  /** A list that cannot be shortened now is tried again in the next round. */
  async #prune(list: PrunedList): Promise<void> {
    const { store, clock, log, keepMs, lastEntryAt } = this.#parts;
    const keep = keepMs[list] ?? null;
    if (keep === null) return;
    let removed = 0;
    try {
      while (!this.#stop.signal.aborted) {
        const before = Math.min(clock.now(), lastEntryAt()) - keep;
        const rows = store.prune(list, before, prunedRowsMax);
        removed += rows;
        if (rows < prunedRowsMax) break;
        await this.#sleep(pauseMs);
      }
    } catch (err) {
      log.warn({ err, list }, "retention skipped");
    }
    if (removed > 0) log.info({ list, removed }, "kept long enough, removed");
  }

  #sleep(milliseconds: number): Promise<void> {
    const { clock } = this.#parts;
    return clock.sleepUntil(clock.now() + milliseconds, this.#stop.signal);
  }
}
