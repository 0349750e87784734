// The real clock's waiting, driven by a fake timer, and the clock that tests move by hand.
import { describe, expect, it } from "vitest";
import type { Clock } from "../../src/core/ports.ts";
import {
  clockLookMs,
  createClock,
  createSystemClock,
  createSystemRandom,
} from "../../src/runtime/system-ports.ts";
import { createSeededRandom } from "../support/seeded-random.ts";
import { VirtualClock } from "../support/virtual-clock.ts";

interface FakeTime {
  now: number;
  readonly waits: number[];
  readonly clock: Clock;
}

/** A clock whose waits end at once: each moves the time by what was waited for. */
function fakeTime(start: number): FakeTime {
  const waits: number[] = [];
  const wait = async (durationMs: number): Promise<void> => {
    waits.push(durationMs);
    fake.now += durationMs;
  };
  const clock = createClock({ now: () => fake.now, monotonic: () => 0, wait });
  const fake: FakeTime = { now: start, waits, clock };
  return fake;
}

describe("system clock", () => {
  it("[RU10] sleeps past 2^31 milliseconds and wakes at the instant", async () => {
    const fake = fakeTime(0);
    const instant = 2 ** 31 + 500;
    fake.now = instant - 2_500;
    await fake.clock.sleepUntil(instant);
    expect(fake.now).toBe(instant);
    const far = fakeTime(0);
    const stop = new AbortController();
    const clock = createClock({
      now: () => far.now,
      monotonic: () => 0,
      async wait(durationMs) {
        expect(durationMs).toBeLessThanOrEqual(clockLookMs);
        far.now += 86_400_000;
        if (far.now > 2 ** 32) stop.abort();
      },
    });
    await clock.sleepUntil(2 ** 40, stop.signal);
    expect(far.now).toBeGreaterThan(2 ** 32);
  });

  it("[RU11] looks at the wall clock at least once a second, so a leap ends the sleep", async () => {
    let now = 0;
    let waits = 0;
    const clock = createClock({
      now: () => now,
      monotonic: () => 0,
      async wait(durationMs) {
        expect(durationMs).toBeLessThanOrEqual(1_000);
        waits += 1;
        now += waits === 3 ? 400 * 86_400_000 : durationMs;
      },
    });
    await clock.sleepUntil(86_400_000);
    expect(waits).toBe(3);
  });

  it("[RU11] a clock that was set back ends the sleep, however far off the instant now is", async () => {
    const fake = fakeTime(10_000);
    const sleeping = fake.clock.sleepUntil(12_000);
    fake.now = 5_000;
    await sleeping;
    expect(fake.now).toBeLessThan(7_000);
  });

  it("[RU11] the virtual clock does so too", async () => {
    const clock = new VirtualClock(10_000);
    const sleeping = clock.sleepUntil(12_000);
    clock.set(9_999);
    await sleeping;
    expect(clock.now()).toBe(9_999);
  });

  it("[RU10] an instant that has come, and an aborted signal, end the sleep at once", async () => {
    const fake = fakeTime(10);
    await fake.clock.sleepUntil(10);
    await fake.clock.sleepUntil(Number.NEGATIVE_INFINITY);
    await fake.clock.sleepUntil(Number.POSITIVE_INFINITY, AbortSignal.abort());
    expect(fake.waits).toEqual([]);
    await expect(fake.clock.sleepUntil(Number.NaN)).rejects.toThrow("must be a number");
  });

  it("[RU10] the real timer ends by time and by signal", async () => {
    const clock = createSystemClock();
    const before = clock.monotonic();
    await clock.sleepUntil(clock.now() + 2);
    expect(clock.monotonic()).toBeGreaterThan(before);
    const stop = new AbortController();
    const sleeping = clock.sleepUntil(clock.now() + 3_600_000, stop.signal);
    stop.abort();
    await sleeping;
    expect(Number.isInteger(clock.now())).toBe(true);
  });

  it("[RU12] ids are version 4 UUIDs and bytes are as many as asked for", () => {
    const random = createSystemRandom();
    const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
    for (const source of [random, createSeededRandom(7)]) {
      expect(source.uuid()).toMatch(uuid);
      expect(source.uuid()).not.toBe(source.uuid());
      expect(source.bytes(33)).toHaveLength(33);
      expect(source.bytes(0)).toEqual(new Uint8Array(0));
    }
  });
});

describe("clock of the tests", () => {
  it("wakes sleepers in the order of their instants, at exactly these", async () => {
    const clock = new VirtualClock(0);
    const woken: [string, number][] = [];
    const sleep = async (name: string, instant: number): Promise<void> => {
      await clock.sleepUntil(instant);
      woken.push([name, clock.now()]);
      if (name === "a") await sleep("again", 250);
    };
    const all = [sleep("c", 300), sleep("a", 100), sleep("b", 200), sleep("b2", 200)];
    expect([clock.sleeping, clock.nextWake]).toEqual([4, 100]);
    await clock.advanceTo(300);
    await Promise.all(all);
    expect(woken).toEqual([
      ["a", 100],
      ["b", 200],
      ["b2", 200],
      ["again", 250],
      ["c", 300],
    ]);
    expect([clock.now(), clock.monotonic(), clock.sleeping]).toEqual([300, 300, 0]);
  });

  it("is set without time passing, forwards and back", async () => {
    const clock = new VirtualClock(1_000);
    clock.set(500);
    const sleeping = clock.sleepUntil(2_000);
    expect([clock.now(), clock.sleeping]).toEqual([500, 1]);
    clock.set(3_000);
    await sleeping;
    expect([clock.now(), clock.monotonic()]).toEqual([3_000, 0]);
    await clock.advanceTo(2_000);
    expect(clock.now()).toBe(3_000);
  });

  it("lets a signal end a sleep", async () => {
    const clock = new VirtualClock(0);
    const stop = new AbortController();
    const sleeping = clock.sleepUntil(10, stop.signal);
    stop.abort();
    await sleeping;
    expect(clock.sleeping).toBe(0);
    await clock.sleepUntil(10, stop.signal);
  });

  it("random draws repeat with their seed", () => {
    const draw = (seed: number): unknown => {
      const random = createSeededRandom(seed);
      return [random.integer(1, 6), random.uuid(), random.shuffle([1, 2, 3, 4]), random.fraction()];
    };
    expect(draw(1)).toEqual(draw(1));
    expect(draw(1)).not.toEqual(draw(2));
    const random = createSeededRandom(3);
    const drawn = Array.from({ length: 3_000 }, () => random.integer(0, 2));
    for (const face of [0, 1, 2]) {
      expect(drawn.filter((one) => one === face).length).toBeGreaterThan(850);
    }
  });
});
