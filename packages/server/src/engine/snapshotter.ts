// Writes the state beside the journal now and then, so that a start replays little, and lets the
// journal go where neither snapshots nor the retention need it.
import { assertConserved } from "../core/conservation.ts";
import type { Clock } from "../core/ports.ts";
import { AssertionError, NoRoomError } from "../core/problem.ts";
import type { Section } from "../core/snapshot.ts";
import { SnapshotPass } from "../core/snapshot-pass.ts";
import type { State } from "../core/state.ts";
import type { GroupEngine } from "./engine.ts";
import type { IdSpiller } from "./id-spiller.ts";
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
  readonly spiller: IdSpiller | null;
  /** The snapshot that recovery began with; 0 without one. */
  readonly snapshotSeq: number;
  /** Rough bytes of the journal after it: many short lives must not add up to a long replay. */
  readonly tailBytes: number;
  /** A promise of ours is broken: nothing may be saved any more. */
  readonly onBroken: (cause: unknown) => void;
}

/** Snapshots in a row that may fail before it is an error. */
const failuresBorne = 3;

export class Snapshotter {
  readonly #parts: SnapshotterParts;
  #writing: Promise<void> | null = null;
  #writtenSeq: number;
  /** What had been journaled when the last one was begun, written or not, and the last one written. */
  #bytesAtLast: number;
  #bytesAtWritten: number;
  /** In a row, since the last one that was written. */
  #failures = 0;
  /** How many are copying files. */
  #holds = 0;

  constructor(parts: SnapshotterParts) {
    this.#parts = parts;
    this.#writtenSeq = parts.snapshotSeq;
    this.#bytesAtLast = parts.journal.counters.bytesAppended - parts.tailBytes;
    this.#bytesAtWritten = this.#bytesAtLast;
  }

  /** Snapshots in a row that were skipped or could not be written. */
  get failures(): number {
    return this.#failures;
  }

  /** About how much of the journal a start would have to replay. */
  get replayBytes(): number {
    return this.#parts.journal.counters.bytesAppended - this.#bytesAtWritten;
  }

  /** Begins a snapshot when enough has been journaled since the last one. */
  afterGroup(): void {
    const grown = this.#parts.journal.counters.bytesAppended - this.#bytesAtLast;
    if (grown < this.#parts.settings.snapshotEveryBytes) return;
    if (this.#writing === null && this.#holds === 0) this.#begin();
  }

  /**
   * Until the result is called, no snapshot is begun and no file of snapshots or journal is removed,
   * so that somebody can copy them. Resolves when the snapshot being written is done.
   */
  async hold(): Promise<() => void> {
    this.#holds += 1;
    while (this.#writing !== null) await this.#writing;
    let isHeld = true;
    return () => {
      if (isHeld) this.#holds -= 1;
      isHeld = false;
    };
  }

  /** After the drain: a last snapshot, so that the next start has nothing to replay. */
  async close(engine: GroupEngine): Promise<void> {
    if (this.#writing !== null) await this.#writing;
    // Outputs that wait for room come again from the journal, which a snapshot would cut short.
    if (engine.failed || engine.isHolding || this.#parts.state.seq === this.#writtenSeq) return;
    this.#begin();
    if (this.#writing !== null) await this.#writing;
  }

  /** Throws when a promise of ours is broken or the projection is: then nothing may be saved. */
  #begin(): void {
    const { state } = this.#parts;
    this.#bytesAtLast = this.#parts.journal.counters.bytesAppended;
    assertConserved(state, "counters");
    try {
      this.#storeOutputs(state.seq);
    } catch (error) {
      if (!(error instanceof NoRoomError)) throw error;
      this.#warn(error, "snapshot skipped");
      return;
    }
    const { seq, idRuns } = state;
    const pass = new SnapshotPass(state);
    const bytesBefore = this.#bytesAtLast;
    this.#writing = this.#write({ seq, idRuns, bytesBefore }, paced(pass.sections()))
      .catch((err: unknown) => this.#failed(err))
      .finally(() => {
        pass.end();
        this.#writing = null;
      });
  }

  /** One that could not be written costs a longer replay, nothing else; a broken law ends all. */
  #failed(err: unknown): void {
    if (err instanceof AssertionError) this.#parts.onBroken(err);
    else this.#warn(err, "snapshot failed");
  }

  /** From the third in a row on an operator has to look: what a start replays grows and grows. */
  #warn(err: unknown, message: string): void {
    this.#failures += 1;
    const { failures, replayBytes } = this;
    const { log } = this.#parts;
    if (failures < failuresBorne) log.warn({ err }, message);
    else log.error({ err, failures, replayBytes }, `${message} again, starts replay more and more`);
  }

  /** A snapshot may not pass a position whose outputs are not stored durably. */
  #storeOutputs(seq: number): void {
    const { outputs } = this.#parts;
    outputs.store([], seq);
    outputs.flush();
  }

  async #write(
    { seq, idRuns, bytesBefore }: Pick<State, "seq" | "idRuns"> & { readonly bytesBefore: number },
    sections: AsyncIterable<Section>,
  ): Promise<void> {
    const { snapshots, journal, clock, settings } = this.#parts;
    const startedAt = clock.monotonic();
    const written = await snapshots.write({ seq, sections });
    if (!written.ok) throw written.error;
    this.#writtenSeq = seq;
    this.#bytesAtWritten = bytesBefore;
    this.#failures = 0;
    const { bytes, neededAfter } = written.value;
    this.#parts.spiller?.snapshotWritten({ seq, idRuns, neededAfter });
    this.#parts.telemetry.snapshotWritten({ bytes, durationMs: clock.monotonic() - startedAt });
    const olderThan = clock.now() - settings.journalKeepMs;
    const removed = await journal.removeSegments({ beforeSeq: neededAfter + 1, olderThan });
    if (!removed.ok) throw removed.error;
  }
}

/** Lets everything else have its turn after each section. */
async function* paced(sections: Iterable<Section>): AsyncGenerator<Section> {
  for (const section of sections) {
    yield section;
    await new Promise((resolve) => setImmediate(resolve));
  }
}
