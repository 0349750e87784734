// Counted ids in the order of counting, in chunks of up to 512 rows of seven words, which are also
// the rows of snapshots and runs: fingerprint, content, time in seconds. Chunks only ever grow at the
// end and leave from the front, so whoever holds a chunk and a count sees the same rows for ever. It
// knows no order but its own.
import { type IdRoom, roomRows } from "./id-room.ts";
import { idRowWords } from "./old-ids.ts";

/** Entries of a chunk; a position is the number of its chunk and its place there. */
export const chunkEntries: number = roomRows;
const chunkBits: number = Math.log2(chunkEntries);
const placeMask: number = chunkEntries - 1;
const capacityFirst = 4;
const none: Int32Array = new Int32Array(0);

/** Some entries that were counted one after the other. */
export interface IdChunk {
  /** A row for each entry and room for more; a chunk that grows gets a new array. */
  words: Int32Array;
  count: number;
  /** The latest time of an entry, in seconds since 1970. */
  newest: number;
  /** The run that takes its entries over; 0 for none. Such a chunk grows no more. */
  run: number;
  /** A dump may still read its rows. */
  isDumped: boolean;
}

export class IdLog {
  readonly #chunks: IdChunk[] = [];
  // Of the chunk that grows, which itself is told when it is asked for: an entry that is appended
  // shall touch as little memory as can be, since none of it is in a cache.
  #words: Int32Array = none;
  #count = 0;
  #newest = 0;
  /** Position of its first entry. */
  #first = 0;
  readonly #room: IdRoom;
  readonly #startsLarge: boolean;

  /** One that is going to take about so many entries. */
  constructor(room: IdRoom, expected: number) {
    this.#room = room;
    this.#startsLarge = expected >= chunkEntries;
  }

  /** Positions in use, those included that a closed chunk left empty. */
  get length(): number {
    return this.#first + this.#count;
  }

  get chunks(): readonly IdChunk[] {
    const last = this.#chunks.at(-1);
    if (last !== undefined) {
      last.count = this.#count;
      last.newest = this.#newest;
    }
    return this.#chunks;
  }

  get bytes(): number {
    let bytes = 0;
    for (const { words } of this.#chunks) bytes += words.byteLength;
    return bytes;
  }

  /** Appends an entry whose six words begin at `from[at]`; gives its position. */
  append(from: Int32Array, at: number, seconds: number): number {
    if (this.#count * idRowWords >= this.#words.length) this.#makeRoom();
    const count = this.#count;
    const words = this.#words;
    const start = count * idRowWords;
    words[start] = from[at] ?? 0;
    words[start + 1] = from[at + 1] ?? 0;
    words[start + 2] = from[at + 2] ?? 0;
    words[start + 3] = from[at + 3] ?? 0;
    words[start + 4] = from[at + 4] ?? 0;
    words[start + 5] = from[at + 5] ?? 0;
    words[start + 6] = seconds;
    if (seconds > this.#newest) this.#newest = seconds;
    this.#count = count + 1;
    return this.#first + count;
  }

  /** Whether the fingerprint at `from[at]` stands there. */
  holds(position: number, from: Int32Array, at: number): boolean {
    const words = this.#chunks[position >>> chunkBits]?.words;
    const start = (position & placeMask) * idRowWords;
    return (
      words !== undefined &&
      words[start] === from[at] &&
      words[start + 1] === from[at + 1] &&
      words[start + 2] === from[at + 2] &&
      words[start + 3] === from[at + 3]
    );
  }

  /** Whether the content at `from[at + 4]` stands there. */
  hasContent(position: number, from: Int32Array, at: number): boolean {
    const words = this.#chunks[position >>> chunkBits]?.words;
    const start = (position & placeMask) * idRowWords;
    return (
      words !== undefined && words[start + 4] === from[at + 4] && words[start + 5] === from[at + 5]
    );
  }

  /** When the entry was counted, in seconds since 1970. */
  secondsAt(position: number): number {
    const chunk = this.#chunks[position >>> chunkBits];
    return chunk === undefined ? 0 : secondsOf(chunk, position & placeMask);
  }

  /** Removes chunks from the front; gives the positions by which all others move down. */
  drop(chunks: number): number {
    for (const { words, run, isDumped } of this.#chunks.splice(0, chunks)) {
      if (run === 0 && !isDumped) this.#room.giveBack(words);
    }
    const movedDown = chunks * chunkEntries;
    this.#first -= movedDown;
    if (this.#chunks.length === 0) this.#begin(none);
    return movedDown;
  }

  /** Marks the chunks at the front as those that the run takes over. */
  giveTo(run: number, chunks: number): void {
    for (const chunk of this.chunks.slice(0, chunks)) chunk.run = run;
    if (chunks === this.#chunks.length) this.#words = none;
  }

  /** Room for one entry more: in the chunk that grows, or in a new one. */
  #makeRoom(): void {
    const last = this.chunks.at(-1);
    if (last !== undefined && last.run === 0 && last.count < chunkEntries) {
      // The array so far stays as it is, for a snapshot that holds it.
      const words = new Int32Array(Math.min(chunkEntries, last.count * 2) * idRowWords);
      words.set(last.words);
      last.words = words;
      this.#words = words;
      return;
    }
    const isSmall = last === undefined && !this.#startsLarge;
    this.#begin(isSmall ? new Int32Array(capacityFirst * idRowWords) : this.#room.take());
    this.#chunks.push({ words: this.#words, count: 0, newest: 0, run: 0, isDumped: false });
  }

  #begin(words: Int32Array): void {
    this.#first = this.#chunks.length * chunkEntries;
    this.#words = words;
    this.#count = 0;
    this.#newest = 0;
  }
}

/** When an entry of a chunk was counted, in seconds since 1970. */
export function secondsOf({ words }: Pick<IdChunk, "words">, at: number): number {
  return (words[at * idRowWords + 6] ?? 0) >>> 0;
}
