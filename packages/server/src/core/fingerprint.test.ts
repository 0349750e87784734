// Fingerprints of user id and record id, and ids derived from positions (DD2, GR7).
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { derivedUuid, fingerprint, readFingerprintKey } from "./fingerprint.ts";
import { AssertionError } from "./problem.ts";

const seed = 7;
const key = readFingerprintKey("000102030405060708090a0b0c0d0e0f");
const otherKey = readFingerprintKey("100102030405060708090a0b0c0d0e0f");

function of(userId: string, id: string, under = key): string {
  const out = new Uint32Array(4);
  fingerprint(under, userId, id, out);
  return out.join(".");
}

describe("fingerprint", () => {
  it("[DD14] depends on every bit of the key, and on nothing but key, user id and id", () => {
    expect(of("u", "1")).toBe(of("u", "1"));
    expect(of("u", "1")).not.toBe(of("u", "1", otherKey));
    expect(readFingerprintKey("000102030405060708090A0B0C0D0E0F")).toEqual(key);
    expect([...key.sip]).toEqual([0x03020100, 0x07060504, 0x0b0a0908, 0x0f0e0d0c]);
    // Kept for ever: journals and snapshots hold fingerprints.
    expect(of("u", "1")).toBe("822687326.3950588254.3741441646.271840575");
  });

  it.each(["", "00", "0".repeat(33), "g".repeat(32)])("[DD14] %j is no key", (hex) => {
    expect(() => readFingerprintKey(hex)).toThrow(AssertionError);
  });

  it("[DD2] [DD3] tells user ids and ids apart byte for byte, with the border between them", () => {
    const pairs: readonly (readonly [string, string])[] = [
      ["ab", "c"],
      ["a", "bc"],
      ["abc", ""],
      ["", "abc"],
      ["a", "Bc"],
      ["\u00e9", "1"],
      ["e\u0301", "1"],
      ["\ufffd", "1"],
      ["\uffff", "1"],
      ["\u00ff", "1"],
      ["a\u00ff", "c"],
    ];
    expect(new Set(pairs.map(([userId, id]) => of(userId, id))).size).toBe(pairs.length);
  });

  it(`[DD2] two pairs have one fingerprint only when they are equal (seed ${seed})`, () => {
    const text = fc.string({ unit: fc.constantFrom("a", "b", "é", "😀"), maxLength: 3 });
    const pair = fc.tuple(text, text);
    const property = fc.property(pair, pair, ([u1, i1], [u2, i2]) => {
      expect(of(u1, i1) === of(u2, i2)).toBe(u1 === u2 && i1 === i2);
    });
    fc.assert(property, { seed, numRuns: 3_000 });
  });
});

describe("derived ids", () => {
  it("[DD18] are UUIDs of version 8 that only the position and the key decide", () => {
    const shape = /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
    const seen = new Set<string>();
    for (let at = 0; at < 2_000; at += 1) {
      const uuid = derivedUuid(key, Math.floor(at / 10), at % 10);
      expect(uuid).toMatch(shape);
      seen.add(uuid);
    }
    for (const seq of [2 ** 32, 2 ** 32 + 1, 2 ** 40, Number.MAX_SAFE_INTEGER]) {
      seen.add(derivedUuid(key, seq, 0));
    }
    seen.add(derivedUuid(otherKey, 0, 0));
    expect(seen.size).toBe(2_005);
    expect(derivedUuid(key, 1, 2)).toBe("85d37b55-8476-808b-843b-13135fa1bc76");
  });
});
