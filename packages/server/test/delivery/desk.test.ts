// What callers may ask of the delivery service: tests, resends, the list of deliveries; and what
// becomes of finished ones.
import { afterEach, describe, expect, it } from "vitest";
import type { Destination } from "../../src/core/destination.ts";
import type { Delivery } from "../../src/delivery/ports.ts";
import type { WebhookRequest } from "../../src/delivery/webhook-sender.ts";
import { answered, DeliveryWorld, endWorlds } from "../support/delivery-world.ts";

afterEach(endWorlds);

const secondMs = 1_000;
const minuteMs = 60 * secondMs;
const dayMs = 86_400_000;

interface Watched {
  readonly world: DeliveryWorld;
  readonly requests: WebhookRequest[];
  readonly destination: Destination;
  status: number;
}

function start(): Watched {
  const requests: WebhookRequest[] = [];
  const world = new DeliveryWorld();
  const destination = world.put({ id: "one" });
  const watched: Watched = { world, requests, destination, status: 200 };
  world.receive = async (request) => {
    requests.push(request);
    return answered(watched.status);
  };
  world.start();
  return watched;
}

const idOf = ({ headers }: WebhookRequest): string => headers["webhook-id"] ?? "";
const isReplay = ({ headers }: WebhookRequest): boolean => headers["webhook-replay"] === "true";

function newest({ world, destination }: Watched): Delivery | undefined {
  return world.desk.list(destination, { limit: 1, skip: 0 }).items[0];
}

function codeOf(result: { readonly ok: boolean; readonly error?: { code: string } }): string {
  return result.error?.code ?? "ok";
}

describe("test messages", () => {
  it("[DV61] one message of type test, answered with its attempt, also while disabled", async () => {
    const watched = start();
    const { world, requests } = watched;
    const destination = world.put({ id: "one", enabled: false, disabledReason: "REQUESTED" });
    watched.status = 503;
    const tested = await world.desk.test(destination);
    expect(tested).toMatchObject({
      ok: true,
      value: { type: "test", state: "failed", recordId: null, attemptCount: 1 },
    });
    await world.advanceBy(dayMs);
    expect(requests).toHaveLength(1);
    expect(idOf(requests[0] as WebhookRequest)).toMatch(/^msg_test_[0-9a-f-]{36}$/);
    expect(JSON.parse(Buffer.from(requests[0]?.body ?? []).toString())).toEqual({
      type: "test",
      timestamp: "2026-01-01T00:00:00.000Z",
      data: { destinationId: "one", destinationName: "one" },
    });
    expect(newest(watched)).toEqual(tested.ok ? tested.value : null);
    expect(world.disabled).toEqual([]);
  });

  it("[DV61] a second one while the first is under way is refused", async () => {
    const { world, destination } = start();
    const { promise, resolve } = Promise.withResolvers<void>();
    world.receive = async () => {
      await promise;
      return answered(200);
    };
    const first = world.desk.test(destination);
    expect(codeOf(await world.desk.test(destination))).toBe("test-running");
    resolve();
    expect(codeOf(await first)).toBe("ok");
    expect(codeOf(await world.desk.test(destination))).toBe("ok");
  });
});

