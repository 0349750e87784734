// Messages from stored outputs to receivers, in virtual time: each goes out at least once, with the
// same bytes, by the schedule; what a receiver answers decides what follows.
import { createHash } from "node:crypto";
import { afterEach, describe, expect, it } from "vitest";
import { jitterShare } from "../../src/delivery/retry-schedule.ts";
import type { WebhookAnswer, WebhookRequest } from "../../src/delivery/webhook-sender.ts";
import { answered, DeliveryWorld, endWorlds, webhook } from "../support/delivery-world.ts";
import { createSeededRandom, seedOf } from "../support/seeded-random.ts";

afterEach(endWorlds);

const secondMs = 1_000;
const minuteMs = 60 * secondMs;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;
/** Before each attempt, as published. */
const waits: readonly number[] = [
  0,
  5 * secondMs,
  5 * minuteMs,
  30 * minuteMs,
  2 * hourMs,
  5 * hourMs,
  10 * hourMs,
  14 * hourMs,
  20 * hourMs,
  24 * hourMs,
];

const idOf = (request: WebhookRequest): string => request.headers["webhook-id"] ?? "";
const digestOf = (request: WebhookRequest): string =>
  createHash("sha256").update(request.body).digest("hex");
const silent: WebhookAnswer = { kind: "unanswered", reason: "The receiver did not answer." };

/** Attempts by message, each with its time; and the bytes that were sent under one id. */
class Seen {
  readonly times: Map<string, number[]> = new Map();
  readonly bytes: Map<string, Set<string>> = new Map();
  readonly requests: WebhookRequest[] = [];

  note(request: WebhookRequest, now: number): number {
    const id = idOf(request);
    const times = this.times.get(id) ?? [];
    this.times.set(id, times);
    times.push(now);
    const bytes = this.bytes.get(id) ?? new Set();
    this.bytes.set(id, bytes.add(digestOf(request)));
    this.requests.push(request);
    return times.length;
  }
}

function watched(answer: (attempt: number, request: WebhookRequest) => WebhookAnswer): {
  readonly world: DeliveryWorld;
  readonly seen: Seen;
} {
  const world = new DeliveryWorld();
  const seen = new Seen();
  world.receive = async (request) => answer(seen.note(request, world.virtual.now()), request);
  return { world, seen };
}

function expectSchedule(times: readonly number[]): void {
  for (const [index, time] of times.entries()) {
    if (index === 0) continue;
    const wait = time - (times[index - 1] ?? 0);
    const due = waits[index] ?? 0;
    expect(wait).toBeGreaterThanOrEqual(due * (1 - jitterShare) - 1);
    expect(wait).toBeLessThanOrEqual(due * (1 + jitterShare) + secondMs);
  }
}

describe("at least once", () => {
  it("[DV40] [DV41] 10,000 messages to a receiver that fails 30 % at random", async () => {
    const random = createSeededRandom(seedOf(20_261_122));
    console.info(`seed ${random.seed}`);
    const { world, seen } = watched(() => answered(random.chance(0.3) ? 500 : 204));
    const destination = world.put({ id: "flaky" });
    world.start();
    let made = 0;
    for (; made < 10_000; made += 1_000) {
      world.make(1_000);
      await world.advanceBy(minuteMs);
    }
    await world.advanceBy(4 * dayMs);
    expect(seen.times.size).toBe(made);
    for (const [id, times] of seen.times) {
      expect(seen.bytes.get(id)?.size).toBe(1);
      expectSchedule(times);
    }
    const { delivered, failed } = { delivered: "delivered", failed: "failed" } as const;
    const total = (state: "delivered" | "failed" | "pending"): number =>
      world.desk.list(destination, { state, limit: 1, skip: 0 }).total;
    expect(total("pending")).toBe(0);
    expect(total(delivered) + total(failed)).toBe(made);
    const attempts = [...seen.times.values()].reduce((sum, times) => sum + times.length, 0);
    expect(attempts).toBeGreaterThan(13_500);
  });

  it("[DV40] only what was made after a destination, for its processors and outputs", async () => {
    const { world, seen } = watched(() => answered(200));
    world.make(2);
    world.put({ id: "late", createdSeq: 101 });
    world.put({
      id: "keys",
      createdSeq: 0,
      meterKeys: ["b"],
      target: webhook("https://b.example"),
    });
    world.put({ id: "other", createdSeq: 0, accountId: "stranger" });
    world.put({ id: "events", createdSeq: 0, outputs: ["threshold"] });
    world.start();
    world.make(1);
    world.make(1, "account", "b");
    await world.advanceBy(secondMs);
    const sent = seen.requests.map((request) => `${new URL(request.url).host} ${idOf(request)}`);
    expect(sent.sort()).toEqual([
      "b.example msg_0.103.0",
      "receiver.example msg_0.102.0",
      "receiver.example msg_0.103.0",
    ]);
  });

  it("[DV40] a destination that wants more gets what is made from then on", async () => {
    const { world, seen } = watched(() => answered(200));
    world.put({ id: "one", meterKeys: ["a"] });
    world.start();
    world.make(1, "account", "a");
    world.make(3, "account", "b");
    await world.advanceBy(secondMs);
    world.put({ id: "one", meterKeys: [] });
    await world.advanceBy(secondMs);
    world.make(1, "account", "b");
    await world.advanceBy(secondMs);
    expect(seen.requests.map(idOf)).toEqual(["msg_0.100.0", "msg_0.104.0"]);
  });

  it("[DV41] the message is the stored record with all its digits", async () => {
    const { world, seen } = watched(() => answered(200));
    world.put({ id: "one" });
    world.start();
    world.make(1);
    await world.advanceBy(0);
    const body = Buffer.from(seen.requests[0]?.body ?? []).toString();
    expect(body).toBe(
      '{"type":"metered_record.created","timestamp":"2026-01-01T00:00:00.000Z","data":' +
        '{"recordId":"0.100.0","emittedAt":"2026-01-01T00:00:00.000Z","value":9007199254740993.5}}',
    );
  });
});

