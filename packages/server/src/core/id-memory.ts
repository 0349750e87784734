// The ids of counted records: fingerprint, content and counting time in 28 bytes a slot. It answers
// whether an id was counted since an instant, and with which content. It must never forget an id
// early nor mistake one for another; forgetting late only costs memory.
import { IdTable, idWords, prefixOf } from "./id-table.ts";
import type { EpochMs } from "./ports.ts";
import { assert } from "./problem.ts";

/** What is known of an id: nothing, the same content, or other content. */
export type IdAnswer = "unknown" | "same" | "conflict";

/** Entries of a table that is split rather than made larger, so that no single add takes long. */
const splitEntries = 20_000;
/** Beyond these many tables (2^16) they are made larger after all. */
const directoryBitsMax = 16;
const entryBytes = idWords * 4;

/**
 * Fingerprints have four words, contents two. `since` must not go back between calls: an entry
 * counted before a `since` that was once given may be gone for good.
 *
 * Extendible hashing: the leading bits of a fingerprint choose a table, a full table is split.
 */
export class IdMemory {
  /** 2^bits places; a table of fewer bits stands in several that follow each other. */
  #directory: IdTable[] = [new IdTable(0, 0, 0)];
  #bits = 0;
  #size = 0;
  #bytes = 0;
  readonly #entry = new Uint32Array(idWords);

  /** What `dump` wrote. The answers are those of the memory that was dumped. */
  static load(dump: Uint8Array): IdMemory {
    assert(dump.byteLength % entryBytes === 0, "a dump of ids is cut off");
    const view = new DataView(dump.buffer, dump.byteOffset, dump.byteLength);
    const memory = new IdMemory();
    memory.#prepare(view);
    for (let at = 0; at < dump.byteLength; at += entryBytes) {
      for (let word = 0; word < idWords; word += 1) {
        memory.#entry[word] = view.getUint32(at + word * 4, true);
      }
      memory.#insert(Number.NEGATIVE_INFINITY);
    }
    return memory;
  }

  /** Entries held: those that can still be known, and old ones not yet dropped. */
  get size(): number {
    return this.#size;
  }

  /** Bytes of memory that the entries take. */
  get bytes(): number {
    return this.#bytes;
  }

  /** What is known of an id, leaving out what was counted before `since`. */
  lookup(fingerprint: Uint32Array, content: Uint32Array, since: EpochMs): IdAnswer {
    const table = this.#tableOf(fingerprint);
    const at = table.find(fingerprint);
    if (at < 0 || table.isOlder(at, since)) return "unknown";
    return table.hasContent(at, content) ? "same" : "conflict";
  }

  /**
   * Remembers an id that is unknown since `since`, as counted at `countedAt`, which is kept in
   * whole seconds, rounded up: an id is never forgotten early, and at most a second late.
   */
  add(fingerprint: Uint32Array, content: Uint32Array, countedAt: EpochMs, since: EpochMs): void {
    const seconds = Math.ceil(countedAt / 1_000);
    assert(seconds > 0 && seconds < 0x1_0000_0000, "a counting time lies between 1970 and 2106");
    const known = this.lookup(fingerprint, content, since);
    assert(known === "unknown", "an id that is remembered already is not counted again");
    const entry = this.#entry;
    for (let word = 0; word < 4; word += 1) entry[word] = fingerprint[word] ?? 0;
    entry[4] = content[0] ?? 0;
    entry[5] = content[1] ?? 0;
    entry[6] = seconds;
    this.#insert(since);
  }

  /** The entries not older than `since`: 28 bytes each, seven little-endian words. */
  dump(since: EpochMs = Number.NEGATIVE_INFINITY): Uint8Array {
    const bytes = new Uint8Array(this.#size * entryBytes);
    const view = new DataView(bytes.buffer);
    let end = 0;
    let last: IdTable | null = null;
    for (const table of this.#directory) {
      if (table !== last) end = table.dump(since, view, end);
      last = table;
    }
    return bytes.subarray(0, end);
  }

  /** Makes the tables that a dump needs: small ones, filled in its order, would be long chains. */
  #prepare(dump: DataView): void {
    const total = dump.byteLength / entryBytes;
    while (total / 2 ** this.#bits > splitEntries && this.#bits < directoryBitsMax) this.#bits += 1;
    const counts = new Uint32Array(2 ** this.#bits);
    for (let at = 0; at < dump.byteLength; at += entryBytes) {
      const prefix = prefixOf(dump.getUint32(at, true), this.#bits);
      counts[prefix] = (counts[prefix] ?? 0) + 1;
    }
    this.#directory = Array.from(counts, (count, prefix) => new IdTable(this.#bits, prefix, count));
    for (const table of this.#directory) this.#bytes += table.bytes;
  }

  /** Puts `#entry` into its table. */
  #insert(since: EpochMs): void {
    // A table is split at most once for each bit of the directory, then made larger, then filled.
    for (let tries = 0; tries <= directoryBitsMax + 1; tries += 1) {
      const table = this.#tableOf(this.#entry);
      const before = table.used;
      if (table.put(this.#entry)) {
        this.#size += table.used - before;
        return;
      }
      this.#makeRoom(table, since);
    }
    assert(false, "an id table has no room after it was made larger");
  }

  /** Drops what is older than `since`; splits the table where too much is left. */
  #makeRoom(table: IdTable, since: EpochMs): void {
    const { bits, prefix } = table;
    const young = table.count(since, bits, prefix);
    if (young < splitEntries || bits === directoryBitsMax) {
      this.#replace(table, since, [{ bits, prefix }]);
      return;
    }
    if (bits === this.#bits) {
      this.#directory = this.#directory.flatMap((each) => [each, each]);
      this.#bits += 1;
    }
    const halves = [prefix * 2, prefix * 2 + 1];
    this.#replace(
      table,
      since,
      halves.map((half) => ({ bits: bits + 1, prefix: half })),
    );
  }

  #replace(old: IdTable, since: EpochMs, parts: readonly Part[]): void {
    this.#size -= old.used;
    this.#bytes -= old.bytes;
    for (const { bits, prefix } of parts) {
      const table = new IdTable(bits, prefix, old.count(since, bits, prefix) + 1);
      old.copyTo(table, since);
      this.#size += table.used;
      this.#bytes += table.bytes;
      const places = 2 ** (this.#bits - bits);
      this.#directory.fill(table, prefix * places, (prefix + 1) * places);
    }
  }

  #tableOf(fingerprint: Uint32Array): IdTable {
    const table = this.#directory[prefixOf(fingerprint[0], this.#bits)];
    assert(table !== undefined, "the directory of ids has a table for every fingerprint");
    return table;
  }
}

/** The leading bits of the fingerprints in one table. */
interface Part {
  readonly bits: number;
  readonly prefix: number;
}