describe("one delivery", () => {
  it("[DV62] goes out again with the same id and bytes, marked as a replay, by its own schedule", async () => {
    const watched = start();
    const { world, requests, destination } = watched;
    watched.status = 500;
    world.make(1);
    await world.advanceBy(4 * dayMs);
    expect(newest(watched)).toMatchObject({ state: "failed", attemptCount: 10 });
    expect(codeOf(world.desk.resend(destination, "msg_0.100.0", "client"))).toBe("ok");
    expect(newest(watched)).toMatchObject({ state: "pending", deliveredAt: null });
    await world.advanceBy(minuteMs);
    watched.status = 200;
    await world.advanceBy(dayMs);
    const [first, last] = [requests[0], requests.at(-1)] as [WebhookRequest, WebhookRequest];
    expect(requests.map(isReplay)).toEqual([...Array(10).fill(false), true, true, true]);
    expect(idOf(last)).toBe(idOf(first));
    expect(Buffer.from(last.body)).toEqual(Buffer.from(first.body));
    const delivery = newest(watched);
    expect(delivery).toMatchObject({ state: "delivered", attemptCount: 13 });
    expect(delivery?.attempts.map(({ replay }) => replay)).toEqual(requests.map(isReplay));
    expect(world.logged).toContainEqual({
      level: "info",
      fields: { destinationId: "one", deliveryId: "msg_0.100.0", by: "client" },
      text: "delivery resent",
    });
  });

  it("[DV62] what waits for a later attempt is due at once", async () => {
    const watched = start();
    const { world, requests, destination } = watched;
    watched.status = 500;
    world.make(1);
    await world.advanceBy(minuteMs);
    watched.status = 200;
    world.desk.resend(destination, "msg_0.100.0", "client");
    await world.advanceBy(secondMs);
    expect(requests.map(isReplay)).toEqual([false, false, true]);
    expect(newest(watched)?.state).toBe("delivered");
  });

  it("[DV62] one that is under way goes out once more, whatever comes of that attempt", async () => {
    const { world, requests, destination } = start();
    const answers: ((status: number) => void)[] = [];
    world.receive = async (request) => {
      requests.push(request);
      return answered(await new Promise<number>((resolve) => answers.push(resolve)));
    };
    world.make(1);
    await world.settle();
    for (const [index, status] of [200, 500, 200].entries()) {
      expect(requests).toHaveLength(index + 1);
      if (index < 2) expect(codeOf(world.desk.resend(destination, "msg_0.100.0", "c"))).toBe("ok");
      answers[index]?.(status);
      await world.settle();
    }
    await world.advanceBy(dayMs);
    expect(requests.map(isReplay)).toEqual([false, true, true]);
    const [delivery] = world.desk.list(destination, { limit: 1, skip: 0 }).items;
    expect(delivery).toMatchObject({ state: "delivered", attemptCount: 3, nextAttemptAt: null });
  });

  it("[DV63] in a range, too, one that is under way goes out once more", async () => {
    const { world, requests, destination } = start();
    const { promise, resolve } = Promise.withResolvers<void>();
    world.receive = async (request) => {
      requests.push(request);
      await promise;
      return answered(200);
    };
    const from = world.virtual.now();
    world.make(1);
    await world.advanceBy(secondMs);
    world.desk.resendRange(destination, { from, to: from + 1 }, "client");
    await world.settle();
    resolve();
    await world.advanceBy(secondMs);
    expect(requests.map(isReplay)).toEqual([false, true]);
  });

  it("[DV62] a delivered one is sent again and a test, an unknown or a disabled one is not", async () => {
    const { world, requests, destination } = start();
    world.make(1);
    await world.advanceBy(secondMs);
    world.desk.resend(destination, "msg_0.100.0", "client");
    await world.advanceBy(secondMs);
    expect(requests.map(isReplay)).toEqual([false, true]);
    const tested = await world.desk.test(destination);
    const testId = tested.ok ? tested.value.id : "";
    expect(codeOf(world.desk.resend(destination, testId, "client"))).toBe("not-resendable");
    expect(codeOf(world.desk.resend(destination, "msg_0.999.0", "client"))).toBe("not-found");
    const other = world.put({ id: "two" });
    expect(codeOf(world.desk.resend(other, "msg_0.100.0", "client"))).toBe("not-found");
    const disabled = world.put({ id: "one", enabled: false, disabledReason: "REQUESTED" });
    const refused = world.desk.resend(disabled, "msg_0.100.0", "client");
    expect(codeOf(refused)).toBe("destination-disabled");
  });
});

describe("a range of time", () => {
  /** A hundred messages a minute for ten minutes. */
  async function tenMinutes(world: DeliveryWorld): Promise<number> {
    const began = world.virtual.now();
    for (let minute = 0; minute < 10; minute++) {
      world.make(100);
      await world.advanceBy(minuteMs);
    }
    return began;
  }

  it("[DV63] everything made within goes out again, half-open, with the same ids", async () => {
    const { world, requests, destination } = start();
    const began = await tenMinutes(world);
    const once = requests.map(idOf);
    const range = { from: began + 3 * minuteMs, to: began + 7 * minuteMs };
    expect(world.desk.resendRange(destination, range, "client")).toEqual({
      ok: true,
      value: { matched: 400 },
    });
    const again = world.desk.resendRange(destination, range, "client");
    expect(codeOf(again)).toBe("resend-running");
    await world.advanceBy(minuteMs);
    const replays = requests.filter(isReplay).map(idOf);
    expect([...replays].sort()).toEqual(once.slice(300, 700).sort());
    expect(codeOf(world.desk.resendRange(destination, range, "client"))).toBe("ok");
    expect(world.logged.some(({ text }) => text === "deliveries resent")).toBe(true);
  });

  it("[DV63] a stop in the middle loses nothing of it", async () => {
    const { world, requests, destination } = start();
    const began = await tenMinutes(world);
    world.desk.resendRange(destination, { from: began, to: world.virtual.now() }, "client");
    await world.stop();
    const before = requests.filter(isReplay).length;
    expect(before).toBeLessThan(1_000);
    world.start();
    await world.advanceBy(minuteMs);
    expect(new Set(requests.filter(isReplay).map(idOf)).size).toBe(1_000);
  });

  it("[DV63] deliveries that are no longer listed go out again too", async () => {
    const { world, requests, destination } = start();
    const began = await tenMinutes(world);
    await world.advanceBy(31 * dayMs);
    expect(newest({ world, destination, requests, status: 200 })).toBeUndefined();
    const range = { from: began, to: began + minuteMs };
    expect(world.desk.resendRange(destination, range, "client")).toMatchObject({
      value: { matched: 100 },
    });
    await world.advanceBy(minuteMs);
    expect(requests.filter(isReplay)).toHaveLength(100);
  });

  it("[DV63] nothing from before the destination was made, and nothing in an empty range", async () => {
    const { world, requests, destination } = start();
    const began = await tenMinutes(world);
    const late = world.put({ id: "late", createdSeq: 1_049 });
    const range = { from: began, to: world.virtual.now() };
    expect(world.desk.resendRange(late, range, "client")).toMatchObject({ value: { matched: 50 } });
    const empty = { from: world.virtual.now(), to: world.virtual.now() + dayMs };
    expect(world.desk.resendRange(destination, empty, "client")).toMatchObject({
      value: { matched: 0 },
    });
    await world.advanceBy(minuteMs);
    expect(requests).toHaveLength(1_000 + 50);
  });
});

