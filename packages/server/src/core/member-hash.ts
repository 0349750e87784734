// The content hash of a record as it stands in a body, member by member, without an object for it:
// what contentHash gives for the same members. Texts are ASCII bytes, so each byte is a unit.
import type { FingerprintKey } from "./fingerprint.ts";
import { kinds, mixA, mixB, spread } from "./hash-mix.ts";

/** Hash of a member's name, which the hash of the member begins with. */
export interface NameHash {
  readonly a: number;
  readonly b: number;
}

const double = new DataView(new ArrayBuffer(8));

/** One for a body: records are hashed one after the other. */
export class MemberHash {
  readonly #bytes: Uint8Array;
  readonly #seedA: number;
  readonly #seedB: number;
  #laneA = 0;
  #laneB = 0;
  // Members are added up, so that their order does not matter.
  #sumA = 0;
  #sumB = 0;
  #count = 0;

  constructor(bytes: Uint8Array, { contentSeeds }: FingerprintKey) {
    this.#bytes = bytes;
    this.#seedA = (contentSeeds[0] ?? 0) | 0;
    this.#seedB = (contentSeeds[1] ?? 0) | 0;
  }

  /** Hash of the name that stands from `start` to before `end`. */
  name(start: number, end: number): NameHash {
    this.#begin();
    this.#absorb(kinds.name);
    this.#absorbText(start, end);
    this.#finish();
    return { a: this.#laneA, b: this.#laneB };
  }

  /** What `textHash` gives for the text that stands there. */
  text(start: number, end: number): number {
    this.#begin();
    this.#absorbText(start, end);
    this.#finish();
    return this.#laneA;
  }

  /** Begins a record, whose members are added one by one, each once. */
  begin(): void {
    this.#sumA = 0;
    this.#sumB = 0;
    this.#count = 0;
  }

  /** Gives 32 keyed bits of name and text. */
  addText(name: NameHash, start: number, end: number): number {
    this.#laneA = name.a;
    this.#laneB = name.b;
    this.#absorb(kinds.string);
    this.#absorbText(start, end);
    this.#add();
    return this.#laneA;
  }

  addNumber(name: NameHash, value: number): void {
    // Adding 0 makes -0 the zero that it stands for.
    double.setFloat64(0, value + 0);
    this.#laneA = name.a;
    this.#laneB = name.b;
    this.#absorb(kinds.double);
    this.#absorb(double.getInt32(0));
    this.#absorb(double.getInt32(4));
    this.#add();
  }

  addWord(name: NameHash, word: "true" | "false" | "null"): void {
    this.#laneA = name.a;
    this.#laneB = name.b;
    this.#absorb(kinds[word]);
    this.#add();
  }

  /** Writes the hash of the record into `out[at]` and the place behind it. */
  end(out: Int32Array, at: number): void {
    this.#begin();
    this.#absorb(kinds.object);
    this.#absorb(this.#count);
    this.#absorb(this.#sumA);
    this.#absorb(this.#sumB);
    this.#finish();
    out[at] = this.#laneA;
    out[at + 1] = this.#laneB;
  }

  #begin(): void {
    this.#laneA = this.#seedA;
    this.#laneB = this.#seedB;
  }

  #add(): void {
    this.#finish();
    this.#sumA = (this.#sumA + this.#laneA) | 0;
    this.#sumB = (this.#sumB + this.#laneB) | 0;
    this.#count += 1;
  }

  #absorb(word: number): void {
    this.#laneA = mixA(this.#laneA, word);
    this.#laneB = mixB(this.#laneB, word);
  }

  /** Two units at a time, and the length first. */
  #absorbText(start: number, end: number): void {
    const bytes = this.#bytes;
    let a = mixA(this.#laneA, end - start);
    let b = mixB(this.#laneB, end - start);
    let at = start;
    for (; at + 1 < end; at += 2) {
      const word = (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 16);
      a = mixA(a, word);
      b = mixB(b, word);
    }
    if (at < end) {
      const word = bytes[at] ?? 0;
      a = mixA(a, word);
      b = mixB(b, word);
    }
    this.#laneA = a;
    this.#laneB = b;
  }

  #finish(): void {
    this.#laneA = spread(this.#laneA ^ ((this.#laneB << 16) | (this.#laneB >>> 16)));
    this.#laneB = spread((this.#laneB + this.#laneA) | 0);
  }
}
