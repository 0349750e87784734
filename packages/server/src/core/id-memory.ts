// The ids of counted records of one processor: recent ones here, older ones in runs behind a port.
// It answers whether an id was counted since an instant, and with which content. It must never forget
// an id early nor mistake one for another; what lies where makes no difference to an answer.
import { dumpSections, type IdSection } from "./id-dump.ts";
import { IdTable, prefixOf, tableEntriesMax } from "./id-table.ts";
import { idRowWords, isLittleEndian, type OldIds } from "./old-ids.ts";
import type { EpochMs } from "./ports.ts";
import { assert } from "./problem.ts";

/** What is known of an id: nothing, the same content, or other content. */
export type IdAnswer = "unknown" | "same" | "conflict";

/** Most leading bits that a table is chosen by: 2^16 tables. */
const directoryBitsMax = 16;

/**
 * Fingerprints have four words, contents two. `since` must not go back between calls of `add`: an
 * entry counted before a `since` that was once given may be gone for good.
 *
 * Extendible hashing: the leading bits of a fingerprint choose a table, a full table is split.
 */
export class IdMemory {
  /** 2^bits places; a table of fewer bits stands in several that follow each other. */
  #directory: IdTable[] = [new IdTable(0, 0, 0)];
  #bits = 0;
  #rows = 0;
  /** Ascending numbers of the runs that hold older ids. */
  #runs: readonly number[];
  #old: OldIds | null = null;
  #salt = new Uint32Array(4);
  readonly #entry = new Uint32Array(6);
  readonly #key = new Uint32Array(4);
  readonly #row = new Uint32Array(idRowWords);

