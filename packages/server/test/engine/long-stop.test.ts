// The longest stop that is taken without a setting, on the densest schedule: 570,000 boundaries of
// one meter, in bounded time and memory. A file of its own, since it takes some seconds.
import { expect, it } from "vitest";
import { closingsPerGroupMax, metersPerSweepMax } from "../../src/core/limits.ts";
import type { EpochMs } from "../../src/core/ports.ts";
import type { Meter } from "../../src/core/state.ts";
import type { OutputStore } from "../../src/engine/stores.ts";
import { EngineWorld } from "../support/engine-world.ts";

const minuteMs = 60_000;
const dayMs = 86_400_000;
const longStopMs = 396 * dayMs;
const boundaries = longStopMs / minuteMs;
const minutely = { minute: "*", hour: "*", day: "*", month: "*", weekday: "*" };

interface Tally {
  readonly store: OutputStore;
  /** End of the last metered record, and how many there are. */
  readonly seen: { end: EpochMs; count: number; groupMax: number; faults: number; memory: number };
}

/** Keeps numbers only, so that what is measured is the engine. */
function tallyOutputs(start: EpochMs): Tally {
  const seen = { end: start, count: 0, groupMax: 0, faults: 0, memory: 0 };
  let appliedSeq = 0;
  const store: OutputStore = {
    get appliedSeq() {
      return appliedSeq;
    },
    store(outputs, seq) {
      appliedSeq = seq;
      const records = outputs.filter((output) => output.kind === "metered-record");
      for (const { periodEnd } of records) {
        if (periodEnd !== seen.end + minuteMs) seen.faults += 1;
        seen.end = periodEnd;
      }
      seen.count += records.length;
      seen.groupMax = Math.max(seen.groupMax, records.length);
      if (records.length > 0) seen.memory = Math.max(seen.memory, process.memoryUsage().heapUsed);
    },
    flush: () => {},
    close: () => {},
  };
  return { store, seen };
}

async function stoppedFor(stopMs: number): Promise<{ world: EngineWorld; seen: Tally["seen"] }> {
  const { store, seen } = tallyOutputs(Date.UTC(2026, 0, 1));
  const world = await EngineWorld.open({ openOutputs: () => store });
  await world.meter(await world.meterType({ resetSchedule: minutely }));
  await world.stop();
  world.clock.set(world.clock.now() + stopMs);
  return { world, seen };
}

it("[FL2] [EN12] [EN13] 13 months of minutes are made up for, a thousand at a time", async () => {
  const { world, seen } = await stoppedFor(longStopMs);
  const before = process.memoryUsage().heapUsed;
  await world.started();
  await world.settle();
  expect(seen).toMatchObject({ end: world.clock.now(), count: boundaries, faults: 0 });
  expect(seen.groupMax).toBe(1_000);
  expect(seen.memory - before).toBeLessThan(300_000_000);
  const extensions = world.journal.groups.filter(({ kinds }) => kinds[0] === "extend-timetables");
  expect(extensions.length).toBe(Math.ceil(boundaries / 50_000));
  expect(world.journal.counters.bytes).toBeLessThan(20_000_000);
});

it("[FL2] [EN13] a record for such a meter brings it up to date, but not all in one entry", async () => {
  const { world, seen } = await stoppedFor(100 * dayMs);
  await world.started();
  expect(await world.usage([{ userId: "user", value: 1 }])).toMatchObject({
    value: { counted: 1 },
  });
  expect(seen).toMatchObject({ end: world.clock.now(), count: 100 * 1_440, faults: 0 });
  expect(seen.groupMax).toBeGreaterThan(90_000);
  expect(seen.groupMax).toBeLessThanOrEqual(closingsPerGroupMax + metersPerSweepMax);
  expect([...world.state.meters.values()][0]?.counter.count).toBe(1);
});

it("[EN13] requests for many meters, and changes of one, wait likewise", async () => {
  const { store, seen } = tallyOutputs(0);
  const world = await EngineWorld.open({ openOutputs: () => store });
  const type = await world.meterType({ resetSchedule: { ...minutely, minute: "0" } });
  const users = Array.from({ length: 200 }, (_, index) => `u${index}`);
  const meters: Meter[] = [];
  for (const user of users) meters.push(await world.meter(type, user));
  await world.stop();
  world.clock.set(world.clock.now() + 40 * dayMs);
  await world.started();
  const records = users.map((userId) => ({ userId, value: 1 }));
  const jobs = [world.usage(records), world.usage(records)];
  const { accountId, id } = meters[0] ?? type;
  const deleted = world.execute({ kind: "delete-meter", accountId, id });
  for (const job of jobs) expect(await job).toMatchObject({ value: { counted: 200 } });
  expect(await deleted).toMatchObject({ ok: true });
  expect(seen.count).toBe(200 * 40 * 24);
  expect(seen.groupMax).toBeLessThanOrEqual(closingsPerGroupMax + metersPerSweepMax);
});
