// The memory of counted ids against a map that keeps them all (DD13 and on).
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { IdMemory } from "./id-memory.ts";
import { AssertionError } from "./problem.ts";

const seed = 99;
const start = 1_760_000_000_000;

/** A xorshift generator: words for fingerprints, the same in every run. */
function words(from: number): () => number {
  let state = from;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}

function fingerprintsOf(count: number, from = 1): readonly Uint32Array[] {
  const next = words(from);
  return Array.from({ length: count }, () => Uint32Array.of(next(), next(), next(), next()));
}

const one = Uint32Array.of(1, 2);
const two = Uint32Array.of(1, 3);
const id = Uint32Array.of(5, 6, 7, 8);

/** What a snapshot would bring back. */
function reloaded(memory: IdMemory): IdMemory {
  const sections = memory.dump();
  const loaded = new IdMemory(memory.rows);
  for (const { bytes } of sections) loaded.load(bytes);
  return loaded;
}

describe("one id", () => {
  it("[DD6] [DD8] is known with its content, and keeps the first", () => {
    const memory = new IdMemory();
    expect(memory.lookup(id, one, 0)).toBe("unknown");
    memory.add(id, one, start, 0);
    expect(memory.lookup(id, one, 0)).toBe("same");
    expect(memory.lookup(id, two, 0)).toBe("conflict");
    expect(memory.lookup(id, Uint32Array.of(2, 2), 0)).toBe("conflict");
    expect(() => memory.add(id, two, start, 0)).toThrow(AssertionError);
    expect(memory.lookup(id, one, 0)).toBe("same");
    expect(memory.size).toBe(1);
  });

  it("[DD2] differs from others in any one bit of its fingerprint", () => {
    const memory = new IdMemory();
    memory.add(id, one, start, 0);
    for (let bit = 0; bit < 128; bit += 1) {
      const other = id.slice();
      other[bit >> 5] = (other[bit >> 5] ?? 0) ^ (1 << (bit & 31));
      expect(memory.lookup(other, one, 0)).toBe("unknown");
      memory.add(other, two, start, 0);
    }
    expect(memory.lookup(id, one, 0)).toBe("same");
    expect(memory.size).toBe(129);
  });

  it.each([0, 1, 500, 999])("[DD11] counted at second and %i ms is known to that instant", (ms) => {
    const memory = new IdMemory();
    memory.add(id, one, start + ms, 0);
    expect(memory.lookup(id, one, start + ms)).toBe("same");
    expect(memory.lookup(id, one, start + ms + 1_000)).toBe("unknown");
  });

  it("[DD13] may be counted anew, with other content, when its window has passed", () => {
    const memory = new IdMemory();
    memory.add(id, one, start, 0);
    const since = start + 60_000;
    expect(memory.lookup(id, one, since)).toBe("unknown");
    memory.add(id, two, since + 5_000, since);
    expect(memory.lookup(id, two, since)).toBe("same");
    expect(memory.lookup(id, one, since)).toBe("conflict");
    expect(memory.size).toBe(1);
  });
});

describe("adding right after a look-up", () => {
  const other = Uint32Array.of(5, 6, 7, 9);
  const third = Uint32Array.of(5, 6, 7, 10);

  it("[DD6] adds the id that is given, whichever was looked up last", () => {
    const memory = new IdMemory();
    expect(memory.lookup(id, one, 0)).toBe("unknown");
    expect(memory.lookup(other, one, 0)).toBe("unknown");
    memory.add(id, one, start, 0);
    expect(memory.lookup(other, one, 0)).toBe("unknown");
    memory.add(third, one, start, 0);
    memory.add(other, two, start, 0);
    const answers = [id, other, third].map((each) => memory.lookup(each, one, 0));
    expect(answers).toEqual(["same", "conflict", "same"]);
  });

  it("[DD6] refuses one that was unknown only since a later instant, or was added meanwhile", () => {
    const memory = new IdMemory();
    memory.add(id, one, start, 0);
    expect(memory.lookup(id, one, start + 60_000)).toBe("unknown");
    expect(() => memory.add(id, one, start + 60_000, start)).toThrow(AssertionError);
    expect(memory.lookup(other, one, 0)).toBe("unknown");
    memory.add(other, one, start, 0);
    expect(() => memory.add(other, one, start, 0)).toThrow(AssertionError);
    expect([memory.size, memory.rows]).toEqual([2, 2]);
  });
});

