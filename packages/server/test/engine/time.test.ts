// Time as the engine sees it: never back, no unwanted leaps, every missed boundary made up for
// (docs/spec/engine.md, EN; docs/spec/periods.md, FL).
import { describe, expect, it } from "vitest";
import type { ResetSchedule } from "../../src/core/definitions.ts";
import type { EpochMs } from "../../src/core/ports.ts";
import { boundariesAfter, compileSchedule } from "../../src/core/schedule.ts";
import { zones } from "../support/core-world.ts";
import { EngineWorld, meterKey } from "../support/engine-world.ts";

const secondMs = 1_000;
const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;
/** 13 months from the start of 2026. */
const longStopMs = 396 * dayMs;

const hourly: ResetSchedule = { minute: "0", hour: "*", day: "*", month: "*", weekday: "*" };
const daily: ResetSchedule = { ...hourly, hour: "0" };
const minutely: ResetSchedule = { ...hourly, minute: "*" };

interface Period {
  readonly start: EpochMs;
  readonly end: EpochMs;
}

/** Periods of one meter's metered records, in the order of their positions. */
function periodsOf(world: EngineWorld, meterId: string): readonly Period[] {
  return world.memory
    .records()
    .filter((record) => record.meterId === meterId)
    .map(({ json, periodEnd }) => {
      const { periodStart } = JSON.parse(json) as { periodStart: string };
      return { start: Date.parse(periodStart), end: periodEnd };
    });
}

/** What the schedule itself says, after an instant and until another. */
function expected(
  schedule: ResetSchedule,
  timezone: string,
  { after, until }: { after: EpochMs; until: EpochMs },
): readonly EpochMs[] {
  const zone = zones.get(timezone);
  if (zone === undefined) throw new Error("no such zone");
  const limit = { after, countMax: 1_000_000, until };
  return boundariesAfter(compileSchedule(schedule), zone, limit);
}

describe("the clock", () => {
  it("[EN10] that goes back does not take time back, and what is due is closed by the next entry", async () => {
    const world = await EngineWorld.open();
    const meter = await world.meter(await world.meterType({ resetSchedule: hourly }));
    await world.clock.advanceBy(90 * minuteMs);
    await world.usage([{ userId: "user", value: 1 }]);
    const reached = world.state.time;
    for (const back of [1, secondMs, hourMs, 3_650 * dayMs]) {
      world.clock.set(reached - back);
      const { seq } = world.state;
      expect(await world.usage([{ userId: "user", value: 1 }])).toMatchObject({ ok: true });
      expect([world.state.time, world.state.seq]).toEqual([reached, seq + 1]);
    }
    await world.restart();
    expect(world.state.time).toBe(reached);
    expect(await world.usage([{ userId: "user", value: 1 }])).toMatchObject({ ok: true });
    expect(world.state.time).toBe(reached);
    world.clock.set(reached + hourMs);
    await world.usage([{ userId: "user", value: 1 }]);
    const after = world.state.meters.get(meter.id);
    expect(after?.counter.count).toBe(1);
    expect(periodsOf(world, meter.id).map(({ end }) => end)).toEqual(
      expected(hourly, "Etc/UTC", { after: meter.createdAt, until: world.clock.now() }),
    );
  });

  it("[EN10] jumps of every size never repeat, skip or reorder a boundary", async () => {
    const world = await EngineWorld.open({ seed: 77 });
    const meter = await world.meter(await world.meterType({ resetSchedule: hourly }));
    let highest = world.clock.now();
    for (let jump = 0; jump < 300; jump += 1) {
      const size = world.random.pick([secondMs, minuteMs, hourMs, 6 * hourMs, dayMs]);
      const by = world.random.integer(-size, size);
      world.clock.set(world.clock.now() + by);
      highest = Math.max(highest, world.clock.now());
      if (world.random.chance(0.5)) await world.usage([{ userId: "user", value: 1 }]);
      if (world.random.chance(0.05)) await world.restart();
      await world.settle();
    }
    world.clock.set(highest);
    await world.settle();
    const periods = periodsOf(world, meter.id);
    expect(periods.map(({ end }) => end)).toEqual(
      expected(hourly, "Etc/UTC", { after: meter.createdAt, until: highest }),
    );
    expect(periods.map(({ start }) => start)).toEqual(
      [meter.createdAt, ...periods.map(({ end }) => end)].slice(0, -1),
    );
  });

  it("[EN11] that leaps over 400 days while running is refused until it is back", async () => {
    const world = await EngineWorld.open();
    const meter = await world.meter(await world.meterType({ resetSchedule: daily }));
    const { time, seq } = world.state;
    world.clock.set(time + 400 * dayMs + 1);
    await world.settle(100).catch(() => undefined);
    expect(await world.usage([{ userId: "user", value: 1 }])).toMatchObject({
      ok: false,
      error: { kind: "unavailable", code: "clock-leapt" },
    });
    expect([world.state.seq, world.memory.records().length]).toEqual([seq, 0]);
    expect(world.logged.some(({ level }) => level === "error")).toBe(true);
    world.clock.set(time + hourMs);
    expect(await world.usage([{ userId: "user", value: 1 }])).toMatchObject({ ok: true });
    expect(world.state.meters.get(meter.id)?.counter.count).toBe(1);
  });

  it("[EN11] [FL14] a leap over 400 days is refused at a start and taken with the setting", async () => {
    const world = await EngineWorld.open();
    const meter = await world.meter(await world.meterType({ resetSchedule: daily }));
    await world.stop();
    world.clock.set(world.clock.now() + 400 * dayMs);
    await world.started();
    await world.settle();
    expect(periodsOf(world, meter.id).length).toBe(400);
    await world.stop();
    world.clock.set(world.clock.now() + 401 * dayMs);
    const refused = await world.start();
    expect(refused).toMatchObject({ ok: false });
    expect(refused.ok ? "" : refused.error).toContain("METERHOUSE_ALLOW_CLOCK_LEAP=true");
    world.settings = { ...world.settings, allowClockLeap: true };
    await world.started();
    await world.settle();
    expect(periodsOf(world, meter.id).length).toBe(801);
  });
});

