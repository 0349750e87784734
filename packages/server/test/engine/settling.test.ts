// Settling in the whole engine: flushed in time when nobody writes, made up after a stop, and counted
// when a start would owe too much.
import { describe, expect, it } from "vitest";
import { accountId, meterKey } from "../support/core-world.ts";
import { EngineWorld } from "../support/engine-world.ts";

const secondMs = 1_000;
const minuteMs = 60_000;
const hourMs = 3_600_000;
const hourly = { minute: "0", hour: "*", day: "*", month: "*", weekday: "*" };

async function settlingWorld(
  settlingSeconds: number,
  settings: { readonly catchUpMax?: number } = {},
): Promise<EngineWorld> {
  const world = await EngineWorld.open({ settings });
  await settle(world, settlingSeconds);
  return world;
}

async function settle(world: EngineWorld, settlingSeconds: number): Promise<void> {
  const patch = { settlingSeconds };
  const done = await world.execute({ kind: "patch-processor", accountId, meterKey, patch });
  expect(done.ok).toBe(true);
}

function endsIn(world: EngineWorld): readonly number[] {
  return world.memory.records().map(({ periodEnd }) => periodEnd);
}

describe("periods that wait", () => {
  it("[SL1] are flushed within two seconds when nobody writes", async () => {
    const world = await settlingWorld(600);
    const meter = await world.meter(await world.meterType({ resetSchedule: hourly }));
    const boundary = meter.periodEnd;
    await world.clock.advanceTo(boundary + 600 * secondMs - 1);
    expect([endsIn(world), world.memory.settling.size]).toEqual([[], 1]);
    expect(world.state.meters.get(meter.id)?.periodStart).toBe(boundary);
    await world.clock.advanceTo(boundary + 602 * secondMs);
    expect([endsIn(world), world.memory.settling.size]).toEqual([[boundary], 0]);
  });

  it("[SL6] [SL13] go on waiting over a stop, and what was due meanwhile is made up in order", async () => {
    const world = await settlingWorld(90 * 60);
    const type = await world.meterType({ resetSchedule: hourly });
    const meters = [await world.meter(type, "a"), await world.meter(type, "b")];
    const first = meters[0]?.periodEnd ?? 0;
    await world.clock.advanceTo(first + minuteMs);
    await world.stop();
    world.clock.set(first + 5 * hourMs + minuteMs);
    await world.started();
    await world.settle();
    const hours = endsIn(world).map((end) => (end - first) / hourMs);
    expect(hours).toEqual([0, 0, 1, 1, 2, 2, 3, 3]);
    expect(world.memory.settling.size).toBe(4);
  });

  it.each([
    [0, 73],
    [90 * 60, 71],
    [3 * 3_600, 70],
    [604_800, 69],
  ])("[SL4] [FL14] of %d seconds are not owed yet: %d records each", async (seconds, owed) => {
    const world = await settlingWorld(seconds, { catchUpMax: 10 });
    const type = await world.meterType({ resetSchedule: hourly });
    for (const user of ["a", "b"]) await world.meter(type, user);
    const goes = await world.meter(type, "c");
    const patch = { deleteOnReset: true };
    await world.execute({ kind: "patch-meter", accountId, id: goes.id, patch });
    await world.stop();
    world.clock.set(world.clock.now() + 73 * hourMs + minuteMs);
    const refused = await world.start();
    const text = refused.ok ? "" : refused.error;
    const counted = Number(/^(\d+) metered records are owed/.exec(text)?.[1]);
    world.settings = { ...world.settings, catchUpMax: 1_000 };
    await world.started();
    await world.settle();
    expect(world.memory.records()).toHaveLength(counted);
    const ofGoing = seconds < 604_800 ? 1 : 0;
    expect(counted).toBe(2 * owed + ofGoing);
  });
});
