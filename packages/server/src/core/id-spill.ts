// Which ids leave memory for a run, and in which order: the oldest chunks of many memories, gathered
// range by range of their keys so that no step takes long and no second copy of all is needed. It
// changes nothing but the mark that closes a chunk; forgetting comes when the run is durable.
import { type IdChunk, secondsOf } from "./id-log.ts";
import type { IdMemory } from "./id-memory.ts";
import type { IdTable } from "./id-table.ts";
import { idRowWords } from "./old-ids.ts";
import type { EpochMs } from "./ports.ts";
import { assert } from "./problem.ts";

/** A memory that may give ids away. */
export interface SpillSource {
  readonly memory: IdMemory;
  /** Four words that make its keys its own among those of all memories. */
  readonly salt: Uint32Array;
  /** What was counted before is not known any more, and is left out. */
  readonly since: EpochMs;
}

/** Chunks of one table that go to the run, the oldest it has. */
interface Chosen {
  readonly source: SpillSource;
  readonly table: IdTable;
  readonly chunks: readonly IdChunk[];
}

/** Rows of a range, more or less: what is sorted in one go. */
const rowsPerRange = 16_384;
const timeBuckets = 4_096;
/** Exact in a double beside the 32 bits of a key's first word. */
const rowsSortedMax: number = 2 ** 21;

/** One spill: chosen ids on their way to a run. */
export class IdSpill {
  readonly rows: number;
  readonly #run: number;
  readonly #chosen: readonly Chosen[];
  readonly #rangeBits: number;
  #rowsSeen: Uint32Array = new Uint32Array(0);
  #sorted: Uint32Array = new Uint32Array(0);

  /** Chooses about `rows` ids, those that were counted first, and marks their chunks. */
  constructor(sources: readonly SpillSource[], { rows, run }: { rows: number; run: number }) {
    this.#run = run;
    this.#chosen = choose(sources, rows);
    let chosen = 0;
    for (const { table, chunks } of this.#chosen) {
      table.giveTo(run, chunks.length);
      for (const chunk of chunks) chosen += chunk.count;
    }
    this.rows = chosen;
    this.#rangeBits = Math.max(0, Math.min(16, Math.ceil(Math.log2(chosen / rowsPerRange))));
  }

  /** The memories that give ids away. */
  get sources(): ReadonlySet<SpillSource> {
    return new Set(this.#chosen.map(({ source }) => source));
  }

  get ranges(): number {
    return 2 ** this.#rangeBits;
  }

  /** Rows whose keys lie in a range, by key. Ranges ascend. Valid until the next call. */
  rowsOf(range: number): Uint32Array {
    let count = 0;
    for (const { source, table, chunks } of this.#chosen) {
      if (!this.#meets(source, table, range)) continue;
      for (const chunk of chunks) count = this.#gather(chunk, { source, range, count });
    }
    return this.#sortedRows(count);
  }

  /** Tables that can forget what the run holds, each with a call that makes it do so. */
  *forgetting(): Generator<() => void> {
    for (const { source, table } of this.#chosen) {
      yield () => source.memory.forget(table, this.#run);
    }
  }

  #meets({ salt }: SpillSource, { bits, prefix }: IdTable, range: number): boolean {
    const common = Math.min(bits, this.#rangeBits);
    if (common === 0) return true;
    const salted = (prefix >>> (bits - common)) ^ ((salt[0] ?? 0) >>> (32 - common));
    return salted === range >>> (this.#rangeBits - common);
  }

  #gather(
    chunk: IdChunk,
    { source, range, count }: { source: SpillSource; range: number; count: number },
  ): number {
    const { salt, since } = source;
    const room = (count + chunk.count) * idRowWords;
    if (room > this.#rowsSeen.length) this.#rowsSeen = enlarged(this.#rowsSeen, room);
    const rows = this.#rowsSeen;
    const shift = 32 - this.#rangeBits;
    let end = count;
    for (let at = 0; at < chunk.count; at += 1) {
      const from = at * idRowWords;
      const first = ((chunk.words[from] ?? 0) ^ (salt[0] ?? 0)) >>> 0;
      if (this.#rangeBits > 0 && first >>> shift !== range) continue;
      const seconds = secondsOf(chunk, at);
      if (seconds * 1_000 < since) continue;
      const to = end * idRowWords;
      rows[to] = first;
      for (let word = 1; word < 4; word += 1) {
        rows[to + word] = (chunk.words[from + word] ?? 0) ^ (salt[word] ?? 0);
      }
      rows[to + 4] = chunk.words[from + 4] ?? 0;
      rows[to + 5] = chunk.words[from + 5] ?? 0;
      rows[to + 6] = seconds;
      end += 1;
    }
    return end;
  }

  #sortedRows(count: number): Uint32Array {
    assert(count < rowsSortedMax, "a range of keys is sorted in one go");
    const rows = this.#rowsSeen;
    const order = new Float64Array(count);
    for (let row = 0; row < count; row += 1) {
      order[row] = (rows[row * idRowWords] ?? 0) * rowsSortedMax + row;
    }
    order.sort();
    if (count * idRowWords > this.#sorted.length) this.#sorted = new Uint32Array(rows.length);
    const sorted = this.#sorted;
    for (let place = 0; place < count; place += 1) {
      const from = ((order[place] ?? 0) % rowsSortedMax) * idRowWords;
      const to = place * idRowWords;
      for (let word = 0; word < idRowWords; word += 1) sorted[to + word] = rows[from + word] ?? 0;
    }
    return sorted.subarray(0, count * idRowWords);
  }
}

function enlarged(words: Uint32Array, room: number): Uint32Array {
  const larger = new Uint32Array(Math.max(room, words.length * 2));
  larger.set(words);
  return larger;
}

/** The oldest chunks by their newest entry, until there are enough; of each table the first ones. */
function choose(sources: readonly SpillSource[], rows: number): readonly Chosen[] {
  const bucketOf = timeScale(sources);
  const counts = new Float64Array(timeBuckets);
  for (const chunk of chunksOf(sources)) {
    const bucket = bucketOf(chunk);
    counts[bucket] = (counts[bucket] ?? 0) + chunk.count;
  }
  let last = 0;
  let before = 0;
  while (last < timeBuckets - 1 && before + (counts[last] ?? 0) < rows) {
    before += counts[last] ?? 0;
    last += 1;
  }
  const chosen: Chosen[] = [];
  for (const source of sources) {
    for (const table of source.memory.tables()) {
      const chunks: IdChunk[] = [];
      for (const chunk of table.chunks) {
        const bucket = bucketOf(chunk);
        if (bucket > last || (bucket === last && before >= rows)) break;
        if (bucket === last) before += chunk.count;
        chunks.push(chunk);
      }
      if (chunks.length > 0) chosen.push({ source, table, chunks });
    }
  }
  return chosen;
}

function* chunksOf(sources: readonly SpillSource[]): Generator<IdChunk> {
  for (const { memory } of sources) for (const table of memory.tables()) yield* table.chunks;
}

/** Where a chunk's newest entry stands between the oldest and the newest of all. */
function timeScale(sources: readonly SpillSource[]): (chunk: IdChunk) => number {
  let oldest = Number.POSITIVE_INFINITY;
  let newest = 0;
  for (const chunk of chunksOf(sources)) {
    oldest = Math.min(oldest, chunk.newest);
    newest = Math.max(newest, chunk.newest);
  }
  const scale = (timeBuckets - 1) / Math.max(1, newest - oldest);
  return (chunk) => Math.floor((chunk.newest - oldest) * scale);
}
