// Large bodies on bare sockets (docs/spec/http.md, HT31 to HT34): who may send, who waits with the
// socket unread, who is refused, and who loses the place. Time stands still unless it is moved.
import { once } from "node:events";
import { type AddressInfo, connect, type Socket } from "node:net";
import { Type } from "typebox";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { queueWaitMsMax, receivedBytesMax, receivingBytesMin } from "../../src/core/limits.ts";
import { ok } from "../../src/core/problem.ts";
import type { RawRoute } from "../../src/http/route.ts";
import { createEdgeServer, type EdgeServer, tokenOf } from "../support/edge-server.ts";

const takeBytes: RawRoute = {
  method: "POST",
  path: "/bytes",
  operationId: "takeBytes",
  summary: "Take bytes",
  tag: "Things",
  scope: "create:usage_records",
  request: {
    bodyKind: "raw",
    contentTypes: ["application/json"],
    schema: Type.Unknown(),
    bytesMax: receivedBytesMax,
  },
  responses: { 200: { description: "Taken.", schema: Type.Object({ bytes: Type.Integer() }) } },
  handle: ({ body }) => ok({ status: 200, body: { bytes: body.length } }),
};

let server: EdgeServer;
let token: string;
let callers: Caller[];

beforeEach(async () => {
  callers = [];
  server = await createEdgeServer([takeBytes]);
  await server.app.listen({ host: "127.0.0.1", port: 0 });
  token = await tokenOf(server);
});

afterEach(async () => {
  for (const { socket } of callers) socket.destroy();
  await server.app.close();
});

const mebibyte = 1024 * 1024;
const half = receivedBytesMax / 2;

/** One connection, from both sides. */
interface Caller {
  readonly socket: Socket;
  readonly accepted: Socket;
  answer: string;
}

async function call(): Promise<Caller> {
  const { port } = server.app.server.address() as AddressInfo;
  const arrived = once(server.app.server, "connection");
  const socket = connect(port, "127.0.0.1");
  const [accepted] = await arrived;
  const caller: Caller = { socket, accepted, answer: "" };
  socket.on("error", () => undefined);
  socket.on("data", (chunk) => {
    caller.answer += chunk.toString("latin1");
  });
  callers.push(caller);
  return caller;
}

/** Sends the head of a request, and so much of its body. */
async function announce(bytes: number, first: number, length = `Content-Length: ${bytes}`) {
  const caller = await call();
  const arrived = once(server.app.server, "request");
  const head = ["POST /bytes HTTP/1.1", "Host: a", `Authorization: Bearer ${token}`, length];
  caller.socket.write(`${head.join("\r\n")}\r\nContent-Type: application/json\r\n\r\n`);
  await arrived;
  await send(caller, first);
  return caller;
}

