// Signatures by Standard Webhooks: known answers, the stock verifier, two live secrets.
import { Webhook } from "standardwebhooks";
import { afterEach, describe, expect, it } from "vitest";
import { signatureHeader } from "../../src/delivery/signature.ts";
import type { WebhookRequest } from "../../src/delivery/webhook-sender.ts";
import { createSystemClock } from "../../src/runtime/system-ports.ts";
import {
  answered,
  DeliveryWorld,
  endWorlds,
  knownSecret,
  webhook,
} from "../support/delivery-world.ts";

afterEach(endWorlds);

const otherSecret = `whsec_${Buffer.alloc(32, 7).toString("base64")}`;

interface Message {
  readonly id: string;
  readonly timestamp: number;
  readonly body: string;
}

function sign(secrets: readonly string[], { id, timestamp, body }: Message): string {
  const signed = signatureHeader(secrets, { id, timestamp, body: Buffer.from(body) });
  return signed.ok ? signed.value : signed.error;
}

describe("known answers", () => {
  it.each([
    [
      "msg_p5jXN8AQM9LWM0D4loKWxJek",
      1_614_265_330,
      '{"test": 2432232314}',
      "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    ],
    [
      "mrec_01J",
      1_785_542_400,
      '{"type":"metered_record.created","timestamp":"2026-08-01T00:00:00Z","data":{"value":"9007199254740993.5"}}',
      "v1,+0YSaEOFr8L/65yEun19zSlX3idOoKr4XmR7pp30wA8=",
    ],
  ])("[DV42] of %s", (id, timestamp, body, signature) => {
    expect(sign([knownSecret], { id, timestamp, body })).toBe(signature);
    const two = sign([otherSecret, knownSecret], { id, timestamp, body });
    expect(two.split(" ")).toHaveLength(2);
    expect(two.split(" ")[1]).toBe(signature);
  });

  it.each([
    ["no prefix", knownSecret.slice(6)],
    ["no base64", "whsec_***"],
    ["too short", `whsec_${Buffer.alloc(23).toString("base64")}`],
    ["too long", `whsec_${Buffer.alloc(65).toString("base64")}`],
  ])("[DV42] a secret with %s is told of without repeating it", (_name, secret) => {
    const told = sign([secret], { id: "msg_1", timestamp: 1, body: "{}" });
    expect(told).toMatch(/cannot be read/);
    expect(told).not.toContain(secret);
  });
});

/** What a receiver was sent, by real time: the stock verifier looks at its own clock. */
async function sent(
  secrets: readonly { readonly secret: string; readonly expiresInMs: number | null }[],
): Promise<WebhookRequest> {
  const clock = createSystemClock();
  const requests: WebhookRequest[] = [];
  const world = new DeliveryWorld({ clock });
  world.receive = async (request) => {
    requests.push(request);
    return answered(200);
  };
  const now = clock.now();
  const target = webhook();
  if (target.kind !== "webhook") throw new Error("a webhook is a webhook");
  const destination = world.put({
    id: "one",
    target: {
      ...target,
      secrets: secrets.map(({ secret, expiresInMs }, index) => ({
        id: `${index}`,
        sealed: secret,
        createdAt: now,
        expiresAt: expiresInMs === null ? null : now + expiresInMs,
      })),
    },
  });
  world.start();
  await world.desk.test(destination);
  const [request] = requests;
  if (request === undefined) throw new Error("nothing was sent");
  return request;
}

function verifies(secret: string, { body, headers }: WebhookRequest): boolean {
  try {
    new Webhook(secret).verify(Buffer.from(body).toString(), { ...headers });
    return true;
  } catch {
    return false;
  }
}

describe("the stock verifier", () => {
  it("[DV42] takes what is sent, and nothing that was changed", async () => {
    const request = await sent([{ secret: knownSecret, expiresInMs: null }]);
    expect(request.headers["content-type"]).toBe("application/json; charset=utf-8");
    expect(verifies(knownSecret, request)).toBe(true);
    expect(verifies(otherSecret, request)).toBe(false);
    const body = Buffer.from(request.body);
    body[0] = 0x20;
    expect(verifies(knownSecret, { ...request, body })).toBe(false);
    const headers = { ...request.headers, "webhook-id": "msg_0.1.0" };
    expect(verifies(knownSecret, { ...request, headers })).toBe(false);
  });

  it("[DV43] during rotation takes either secret, afterwards only the newest", async () => {
    const during = await sent([
      { secret: otherSecret, expiresInMs: null },
      { secret: knownSecret, expiresInMs: 60_000 },
    ]);
    expect(verifies(otherSecret, during)).toBe(true);
    expect(verifies(knownSecret, during)).toBe(true);
    const after = await sent([
      { secret: otherSecret, expiresInMs: null },
      { secret: knownSecret, expiresInMs: 0 },
    ]);
    expect(verifies(otherSecret, after)).toBe(true);
    expect(verifies(knownSecret, after)).toBe(false);
  });
});

describe("a secret that cannot be opened", () => {
  it("[DV43] nothing is sent unsigned; the attempt fails with the reason", async () => {
    const world = new DeliveryWorld();
    const destination = world.put({ id: "one", target: webhook("https://a.example", []) });
    let isAsked = false;
    world.receive = async () => {
      isAsked = true;
      return answered(200);
    };
    world.start();
    world.make(1);
    await world.advanceBy(0);
    const [delivery] = world.desk.list(destination, { limit: 1, skip: 0 }).items;
    expect(delivery).toMatchObject({ state: "pending", attemptCount: 1 });
    expect(delivery?.attempts[0]?.error).toMatch(/no secret; rotate/);
    expect(isAsked).toBe(false);
  });
});