describe("the list", () => {
  it("[DV66] newest first, by state, in pages, with the total; 20 attempts of each", async () => {
    const watched = start();
    const { world, destination } = watched;
    world.make(5);
    await world.advanceBy(secondMs);
    watched.status = 500;
    world.make(2);
    await world.advanceBy(secondMs);
    const page = (query: Parameters<typeof world.desk.list>[1]): readonly string[] =>
      world.desk.list(destination, query).items.map(({ id }) => id.slice(6, 9));
    expect(page({ limit: 3, skip: 0 })).toEqual(["106", "105", "104"]);
    expect(page({ limit: 3, skip: 5 })).toEqual(["101", "100"]);
    expect(page({ state: "delivered", limit: 2, skip: 1 })).toEqual(["103", "102"]);
    expect(page({ state: "failed", limit: 2, skip: 0 })).toEqual([]);
    const total = (state?: "pending" | "delivered"): number =>
      world.desk.list(destination, { state, limit: 1, skip: 0 }).total;
    expect([total(), total("pending"), total("delivered")]).toEqual([7, 2, 5]);
    await world.advanceBy(4 * dayMs);
    for (let times = 0; times < 2; times++) {
      // A success now and then keeps the destination enabled.
      watched.status = 200;
      world.make(1);
      await world.advanceBy(secondMs);
      watched.status = 500;
      world.desk.resend(destination, "msg_0.106.0", "client");
      await world.advanceBy(4 * dayMs);
    }
    const failed = world.desk.list(destination, { state: "failed", limit: 2, skip: 0 });
    const last = failed.items.find(({ id }) => id === "msg_0.106.0");
    expect(last?.attemptCount).toBe(30);
    expect(last?.attempts).toHaveLength(20);
    expect(last?.attempts.every(({ replay }) => replay)).toBe(true);
  });

  it("[DV64] finished deliveries go after the days that are set, pending ones stay", async () => {
    const watched = start();
    const { world, destination } = watched;
    world.make(1_500);
    await world.advanceBy(minuteMs);
    await world.advanceBy(29 * dayMs);
    const total = (): number => world.desk.list(destination, { limit: 1, skip: 0 }).total;
    expect(total()).toBe(1_500);
    const disabled = { enabled: false, disabledReason: "REQUESTED" } as const;
    watched.status = 500;
    world.make(1);
    await world.advanceBy(minuteMs);
    world.put({ id: "one", ...disabled });
    await world.advanceBy(60 * dayMs);
    expect(total()).toBe(1);
    expect(newest(watched)).toMatchObject({ state: "pending", attemptCount: 2 });
    // What is no longer listed is remembered by the cursor, across restarts.
    watched.status = 200;
    await world.stop();
    world.put({ id: "one", enabled: true, disabledReason: null });
    world.start();
    await world.advanceBy(minuteMs);
    expect(watched.requests).toHaveLength(1_500 + 3);
  });

  it("[DV67] what is no longer stored fails at once, with the reason", async () => {
    const { world, destination } = start();
    world.outputs.find = () => undefined;
    world.make(1);
    await world.advanceBy(secondMs);
    const [delivery] = world.desk.list(destination, { limit: 1, skip: 0 }).items;
    expect(delivery).toMatchObject({ state: "failed", attemptCount: 1 });
    expect(delivery?.attempts[0]?.error).toBe("What was to be delivered is no longer stored.");
    expect(world.results).toEqual(["impossible"]);
  });
});
