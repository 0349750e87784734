// The conservation law (docs/spec/conservation.md, CO): the counters that counting keeps, compared
// with a count of everything that came out, and broken on purpose to see each break named.
import { describe, expect, it } from "vitest";
import { Amount } from "../../src/core/amount.ts";
import { assertConserved, conservationFault, totalsOf } from "../../src/core/conservation.ts";
import { Counter } from "../../src/core/counter.ts";
import type { JsonObject } from "../../src/core/json-value.ts";
import { AssertionError, assert } from "../../src/core/problem.ts";
import type { Meter, MeterType, Processor, State } from "../../src/core/state.ts";
import { accountId, CoreWorld, meterKey, start } from "../support/core-world.ts";
import { createSeededRandom, type SeededRandom } from "../support/seeded-random.ts";

const one = 10n ** 18n;
const hourly = { minute: "0", hour: "*", day: "*", month: "*", weekday: "*" };

function processorOf(state: State, key = meterKey): Processor {
  const processor = state.accounts.get(accountId)?.processors.get(key);
  assert(processor !== undefined, "the processor exists");
  return processor;
}

function parts(world: CoreWorld): Readonly<Record<string, number>> {
  return { ...totalsOf(world.state) };
}

/** One user with a sum and a max meter in one category, so that each record changes two. */
function twoMeters(): { world: CoreWorld; sum: MeterType; ids: string[] } {
  const world = new CoreWorld();
  const sum = world.meterType({ resetSchedule: hourly });
  const max = world.meterType({ resetSchedule: hourly, aggregation: "max" });
  const ids = [sum, max].map((type) => world.meter(type).id);
  return { world, sum, ids };
}

describe("what came in is somewhere", () => {
  it("[CO1] [CO2] every record of a request is counted, a duplicate or rejected, and a rejected one has its place", () => {
    const { world } = twoMeters();
    world.usage([
      { userId: "user", value: 1, id: "a" },
      { userId: "user", value: 1, id: "a" },
      { userId: "user", value: "x", id: "b" },
      { userId: "user", value: "x", id: "b" },
      { value: 1 },
    ]);
    world.usage([{ userId: "user", value: 5, id: "b" }]);
    world.processor({
      suspenseManagement: {
        ...processorOf(world.state).fields.suspenseManagement,
        enabled: false,
      },
    });
    world.usage([{ userId: "nobody", value: 1 }]);
    expect(parts(world)).toMatchObject({ received: 7, counted: 2, duplicates: 1, rejected: 4 });
    expect(parts(world)).toMatchObject({ waiting: 1, superseded: 1, dropped: 1, repeated: 1 });
    expect(conservationFault(world.state)).toBeNull();
  });

  it("[CO3] [CO4] every record in a meter is metered, live or discarded, in number and in amount", () => {
    const { world, sum, ids } = twoMeters();
    world.usage([
      { userId: "user", value: "0.25" },
      { userId: "user", value: -1 },
    ]);
    world.now = start + 3_600_000;
    world.sweep();
    world.usage([{ userId: "user", value: "2.5" }]);
    expect(parts(world)).toMatchObject({ accepted: 6, metered: 4, live: 2, discarded: 0 });
    expect(sum.sums.accepted.decimal).toBe((7n * one) / 4n);
    expect(sum.sums).toMatchObject({ metered: (-3n * one) / 4n, discarded: 0n });
    for (const id of ids) world.apply({ kind: "delete-meter", accountId, id });
    expect(parts(world)).toMatchObject({ accepted: 6, metered: 4, live: 0, discarded: 2 });
    expect(sum.sums.discarded).toBe((5n * one) / 2n);
    expect(conservationFault(world.state)).toBeNull();
  });

  it("[CO6] the counters come back with a snapshot", () => {
    const { world } = twoMeters();
    world.usage([
      { userId: "user", value: "0.1" },
      { userId: "nobody", value: 1 },
    ]);
    const before = parts(world);
    world.restart();
    expect(parts(world)).toEqual(before);
    expect(conservationFault(world.state)).toBeNull();
    expect([...world.state.meterTypes.values()].map(({ sums }) => sums.accepted.decimal)).toEqual([
      one / 10n,
      0n,
    ]);
  });

  it.each([1, 2, 3, 4, 5, 6, 7, 8])(
    "[CO1] [CO2] [CO3] [CO4] holds after every entry, seed %i",
    (seed) => {
      const world = new CoreWorld();
      const random = createSeededRandom(seed);
      const types = (["sum", "increment", "max", "min"] as const).map((aggregation) =>
        world.meterType({ aggregation, resetSchedule: hourly }),
      );
      for (let step = 0; step < 300; step += 1) {
        act(world, types, random);
        expect(conservationFault(world.state)).toBeNull();
      }
      const { received, accepted, metered } = parts(world);
      expect(Math.min(received ?? 0, accepted ?? 0, metered ?? 0)).toBeGreaterThan(0);
      const told = world.metered().reduce((sum, record) => {
        const { count } = record.meterMetaData as { readonly count: number };
        return sum + count;
      }, 0);
      expect(told).toBe(metered);
    },
  );
});

