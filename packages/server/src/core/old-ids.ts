// What the memory of ids needs of the place where older ids lie (docs/spec/deduplication.md): exact
// answers at once, from immutable runs. Declared here so that the core knows no disk; ids/ has files
// behind it, tests what they like. The port must never leave out an id that a run in force holds.

/** Words of a row in a run or a snapshot: four of key, two of content, one of time in seconds. */
export const idRowWords = 7;

/** A run as a snapshot names it: enough to know it again, and to know when it is needed no more. */
export interface IdRun {
  readonly number: number;
  readonly rows: number;
  /** The latest counting time of its rows, in seconds since 1970. */
  readonly newest: number;
  /** CRC-32 of the checksums of all its pages. */
  readonly check: number;
}

export interface OldIds {
  /**
   * Looks a key up in the runs from `firstRun` on, and writes the row counted last to `row`: seven
   * words. False: no run holds the key. Throws when a run cannot be read or is damaged.
   */
  find(key: Uint32Array, firstRun: number, row: Uint32Array): boolean;
}

/**
 * Bytes of words in the order of snapshots and runs, little-endian, as a view. Refuses other
 * machines, where every word would have to be turned.
 */
export function bytesOf(words: Uint32Array | Int32Array): Uint8Array {
  return new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
}

export const isLittleEndian: boolean = bytesOf(Uint32Array.of(1))[0] === 1;
