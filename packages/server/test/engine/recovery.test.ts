// What a start finds and does with it: snapshot, journal's tail, projection, changed zone rules
// (docs/spec/engine.md, EN; docs/spec/periods.md, FL13 and FL15).
import { describe, expect, it } from "vitest";
import { apply } from "../../src/core/apply.ts";
import type { ResetSchedule } from "../../src/core/definitions.ts";
import { State } from "../../src/core/state.ts";
import type { Projection } from "../../src/projection/database.ts";
import { newFile, open } from "../projection/outputs.ts";
import { accountId, EngineWorld, meterKey } from "../support/engine-world.ts";
import {
  createFixtureZones,
  driftRules2025b,
  driftRules2026c,
  type FixtureRules,
} from "../support/fixture-zones.ts";
import { stateDigest } from "../support/state-digest.ts";

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const hourly: ResetSchedule = { minute: "0", hour: "*", day: "*", month: "*", weekday: "*" };
const daily: ResetSchedule = { ...hourly, hour: "0" };

/** A bit of everything: definitions, counting, groups, carries, rejections, ends of periods. */
async function live(world: EngineWorld, rounds: number): Promise<void> {
  const { random, clock } = world;
  for (let round = 0; round < rounds; round += 1) {
    const type = await world.meterType({ resetSchedule: random.pick([hourly, daily]) });
    await world.meter(type, `user-${round % 3}`);
    const records = Array.from({ length: 20 }, () => ({
      userId: `user-${random.integer(0, 3)}`,
      value: random.integer(0, 1_000),
      id: `id-${random.integer(0, 200)}`,
      model: random.pick(["small", "large", "__proto__"]),
    }));
    await world.usage(records);
    if (round % 3 === 0) {
      const patch = { resetSchedule: daily, description: `round ${round}` };
      await world.execute({ kind: "patch-meter-type", accountId, id: type.id, patch });
    }
    clock.set(clock.now() + random.integer(0, 7 * hourMs));
    await world.settle();
  }
}

async function prepared(
  options: ConstructorParameters<typeof EngineWorld>[0],
): Promise<EngineWorld> {
  const world = await EngineWorld.open(options);
  const processor = world.state.accounts.get(accountId)?.processors.get(meterKey);
  const rule = processor?.fields.guidingRules[0];
  if (rule === undefined) throw new Error("the processor has a rule");
  const otherOperations = [
    { field: "model", operation: "carry-first" as const },
    { field: "id", operation: "carry-last" as const },
  ];
  const guidingRules = [{ ...rule, groupBy: [{ fields: ["model"] }], otherOperations }];
  await world.patchProcessor({ guidingRules });
  return world;
}

/** The state that the journal alone makes, entry by entry. */
async function replayedState(world: EngineWorld): Promise<State> {
  const state = new State();
  for await (const entries of world.journal.replay(0)) {
    for (const entry of entries) apply(state, entry);
  }
  return state;
}

function warnings(world: EngineWorld, message: string): number {
  return world.logged.filter((line) => line.message === message).length;
}

describe("recovery", () => {
  it("[FL15] [EN14] snapshot and tail, replay and the running state are the same", async () => {
    for (let seed = 1; seed <= 10; seed += 1) {
      const world = await prepared({ seed, settings: { snapshotEveryBytes: 12_000 } });
      await live(world, 12);
      const running = stateDigest(world.state);
      expect(stateDigest(await replayedState(world)), `seed ${seed}`).toEqual(running);
      expect(world.snapshotBytes.length).toBeGreaterThan(0);
      const records = world.memory.records();
      world.kill();
      const { replayed } = await world.started();
      expect(replayed).toBeGreaterThan(0);
      expect(stateDigest(world.state), `seed ${seed}`).toEqual(running);
      expect(world.memory.records()).toEqual(records);
      await live(world, 3);
      expect(stateDigest(await replayedState(world)), `seed ${seed}`).toEqual(
        stateDigest(world.state),
      );
    }
  });

  it("[EN15] snapshots are written as the journal grows and keep recovery short", async () => {
    const world = await prepared({ settings: { snapshotEveryBytes: 20_000 } });
    await live(world, 40);
    expect(world.snapshotBytes.length).toBeGreaterThan(3);
    const { seq } = world.state;
    world.kill();
    const { replayed } = await world.started();
    expect(replayed).toBeLessThan(seq / 3);
  });

  it("[EN15] many lives that end early do not add up to a long replay", async () => {
    const world = await prepared({ settings: { snapshotEveryBytes: 40_000 } });
    let most = 0;
    for (let lifetime = 0; lifetime < 15; lifetime += 1) {
      await live(world, 3);
      await world.snapshotDone();
      world.kill();
      most = Math.max(most, (await world.started()).replayed);
    }
    expect(world.snapshotBytes.length).toBeGreaterThan(1);
    expect(most).toBeLessThan(world.state.seq / 2);
  });

  it("[EN15] a graceful stop leaves nothing to replay, and a start without news writes nothing", async () => {
    const world = await prepared({});
    await live(world, 5);
    await world.settle();
    const { seq } = world.state;
    for (let start = 0; start < 3; start += 1) {
      const { replayed } = await world.restart();
      expect([replayed, world.state.seq]).toEqual([0, seq]);
    }
  });

  it("[EN17] changed settings are an entry of the start, unchanged ones are not", async () => {
    const world = await EngineWorld.open();
    const { seq } = world.state;
    await world.stop();
    world.settings = { ...world.settings, futureToleranceMs: 1_000 };
    await world.started();
    expect(world.journal.groups.map(({ kinds }) => kinds)).toEqual([["configure"]]);
    expect(world.state.settings.futureToleranceMs).toBe(1_000);
    await world.restart();
    expect(world.state.seq).toBe(seq + 1);
  });
});

