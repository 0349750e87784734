// Receivers that behave as nobody should, each on a socket of its own: for tests of what webhooks
// put up with. Each says what an attempt at it comes to. Nothing here waits for a time.

import type { AddressInfo } from "node:net";
import { createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { createSystemClock } from "../../src/runtime/system-ports.ts";

export interface HostileReceiver {
  readonly name: string;
  /** Speaks TLS, with a certificate that nobody trusts. */
  readonly tls?: boolean;
  /** The URL says https although the receiver does not. */
  readonly claimsTls?: boolean;
  /** With each connection; the request may not have come yet. */
  connected?(socket: Socket): void;
  /** With the first bytes of the request. */
  asked?(socket: Socket): void;
  /** What the attempt comes to: a status, or a pattern of the reason. */
  readonly status?: number;
  readonly error: RegExp | null;
  /** True: only the time-out ends it. */
  readonly isHanging?: boolean;
}

const head = (status: string, ...lines: string[]): string =>
  [`HTTP/1.1 ${status}`, ...lines, "", ""].join("\r\n");

/** Writes as long as the other side takes it. */
function flood(socket: Socket, piece: string): void {
  const write = (): void => {
    while (!socket.destroyed && socket.write(piece));
    if (!socket.destroyed) socket.once("drain", write);
  };
  write();
}

/** A byte now and then, without end. */
async function drip(socket: Socket, byte: string): Promise<void> {
  while (!socket.destroyed) {
    socket.write(byte);
    await clock.sleepUntil(clock.now() + 20);
  }
}

const clock = createSystemClock();

const late = /did not answer in time/;

export const hostileReceivers: readonly HostileReceiver[] = [
  { name: "never answers", error: late, isHanging: true },
  {
    name: "sends its head byte by byte",
    asked: (socket) => {
      socket.write("HTTP/1.1 200 OK\r\nx: ");
      void drip(socket, "a");
    },
    error: late,
    isHanging: true,
  },
  {
    name: "sends its body byte by byte without end",
    asked: (socket) => {
      socket.write(head("200 OK"));
      void drip(socket, "a");
    },
    status: 200,
    error: null,
    isHanging: true,
  },
  {
    name: "stops in its body",
    asked: (socket) => void socket.write(`${head("200 OK", "content-length: 10")}a`),
    status: 200,
    error: null,
    isHanging: true,
  },
  {
    name: "sends a body without end",
    asked: (socket) => {
      socket.write(head("200 OK"));
      flood(socket, "a".repeat(16_384));
    },
    status: 200,
    error: null,
  },
  {
    name: "sends a head without end",
    asked: (socket) => {
      socket.write("HTTP/1.1 200 OK\r\n");
      flood(socket, `x: ${"a".repeat(1_000)}\r\n`);
    },
    error: /head of the answer is too long/,
  },
  {
    name: "sends interim answers without end",
    asked: (socket) => flood(socket, head("103 Early Hints", "link: </a>")),
    error: /interim answers|no HTTP/,
  },
  {
    name: "tells to go on without end",
    asked: (socket) => flood(socket, head("100 Continue")),
    error: /interim answers|no HTTP/,
  },
  {
    name: "redirects to itself without end",
    asked: (socket) =>
      void socket.end(head("307 Temporary Redirect", "location: /", "content-length: 0")),
    status: 307,
    error: /redirects are not followed/,
  },
  {
    name: "redirects to the metadata address",
    asked: (socket) =>
      void socket.end(head("302 Found", "location: http://169.254.169.254/", "content-length: 0")),
    status: 302,
    error: /redirects are not followed/,
  },
  {
    name: "resets when connected",
    connected: (socket) => void socket.resetAndDestroy(),
    error: /reset|closed/,
  },
  {
    name: "resets when asked",
    asked: (socket) => void socket.resetAndDestroy(),
    error: /reset/,
  },
  {
    name: "closes without an answer",
    asked: (socket) => void socket.end(),
    error: /reset|closed/,
  },
  {
    name: "speaks no HTTP",
    asked: (socket) => void socket.end("220 mail.example ESMTP ready\r\n"),
    error: /no HTTP/,
  },
  {
    name: "speaks no TLS",
    claimsTls: true,
    asked: (socket) => void socket.end("\x16\x03\x01 this is no hello of TLS"),
    error: /TLS|reset|closed/,
  },
  {
    name: "never ends the TLS handshake",
    claimsTls: true,
    error: late,
    isHanging: true,
  },
  { name: "has a certificate that nobody trusts", tls: true, error: /certificate is not valid/ },
  {
    name: "breaks its chunks",
    asked: (socket) =>
      void socket.end(`${head("200 OK", "transfer-encoding: chunked")}zzz\r\nabc\r\n`),
    status: 200,
    error: null,
  },
  {
    name: "says two lengths",
    asked: (socket) =>
      void socket.end(`${head("200 OK", "content-length: 1", "content-length: 2")}ab`),
    error: /no HTTP/,
  },
  {
    name: "wants another protocol",
    asked: (socket) =>
      void socket.end(head("101 Switching Protocols", "upgrade: x", "connection: upgrade")),
    error: /another protocol/,
  },
  {
    name: "sends a compressed bomb",
    asked: (socket) => {
      const lines = ["content-encoding: gzip", "content-length: 1000000000"];
      socket.write(head("200 OK", ...lines));
      flood(socket, "\x1f\x8b\x08".repeat(4_000));
    },
    status: 200,
    error: null,
  },
  {
    name: "is gone, at length",
    asked: (socket) => {
      socket.write(head("410 Gone"));
      flood(socket, "gone ".repeat(3_000));
    },
    status: 410,
    error: /410/,
  },
];

export interface OpenReceiver {
  readonly url: string;
  readonly connections: () => number;
  close(): Promise<void>;
}

export async function openHostile(receiver: HostileReceiver): Promise<OpenReceiver> {
  const sockets = new Set<Socket>();
  let connections = 0;
  const take = (socket: Socket): void => {
    connections += 1;
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.once("close", () => sockets.delete(socket));
    receiver.connected?.(socket);
    socket.once("data", () => receiver.asked?.(socket));
  };
  const server: Server =
    receiver.tls === true ? createTlsServer({ key, cert }, take) : createServer(take);
  if (receiver.tls === true) server.on("tlsClientError", () => undefined);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const isTls = receiver.tls === true || receiver.claimsTls === true;
  return {
    url: `${isTls ? "https" : "http"}://127.0.0.1:${port}/hook`,
    connections: () => connections,
    async close(): Promise<void> {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

/** Of no authority, for localhost; whether it has expired makes no difference. */
const cert = `-----BEGIN CERTIFICATE-----
MIIBgDCCASWgAwIBAgIUFhQ5x0cY7Bdio8N6p0YDkGTZjr4wCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMjE2MTM0NFoYDzIxMjYxMDI5
MTYxMzQ0WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAAT1QKWxKclz7ur+UexpgOkR5l5HyPlFp2QepksLbM+QZPfoMSfEtAgy
7pOFMcmugUETkNvUOu257QSCRLr+QTTfo1MwUTAdBgNVHQ4EFgQUKT7GsINUkgIK
zzBKTpPg776P1xswHwYDVR0jBBgwFoAUKT7GsINUkgIKzzBKTpPg776P1xswDwYD
VR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNJADBGAiEA4Up7pDZbBFFQ8eFL7ysd
8LYW8kRbKMtT7efNzHkG5aUCIQD3Y62nxVy94MCDVOO+krKsFJLbwEYwkBv8Ygup
6K59OA==
-----END CERTIFICATE-----
`;
const key = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgFyExa8XdkeKFwjfw
euTVLlBxuCXQXH7b44G7V26AWtChRANCAAT1QKWxKclz7ur+UexpgOkR5l5HyPlF
p2QepksLbM+QZPfoMSfEtAgy7pOFMcmugUETkNvUOu257QSCRLr+QTTf
-----END PRIVATE KEY-----
`;
