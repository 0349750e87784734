// A snapshot that is drawn section by section while entries are applied (docs/spec/engine.md, EN25 and
// EN26): what it restores is the state at its beginning, ids included, and nothing of it stays behind.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { apply } from "../../src/core/apply.ts";
import type { GuidingRule } from "../../src/core/definitions.ts";
import type { EntryBody } from "../../src/core/entry.ts";
import { tableEntriesMax } from "../../src/core/id-table.ts";
import type { JsonObject } from "../../src/core/json-value.ts";
import { AssertionError, assert } from "../../src/core/problem.ts";
import { defaultProcessorFields } from "../../src/core/processor.ts";
import { restoreState, type Section } from "../../src/core/snapshot.ts";
import { SnapshotPass, stateSections } from "../../src/core/snapshot-pass.ts";
import type { MeterType, State } from "../../src/core/state.ts";
import { accountId, CoreWorld, meterKey } from "../support/core-world.ts";
import { seedOf } from "../support/seeded-random.ts";
import { stateDigest } from "../support/state-digest.ts";

const seed = seedOf(20261122);
const hourMs = 3_600_000;
const hourly = { minute: "0", hour: "*", day: "*", month: "*", weekday: "*" };
/** More than one section of meters. */
const crowd = 600;
const users = 12;

const rule: GuidingRule = {
  customName: "",
  ignoreCondition: true,
  conditionRelation: "and",
  conditions: [],
  matchCategory: "DEFAULT",
  groupBy: [{ fields: ["kind"] }, { fields: ["kind", "region"] }],
  otherOperations: [
    { field: "kind", operation: "carry-first" },
    { field: "region", operation: "carry-last" },
  ],
};

const change: fc.Arbitrary<Change> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("usage" as const),
      records: fc.array(
        fc.record(
          {
            userId: fc.nat(users + 3).map((at) => `u${at}`),
            value: fc.constantFrom<JsonObject["value"]>(1, "0.001", 9007199254740991, "1e-18", "x"),
            id: fc.nat(40).map((at) => `${at}`),
            kind: fc.constantFrom("a", "b", "c|\\", "$d1", null, "\ue000"),
            region: fc.constantFrom("x", "y", 1.5),
          },
          { requiredKeys: ["userId"] },
        ),
        { maxLength: 8 },
      ),
    }),
  },
  { weight: 2, arbitrary: fc.constant({ kind: "reset" as const }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("delete" as const), at: fc.nat() }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("patch" as const),
      at: fc.nat(),
      isLast: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("create" as const), user: fc.nat(90) }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("replan" as const), minutes: fc.nat(59) }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: "rename" as const }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("rules" as const), on: fc.boolean() }) },
  { weight: 1, arbitrary: fc.constant({ kind: "clear" as const }) },
);

type Change =
  | { readonly kind: "usage"; readonly records: readonly JsonObject[] }
  | { readonly kind: "reset" }
  | { readonly kind: "delete"; readonly at: number }
  | { readonly kind: "patch"; readonly at: number; readonly isLast: boolean }
  | { readonly kind: "create"; readonly user: number }
  | { readonly kind: "replan"; readonly minutes: number }
  | { readonly kind: "rename" }
  | { readonly kind: "rules"; readonly on: boolean }
  | { readonly kind: "clear" };

class Busy {
  readonly world = new CoreWorld();
  readonly #types: readonly MeterType[];
  #made = 0;

  constructor() {
    const { world } = this;
    this.#types = (["sum", "increment", "max", "min"] as const).map((aggregation) =>
      world.meterType({ aggregation, resetSchedule: hourly }),
    );
    world.processor({ guidingRules: [rule] });
    for (let at = 0; at < users; at += 1) {
      for (const type of this.#types.slice(0, 1 + (at % 4))) world.meter(type, `u${at}`);
    }
    const crowded = world.meterType({ category: "CROWD" });
    const meters = Array.from({ length: crowd }, (_, at) => {
      const fields = { userId: `c${at}`, meterKey, meterType: { id: crowded.id } };
      return { id: `crowd-${at}`, fields: { ...fields, customFields: {} } };
    });
    world.apply({ kind: "create-meters", accountId, meters });
  }