describe("a due meter", () => {
  it("[FL5] is closed within two seconds of its boundary when nobody writes", async () => {
    const world = await EngineWorld.open();
    const meter = await world.meter(await world.meterType({ resetSchedule: hourly }));
    const boundary = meter.periodEnd;
    await world.clock.advanceTo(boundary - 1);
    expect(world.memory.records().length).toBe(0);
    await world.clock.advanceTo(boundary + 2 * secondMs);
    expect(periodsOf(world, meter.id)).toEqual([{ start: meter.createdAt, end: boundary }]);
    const emitted = JSON.parse(world.memory.records()[0]?.json ?? "{}") as { emittedAt: string };
    expect(Date.parse(emitted.emittedAt) - boundary).toBeLessThanOrEqual(2 * secondMs);
    await world.clock.advanceBy(5 * hourMs);
    expect(periodsOf(world, meter.id).length).toBe(6);
  });

  it("[EN13] does not hold up who writes: periods are closed in chunks with commands between", async () => {
    const world = await EngineWorld.open();
    const type = await world.meterType({ resetSchedule: hourly });
    const meters = Array.from({ length: 5_000 }, (_, index) => ({
      id: `m-${String(index).padStart(5, "0")}`,
      fields: {
        userId: `u${index}`,
        meterKey,
        meterType: { id: type.id },
        customFields: {},
      },
    }));
    const { accountId } = type;
    await world.execute({ kind: "create-meters", accountId, meters });
    const groups = world.journal.groups.length;
    world.clock.set(world.clock.now() + 3 * hourMs);
    const answer = await world.usage([{ userId: "u4999", value: 1 }]);
    expect(answer).toMatchObject({ value: { counted: 1 } });
    expect(world.journal.groups.length - groups).toBeLessThanOrEqual(2);
    // That meter is up to date although others still wait.
    expect(world.state.meters.get("m-04999")?.periodStart).toBe(world.clock.now());
    expect(world.state.due.dueCount(world.clock.now())).toBeGreaterThan(3_000);
    await world.settle();
    expect(world.memory.records().length).toBe(15_000);
    const kinds = world.journal.groups.slice(groups).flatMap(({ kinds: each }) => each);
    expect(kinds.filter((kind) => kind === "end-periods").length).toBeGreaterThanOrEqual(15);
  });
});