describe("many ids", () => {
  const total = 150_000;
  const memory = new IdMemory();
  const ids = fingerprintsOf(total);

  it("[DD15] are all known, in at most 36 bytes each", () => {
    let most = 0;
    for (const [at, each] of ids.entries()) {
      memory.add(each, one, start + at, 0);
      if (at > 5_000) most = Math.max(most, memory.bytes / (at + 1));
    }
    expect(most).toBeLessThanOrEqual(36);
    expect(memory.size).toBe(total);
    expect(ids.every((each) => memory.lookup(each, one, 0) === "same")).toBe(true);
    const others = fingerprintsOf(total, 2);
    expect(others.every((each) => memory.lookup(each, one, 0) === "unknown")).toBe(true);
  });

  it("[DD17] survive a dump, whatever is added while it is read", () => {
    const grown = new IdMemory();
    for (const [at, each] of ids.entries()) grown.add(each, one, start + at, 0);
    const sections = grown.dump();
    for (const each of fingerprintsOf(70_000, 9)) grown.add(each, two, start + total, 0);
    const loaded = new IdMemory(total);
    for (const { bytes } of sections) loaded.load(bytes);
    expect([loaded.size, loaded.rows]).toEqual([total, total]);
    expect(loaded.bytes / total).toBeLessThanOrEqual(36);
    const since = start + total / 2;
    const answers = ids.map((each) => memory.lookup(each, one, since));
    expect(ids.map((each) => loaded.lookup(each, one, since))).toEqual(answers);
    expect(new Set(answers).size).toBe(2);
    expect(reloaded(new IdMemory()).size).toBe(0);
    expect(() => loaded.load(new Uint8Array(29))).toThrow(AssertionError);
  });

  it("[DD17] survive a dump, whatever leaves and takes its place while it is read", () => {
    const changing = new IdMemory();
    const old = ids.slice(0, 20_000);
    for (const each of old) changing.add(each, one, start, 0);
    const sections = changing.dump();
    for (const table of changing.tables()) changing.dropOlder(table, start + 60_000);
    for (const each of ids.slice(20_000, 50_000)) changing.add(each, two, start + 60_000, 0);
    const loaded = new IdMemory(old.length);
    for (const { bytes } of sections) loaded.load(bytes);
    expect(old.every((each) => loaded.lookup(each, one, 0) === "same")).toBe(true);
    expect(loaded.size).toBe(old.length);
    expect(changing.size).toBe(30_000);
  });

  it("[DD16] make room for new ones once their window has passed", () => {
    const stream = new IdMemory();
    const next = words(3);
    const windowMs = 20_000_000;
    let peak = 0;
    for (let at = 0; at < 200_000; at += 1) {
      const now = start + at * 1_000;
      stream.add(Uint32Array.of(next(), next(), next(), next()), one, now, now - windowMs);
      peak = Math.max(peak, stream.bytes);
    }
    expect(peak).toBeLessThan(20_000 * 2 * 36);
  });

  it("[DD15] that begin alike still are told apart, and loaded again", () => {
    const skewed = new IdMemory();
    const next = words(4);
    const alike = Array.from({ length: 30_000 }, () => Uint32Array.of(7, next(), next(), next()));
    for (const each of alike) skewed.add(each, two, start, 0);
    const loaded = reloaded(skewed);
    expect(alike.every((each) => skewed.lookup(each, two, 0) === "same")).toBe(true);
    expect(alike.every((each) => loaded.lookup(each, one, 0) === "conflict")).toBe(true);
  });
});

describe("any order of calls", () => {
  const step = fc.record({
    id: fc.nat(30),
    content: fc.nat(2),
    wait: fc.constantFrom(0, 0, 1, 700, 5_000, 40_000),
    reload: fc.integer({ min: 0, max: 40 }).map((draw) => draw === 0),
  });

  it(`[DD6] [DD8] [DD11] [DD17] answers as a list of what was counted does (seed ${seed})`, () => {
    const pool = fingerprintsOf(31, 11);
    const property = fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      let memory = new IdMemory();
      const model = new Map<number, { content: number; seconds: number }>();
      let now = start;
      for (const { id: which, content, wait, reload } of steps) {
        now += wait;
        const since = now - 60_000;
        const fingerprint = pool[which] ?? id;
        const words = Uint32Array.of(9, content);
        const known = model.get(which);
        const young = known !== undefined && known.seconds * 1_000 >= since;
        const expected = young ? (known.content === content ? "same" : "conflict") : "unknown";
        expect(memory.lookup(fingerprint, words, since)).toBe(expected);
        if (expected === "unknown") {
          memory.add(fingerprint, words, now, since);
          model.set(which, { content, seconds: Math.ceil(now / 1_000) });
        }
        if (reload) memory = reloaded(memory);
      }
    });
    fc.assert(property, { seed, numRuns: 400 });
  });
});