  change(each: Change): void {
    const { world } = this;
    world.now += 7;
    switch (each.kind) {
      case "usage":
        world.usage(each.records);
        break;
      case "reset":
        world.now += hourMs;
        world.apply({ kind: "end-periods", limit: 5 });
        break;
      case "delete":
        this.#change({ kind: "delete-meter", accountId, id: this.#meterId(each.at) });
        break;
      case "patch": {
        const patch = { capacity: BigInt(each.at), customFields: { $at: each.at } };
        const id = this.#meterId(each.at);
        const deleteOnReset = each.isLast;
        this.#change({ kind: "patch-meter", accountId, id, patch: { ...patch, deleteOnReset } });
        break;
      }
      case "create":
        this.#create(each.user);
        break;
      case "replan":
        this.#replan(each.minutes);
        break;
      case "rename":
        this.#rename();
        break;
      case "rules":
        world.processor({ guidingRules: [{ ...rule, groupBy: each.on ? rule.groupBy : [] }] });
        break;
      case "clear":
        for (const id of [...world.state.meters.keys()].slice(0, 20)) {
          this.#change({ kind: "delete-meter", accountId, id });
        }
    }
  }

  #change(body: EntryBody): void {
    this.world.apply(body);
  }

  #meterId(at: number): string {
    const ids = [...this.world.state.meters.keys()];
    // Those at the front are counted into; the crowd is behind them.
    return ids[at % Math.min(ids.length, 40)] ?? "none";
  }

  #create(user: number): void {
    const type = this.#types[user % this.#types.length];
    assert(type !== undefined, "there are types");
    const fields = { userId: `u${user}`, meterKey, meterType: { id: type.id }, customFields: {} };
    this.#made += 1;
    this.#change({
      kind: "create-meters",
      accountId,
      meters: [{ id: `late-${this.#made}`, fields }],
    });
  }

  #replan(minutes: number): void {
    const { now } = this.world;
    const boundaries = Array.from(
      { length: 50 },
      (_, at) => now + minutes * 60_000 + at * hourMs + 1,
    );
    for (const { id: meterTypeId } of this.#types) {
      const timetables = [{ meterTypeId, timezone: "Etc/UTC", boundaries }];
      this.#change({ kind: "replan", meterTypeId, timetables });
    }
  }

  #rename(): void {
    const [type] = this.#types;
    assert(type !== undefined, "there are types");
    this.#made += 1;
    const patch = { name: `Renamed ${this.#made}`, capacity: BigInt(this.#made) };
    this.#change({ kind: "patch-meter-type", accountId, id: type.id, patch, timetables: [] });
  }
}

/** Draws a snapshot while `changes` are applied in the gaps between its sections. */
function drawn(busy: Busy, pass: SnapshotPass, changes: readonly (readonly Change[])[]): Section[] {
  const sections: Section[] = [];
  for (const section of pass.sections()) {
    sections.push(section);
    for (const each of changes[sections.length - 1] ?? []) busy.change(each);
  }
  return sections;
}

function replayed(state: State, busy: Busy): State {
  const { seq } = state;
  for (const entry of busy.world.entries) if (entry.seq > seq) apply(state, entry);
  return state;
}

const gaps = fc.array(fc.array(change, { maxLength: 4, size: "max" }), {
  minLength: 4,
  maxLength: 16,
  size: "max",
});

const changesBefore = fc.array(change, { maxLength: 12, size: "max" });

