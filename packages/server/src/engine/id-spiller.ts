// Keeps the ids in memory within their bound: writes the oldest to a run on disk, in slices between
// which the engine goes on, and forgets them when the run is durable. Ids lie where they lie without
// any answer depending on it. What fails here costs memory until it is tried again, nothing else.
import { fingerprint } from "../core/fingerprint.ts";
import { IdSpill, type SpillSource } from "../core/id-spill.ts";
import type { IdRun } from "../core/old-ids.ts";
import { assert } from "../core/problem.ts";
import { knownSince } from "../core/record-reading.ts";
import type { Processor, State } from "../core/state.ts";
import type { EngineLog, IdRunWriter, OldIdStore } from "./stores.ts";

export interface IdSpillerParts {
  readonly state: State;
  readonly store: OldIdStore;
  readonly inMemoryMax: number;
  readonly log: EngineLog;
}

/** Tables that forget, or drop what is old, in one slice: some milliseconds. */
const tablesPerSlice = 16;
/** Processors counted for each group, so that many of them cost each group little. */
const processorsPerGroup = 256;
/** Beyond so many runs each takes more, lest there be too many. */
const runsMany = 400;

export class IdSpiller {
  readonly #parts: IdSpillerParts;
  #working: Promise<void> | null = null;
  #groupsToSkip = 0;
  /** After a failure, rows beyond which it is tried again. */
  #retryAbove = 0;
  /** Runs that each of the last snapshots names. */
  readonly #named = new Map<number, readonly IdRun[]>();

  constructor(parts: IdSpillerParts) {
    this.#parts = parts;
  }

  /** Puts the runs in force that the state names. Throws the error that names what is damaged. */
  async open(): Promise<void> {
    const { state, store } = this.#parts;
    const opened = await store.open(state.idRuns);
    if (!opened.ok) throw opened.error;
    for (const processor of processorsOf(state)) {
      if (processor.ids.runs.length > 0) processor.ids.attach(store, saltOf(state, processor));
    }
  }