describe("the schedule", () => {
  it("[DV44] ten attempts over 75 hours, across restarts, then failed and visible", async () => {
    const { world, seen } = watched(() => answered(500));
    const destination = world.put({ id: "dead" });
    world.start();
    world.make(1);
    for (let day = 0; day < 8; day++) {
      await world.advanceBy(12 * hourMs);
      await world.stop();
      world.start();
    }
    const times = seen.times.get("msg_0.100.0") ?? [];
    expect(times).toHaveLength(10);
    expectSchedule(times);
    expect(seen.bytes.get("msg_0.100.0")?.size).toBe(1);
    const stamps = new Set(seen.requests.map(({ headers }) => headers["webhook-timestamp"]));
    expect(stamps.size).toBe(10);
    const listed = world.desk.list(destination, { limit: 10, skip: 0 }).items[0];
    expect(listed).toMatchObject({ state: "failed", attemptCount: 10, nextAttemptAt: null });
    expect(listed?.attempts.map(({ error }) => error)).toEqual(
      Array(10).fill("The receiver answered 500."),
    );
  });

  it("[DV44] attempts differ by jitter, so that they do not come back together", async () => {
    const { world, seen } = watched((attempt) => answered(attempt === 1 ? 500 : 200));
    world.put({ id: "one" });
    world.start();
    world.make(50);
    await world.advanceBy(minuteMs);
    const second = new Set([...seen.times.values()].map(([, time]) => time));
    expect(second.size).toBeGreaterThan(25);
  });

  it.each([
    ["429 and seconds", 429, "600", 600 * secondMs],
    ["503 and a date", 503, "Thu, 01 Jan 2026 02:00:00 GMT", 2 * hourMs],
    ["at most a day", 503, "864000", dayMs],
    ["less than the schedule", 429, "1", 4_500],
    ["500 asks for nothing", 500, "600", 4_500],
    ["no number and no date", 503, "soon", 4_500],
  ])("[DV47] Retry-After: %s", async (_name, status, retryAfter, least) => {
    const { world, seen } = watched((attempt) =>
      attempt === 1 ? answered(status, retryAfter) : answered(200),
    );
    world.put({ id: "one" });
    world.start();
    world.make(1);
    await world.advanceBy(2 * dayMs);
    const [first = 0, second = 0] = seen.times.get("msg_0.100.0") ?? [];
    expect(second - first).toBeGreaterThanOrEqual(least);
    expect(second - first).toBeLessThanOrEqual(least * 1.3);
  });

  it.each([
    [200, "delivered"],
    [204, "delivered"],
    [299, "delivered"],
    [199, "pending"],
    [301, "pending"],
    [302, "pending"],
    [307, "pending"],
    [400, "pending"],
    [404, "pending"],
    [500, "pending"],
  ])("[DV45] the answer %d: %s", async (status, state) => {
    const { world } = watched(() => answered(status));
    const destination = world.put({ id: "one" });
    world.start();
    world.make(1);
    await world.advanceBy(secondMs);
    const [delivery] = world.desk.list(destination, { limit: 1, skip: 0 }).items;
    expect(delivery?.state).toBe(state);
    expect(delivery?.attempts[0]).toMatchObject({ status });
  });
});

