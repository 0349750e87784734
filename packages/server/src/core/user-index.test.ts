// The table of users against a Map (docs/spec/counting.md, GR9): random users set and deleted, with
// ids whose hashes share a slot or are equal altogether, so that slots push each other on and back.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { textHash } from "./content-hash.ts";
import { Counter } from "./counter.ts";
import { ExactSum } from "./exact-sum.ts";
import { readFingerprintKey } from "./fingerprint.ts";
import { GroupKeys } from "./group-keys.ts";
import { Meter, type MeterTerms, type MeterType } from "./state.ts";
import { UserIndex } from "./user-index.ts";

const seed = Number(process.env.SEED ?? "20261122");
const key = readFingerprintKey("00112233445566778899aabbccddeeff");

const type: MeterType = {
  id: "type",
  accountId: "account",
  aggregation: "sum",
  createdAt: 0,
  name: "",
  description: "",
  unit: "",
  category: "",
  externalRef: null,
  timezone: "Etc/UTC",
  resetSchedule: { minute: "0", hour: "0", day: "1", month: "*", weekday: "*" },
  activeFrom: 0,
  activeTo: null,
  capacity: null,
  thresholds: [],
  updatedAt: 0,
  numberOfMeters: 0,
  sums: { accepted: new ExactSum(), metered: 0n, discarded: 0n },
  timetables: new Map(),
  groupKeys: new GroupKeys(),
};

const terms: MeterTerms = {
  type,
  meterKey: "key",
  timezone: "Etc/UTC",
  unit: "",
  customFields: {},
  capacity: null,
  thresholds: [],
  deleteOnReset: false,
};

function meterOf(userId: string, id: string): Meter {
  return new Meter({ id, userId, createdAt: 0, terms, counter: new Counter(0, 1, 0) });
}

/** Users whose hashes end in the same bits, so that they want one slot of a table of `slots`. */
function neighbours(slots: number, slot: number, count: number): string[] {
  const users: string[] = [];
  for (let at = 0; users.length < count; at += 1) {
    const user = `n${at}`;
    if ((textHash(key, user) & (slots - 1)) === slot) users.push(user);
  }
  return users;
}

/** Pairs of users with one and the same hash: about n^2 / 2^33 of n texts have one. */
function twins(): string[] {
  const seen = new Map<number, string>();
  const found: string[] = [];
  for (let at = 0; at < 250_000; at += 1) {
    const user = `t${at}`;
    const hash = textHash(key, user);
    const other = seen.get(hash);
    if (other === undefined) seen.set(hash, user);
    else found.push(other, user);
  }
  return found;
}

const sameHash = twins();
const crowded = [...neighbours(64, 62, 8), ...neighbours(64, 63, 8), ...neighbours(64, 0, 8)];
const odd = ["", "__proto__", "constructor", "\u0000", "\ud800", "Ä", "user", "User"];
const users = [...crowded, ...odd, ...sameHash.slice(0, 8)];

type Step =
  | { readonly kind: "set"; readonly user: string; readonly meters: number }
  | { readonly kind: "delete"; readonly user: string };

const someone = fc.constantFrom(...users);
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constant("set" as const),
    user: someone,
    meters: fc.integer({ min: 1, max: 3 }),
  }),
  fc.record({ kind: fc.constant("delete" as const), user: someone }),
);

describe("the meters of each user", () => {
  it("[GR9] have twins in this test: users of one hash", () => {
    expect(sameHash.length).toBeGreaterThanOrEqual(2);
  });

  it(`[GR9] are found by exact user id, whoever else comes and goes (seed ${seed})`, () => {
    const property = fc.property(fc.array(step, { maxLength: 200, size: "max" }), (list) => {
      const index = new UserIndex(key);
      const model = new Map<string, readonly Meter[]>();
      for (const [at, each] of list.entries()) {
        const { user } = each;
        if (each.kind === "set") {
          const meters = Array.from({ length: each.meters }, (_, n) => meterOf(user, `${at}-${n}`));
          index.set(user, meters);
          model.set(user, meters);
        } else {
          index.delete(user);
          model.delete(user);
        }
        // Identity, not equality: each user has meters of their own.
        for (const known of users) expect(ids(index.get(known))).toEqual(ids(model.get(known)));
      }
      expect([...index.userIds()].sort()).toEqual([...model.keys()].sort());
      expect(new Set(index.meters())).toEqual(new Set([...model.values()].flat()));
    });
    fc.assert(property, { seed, numRuns: 100 });
  });

  it("[GR9] are found among very many, while half of them leave", () => {
    const index = new UserIndex(key);
    const count = 20_000;
    for (let at = 0; at < count; at += 1) index.set(`u${at}`, [meterOf(`u${at}`, `m${at}`)]);
    for (let at = 0; at < count; at += 2) index.delete(`u${at}`);
    for (let at = 0; at < count; at += 1) {
      expect(index.get(`u${at}`)?.[0]?.id).toBe(at % 2 === 0 ? undefined : `m${at}`);
    }
    expect([...index.userIds()]).toHaveLength(count / 2);
    index.delete("nobody");
    expect([...index.meters()]).toHaveLength(count / 2);
  });
});

function ids(meters: readonly Meter[] | undefined): readonly string[] | undefined {
  return meters?.map(({ id, userId }) => `${userId} ${id}`);
}