describe("after a stop", () => {
  const stops: readonly (readonly [string, number])[] = [
    ["1 minute", minuteMs],
    ["1 hour", hourMs],
    ["3 days", 3 * dayMs],
    ["13 months", longStopMs],
  ];
  for (const [name, stopMs] of stops) {
    it(`[FL2] [EN12] of ${name} every boundary is flushed in order, in each zone`, async () => {
      const world = await EngineWorld.open({ now: Date.UTC(2026, 0, 1, 0, 59, 30) });
      const specs = [
        ["Etc/UTC", hourly],
        ["Europe/Stockholm", daily],
        ["Australia/Lord_Howe", hourly],
      ] as const;
      const meters: { id: string; createdAt: EpochMs }[] = [];
      for (const [timezone, resetSchedule] of specs) {
        const type = await world.meterType({ timezone, resetSchedule });
        meters.push(await world.meter(type));
      }
      await world.usage([{ userId: "user", value: 7 }]);
      await world.stop();
      world.clock.set(world.clock.now() + stopMs);
      await world.started();
      const records = world.memory.records().length;
      const answer = world.usage([{ userId: "nobody", value: 1 }]);
      await world.settle();
      expect(await answer).toMatchObject({ value: { rejected: 1 } });
      for (const [index, { id, createdAt }] of meters.entries()) {
        const [timezone, schedule] = specs[index] ?? specs[0];
        const periods = periodsOf(world, id);
        const span = { after: createdAt, until: world.clock.now() };
        expect(periods.map(({ end }) => end)).toEqual(expected(schedule, timezone, span));
        const ends = periods.map(({ end }) => end);
        expect(periods.map(({ start }) => start)).toEqual([createdAt, ...ends].slice(0, -1));
      }
      const ends = world.memory
        .records()
        .slice(records)
        .map(({ periodEnd }) => periodEnd);
      expect(ends).toEqual(ends.toSorted((a, b) => a - b));
    });
  }

  it("[FL14] more owed records than allowed refuse the start and the text names their number", async () => {
    const world = await EngineWorld.open({ settings: { catchUpMax: 100 } });
    const type = await world.meterType({ resetSchedule: hourly });
    for (const user of ["a", "b", "c"]) await world.meter(type, user);
    const goes = await world.meter(type, "d");
    const { accountId } = type;
    const patch = { deleteOnReset: true };
    await world.execute({ kind: "patch-meter", accountId, id: goes.id, patch });
    await world.stop();
    world.clock.set(world.clock.now() + 33 * hourMs);
    await world.started();
    await world.settle();
    expect(world.memory.records().length).toBe(100);
    await world.stop();
    world.clock.set(world.clock.now() + 40 * hourMs);
    const refused = await world.start();
    expect(refused.ok ? "" : refused.error).toMatch(/^120 metered records are owed .*\(100\)/);
    world.settings = { ...world.settings, catchUpMax: 120 };
    await world.started();
    await world.settle();
    expect(world.memory.records().length).toBe(220);
  });

  it("[FL14] a refusal does not count for ever", async () => {
    const world = await EngineWorld.open({ settings: { catchUpMax: 10 } });
    for (let index = 0; index < 6; index += 1) {
      await world.meter(await world.meterType({ resetSchedule: minutely }));
    }
    await world.stop();
    world.clock.set(world.clock.now() + longStopMs);
    const refused = await world.start();
    expect(refused.ok ? "" : refused.error).toMatch(/^At least 2\d{6} metered records are owed/);
  });

  it("[EN12] meter types without meters cost nothing but their next boundaries", async () => {
    const world = await EngineWorld.open();
    for (let index = 0; index < 50; index += 1) await world.meterType({ resetSchedule: minutely });
    await world.stop();
    world.clock.set(world.clock.now() + longStopMs);
    await world.started();
    await world.usage([{ userId: "nobody", value: 1 }]);
    expect(world.journal.counters.bytesAppended).toBeLessThan(200_000);
    const type = [...world.state.meterTypes.values()][0];
    if (type === undefined) throw new Error("there is a meter type");
    const meter = await world.meter(type);
    expect(meter.periodEnd).toBe(world.clock.now() + minuteMs);
  });
});
