// What the content hash is made of: two lanes of 32 bits, and how each takes a word. Shared by hashing
// a record that has been read (content-hash.ts) and one as it stands in a body (member-hash.ts), which
// must come to the same.

/** Kinds of value, absorbed before the value itself, so that 1, "1" and true differ. */
export const kinds = {
  null: 0x3c6ef372,
  true: 0x5be0cd19,
  false: 0x1f83d9ab,
  string: 0x510e527f,
  double: 0x243f6a88,
  digits: 0x13198a2e,
  array: 0x299f31d0,
  object: 0x452821e6,
  name: 0x38d01377,
} as const;

// Both are one-to-one in the word and in the lane. They differ in operation, turn and multiplier,
// so that what cancels out in one lane does not in the other.
export function mixA(lane: number, word: number): number {
  const mixed = lane ^ word;
  return Math.imul((mixed << 15) | (mixed >>> 17), 0x9e3779b1);
}

export function mixB(lane: number, word: number): number {
  const mixed = (lane + word) | 0;
  return Math.imul((mixed << 13) | (mixed >>> 19), 0x85ebca77);
}

/** The finalizer of MurmurHash3, one-to-one. */
export function spread(lane: number): number {
  let mixed = Math.imul(lane ^ (lane >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}
