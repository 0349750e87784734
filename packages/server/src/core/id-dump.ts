// The entries of an id memory as sections of a snapshot. What is dumped is fixed when it is asked for
// and built when it is read: a snapshot needs no second copy of millions of entries.
import { entryWords, type IdChunk, secondsOf } from "./id-log.ts";
import { bytesOf, idRowWords, isLittleEndian } from "./old-ids.ts";
import { assert } from "./problem.ts";

/** Rows of a section at most: 896 KiB. */
const rowsPerSection = 32_768;

/** A section "ids": rows of seven little-endian words, fingerprint, content, time in seconds. */
export class IdSection {
  readonly name = "ids";
  readonly rows: number;
  readonly #parts: readonly Part[];

  constructor(parts: readonly Part[]) {
    this.#parts = parts;
    this.rows = parts.reduce((sum, { count }) => sum + count, 0);
  }

  /** Built at each reading. */
  get bytes(): Uint8Array {
    assert(isLittleEndian, "the machine keeps the low byte first");
    const rows = new Uint32Array(this.rows * idRowWords);
    let end = 0;
    for (const part of this.#parts) {
      const { words, count } = part;
      for (let at = 0; at < count; at += 1) {
        const from = at * entryWords;
        for (let word = 0; word < entryWords; word += 1) rows[end + word] = words[from + word] ?? 0;
        rows[end + entryWords] = secondsOf(part, at);
        end += idRowWords;
      }
    }
    return bytesOf(rows);
  }
}

/** What a chunk held at an instant: its arrays are never changed below the count. */
type Part = Pick<IdChunk, "words" | "times" | "base" | "count">;

/** One section at least. Entries of a table stay in their order, and tables together. */
export function dumpSections(
  tables: Iterable<{ readonly chunks: readonly IdChunk[] }>,
): readonly IdSection[] {
  const sections: IdSection[] = [];
  let parts: Part[] = [];
  let rows = 0;
  for (const { chunks } of tables) {
    for (const { words, times, base, count } of chunks) {
      if (rows + count > rowsPerSection) {
        sections.push(new IdSection(parts));
        parts = [];
        rows = 0;
      }
      parts.push({ words, times, base, count });
      rows += count;
    }
  }
  return [...sections, new IdSection(parts)];
}
