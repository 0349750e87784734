// Counted ids in the order of counting, in chunks of up to 512: 24 bytes of fingerprint and
// content and two bytes of time each. Chunks only ever grow at the end and leave from the front, so
// whoever holds a chunk and a count sees the same entries for ever. It knows no order but its own.

/** Words of an entry without its time: four of fingerprint, two of content. */
export const entryWords = 6;

const chunkBits = 9;
/** Entries of a chunk; a position is the number of its chunk and its place there. */
export const chunkEntries: number = 1 << chunkBits;
const capacityFirst = 4;
const halfWordMax = 0xffff;

/** Some entries that were counted one after the other. */
export interface IdChunk {
  /** Six words for each entry; a chunk that grows gets new arrays. */
  words: Uint32Array;
  /** Seconds after `base`; where 16 bits are too few, seconds since 1970 and `base` is 0. */
  times: Uint16Array | Uint32Array;
  base: number;
  count: number;
  /** The latest time of an entry, in seconds since 1970. */
  newest: number;
  /** The run that takes its entries over; 0 for none. Such a chunk grows no more. */
  run: number;
}

export class IdLog {
  readonly #chunks: IdChunk[] = [];
  #length = 0;

  /** Positions in use, those included that a closed chunk left empty. */
  get length(): number {
    return this.#length;
  }

  get chunks(): readonly IdChunk[] {
    return this.#chunks;
  }

  get bytes(): number {
    let bytes = 0;
    for (const { words, times } of this.#chunks) bytes += words.byteLength + times.byteLength;
    return bytes;
  }

  /** Appends an entry whose words begin at `from[at]`; gives its position. */
  append(from: Uint32Array, at: number, seconds: number): number {
    const chunk = this.#growing();
    const { count } = chunk;
    const { words } = chunk;
    const start = count * entryWords;
    for (let word = 0; word < entryWords; word += 1) words[start + word] = from[at + word] ?? 0;
    putTime(chunk, seconds);
    if (seconds > chunk.newest) chunk.newest = seconds;
    chunk.count = count + 1;
    const position = ((this.#chunks.length - 1) << chunkBits) + count;
    this.#length = position + 1;
    return position;
  }

  /** Whether the fingerprint at `from[at]` stands there. */
  holds(position: number, from: Uint32Array, at: number): boolean {
    const words = this.#chunks[position >>> chunkBits]?.words;
    const start = (position & (chunkEntries - 1)) * entryWords;
    return (
      words !== undefined &&
      words[start] === from[at] &&
      words[start + 1] === from[at + 1] &&
      words[start + 2] === from[at + 2] &&
      words[start + 3] === from[at + 3]
    );
  }

  hasContent(position: number, content: Uint32Array): boolean {
    const words = this.#chunks[position >>> chunkBits]?.words;
    const at = (position & (chunkEntries - 1)) * entryWords;
    return words !== undefined && words[at + 4] === content[0] && words[at + 5] === content[1];
  }

  /** When the entry was counted, in seconds since 1970. */
  secondsAt(position: number): number {
    const chunk = this.#chunks[position >>> chunkBits];
    return chunk === undefined ? 0 : secondsOf(chunk, position & (chunkEntries - 1));
  }

  /** Removes chunks from the front; gives the positions by which all others move down. */
  drop(chunks: number): number {
    this.#chunks.splice(0, chunks);
    this.#length = Math.max(0, this.#length - chunks * chunkEntries);
    return chunks * chunkEntries;
  }

  /** The chunk that takes the next entry. */
  #growing(): IdChunk {
    const last = this.#chunks.at(-1);
    if (last !== undefined && last.run === 0) {
      if (last.count * entryWords < last.words.length) return last;
      if (last.count < chunkEntries) return grow(last);
    }
    const capacity = this.#chunks.length === 0 ? capacityFirst : chunkEntries;
    const chunk: IdChunk = { ...arrays(capacity), base: 0, count: 0, newest: 0, run: 0 };
    this.#chunks.push(chunk);
    return chunk;
  }
}

/** When an entry of a chunk was counted, in seconds since 1970. */
export function secondsOf({ times, base }: Pick<IdChunk, "times" | "base">, at: number): number {
  return base + (times[at] ?? 0);
}

function arrays(capacity: number): { words: Uint32Array; times: Uint16Array } {
  return { words: new Uint32Array(capacity * entryWords), times: new Uint16Array(capacity) };
}

/** Twice the room. The arrays so far stay as they are, for a snapshot that holds them. */
function grow(chunk: IdChunk): IdChunk {
  const capacity = Math.min(chunkEntries, chunk.count * 2);
  const words = new Uint32Array(capacity * entryWords);
  words.set(chunk.words);
  chunk.words = words;
  const isWide = chunk.times instanceof Uint32Array;
  const times = isWide ? new Uint32Array(capacity) : new Uint16Array(capacity);
  times.set(chunk.times);
  chunk.times = times;
  return chunk;
}

function putTime(chunk: IdChunk, seconds: number): void {
  if (chunk.count === 0) chunk.base = seconds;
  const isWide = chunk.times instanceof Uint32Array;
  if (!isWide && (seconds < chunk.base || seconds > chunk.base + halfWordMax)) widen(chunk);
  chunk.times[chunk.count] = seconds - chunk.base;
}

function widen(chunk: IdChunk): void {
  const { times, base } = chunk;
  const wide = new Uint32Array(times.length);
  for (let at = 0; at < chunk.count; at += 1) wide[at] = base + (times[at] ?? 0);
  chunk.times = wide;
  chunk.base = 0;
}