/** One random change of definitions, counting, or time. */
function act(world: CoreWorld, types: readonly MeterType[], random: SeededRandom): void {
  const user = `user-${random.integer(0, 5)}`;
  const dice = random.integer(0, 20);
  const meters = [...world.state.meters.values()];
  const meter = meters[random.integer(0, meters.length)];
  if (dice === 0) {
    const type = types[random.integer(0, types.length)];
    const isTaken = meters.some((known) => known.type === type && known.userId === user);
    if (type !== undefined && !isTaken) world.meter(type, user);
  } else if (dice === 1 && meter !== undefined) {
    world.apply({ kind: "delete-meter", accountId, id: meter.id });
  } else if (dice === 2 && meter !== undefined) {
    const patch = { deleteOnReset: true };
    world.apply({ kind: "patch-meter", accountId, id: meter.id, patch });
  } else if (dice === 3) {
    const enabled = random.integer(0, 2) === 0;
    const { suspenseManagement } = processorOf(world.state).fields;
    world.processor({ suspenseManagement: { ...suspenseManagement, enabled } });
  } else if (dice === 4) {
    const flushType = random.integer(0, 2) === 0 ? "ALL_FILES" : "TIMEOUT";
    world.processor({ flushType });
  } else if (dice < 8) {
    world.now += random.integer(0, 5_000_000);
    if (dice === 7) world.sweep();
  } else world.usage(Array.from({ length: 5 }, () => randomRecord(user, random)));
}

function randomRecord(user: string, random: SeededRandom): JsonObject {
  const userId = random.integer(0, 10) === 0 ? "nobody" : user;
  const value = random.integer(0, 10) === 0 ? "x" : `${random.integer(0, 200) - 100}.5`;
  return random.integer(0, 2) === 0
    ? { userId, value }
    : { userId, value, id: `id-${random.integer(0, 60)}` };
}

describe("a break", () => {
  const breaks: readonly [string, (processor: Processor, world: CoreWorld) => void, RegExp][] = [
    [
      "a record was received twice",
      ({ tally }) => {
        tally.received += 1;
      },
      /received 4, but counted 2 \+ duplicates 0 \+ rejected 1/,
    ],
    [
      "a record was counted twice",
      ({ tally }) => {
        tally.counted += 1;
      },
      /received 3, but counted 3/,
    ],
    [
      "a rejected record has no place",
      (processor) => {
        processor.waitingCorrections -= 1;
      },
      /rejected 1, but waiting 0/,
    ],
    [
      "the account has another number",
      (_, { state }) => {
        accountOf(state).waitingCorrections += 1;
      },
      /account \S+: waiting 2, but its processors have 1/,
    ],
    [
      "a record was metered twice",
      ({ flow }) => {
        flow.metered += 1;
      },
      /accepted 2 records into meters, but metered 1 \+ live 2/,
    ],
    [
      "a meter lost a record",
      (_, world) => {
        const meter = firstMeter(world);
        meter.counter = new Counter(meter.periodStart, meter.periodEnd, world.now);
        meter.counter.take("sum", half(), world.now);
      },
      /live 2 \+ discarded 0, but its meters hold 1/,
    ],
    [
      "a meter lost an amount",
      (_, world) => {
        const meter = firstMeter(world);
        meter.counter = new Counter(meter.periodStart, meter.periodEnd, world.now);
        for (let count = 0; count < 2; count += 1) meter.counter.take("sum", half(), world.now);
      },
      /accepted 0\.5, but metered 0 \+ live 1 \+ discarded 0/,
    ],
    [
      "records vanished on their way",
      ({ tally }) => {
        tally.counted += 5;
        tally.received += 5;
      },
      /counted 7 and reprocessed 0, but accepted only 2/,
    ],
  ];

  it.each(breaks)("[CO5] is named with its place and its figures: %s", (_, damage, sentence) => {
    const world = new CoreWorld();
    world.meter(world.meterType());
    world.usage([
      { userId: "user", value: "0.25" },
      { userId: "user", value: "0.25" },
      { value: 1 },
    ]);
    assertConserved(world.state, "meters");
    damage(processorOf(world.state), world);
    expect(() => assertConserved(world.state, "meters")).toThrow(AssertionError);
    expect(conservationFault(world.state)).toMatch(sentence);
    expect(conservationFault(world.state)).toContain(`account ${accountId}`);
  });
});

function accountOf(state: State): { waitingCorrections: number } {
  const account = state.accounts.get(accountId);
  assert(account !== undefined, "the account exists");
  return account;
}

function half(): Amount {
  const amount = new Amount();
  amount.read(0.5);
  return amount;
}

function firstMeter({ state }: CoreWorld): Meter {
  const [meter] = state.meters.values();
  assert(meter !== undefined, "there is a meter");
  return meter;
}