/** Sends so many bytes; those of who may send have all been taken in afterwards. */
async function send({ socket, accepted }: Caller, bytes: number, isRead = true): Promise<void> {
  const before = accepted.bytesRead;
  if (bytes > 0) socket.write(Buffer.alloc(bytes, 0x20));
  await until(() => !isRead || accepted.bytesRead >= before + bytes);
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await turn();
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

async function turns(count: number): Promise<void> {
  for (let index = 0; index < count; index += 1) await turn();
}

/** Lets time pass, and what it wakes happen. */
async function pass(durationMs: number): Promise<void> {
  await server.clock.advanceBy(durationMs);
  await turns(5);
}

async function statusOf(caller: Caller): Promise<string> {
  await until(() => caller.answer.includes("}"));
  return caller.answer.slice(9, 12);
}

describe("places", () => {
  it("[HT31] beyond 8 MiB a large body is not read until another has come; small ones are", async () => {
    const first = await announce(half, mebibyte);
    const second = await announce(half, mebibyte);
    const third = await announce(half, 0);
    void send(third, half, false);
    await turns(200);
    expect(third.accepted.bytesRead).toBeLessThan(300_000);
    const small = await announce(60_000, 60_000);
    expect([await statusOf(small), third.answer]).toEqual(["200", ""]);
    await send(first, half - mebibyte);
    expect([await statusOf(first), await statusOf(third)]).toEqual(["200", "200"]);
    expect(third.answer).toContain(`{"bytes":${half}}`);
    await send(second, half - mebibyte);
    expect(await statusOf(second)).toBe("200");
  });

  it("[HT31] one whose length is not announced waits as soon as it shows to be large", async () => {
    const first = await announce(receivedBytesMax, mebibyte);
    const chunked = await announce(0, 0, "Transfer-Encoding: chunked");
    chunked.socket.write(`${mebibyte.toString(16)}\r\n`);
    chunked.socket.write(Buffer.alloc(mebibyte, 0x20));
    chunked.socket.write("\r\n0\r\n\r\n");
    await turns(200);
    expect(chunked.accepted.bytesRead).toBeLessThan(500_000);
    await send(first, receivedBytesMax - mebibyte);
    expect([await statusOf(first), await statusOf(chunked)]).toEqual(["200", "200"]);
    expect(chunked.answer).toContain(`{"bytes":${mebibyte}}`);
  });

  it("[HT31] who leaves, from a place or from the line, makes room", async () => {
    const first = await announce(receivedBytesMax, mebibyte);
    const second = await announce(receivedBytesMax, 0);
    const third = await announce(half, 0);
    void send(third, half, false);
    second.socket.destroy();
    await until(() => second.accepted.destroyed);
    first.socket.destroy();
    expect(await statusOf(third)).toBe("200");
    expect(server.lines.filter(({ level }) => level === "error")).toEqual([]);
  });
});

describe("waiting", () => {
  it("[HT32] after half a second it is refused, and the connection stays", async () => {
    const first = await announce(receivedBytesMax, 0);
    const second = await announce(mebibyte, 0);
    void send(second, mebibyte, false);
    for (let passed = 0; passed < queueWaitMsMax; passed += 100) {
      expect(second.answer).toBe("");
      await send(first, receivingBytesMin);
      await pass(100);
    }
    expect(await statusOf(second)).toBe("503");
    expect(second.answer).toContain('"code":"overloaded"');
    expect(second.answer).toMatch(/\r\nretry-after: 1\r\n/i);
    expect(second.answer).not.toMatch(/\r\nconnection: close/i);
    second.answer = "";
    second.socket.write("GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n");
    expect(await statusOf(second)).toBe("200");
    await send(first, receivedBytesMax - 5 * receivingBytesMin);
    expect(await statusOf(first)).toBe("200");
  });

  it("[HT33] a slow sender loses the place to the next, and comes all the same", async () => {
    const slow = await announce(receivedBytesMax, 1);
    const second = await announce(half, 0);
    void send(second, half, false);
    await pass(100);
    expect(second.answer).toBe("");
    await pass(100);
    expect(await statusOf(second)).toBe("200");
    await send(slow, receivedBytesMax - 1);
    expect(await statusOf(slow)).toBe("200");
    expect(slow.answer).toContain(`{"bytes":${receivedBytesMax}}`);
  });

  it("[HT33] where nobody waits, slowness costs nothing", async () => {
    const slow = await announce(receivedBytesMax, 1);
    await pass(10_000);
    expect(server.clock.sleeping).toBe(0);
    await send(slow, receivedBytesMax - 1);
    expect(await statusOf(slow)).toBe("200");
  });
});

describe("what is thrown away", () => {
  it("[HT34] [HT17] a large body that was refused has its answer at once and delays nobody's", async () => {
    token = "wrong";
    const refused = [];
    for (let index = 0; index < 20; index += 1) refused.push(await announce(half, 0));
    for (const caller of refused) void send(caller, half, false);
    for (const caller of refused) expect(await statusOf(caller)).toBe("401");
    token = await tokenOf(server);
    expect(await statusOf(await announce(60_000, 60_000))).toBe("200");
    for (const caller of refused) {
      caller.answer = "";
      caller.socket.write("GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n");
    }
    for (const caller of refused) expect(await statusOf(caller)).toBe("200");
  });
});