describe("a snapshot that is drawn while counting goes on", () => {
  it(`[EN25] shows the state at its beginning, and what follows is replayed on it (seed ${seed})`, () => {
    const property = fc.property(changesBefore, gaps, (earlier, changes) => {
      const busy = new Busy();
      const { state } = busy.world;
      for (const each of earlier) busy.change(each);
      const expected = stateDigest(state);
      const pass = new SnapshotPass(state);
      // Sections are read only now, after all changes: none of them shows any.
      const sections = drawn(busy, pass, changes);
      pass.end();
      const restored = restoreState(sections);
      expect(stateDigest(restored)).toEqual(expected);
      expect(stateDigest(replayed(restored, busy))).toEqual(stateDigest(state));
    });
    fc.assert(property, { seed, numRuns: 40 });
  });

  it(`[EN26] leaves nothing behind when it is given up half-way (seed ${seed})`, () => {
    const property = fc.property(gaps, fc.nat(12), (changes, drawnFirst) => {
      const busy = new Busy();
      const { state } = busy.world;
      const pass = new SnapshotPass(state);
      const sections = pass.sections();
      for (let at = 0; at < drawnFirst; at += 1) {
        sections.next();
        for (const each of changes[at] ?? []) busy.change(each);
      }
      expect(() => new SnapshotPass(state)).toThrow("one snapshot is made at a time");
      pass.end();
      expect(state.pass).toBeNull();
      for (const each of changes.flat()) busy.change(each);
      expect(stateDigest(restoreState(stateSections(state)))).toEqual(stateDigest(state));
      // Ending again, as a writer that was slow to fail does, ends no other.
      const next = new SnapshotPass(state);
      pass.end();
      expect(state.pass).toBe(next);
    });
    fc.assert(property, { seed, numRuns: 15 });
  });

  it("[EN25] holds no id that was counted after its beginning", () => {
    const busy = new Busy();
    const { world } = busy;
    const record = { userId: "u0", value: 1 };
    world.usage([{ ...record, id: "early" }]);
    const pass = new SnapshotPass(world.state);
    // Enough for the table of ids to grow, so that it is not the arrays that were there.
    const later = Array.from({ length: 3_000 }, (_, at) => ({ ...record, id: `later ${at}` }));
    const sections: Section[] = [];
    for (const section of pass.sections()) {
      if (sections.length === 0) world.usage(later);
      sections.push(section);
    }
    pass.end();
    const restored = restoreState(sections);
    const processor = restored.accounts.get(accountId)?.processors.get(meterKey);
    expect(processor?.ids.rows).toBe(1);
    const [entry] = world.entries.filter(({ seq }) => seq > restored.seq);
    assert(entry !== undefined, "the later records are an entry");
    expect(apply(restored, entry).outcome).toMatchObject({ counted: 3_000, duplicates: 0 });
    expect(stateDigest(restored)).toEqual(stateDigest(world.state));
  });

  it.each([
    ["divided", 0],
    ["dropped for their age", 2],
  ])("[EN25] holds the ids of its beginning, though they are %s meanwhile", (_, days) => {
    const busy = new Busy();
    const { world } = busy;
    const ids = (name: string, count: number): JsonObject[] =>
      Array.from({ length: count }, (__, at) => ({ userId: "u0", value: 1, id: `${name} ${at}` }));
    const { deduplication } = defaultProcessorFields("");
    world.processor({ deduplication: { ...deduplication, windowDays: 1 } });
    // As many as one table of ids takes.
    for (const part of ["one", "two", "three", "four"]) world.usage(ids(part, tableEntriesMax / 4));
    const expected = stateDigest(world.state);
    const pass = new SnapshotPass(world.state);
    const sections: Section[] = [];
    for (const section of pass.sections()) {
      if (sections.length === 0) {
        world.now += days * 24 * hourMs;
        world.usage(ids("later", 10));
      }
      sections.push(section);
    }
    pass.end();
    const live = world.state.accounts.get(accountId)?.processors.get(meterKey)?.ids;
    expect([...(live?.tables() ?? [])].length).toBe(days === 0 ? 2 : 1);
    expect(live?.rows).toBe(days === 0 ? tableEntriesMax + 10 : 10);
    expect(stateDigest(restoreState(sections))).toEqual(expected);
  });

  it("[EN25] shows a meter whose every group has gone and whose groups' numbers are others' by now", () => {
    const busy = new Busy();
    const { world } = busy;
    world.usage([{ userId: "u0", value: 1, kind: "mine", region: "mine" }]);
    const expected = stateDigest(world.state);
    const pass = new SnapshotPass(world.state);
    const changes: Change[] = [
      { kind: "delete", at: 0 },
      { kind: "usage", records: [{ userId: "u1", value: 5, kind: "theirs", region: "theirs" }] },
    ];
    const sections = drawn(busy, pass, [changes]);
    pass.end();
    expect(stateDigest(restoreState(sections))).toEqual(expected);
  });
});

