// A random source that gives the same draws for the same seed, on every machine: behind the Random
// port and for tests that make their own input. Never for secrets. Tests print the seed they use.
import type { Random } from "../../src/core/ports.ts";

export interface SeededRandom extends Random {
  readonly seed: number;
  /** From 0 (inclusive) to 1 (exclusive), with 32 random bits. */
  fraction(): number;
  /** A whole number from `low` to `high`, both inclusive; at most 2^32 of them. */
  integer(low: number, high: number): number;
  /** True with this probability. */
  chance(probability: number): boolean;
  pick<T>(list: readonly T[]): T;
  shuffle<T>(list: readonly T[]): T[];
}

/** The seed in the environment's SEED, else the one given: how a failed run is repeated. */
export function seedOf(fallback: number): number {
  const text = process.env.SEED;
  return text === undefined ? fallback : Number.parseInt(text, 10);
}

/** `seed` is a whole number; only its lower 32 bits count. */
export function createSeededRandom(seed: number): SeededRandom {
  const next = sfc32(seed);
  const fraction = (): number => next() / 2 ** 32;
  const integer = (low: number, high: number): number =>
    low + Math.floor(fraction() * (high - low + 1));
  const bytes = (count: number): Uint8Array => {
    const out = new Uint8Array(count);
    for (let index = 0; index < count; index++) out[index] = next() >>> 24;
    return out;
  };
  const pick = <T>(list: readonly T[]): T => {
    if (list.length === 0) throw new Error("there is nothing to pick from");
    return list[integer(0, list.length - 1)] as T;
  };
  return {
    seed,
    fraction,
    integer,
    bytes,
    pick,
    chance: (probability) => fraction() < probability,
    uuid: () => uuidOf(bytes(16)),
    shuffle: (list) => shuffled(list, integer),
  };
}

/** Chris Doty-Humphrey's small fast counter, 32 bits; passes PractRand. */
function sfc32(seed: number): () => number {
  let a = 0;
  let b = 0;
  let c = seed | 0;
  let counter = 1;
  const next = (): number => {
    const out = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (c << 21) | (c >>> 11);
    c = (c + out) | 0;
    return out >>> 0;
  };
  for (let round = 0; round < 12; round++) next();
  return next;
}

function uuidOf(bytes: Uint8Array): string {
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  const variant = ((Number.parseInt(hex.slice(16, 17), 16) & 0x3) | 0x8).toString(16);
  const parts = [hex.slice(0, 8), hex.slice(8, 12), `4${hex.slice(13, 16)}`];
  return [...parts, `${variant}${hex.slice(17, 20)}`, hex.slice(20)].join("-");
}

function shuffled<T>(list: readonly T[], integer: (low: number, high: number) => number): T[] {
  const out = [...list];
  for (let index = out.length - 1; index > 0; index--) {
    const other = integer(0, index);
    [out[index], out[other]] = [out[other] as T, out[index] as T];
  }
  return out;
}
