// Numbers of groups against a model of counters that hold texts (docs/spec/counting.md, AG9): no
// counter ever sees a group of another, numbers are used again, and nothing is left when all is gone.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseExactJson } from "./exact-json.ts";
import { type GroupsRow, groupSections } from "./group-dump.ts";
import { GroupKeys, groupByIdentity } from "./group-keys.ts";

const seed = Number(process.env.SEED ?? "20261122");

/** Entries that are easily mistaken for each other, and keys too. */
const entries = [["a"], ["b"], ["a", "b"], ["a|b"], ['["a","b"]'], ["__proto__"], [""]] as const;
const keys = [null, "", "x", "__other__", "__proto__", "x|y", "null", "\ud800"] as const;

type Step =
  | { readonly kind: "use"; readonly counter: number; readonly entry: number; readonly key: number }
  | { readonly kind: "empty"; readonly counter: number }
  | { readonly kind: "restart" };

const counter = fc.nat(3);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant("use" as const),
      counter,
      entry: fc.nat(entries.length - 1),
      key: fc.nat(keys.length - 1),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("empty" as const), counter }) },
  { weight: 1, arbitrary: fc.constant({ kind: "restart" as const }) },
);

/** Some counters, each with the numbers that it holds and what they stand for. */
class World {
  groups = new GroupKeys();
  readonly held: Map<number, string>[] = [new Map(), new Map(), new Map(), new Map()];
  /** The most groups that there were at once. */
  #most = 0;

  step(each: Step): void {
    if (each.kind === "use") this.#use(each);
    else if (each.kind === "empty") this.#empty(each.counter);
    else this.#restart();
    this.check();
  }

  check(): void {
    const expected = new Set(this.held.flatMap((numbers) => [...numbers.values()]));
    for (const numbers of this.held) {
      for (const [number, text] of numbers) {
        expect(textOf(this.groups.group(number))).toBe(text);
        expect(this.groups.tableOf(number).identity).toBe(identityOf(text));
      }
    }
    const present = [...this.groups.copy().entries()];
    const texts = present.flatMap(([, group]) => (group === undefined ? [] : [textOf(group)]));
    expect(texts.sort()).toEqual([...expected].sort());
    this.#most = Math.max(this.#most, expected.size);
    // Numbers are used again before there are more of them.
    expect(present.length).toBeLessThanOrEqual(this.#most);
  }

  #use({ counter, entry, key }: Extract<Step, { kind: "use" }>): void {
    const fields = entries[entry] ?? [];
    const wanted = keys[key] ?? null;
    const table = this.groups.table(groupByIdentity(fields), fields);
    const known = table.numbers.get(wanted);
    if (known !== undefined && this.held[counter]?.has(known)) return;
    this.held[counter]?.set(this.groups.use(table, wanted), textOf({ fields, key: wanted }));
  }

  #empty(counter: number): void {
    for (const number of this.held[counter]?.keys() ?? []) this.groups.release(number);
    this.held[counter]?.clear();
  }

  #restart(): void {
    this.groups = restored(this.groups);
    for (const numbers of this.held) {
      for (const number of numbers.keys()) this.groups.retain(number);
    }
  }
}

/** As a snapshot would bring them back. */
function restored(groups: GroupKeys): GroupKeys {
  const keys = new GroupKeys();
  for (const { text } of groupSections("type", groups.copy())) {
    keys.load((parseExactJson(text) as GroupsRow).groups);
  }
  return keys;
}

function textOf({ fields, key }: { fields: readonly string[]; key: string | null }): string {
  return JSON.stringify([fields, key]);
}

function identityOf(text: string): string {
  const [fields] = JSON.parse(text) as [string[]];
  return groupByIdentity(fields);
}

describe("the groups of a meter type's counters", () => {
  it(`[AG9] are each counter's own, and end with their last use (seed ${seed})`, () => {
    const property = fc.property(fc.array(step, { maxLength: 120, size: "max" }), (list) => {
      const world = new World();
      for (const each of list) world.step(each);
      for (const at of world.held.keys()) world.step({ kind: "empty", counter: at });
      expect([...groupSections("type", restored(world.groups).copy())]).toEqual([]);
    });
    fc.assert(property, { seed, numRuns: 200 });
  });

  it("[AG9] are told apart by their entry's fields, not by how these are joined", () => {
    const identities = entries.map((fields) => groupByIdentity(fields));
    expect(new Set(identities).size).toBe(entries.length);
  });

  it("[EN27] are told in pieces of bounded size, as they were when they were asked for", () => {
    const groups = new GroupKeys();
    const table = groups.table("1a", ["a"]);
    const numbers = Array.from({ length: 25_000 }, (_, at) => groups.use(table, `key ${at}`));
    for (let at = 0; at < 8; at += 1) groups.use(table, `${at}`.padEnd(300_000, "x"));
    const before = groups.copy();
    const sections = [...groupSections("type", before)];
    for (const number of numbers) groups.release(number);
    for (let at = 0; at < 100; at += 1) groups.use(table, `later ${at}`);
    expect(sections.length).toBeGreaterThanOrEqual(4);
    const texts = sections.map(({ text }) => text);
    expect(Math.max(...texts.map(({ length }) => length))).toBeLessThan(1_500_000);
    const keys = new GroupKeys();
    for (const text of texts) keys.load((parseExactJson(text) as GroupsRow).groups);
    expect(keys.copy()).toEqual(before);
  });

  it("[AG9] are not released more often than they were used", () => {
    const groups = new GroupKeys();
    const number = groups.use(groups.table("1a", ["a"]), "x");
    groups.release(number);
    expect(() => groups.release(number)).toThrow("released as often");
    expect(() => groups.group(number)).toThrow("has a number");
  });
});
