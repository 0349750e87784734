// The sender beside good receivers: connections that are kept, and what is kept of an answer.
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { afterEach, expect, it } from "vitest";
import { createResolve } from "../../src/delivery/address-resolver.ts";
import {
  createWebhookSender,
  type WebhookAnswer,
  type WebhookSender,
} from "../../src/delivery/webhook-sender.ts";

let server: Server | undefined;
let sender: WebhookSender | undefined;

afterEach(() => {
  sender?.close();
  server?.closeAllConnections();
  server?.close();
});

/** How to send to a receiver, and how many connections it has taken. */
async function receiver(
  listener: RequestListener,
): Promise<{ send(): Promise<WebhookAnswer>; readonly connections: () => number }> {
  const listening = createServer(listener);
  let connections = 0;
  listening.on("connection", () => {
    connections += 1;
  });
  await new Promise<void>((resolve) => listening.listen(0, "127.0.0.1", resolve));
  const { port } = listening.address() as AddressInfo;
  const sending = createWebhookSender({ allowPrivate: true, resolve: createResolve(true) });
  server = listening;
  sender = sending;
  const message = {
    url: `http://127.0.0.1:${port}/hook?a=b`,
    headers: {},
    body: Buffer.from("{}"),
  };
  return {
    send: () => sending.send(message, AbortSignal.timeout(10_000)),
    connections: () => connections,
  };
}

it("[DV76] messages one after the other need one connection, whatever was answered on it", async () => {
  const { send, connections } = await receiver((request, response) => {
    request.resume().once("end", () => {
      response.writeEarlyHints({ link: "</a>; rel=preload" });
      response.end("a".repeat(20_000));
    });
  });
  for (let sent = 0; sent < 20; sent++) expect(await send()).toMatchObject({ status: 200 });
  expect(connections()).toBe(1);
});

it("[DV76] one that the receiver closes instead of answering again costs no attempt", async () => {
  const used = new Set<Socket>();
  const { send, connections } = await receiver((request, response) => {
    if (used.has(request.socket)) {
      request.socket.resetAndDestroy();
      return;
    }
    used.add(request.socket);
    request.resume().once("end", () => response.end());
  });
  expect(await send()).toMatchObject({ status: 200 });
  expect(await send()).toMatchObject({ status: 200 });
  expect(connections()).toBe(2);
});

it.each([
  ["nothing", Buffer.from(""), null],
  ["no UTF-8", Buffer.from([0x61, 0xff, 0xfe, 0x62]), "a��b"],
  ["NUL", Buffer.from("a\0b"), "a�b"],
  ["a surrogate in UTF-8", Buffer.from([0xed, 0xa0, 0x80]), "���"],
  ["a character cut in two", Buffer.from("€".repeat(400)), "€".repeat(341)],
])("[DV48] of an answer the first KiB is kept as text: %s", async (_name, bytes, text) => {
  const { send } = await receiver((request, response) => {
    request.resume().once("end", () => response.end(bytes));
  });
  expect(await send()).toMatchObject({ kind: "answered", status: 200, text });
});

it("[DV42] path and query are those of the URL, and the length is told", async () => {
  const { send } = await receiver((request, response) => {
    const { method, url, headers } = request;
    const told = [method, url, headers["content-length"], headers["transfer-encoding"]];
    request.resume().once("end", () => response.end(JSON.stringify(told)));
  });
  expect(await send()).toMatchObject({ text: '["POST","/hook?a=b","2",null]' });
});