  /** Makes room for as many ids, to be loaded; `runs` are to be attached before any look-up. */
  constructor(expected = 0, runs: readonly number[] = []) {
    this.#runs = runs;
    while (expected / 2 ** this.#bits > tableEntriesMax && this.#bits < directoryBitsMax) {
      this.#bits += 1;
    }
    const each = Math.ceil(expected / 2 ** this.#bits);
    this.#directory = Array.from(
      { length: 2 ** this.#bits },
      (_, prefix) => new IdTable(this.#bits, prefix, each),
    );
  }

  /** Entries held in memory: those that can still be known, and old ones not yet dropped. */
  get rows(): number {
    return this.#rows;
  }

  /** Ids held in memory. */
  get size(): number {
    let size = 0;
    for (const table of this.tables()) size += table.used;
    return size;
  }

  /** Bytes of memory that the entries take. */
  get bytes(): number {
    let bytes = 0;
    for (const table of this.tables()) bytes += table.bytes;
    return bytes;
  }

  /** The runs that hold older ids, by number. */
  get runs(): readonly number[] {
    return this.#runs;
  }

  /** Each table once, in the order of the fingerprints. */
  *tables(): Generator<IdTable> {
    let last: IdTable | null = null;
    for (const table of this.#directory) {
      if (table !== last) yield table;
      last = table;
    }
  }

  /** What is known of an id, leaving out what was counted before `since`. */
  lookup(fingerprint: Uint32Array, content: Uint32Array, since: EpochMs): IdAnswer {
    const table = this.#tableOf(fingerprint);
    const at = table.find(fingerprint);
    // What was counted again in memory is newer than what any run holds.
    if (at < 0)
      return this.#runs.length === 0 ? "unknown" : this.#lookupOld(fingerprint, content, since);
    if (table.isOlder(at, since)) return "unknown";
    return table.hasContent(at, content) ? "same" : "conflict";
  }

  /**
   * Remembers an id that is unknown since `since`, as counted at `countedAt`, which is kept in
   * whole seconds, rounded up: an id is never forgotten early, and at most a second late.
   */
  add(fingerprint: Uint32Array, content: Uint32Array, countedAt: EpochMs, since: EpochMs): void {
    const seconds = Math.ceil(countedAt / 1_000);
    assert(seconds > 0 && seconds < 0x1_0000_0000, "a counting time lies between 1970 and 2106");
    const at = this.#tableOf(fingerprint).find(fingerprint);
    const isUnknown = at < 0 || this.#tableOf(fingerprint).isOlder(at, since);
    assert(isUnknown, "an id that is remembered already is not counted again");
    const entry = this.#entry;
    for (let word = 0; word < 4; word += 1) entry[word] = fingerprint[word] ?? 0;
    entry[4] = content[0] ?? 0;
    entry[5] = content[1] ?? 0;
    this.#put(entry, 0, { seconds, since });
  }

  /** The entries as they are now, in sections of whole rows that are built when they are read. */
  dump(): readonly IdSection[] {
    return dumpSections(this.tables());
  }

  /** Takes what one section of a dump holds. */
  load(dump: Uint8Array): void {
    assert(dump.byteLength % (idRowWords * 4) === 0, "a section of ids is cut off");
    assert(isLittleEndian, "the machine keeps the low byte first");
    const bytes = dump.byteOffset % 4 === 0 ? dump : dump.slice();
    const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
    const since = Number.NEGATIVE_INFINITY;
    for (let at = 0; at < words.length; at += idRowWords) {
      this.#put(words, at, { seconds: words[at + 6] ?? 0, since });
    }
  }

  /** From now on looks ids that it does not hold up in the runs, salted so as to be its own. */
  attach(old: OldIds, salt: Uint32Array): void {
    this.#old = old;
    this.#salt = salt.slice(0, 4);
  }

  /** The run holds ids of this memory, all of which were counted after those of earlier runs. */
  addRun(run: number): void {
    assert(this.#old !== null, "a memory with runs has a place to look them up");
    this.#runs = [...this.#runs, run];
  }

  /** The run holds nothing any more that can still be known. */
  removeRun(run: number): void {
    this.#runs = this.#runs.filter((each) => each !== run);
  }

  /** Forgets the chunks at the front of a table that the run has taken over. */
  forget(table: IdTable, run: number): void {
    if (!this.#holds(table)) return;
    this.#count(table, () => table.dropTaken(run));
  }

  /** Drops what is older than `since` from a table, in whole chunks. */
  dropOlder(table: IdTable, since: EpochMs): void {
    if (!this.#holds(table)) return;
    this.#count(table, () => table.dropOlder(since));
  }

  #lookupOld(fingerprint: Uint32Array, content: Uint32Array, since: EpochMs): IdAnswer {
    assert(this.#old !== null, "a memory with runs has a place to look them up");
    const key = this.#key;
    for (let word = 0; word < 4; word += 1) {
      key[word] = (fingerprint[word] ?? 0) ^ (this.#salt[word] ?? 0);
    }
    const row = this.#row;
    if (!this.#old.find(key, this.#runs[0] ?? 0, row)) return "unknown";
    if ((row[6] ?? 0) * 1_000 < since) return "unknown";
    return row[4] === content[0] && row[5] === content[1] ? "same" : "conflict";
  }

  #put(
    from: Uint32Array,
    at: number,
    { seconds, since }: { seconds: number; since: EpochMs },
  ): void {
    // A table is split at most once for each bit of the directory.
    for (let tries = 0; tries <= directoryBitsMax + 1; tries += 1) {
      const table = this.#tableAt(from[at]);
      if (!table.isFull || !this.#makeRoom(table, since)) break;
    }
    this.#tableAt(from[at]).put(from, at, seconds);
    this.#rows += 1;
  }

  /** Drops what is older than `since`, or else splits the table; false when it can do neither. */
  #makeRoom(table: IdTable, since: EpochMs): boolean {
    const { bits, prefix } = table;
    if (this.#count(table, () => table.dropOlder(since))) return !table.isFull;
    if (bits === directoryBitsMax) return false;
    if (bits === this.#bits) {
      this.#directory = this.#directory.flatMap((each) => [each, each]);
      this.#bits += 1;
    }
    const half = Math.ceil(table.used / 2);
    const [low, high] = [
      new IdTable(bits + 1, prefix * 2, half),
      new IdTable(bits + 1, prefix * 2 + 1, half),
    ];
    for (const { words, times, base, count } of table.chunks) {
      for (let at = 0; at < count; at += 1) {
        const first = at * 6;
        const target = prefixOf(words[first], bits + 1) === low.prefix ? low : high;
        target.put(words, first, base + (times[at] ?? 0));
      }
    }
    const places = 2 ** (this.#bits - bits - 1);
    this.#directory.fill(low, low.prefix * places, high.prefix * places);
    this.#directory.fill(high, high.prefix * places, (high.prefix + 1) * places);
    return true;
  }

  /** Keeps the number of rows right over a change of one table. */
  #count(table: IdTable, change: () => boolean): boolean {
    const before = rowsOf(table);
    const changed = change();
    if (changed) this.#rows += rowsOf(table) - before;
    return changed;
  }

  #holds(table: IdTable): boolean {
    return this.#directory[table.prefix * 2 ** (this.#bits - table.bits)] === table;
  }

  #tableOf(fingerprint: Uint32Array): IdTable {
    return this.#tableAt(fingerprint[0]);
  }

  #tableAt(word: number | undefined): IdTable {
    const table = this.#directory[prefixOf(word, this.#bits)];
    assert(table !== undefined, "the directory of ids has a table for every fingerprint");
    return table;
  }
}

function rowsOf({ chunks }: IdTable): number {
  return chunks.reduce((sum, { count }) => sum + count, 0);
}