describe("the pieces of a snapshot", () => {
  it("[EN25] show all meters, though all are deleted before the first is reached", () => {
    const busy = new Busy();
    const { world } = busy;
    world.usage([{ userId: "u0", value: 1, kind: "a" }]);
    const expected = stateDigest(world.state);
    const pass = new SnapshotPass(world.state);
    const ids = [...world.state.meters.keys()];
    for (const id of ids) world.apply({ kind: "delete-meter", accountId, id });
    expect(world.state.meters.size).toBe(0);
    const sections = [...pass.sections()];
    pass.end();
    expect(stateDigest(restoreState(sections))).toEqual(expected);
  });

  it("[EN27] are of bounded size, however much each meter holds", () => {
    const busy = new Busy();
    const { world } = busy;
    const customFields = { long: "x".repeat(100_000) };
    for (const id of [...world.state.meters.keys()].slice(0, 60)) {
      world.apply({ kind: "patch-meter", accountId, id, patch: { customFields } });
    }
    const sections = stateSections(world.state);
    const sizes = sections.map((each) => ("text" in each ? each.text.length : each.bytes.length));
    expect(Math.max(...sizes)).toBeLessThan(1_200_000);
    expect(stateDigest(restoreState(sections))).toEqual(stateDigest(world.state));
  });
});

describe("the census of a snapshot", () => {
  function broken(): { busy: Busy; damage: (by: number) => void } {
    const busy = new Busy();
    busy.world.usage([{ userId: "u0", value: 1, kind: "a" }]);
    const processor = busy.world.state.accounts.get(accountId)?.processors.get(meterKey);
    assert(processor !== undefined, "the processor exists");
    const damage = (by: number): void => {
      processor.flow.live += by;
    };
    return { busy, damage };
  }

  const changes: Change[] = [
    { kind: "reset" },
    { kind: "usage", records: [{ userId: "u1", value: 2 }] },
    { kind: "clear" },
  ];

  it("[CO5] is of the state at the beginning: a break is told, whatever comes meanwhile", () => {
    const { busy, damage } = broken();
    damage(1);
    const { seq } = busy.world.state;
    const pass = new SnapshotPass(busy.world.state);
    // Mended meanwhile, which the snapshot does not show.
    damage(-1);
    expect(() => drawn(busy, pass, [changes, changes, changes])).toThrow(
      new AssertionError(
        `The conservation law is broken at entry ${seq}, account ${accountId}, meter processor ` +
          `${meterKey}: accepted 1 records into meters and metered 0 + live 2 + discarded 0, ` +
          "but its meters hold 1.",
      ),
    );
    pass.end();
  });

  it("[CO5] is of the state at the beginning: what breaks later is the next one's", () => {
    const { busy, damage } = broken();
    const pass = new SnapshotPass(busy.world.state);
    damage(1);
    expect(drawn(busy, pass, [changes, changes]).length).toBeGreaterThan(5);
    pass.end();
    expect(() => stateSections(busy.world.state)).toThrow("The conservation law is broken");
    expect(busy.world.state.pass).toBeNull();
  });
});
