// The entries of an id memory as sections of a snapshot. What is dumped is fixed when it is asked for
// and built when it is read: a snapshot needs no second copy of millions of entries.
import type { IdChunk } from "./id-log.ts";
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
    const rows = new Int32Array(this.rows * idRowWords);
    let end = 0;
    for (const { words, count } of this.#parts) {
      rows.set(words.subarray(0, count * idRowWords), end);
      end += count * idRowWords;
    }
    return bytesOf(rows);
  }
}

/** What a chunk held at an instant: its array is never changed below the count. */
type Part = Pick<IdChunk, "words" | "count">;

/**
 * One section at least. Entries of a table stay in their order, and tables together. Marks the
 * chunks, whose arrays nobody else may get while the dump may be read.
 */
export function dumpSections(
  tables: Iterable<{ readonly chunks: readonly IdChunk[] }>,
): readonly IdSection[] {
  const sections: IdSection[] = [];
  let parts: Part[] = [];
  let rows = 0;
  for (const { chunks } of tables) {
    for (const chunk of chunks) {
      const { words, count } = chunk;
      chunk.isDumped = true;
      if (rows + count > rowsPerSection) {
        sections.push(new IdSection(parts));
        parts = [];
        rows = 0;
      }
      parts.push({ words, count });
      rows += count;
    }
  }
  return [...sections, new IdSection(parts)];
}
