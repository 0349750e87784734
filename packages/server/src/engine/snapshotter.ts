// Writes the state beside the journal now and then, so that a start replays little, and lets the
// journal go where neither snapshots nor the retention need it.
import type { Clock } from "../core/ports.ts";
import { stateSections } from "../core/snapshot.ts";
import type { State } from "../core/state.ts";
import type { GroupEngine } from "./engine.ts";
import type { EngineSettings } from "./open-engine.ts";
import type {
  EngineLog,
  EngineTelemetry,
  JournalStore,
  OutputStore,
  SnapshotStore,
} from "./stores.ts";

export interface SnapshotterParts {
  readonly state: State;
  readonly clock: Clock;
  readonly journal: JournalStore;
  readonly outputs: OutputStore;
  readonly snapshots: SnapshotStore;
  readonly telemetry: EngineTelemetry;
  readonly log: EngineLog;
  readonly settings: EngineSettings;
  /** The snapshot that recovery began with; 0 without one. */
  readonly snapshotSeq: number;
  /** Rough bytes of the journal after it: many short lives must not add up to a long replay. */
  readonly tailBytes: number;
}

export class Snapshotter {
  readonly #parts: SnapshotterParts;
  #writing: Promise<void> | null = null;
  #writtenSeq: number;
  #bytesAtLast: number;

  constructor(parts: SnapshotterParts) {
    this.#parts = parts;
    this.#writtenSeq = parts.snapshotSeq;
    this.#bytesAtLast = parts.journal.counters.bytesAppended - parts.tailBytes;
  }

  /** Begins a snapshot when enough has been journaled since the last one. */
  afterGroup(): void {
    const grown = this.#parts.journal.counters.bytesAppended - this.#bytesAtLast;
    if (this.#writing !== null || grown < this.#parts.settings.snapshotEveryBytes) return;
    this.#begin();
  }

  /** After the drain: a last snapshot, so that the next start has nothing to replay. */
  async close(engine: GroupEngine): Promise<void> {
    if (this.#writing !== null) await this.#writing;
    if (engine.failed || this.#parts.state.seq === this.#writtenSeq) return;
    this.#begin();
    if (this.#writing !== null) await this.#writing;
  }

  #begin(): void {
    this.#bytesAtLast = this.#parts.journal.counters.bytesAppended;
    this.#writing = this.#write()
      // A snapshot that could not be written costs a longer replay, nothing else.
      .catch((err: unknown) => this.#parts.log.warn({ err }, "snapshot failed"))
      .finally(() => {
        this.#writing = null;
      });
  }

  async #write(): Promise<void> {
    const { state, outputs, snapshots, journal, clock, settings } = this.#parts;
    const startedAt = clock.monotonic();
    const { seq } = state;
    // The state as it is now, before another group changes it.
    const sections = [...stateSections(state)];
    // A snapshot may not pass a position whose outputs are not stored durably.
    outputs.store([], seq);
    outputs.flush();
    const written = await snapshots.write({ seq, sections });
    if (!written.ok) throw written.error;
    this.#writtenSeq = seq;
    const { bytes, neededAfter } = written.value;
    this.#parts.telemetry.snapshotWritten({ bytes, durationMs: clock.monotonic() - startedAt });
    const olderThan = clock.now() - settings.journalKeepMs;
    const removed = await journal.removeSegments({ beforeSeq: neededAfter + 1, olderThan });
    if (!removed.ok) throw removed.error;
  }
}
