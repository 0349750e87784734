// The ids of counted records of one processor: recent ones here, older ones in runs behind a port.
// It answers whether an id was counted since an instant, and with which content. It must never forget
// an id early nor mistake one for another; what lies where makes no difference to an answer.
import { dumpSections, type IdSection } from "./id-dump.ts";
import { IdRoom } from "./id-room.ts";
import { IdTable, prefixOf, tableEntriesMax } from "./id-table.ts";
import { idRowWords, isLittleEndian, type OldIds } from "./old-ids.ts";
import type { EpochMs } from "./ports.ts";
import { assert } from "./problem.ts";
import type { ScannedRecords } from "./scanned-records.ts";

/** What is known of an id: nothing, the same content, or other content. */
export type IdAnswer = "unknown" | "same" | "conflict";

/** Most leading bits that a table is chosen by: 2^16 tables. */
const directoryBitsMax = 16;
/** Entries of a table that is loaded, lest all of them be split soon after a start. */
const loadedMax: number = tableEntriesMax * 0.75;

/**
 * Fingerprints have four words, contents two. `since` must not go back between calls of `add`: an
 * entry counted before a `since` that was once given may be gone for good.
 *
 * Extendible hashing: the leading bits of a fingerprint choose a table, a full table is split.
 */
export class IdMemory {
  /** 2^bits places; a table of fewer bits stands in several that follow each other. */
  #directory: IdTable[];
  readonly #room = new IdRoom();
  #bits = 0;
  #rows = 0;
  /** Ascending numbers of the runs that hold older ids. */
  #runs: readonly number[];
  #old: OldIds | null = null;
  #salt = new Uint32Array(4);
  readonly #entry = new Int32Array(6);
  readonly #key = new Uint32Array(4);
  readonly #row = new Uint32Array(idRowWords);
  #since = 0;
  /** Where the last look-up ended that found nothing, and for what; null once anything changed. */
  #sought: IdTable | null = null;
  #soughtSince = 0;
  readonly #soughtWords = new Int32Array(4);

  /** Of no meaning: lest a compiler leave out what is only read. */
  fetched = 0;