describe("disabling", () => {
  it("[DV46] 410 disables at once, and nothing more is sent until it is enabled", async () => {
    let isGone = true;
    const { world, seen } = watched(() => answered(isGone ? 410 : 200));
    const destination = world.put({ id: "gone" });
    world.start();
    world.make(1);
    await world.advanceBy(dayMs);
    expect(world.disabled).toEqual(["gone RECEIVER_GONE"]);
    expect(world.results).toEqual(["refused", "RECEIVER_GONE"]);
    expect(world.logged.map(({ text }) => text)).toContain("destination disabled");
    world.make(3);
    await world.advanceBy(dayMs);
    expect(seen.requests).toHaveLength(1);
    isGone = false;
    const enabledAt = world.virtual.now();
    world.put({ id: "gone", enabled: true, disabledReason: null, disabledAt: null, enabledAt });
    await world.advanceBy(secondMs);
    expect([...seen.times.keys()].sort()).toEqual(
      [100, 101, 102, 103].map((seq) => `msg_0.${seq}.0`),
    );
    expect(world.desk.list(destination, { state: "delivered", limit: 9, skip: 0 }).total).toBe(4);
  });

  it("[DV46] a disabling that fails is tried again at the next 410", async () => {
    const { world } = watched(() => answered(410));
    world.isDisablingBroken = true;
    world.put({ id: "gone" });
    world.start();
    world.make(1);
    await world.advanceBy(secondMs);
    expect(world.disabled).toEqual([]);
    world.isDisablingBroken = false;
    await world.advanceBy(minuteMs);
    expect(world.disabled).toEqual(["gone RECEIVER_GONE"]);
  });

  /** A message each six hours, for so many days; attempts fail but where the test says so. */
  async function daysOf(world: DeliveryWorld, days: number): Promise<void> {
    for (let step = 0; step < days * 4; step++) {
      world.make(1);
      await world.advanceBy(6 * hourMs);
    }
  }

  it("[DV56] five days without one success disable; one success begins anew", async () => {
    let isUp = false;
    const { world } = watched(() => (isUp ? answered(200) : silent));
    world.put({ id: "down" });
    world.start();
    await daysOf(world, 4);
    isUp = true;
    await daysOf(world, 1);
    isUp = false;
    await daysOf(world, 4);
    expect(world.disabled).toEqual([]);
    await daysOf(world, 2);
    expect(world.disabled).toEqual(["down RECEIVER_FAILING"]);
  });

  it("[DV56] days in which nothing was sent do not count, nor those before it was enabled", async () => {
    const { world } = watched(() => silent);
    world.put({ id: "rare" });
    world.start();
    world.make(1);
    await world.advanceBy(10 * dayMs);
    world.make(1);
    await world.advanceBy(dayMs);
    expect(world.disabled).toEqual([]);
    await daysOf(world, 3);
    world.put({ id: "rare", enabledAt: world.virtual.now() });
    await daysOf(world, 4);
    expect(world.disabled).toEqual([]);
    await daysOf(world, 2);
    expect(world.disabled).toEqual(["rare RECEIVER_FAILING"]);
  });

  it("[DV57] what is made while it is disabled waits; enabling makes all of it due", async () => {
    const { world, seen } = watched((attempt) => answered(attempt < 3 ? 500 : 200));
    world.put({ id: "one" });
    world.start();
    world.make(600);
    await world.advanceBy(minuteMs);
    expect([...seen.times.values()].every(({ length }) => length === 2)).toBe(true);
    world.put({ id: "one", enabled: false, disabledReason: "REQUESTED" });
    world.make(2);
    await world.advanceBy(minuteMs);
    expect(seen.times.size).toBe(600);
    const enabledAt = world.virtual.now();
    world.put({ id: "one", enabled: true, disabledReason: null, enabledAt });
    await world.advanceBy(secondMs);
    expect(seen.times.size).toBe(602);
    const thirds = [...seen.times.values()].map(([, , third]) => third ?? 0).filter(Boolean);
    expect(thirds).toHaveLength(600);
    expect(Math.max(...thirds) - enabledAt).toBeLessThan(secondMs);
  });

  it("[DV58] a deleted destination: attempts end, what was kept of it goes", async () => {
    const world = new DeliveryWorld();
    let aborted = 0;
    world.receive = (_request, signal) =>
      new Promise((resolve) => {
        signal.addEventListener("abort", () => {
          aborted += 1;
          resolve(silent);
        });
      });
    const destination = world.put({ id: "gone" });
    const other = world.put({ id: "kept" });
    world.start();
    world.make(1_200);
    await world.settle();
    world.remove("gone");
    await world.settle();
    expect(aborted).toBe(1);
    expect(world.desk.list(destination, { limit: 1, skip: 0 }).total).toBe(0);
    expect(world.desk.list(other, { limit: 1, skip: 0 }).total).toBe(1_200);
    expect(world.gauges()).toMatchObject({ pending: 1_200, inFlight: 1 });
    // The same id again, as nobody makes it, has nothing of the one before.
    world.put({ id: "gone", createdSeq: 10_000 });
    await world.settle();
    expect(world.desk.list(destination, { limit: 1, skip: 0 }).total).toBe(0);
  });
});