describe("a projection", () => {
  function lists(projection: Projection): unknown {
    const page = { limit: 100, skip: 0, sortOrder: "ASC" as const };
    const filter = { accountId };
    return {
      meters: projection.listMeters({ ...filter, ...page }),
      records: [...projection.streamMeteredRecords(filter, "ASC")].flat(),
      corrections: projection.listCorrections(filter, page),
    };
  }

  it("[EN16] that was deleted is rebuilt with equal lists from a whole journal", async () => {
    let file = newFile();
    let projection: Projection | null = null;
    const openOutputs = (): Projection => {
      projection = open(file);
      return projection;
    };
    const shown = (): unknown => (projection === null ? null : lists(projection));
    const world = await prepared({ openOutputs, settings: { snapshotEveryBytes: 20_000 } });
    await live(world, 20);
    const before = shown();
    const digest = stateDigest(world.state);
    await world.stop();
    file = newFile();
    const { replayed } = await world.started();
    expect(replayed).toBe(world.state.seq);
    expect(shown()).toEqual(before);
    expect(stateDigest(world.state)).toEqual(digest);
    await world.restart();
    expect(shown()).toEqual(before);
    await world.stop();
  });

  it("[EN16] is not made up when the journal no longer has what it would need", async () => {
    const settings = { snapshotEveryBytes: 5_000, journalKeepMs: hourMs };
    const world = await prepared({ settings, segmentBytesMax: 4_000 });
    await live(world, 30);
    await world.stop();
    const { memory } = world;
    expect((await world.started()).replayed).toBe(0);
    expect(world.journal.startsAfter).toBeGreaterThan(0);
    await world.stop();
    world.memory = (await EngineWorld.open()).memory.reopened(null);
    const refused = await world.start();
    expect(refused.ok ? "" : refused.error).toMatch(/cannot be rebuilt.*[Rr]estore projection\.db/);
    world.memory = memory.reopened(null);
    await world.started();
  });

  it("[EN16] that is ahead of the journal is refused instead of losing outputs", async () => {
    const world = await prepared({});
    await live(world, 3);
    await world.stop();
    const other = await EngineWorld.open();
    await other.stop();
    other.memory = world.memory.reopened(null);
    const refused = await other.start();
    expect(refused.ok ? "" : refused.error).toMatch(/journal ends with entry \d+.*projection\.db/);
  });
});

describe("changed zone rules", () => {
  const cases = [
    ["America/Vancouver", Date.UTC(2026, 9, 30, 12), daily],
    ["America/Vancouver", Date.UTC(2026, 10, 1, 7, 30), daily],
    ["Africa/Casablanca", Date.UTC(2026, 8, 19, 12), daily],
    ["Africa/Casablanca", Date.UTC(2026, 8, 18, 22, 59), hourly],
  ] as const;
  const zonesOf = (rules: Readonly<Record<string, FixtureRules>>) =>
    createFixtureZones({ ...rules, "Etc/UTC": { offset: "+00:00", changes: [] } });

  for (const [timezone, now, schedule] of cases) {
    it(`[FL13] (${timezone} ${new Date(now).toISOString()}) move only ends in the future, once`, async () => {
      const world = await EngineWorld.open({ now, zones: zonesOf(driftRules2025b) });
      const affected = await world.meterType({ timezone, resetSchedule: schedule });
      const other = await world.meterType({ timezone: "Etc/UTC", resetSchedule: schedule });
      const meter = await world.meter(affected);
      await world.meter(other);
      await world.usage([{ userId: "user", value: 1 }]);
      world.clock.set(now + 3 * hourMs);
      await world.settle();
      const past = world.memory.records().map(({ json }) => json);
      const end = world.state.meters.get(meter.id)?.periodEnd;
      await world.stop();
      world.zones = zonesOf(driftRules2026c);
      await world.started();
      const isChanged = schedule === daily;
      expect(world.journal.groups.map(({ kinds }) => kinds)).toEqual(isChanged ? [["replan"]] : []);
      expect(warnings(world, "zone rules changed, periods re-planned")).toBe(isChanged ? 1 : 0);
      expect(world.memory.records().map(({ json }) => json)).toEqual(past);
      const moved = world.state.meters.get(meter.id)?.periodEnd ?? 0;
      expect(moved).toBeGreaterThan(world.clock.now());
      expect(Math.abs(moved - (end ?? 0))).toBeLessThanOrEqual(hourMs);
      const { seq } = world.state;
      await world.restart();
      expect(world.state.seq).toBe(seq);
      world.clock.set(world.clock.now() + 10 * dayMs);
      await world.settle();
      expectTiled(world, meter.id, meter.createdAt);
    });
  }
});

/** Each period begins where the one before ended, and none comes twice. */
function expectTiled(world: EngineWorld, meterId: string, createdAt: number): void {
  const records = world.memory.records().filter((record) => record.meterId === meterId);
  let from = createdAt;
  for (const { json, periodEnd } of records) {
    const { periodStart } = JSON.parse(json) as { periodStart: string };
    expect(Date.parse(periodStart)).toBe(from);
    expect(periodEnd).toBeGreaterThan(from);
    from = periodEnd;
  }
  expect(world.state.meters.get(meterId)?.periodStart).toBe(from);
}
