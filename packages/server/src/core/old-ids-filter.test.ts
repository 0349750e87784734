// The filter before runs on disk: it names every run that holds a key, and hardly any other.
import { describe, expect, it } from "vitest";
import { KeyBatch, OldIdFilter } from "./old-ids-filter.ts";
import { AssertionError } from "./problem.ts";

/** A xorshift generator: the same words in every run. */
function words(from: number): () => number {
  let state = from;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}

function keysOf(count: number, seed: number): readonly Uint32Array[] {
  const next = words(seed);
  return Array.from({ length: count }, () => Uint32Array.of(next(), next(), next(), next()));
}

/** Goes through all groups, as a run that is written does. */
function add(filter: OldIdFilter, keys: readonly Uint32Array[], slot: number): void {
  const byGroup = new Map<number, Uint32Array[]>();
  for (const key of keys) {
    const group = filter.groupOf(key[0] ?? 0);
    const others = byGroup.get(group) ?? [];
    byGroup.set(group, others);
    others.push(key);
  }
  const batch = new KeyBatch();
  for (let group = 0; group < filter.groups; group += 1) {
    batch.clear();
    for (const key of byGroup.get(group) ?? []) batch.push(key[0] ?? 0, key[1] ?? 0, slot);
    filter.change(group, batch);
  }
}

describe("the filter", () => {
  it.each([1, 1_000, 40_000])(
    "[DD21] made for %i keys names the runs of 40,000 keys, and others less than once in 1,000",
    (made) => {
      const filter = new OldIdFilter(made);
      const runs = Array.from({ length: 20 }, (_, slot) => keysOf(2_000, slot + 1));
      for (const [slot, keys] of runs.entries()) add(filter, keys, slot * 50);
      for (const [slot, keys] of runs.entries()) {
        const missed = keys.filter((key) => !filter.candidates(key).includes(slot * 50));
        expect(missed).toEqual([]);
      }
      const unknown = keysOf(100_000, 77);
      const named = unknown.filter((key) => filter.candidates(key).length > 0);
      expect(named.length).toBeLessThan(100);
    },
  );

  it("[DD25] lets a run go with all its keys, and nothing of the others", () => {
    const filter = new OldIdFilter(3_000);
    const [first, second, third] = [keysOf(3_000, 1), keysOf(3_000, 2), keysOf(3_000, 3)];
    add(filter, first, 0);
    add(filter, second, 1);
    const before = filter.bytes;
    filter.retire(0);
    add(filter, third, 2);
    filter.sweptAll([0]);
    expect(first.filter((key) => filter.candidates(key).includes(0))).toEqual([]);
    expect(second.every((key) => filter.candidates(key).includes(1))).toBe(true);
    expect(third.every((key) => filter.candidates(key).includes(2))).toBe(true);
    expect(filter.bytes).toBeLessThan(before * 1.1);
  });

  it("[DD25] takes no run beyond those that it can tell apart", () => {
    expect(() => new KeyBatch().push(1, 2, 1_023)).toThrow(AssertionError);
  });
});