  /** Makes room for as many ids, to be loaded; `runs` are to be attached before any look-up. */
  constructor(expected = 0, runs: readonly number[] = []) {
    this.#runs = runs;
    while (expected / 2 ** this.#bits > loadedMax && this.#bits < directoryBitsMax) {
      this.#bits += 1;
    }
    const each = Math.ceil(expected / 2 ** this.#bits);
    this.#directory = Array.from(
      { length: 2 ** this.#bits },
      (_, prefix) => new IdTable({ bits: this.#bits, prefix }, each, this.#room),
    );
    this.#room.tables = this.#directory.length;
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
    return this.lookupAt(this.#entryOf(fingerprint, content), 0, since);
  }

  /** The same for six words, fingerprint and content, that begin at `words[at]`. */
  lookupAt(words: Int32Array, at: number, since: EpochMs): IdAnswer {
    this.#sought = null;
    this.#since = since;
    const table = this.#tableAt(words[at]);
    const position = table.find(words, at);
    // What was counted again in memory is newer than what any run holds.
    if (position >= 0 && !table.isOlder(position, since)) {
      return table.hasContent(position, words, at) ? "same" : "conflict";
    }
    if (position < 0 && this.#runs.length > 0) {
      const old = this.#lookupOld(words, at, since);
      if (old !== "unknown") return old;
    }
    this.#sought = table;
    this.#soughtSince = since;
    const sought = this.#soughtWords;
    for (let word = 0; word < 4; word += 1) sought[word] = words[at + word] ?? 0;
    return "unknown";
  }

  /**
   * Remembers an id that is unknown since `since`, as counted at `countedAt`, which is kept in
   * whole seconds, rounded up: an id is never forgotten early, and at most a second late.
   */
  add(fingerprint: Uint32Array, content: Uint32Array, countedAt: EpochMs, since: EpochMs): void {
    this.#since = since;
    this.addAt(this.#entryOf(fingerprint, content), 0, countedAt);
  }

  /** The same for six words and the `since` of the last call; right after it without a search. */
  addAt(words: Int32Array, at: number, countedAt: EpochMs): void {
    const seconds = Math.ceil(countedAt / 1_000);
    assert(seconds > 0 && seconds < 0x1_0000_0000, "a counting time lies between 1970 and 2106");
    let table = this.#sought;
    if (table === null || this.#since < this.#soughtSince || !this.#wasSought(words, at)) {
      table = this.#tableAt(words[at]);
      const position = table.find(words, at);
      const isUnknown = position < 0 || table.isOlder(position, this.#since);
      assert(isUnknown, "an id that is remembered already is not counted again");
    }
    this.#sought = null;
    if (table.isFull) {
      this.#put(words, at, { seconds, since: this.#since });
    } else {
      table.putFound(words, at, seconds);
      this.#rows += 1;
    }
  }

  /**
   * Reads what looking ids up will read first, all at once (`UserIndex.fetchAhead`): of records from
   * `from` to before `to`.
   */
  fetchAhead(columns: ScannedRecords, from: number, to: number): void {
    const { words } = columns;
    let sum = 0;
    for (let record = from; record < to; record += 1) {
      const at = columns.idWordsAt(record);
      sum += this.#tableAt(words[at]).fetch(words, at);
    }
    this.fetched = sum;
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
    const words = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
    const since = Number.NEGATIVE_INFINITY;
    this.#sought = null;
    for (let at = 0; at < words.length; at += idRowWords) {
      const seconds = (words[at + 6] ?? 0) >>> 0;
      const table = this.#tableAt(words[at]);
      if (table.isFull) {
        this.#put(words, at, { seconds, since });
      } else {
        table.put(words, at, seconds);
        this.#rows += 1;
      }
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

  #entryOf(fingerprint: Uint32Array, content: Uint32Array): Int32Array {
    const entry = this.#entry;
    for (let word = 0; word < 4; word += 1) entry[word] = fingerprint[word] ?? 0;
    entry[4] = content[0] ?? 0;
    entry[5] = content[1] ?? 0;
    return entry;
  }

  #wasSought(words: Int32Array, at: number): boolean {
    const sought = this.#soughtWords;
    return (
      sought[0] === words[at] &&
      sought[1] === words[at + 1] &&
      sought[2] === words[at + 2] &&
      sought[3] === words[at + 3]
    );
  }

  #lookupOld(words: Int32Array, at: number, since: EpochMs): IdAnswer {
    assert(this.#old !== null, "a memory with runs has a place to look them up");
    const key = this.#key;
    for (let word = 0; word < 4; word += 1) {
      key[word] = (words[at + word] ?? 0) ^ (this.#salt[word] ?? 0);
    }
    const row = this.#row;
    if (!this.#old.find(key, this.#runs[0] ?? 0, row)) return "unknown";
    if ((row[6] ?? 0) * 1_000 < since) return "unknown";
    const isSame = ((row[4] ?? 0) | 0) === words[at + 4] && ((row[5] ?? 0) | 0) === words[at + 5];
    return isSame ? "same" : "conflict";
  }

  #put(
    from: Int32Array,
    at: number,
    { seconds, since }: { seconds: number; since: EpochMs },
  ): void {
    this.#sought = null;
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
    const { bits } = table;
    if (this.#count(table, () => table.dropOlder(since))) return !table.isFull;
    if (bits === directoryBitsMax) return false;
    if (bits === this.#bits) {
      this.#directory = this.#directory.flatMap((each) => [each, each]);
      this.#bits += 1;
      this.#room.tables = this.#directory.length;
    }
    const [low, high] = table.divide(this.#room);
    const places = 2 ** (this.#bits - bits - 1);
    this.#directory.fill(low, low.prefix * places, high.prefix * places);
    this.#directory.fill(high, high.prefix * places, (high.prefix + 1) * places);
    return true;
  }

  /** Keeps the number of rows right over a change of one table. */
  #count(table: IdTable, change: () => boolean): boolean {
    this.#sought = null;
    const before = table.rows;
    const changed = change();
    if (changed) this.#rows += table.rows - before;
    return changed;
  }

  #holds(table: IdTable): boolean {
    return this.#directory[table.prefix * 2 ** (this.#bits - table.bits)] === table;
  }

  #tableAt(word: number | undefined): IdTable {
    const table = this.#directory[prefixOf(word, this.#bits)];
    assert(table !== undefined, "the directory of ids has a table for every fingerprint");
    return table;
  }
}
