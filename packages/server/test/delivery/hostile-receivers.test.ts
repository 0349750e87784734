// The zoo: receivers that do what nobody should, over real sockets. Each costs one attempt that
// ends in time with its reason, and none delays the healthy one beside them.
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { createResolve } from "../../src/delivery/address-resolver.ts";
import { createWebhookSender, type WebhookSender } from "../../src/delivery/webhook-sender.ts";
import { createSystemClock } from "../../src/runtime/system-ports.ts";
import { DeliveryWorld, endWorlds, webhook } from "../support/delivery-world.ts";
import { hostileReceivers, type OpenReceiver, openHostile } from "../support/hostile-receivers.ts";

const clock = createSystemClock();
/** Instead of 15 s. */
const timeoutMs = 600;
/** What hangs does so for long, so that a busy machine does not look like waiting for it. */
const hangingMs = 40_000;
/** For a machine that has other things to do. */
const slackMs = 2_000;
const allowPrivate = true;

let open: readonly OpenReceiver[] = [];
const senders: WebhookSender[] = [];

function newSender(): WebhookSender {
  const sender = createWebhookSender({ allowPrivate, resolve: createResolve(allowPrivate) });
  senders.push(sender);
  return sender;
}

beforeAll(async () => {
  open = await Promise.all(hostileReceivers.map(openHostile));
});

afterEach(endWorlds);

afterAll(async () => {
  for (const sender of senders) sender.close();
  await Promise.all(open.map((receiver) => receiver.close()));
});

/** A receiver that is well; gives what it was sent. */
async function openHealthy(): Promise<{
  readonly url: string;
  readonly ids: string[];
  close(): Promise<void>;
}> {
  const ids: string[] = [];
  const server = createServer((request: IncomingMessage, response) => {
    ids.push(String(request.headers["webhook-id"]));
    request.resume().once("end", () => response.writeHead(200).end("thanks"));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/hook`,
    ids,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

describe("one at a time", () => {
  it.each(hostileReceivers.map((receiver, index) => [receiver.name, receiver, index] as const))(
    "[DV49] it %s",
    async (_name, receiver, index) => {
      const world = new DeliveryWorld({ clock, sender: newSender(), settings: { timeoutMs } });
      const url = open[index]?.url ?? "";
      const destination = world.put({ id: "hostile", target: webhook(url) });
      world.start();
      const began = clock.monotonic();
      const tested = await world.desk.test(destination);
      const tookMs = clock.monotonic() - began;
      const attempt = tested.ok ? tested.value.attempts[0] : undefined;
      expect(tookMs).toBeLessThan(timeoutMs + slackMs);
      if (receiver.isHanging === true) expect(tookMs).toBeGreaterThanOrEqual(timeoutMs - 50);
      expect(attempt?.status).toBe(receiver.status ?? null);
      if (receiver.error === null) expect(attempt?.error).toBeNull();
      else expect(attempt?.error).toMatch(receiver.error);
      expect(Buffer.byteLength(attempt?.answer ?? "")).toBeLessThanOrEqual(3 * 1_024);
    },
  );
});

it("[DV49] there are at least fifteen of them", () => {
  expect(hostileReceivers.length).toBeGreaterThanOrEqual(15);
});

it("[DV48] an answer without end is cut at 64 KiB, long before the time is over", async () => {
  const index = hostileReceivers.findIndex(({ name }) => name === "sends a body without end");
  const world = new DeliveryWorld({ clock, sender: newSender(), settings: { timeoutMs: 30_000 } });
  const destination = world.put({ id: "endless", target: webhook(open[index]?.url) });
  world.start();
  const tested = await world.desk.test(destination);
  const attempt = tested.ok ? tested.value.attempts[0] : undefined;
  expect(attempt).toMatchObject({ status: 200, error: null, answer: "a".repeat(1_024) });
  expect(attempt?.durationMs).toBeLessThan(10_000);
});

it("[DV49] all of them at once do not delay a healthy one", async () => {
  const world = new DeliveryWorld({
    clock,
    sender: newSender(),
    settings: { timeoutMs: hangingMs, lookEveryMs: 1_000 },
  });
  const healthy = await openHealthy();
  for (const [index, receiver] of open.entries()) {
    world.put({ id: `hostile-${index}`, target: webhook(receiver.url) });
  }
  const destination = world.put({ id: "healthy", target: webhook(healthy.url) });
  world.start();
  world.make(20);
  await world.until(() => healthy.ids.length >= 20);
  await world.until(
    () => world.desk.list(destination, { state: "pending", limit: 1, skip: 0 }).total === 0,
  );
  const { items } = world.desk.list(destination, { limit: 20, skip: 0 });
  const delays = items.map(({ createdAt, deliveredAt }) => (deliveredAt ?? Infinity) - createdAt);
  expect(delays).toHaveLength(20);
  expect(Math.max(...delays)).toBeLessThan(hangingMs / 2);
  expect(items[0]?.attempts[0]).toMatchObject({ status: 200, answer: "thanks" });
  // Those that hang would be waited for.
  for (const index of open.keys()) world.remove(`hostile-${index}`);
  await world.until(() => world.gauges().inFlight === 0);
  await world.stop();
  await healthy.close();
});

it("[DV45] a redirect is not followed", () => {
  const index = hostileReceivers.findIndex(({ name }) => name.startsWith("redirects to itself"));
  // One test of its own, and the one of all at once with some messages: none came back at once.
  expect(open[index]?.connections()).toBeLessThan(25);
});
