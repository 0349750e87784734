// Destinations beside each other, in virtual time: who fails, hangs or has a backlog delays nobody
// else, and what is under way at a time is bounded.
import { afterEach, expect, it } from "vitest";
import type { WebhookAnswer, WebhookRequest } from "../../src/delivery/webhook-sender.ts";
import { answered, DeliveryWorld, endWorlds, webhook } from "../support/delivery-world.ts";
import { createSeededRandom, seedOf } from "../support/seeded-random.ts";

afterEach(endWorlds);

const secondMs = 1_000;
const minuteMs = 60 * secondMs;

const hostOf = (request: WebhookRequest): string => new URL(request.url).host;
const hung: WebhookAnswer = { kind: "unanswered", reason: "The receiver did not answer in time." };

function hang(signal: AbortSignal): Promise<WebhookAnswer> {
  return new Promise((resolve) => {
    signal.addEventListener("abort", () => resolve(hung), { once: true });
  });
}

/** What is under way at a time, by host and in all. */
class UnderWay {
  readonly now: Map<string, number> = new Map();
  readonly most: Map<string, number> = new Map();

  async of(hosts: readonly string[], work: () => Promise<WebhookAnswer>): Promise<WebhookAnswer> {
    for (const host of hosts) {
      const count = (this.now.get(host) ?? 0) + 1;
      this.now.set(host, count);
      this.most.set(host, Math.max(count, this.most.get(host) ?? 0));
    }
    try {
      return await work();
    } finally {
      for (const host of hosts) this.now.set(host, (this.now.get(host) ?? 0) - 1);
    }
  }
}

it("[DV53] a dead receiver with 100,000 pending beside a healthy one of the same account", async () => {
  const world = new DeliveryWorld();
  const delays: number[] = [];
  const madeAt = new Map<string, number>();
  world.receive = async (request, signal) => {
    if (hostOf(request) === "dead.example") return hang(signal);
    const id = request.headers["webhook-id"] ?? "";
    const made = madeAt.get(id);
    if (made !== undefined) delays.push(world.virtual.now() - made);
    return answered(200);
  };
  const dead = world.put({
    id: "dead",
    meterKeys: ["old"],
    target: webhook("https://dead.example"),
  });
  world.put({ id: "healthy", meterKeys: ["new"], target: webhook("https://healthy.example") });
  world.make(100_000, "account", "old");
  world.start();
  await world.settle();
  expect(world.desk.list(dead, { limit: 1, skip: 0 }).total).toBe(100_000);
  for (let step = 0; step < 100; step++) {
    for (const { partition, seq, index } of world.make(10, "account", "new")) {
      madeAt.set(`msg_${partition}.${seq}.${index}`, world.virtual.now());
    }
    await world.advanceBy(secondMs);
  }
  delays.sort((a, b) => a - b);
  expect(delays).toHaveLength(1_000);
  expect(delays[989]).toBeLessThan(secondMs);
});

it("[DV54] 200 receivers that hang, of ten accounts, leave room for one that answers", async () => {
  const world = new DeliveryWorld();
  const underWay = new UnderWay();
  const delays: number[] = [];
  let madeAt = 0;
  world.receive = (request, signal) => {
    const host = hostOf(request);
    return underWay.of([host, "all", host.replace(/^\w+\./, "")], () => {
      if (host !== "healthy.example") return hang(signal);
      delays.push(world.virtual.now() - madeAt);
      return Promise.resolve(answered(200));
    });
  };
  world.put({ id: "healthy", accountId: "good", target: webhook("https://healthy.example") });
  world.start();
  world.make(1, "good");
  await world.advanceBy(secondMs);
  delays.length = 0;
  for (let account = 0; account < 10; account++) {
    for (let index = 0; index < 20; index++) {
      const target = webhook(`https://d${index}.a${account}.example`);
      world.put({ id: `${account}-${index}`, accountId: `account-${account}`, target });
    }
  }
  for (let account = 0; account < 10; account++) world.make(50, `account-${account}`);
  await world.settle();
  for (let step = 0; step < 60; step++) {
    madeAt = world.virtual.now();
    world.make(1, "good");
    await world.advanceBy(secondMs);
  }
  expect(delays).toHaveLength(60);
  expect(Math.max(...delays)).toBeLessThan(secondMs);
  // Nobody has answered, so half of all slots, and every account gets its turns.
  expect(underWay.most.get("all")).toBeLessThanOrEqual(65);
  expect(underWay.most.get("all")).toBeGreaterThan(60);
  for (let account = 0; account < 10; account++) {
    expect(underWay.most.get(`a${account}.example`)).toBeGreaterThanOrEqual(3);
  }
});

it("[DV54] at most 8 attempts of a destination, 48 of an account, 128 of all", async () => {
  const world = new DeliveryWorld();
  const underWay = new UnderWay();
  world.receive = (request) => {
    const host = hostOf(request);
    return underWay.of([host, "all", host.replace(/^\w+\./, "")], async () => {
      await world.virtual.sleepUntil(world.virtual.now() + secondMs);
      return answered(200);
    });
  };
  for (let account = 0; account < 5; account++) {
    for (let index = 0; index < 10; index++) {
      const target = webhook(`https://d${index}.a${account}.example`);
      world.put({ id: `${account}-${index}`, accountId: `account-${account}`, target });
    }
  }
  world.start();
  for (let account = 0; account < 5; account++) world.make(60, `account-${account}`);
  await world.advanceBy(10 * secondMs);
  const most = (pattern: RegExp): number =>
    Math.max(...[...underWay.most].filter(([name]) => pattern.test(name)).map(([, n]) => n));
  expect(most(/^d/)).toBeLessThanOrEqual(8);
  expect(most(/^a\d/)).toBeLessThanOrEqual(48);
  expect(underWay.most.get("all")).toBe(128);
  await world.advanceBy(minuteMs);
  expect(world.results.filter((result) => result === "delivered")).toHaveLength(5 * 10 * 60);
});

it("[DV55] who fails or is overloaded gets one message at a time, who answers gets more", async () => {
  const world = new DeliveryWorld();
  const underWay = new UnderWay();
  const random = createSeededRandom(seedOf(11));
  let status = 200;
  world.receive = (request) =>
    underWay.of([hostOf(request)], async () => {
      await world.virtual.sleepUntil(world.virtual.now() + random.integer(50, 150));
      return answered(status);
    });
  world.put({ id: "one", target: webhook("https://one.example") });
  world.start();
  world.make(400);
  await world.advanceBy(3 * secondMs);
  expect(underWay.most.get("one.example")).toBe(8);
  status = 429;
  await world.advanceBy(secondMs);
  underWay.most.clear();
  world.make(400);
  await world.advanceBy(3 * secondMs);
  expect(underWay.most.get("one.example")).toBe(1);
});

it("[DV65] beyond a number of pending deliveries outputs wait where they are stored", async () => {
  const world = new DeliveryWorld({ settings: { pendingMax: 1_000, lookEveryMs: minuteMs } });
  let isUp = false;
  world.receive = async () => (isUp ? answered(200) : answered(500));
  const destination = world.put({ id: "one" });
  world.start();
  world.make(5_000);
  await world.advanceBy(minuteMs);
  const before = world.desk.list(destination, { limit: 1, skip: 0 }).total;
  expect(before).toBeGreaterThanOrEqual(1_000);
  expect(before).toBeLessThan(1_300);
  isUp = true;
  for (let step = 0; step < 20; step++) await world.advanceBy(5 * minuteMs);
  expect(world.desk.list(destination, { state: "delivered", limit: 1, skip: 0 }).total).toBe(5_000);
});