  /** Begins a spill when there is too much in memory. */
  afterGroup(): void {
    if (this.#working !== null) return;
    if (this.#groupsToSkip > 0) {
      this.#groupsToSkip -= 1;
      return;
    }
    if (this.#isOver()) this.#begin(() => this.#spill());
  }

  /** The same between the entries of a replay, which waits for it. */
  async keepUp(): Promise<void> {
    if (!this.#isOver()) return;
    this.#begin(() => this.#spill());
    await this.rest();
  }

  /**
   * Lets the files of runs go that are not in force and that neither this snapshot nor the one
   * before it names. `neededAfter` is the older snapshot that is kept, 0 for none.
   */
  snapshotWritten(written: {
    readonly seq: number;
    readonly idRuns: readonly IdRun[];
    readonly neededAfter: number;
  }): void {
    const { seq, idRuns, neededAfter } = written;
    this.#named.set(seq, idRuns);
    for (const known of this.#named.keys()) if (known < neededAfter) this.#named.delete(known);
    // A snapshot of an earlier life may name what is not known here.
    if (neededAfter > 0 && !this.#named.has(neededAfter)) return;
    if (this.#working !== null) return;
    const { state, store } = this.#parts;
    this.#expire();
    const kept = [...this.#named.values(), state.idRuns].flat();
    this.#begin(() => store.removeAllBut(new Set(kept.map(({ number }) => number))));
  }

  /** Resolves when nothing is being written. */
  async rest(): Promise<void> {
    while (this.#working !== null) await this.#working;
  }

  async close(): Promise<void> {
    await this.rest();
    this.#parts.store.close();
  }

  #begin(work: () => Promise<void>): void {
    this.#working = work()
      .catch((err: unknown) => {
        this.#putOff();
        this.#parts.log.warn({ err }, "old ids could not be written, they stay in memory");
      })
      .finally(() => {
        this.#working = null;
      });
  }

  #putOff(): void {
    this.#retryAbove = this.#rows() + Math.ceil(this.#parts.inMemoryMax / 16);
  }

  #isOver(): boolean {
    return this.#rows() > Math.max(this.#parts.inMemoryMax, this.#retryAbove);
  }

  #rows(): number {
    let rows = 0;
    let processors = 0;
    for (const { ids } of processorsOf(this.#parts.state)) {
      rows += ids.rows;
      processors += 1;
    }
    this.#groupsToSkip = Math.floor(processors / processorsPerGroup);
    return rows;
  }

  async #spill(): Promise<void> {
    const { state, store, inMemoryMax, log } = this.#parts;
    this.#expire();
    await this.#dropOld();
    const rows = this.#rows();
    this.#retryAbove = 0;
    if (rows <= inMemoryMax) return;
    const stay = inMemoryMax * (state.idRuns.length > runsMany ? 0.5 : 0.75);
    const wanted = rows - Math.floor(stay);
    const writer = await store.begin(wanted);
    if (writer === null) {
      this.#putOff();
      log.warn(
        { runs: state.idRuns.length },
        "no more ids fit on disk: raise METERHOUSE_IDS_IN_MEMORY",
      );
      return;
    }
    const sources = sourcesOf(state);
    const spill = new IdSpill(sources, { rows: wanted, run: writer.number });
    const run = await written(spill, writer);
    state.idRuns = [...state.idRuns, run];
    for (const source of spill.sources) {
      source.memory.attach(store, source.salt);
      source.memory.addRun(run.number);
    }
    await inSlices(spill.forgetting());
    log.info({ run: run.number, ids: run.rows }, "old ids written to disk");
  }

  /** Retires the runs that hold nothing any more that can still be known. */
  #expire(): void {
    const { state, store } = this.#parts;
    const newest = new Map(state.idRuns.map((run) => [run.number, run.newest * 1_000]));
    const needed = new Set<number>();
    for (const processor of processorsOf(state)) {
      const since = knownSince(processor, state.time);
      for (const run of processor.ids.runs) {
        if ((newest.get(run) ?? 0) < since) processor.ids.removeRun(run);
        else needed.add(run);
      }
    }
    for (const { number } of state.idRuns) if (!needed.has(number)) store.retire(number);
    state.idRuns = state.idRuns.filter(({ number }) => needed.has(number));
  }

  async #dropOld(): Promise<void> {
    const { state } = this.#parts;
    await inSlices(dropping(state));
  }
}

function* processorsOf(state: State): Generator<Processor> {
  for (const { processors } of state.accounts.values()) yield* processors.values();
}

/**
 * Those whose ids are known about as long, of which there are most ids: a run goes when all of it is
 * out of its window, so what stays long must not be in one run with what goes soon.
 */
function sourcesOf(state: State): readonly SpillSource[] {
  const byWindow = new Map<number, { rows: number; sources: SpillSource[] }>();
  for (const processor of processorsOf(state)) {
    const { ids } = processor;
    if (ids.rows === 0) continue;
    const window = Math.ceil(Math.log2(processor.fields.deduplication.windowDays));
    const alike = byWindow.get(window) ?? { rows: 0, sources: [] };
    byWindow.set(window, alike);
    alike.rows += ids.rows;
    const since = knownSince(processor, state.time);
    alike.sources.push({ memory: ids, salt: saltOf(state, processor), since });
  }
  const [most] = [...byWindow.values()].sort((a, b) => b.rows - a.rows);
  return most?.sources ?? [];
}

/** Four words that tell the processor's keys from those of others with the same users and ids. */
function saltOf({ fingerprintKey }: State, { accountId, meterKey }: Processor): Uint32Array {
  assert(fingerprintKey !== null, "a partition with ids has a fingerprint key");
  const salt = new Uint32Array(4);
  fingerprint(fingerprintKey, accountId, meterKey, salt);
  return salt;
}

async function written(spill: IdSpill, writer: IdRunWriter): Promise<IdRun> {
  try {
    for (let range = 0; range < spill.ranges; range += 1) {
      await writer.write(spill.rowsOf(range));
      await turn();
    }
    return await writer.commit();
  } catch (error) {
    await writer.abandon();
    throw error;
  }
}

function* dropping(state: State): Generator<() => void> {
  for (const processor of processorsOf(state)) {
    for (const table of processor.ids.tables()) {
      yield () => processor.ids.dropOlder(table, knownSince(processor, state.time));
    }
  }
}

async function inSlices(steps: Iterable<() => void>): Promise<void> {
  let count = 0;
  for (const step of steps) {
    step();
    count += 1;
    if (count % tablesPerSlice === 0) await turn();
  }
}

/** Lets the engine do what waits. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
