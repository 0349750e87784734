// Bytes on a bare socket against a listening server: what a proxy and we could read differently is
// refused and the connection closed; what is too large or a tunnel is refused too.

import { once } from "node:events";
import { type AddressInfo, connect } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { serverBounds } from "../../src/http/server.ts";
import { createEdgeServer, type EdgeServer, tokenOf } from "../support/edge-server.ts";

let server: EdgeServer;
let port: number;
let token: string;

beforeAll(async () => {
  server = await createEdgeServer();
  await server.app.listen({ host: "127.0.0.1", port: 0 });
  port = (server.app.server.address() as AddressInfo).port;
  token = await tokenOf(server);
});

afterAll(async () => {
  await server.app.close();
});

interface Exchange {
  readonly answer: string;
  /** Bytes that the server took in. */
  readonly bytesTaken: number;
}

/** Everything that the server sends until it closes; `$T` stands for a good Authorization line. */
async function exchange(...parts: readonly (string | Buffer)[]): Promise<string> {
  return (await exchangeBytes(...parts)).answer;
}

async function exchangeBytes(...parts: readonly (string | Buffer)[]): Promise<Exchange> {
  const accepted = once(server.app.server, "connection");
  const socket = connect(port, "127.0.0.1");
  const chunks: Buffer[] = [];
  socket.on("data", (chunk) => chunks.push(Buffer.from(chunk)));
  socket.on("error", () => undefined);
  const closed = new Promise((resolve) => socket.once("close", resolve));
  const [serverSocket] = await accepted;
  for (const part of parts) {
    const line = `Authorization: Bearer ${token}`;
    if (socket.writable)
      socket.write(typeof part === "string" ? part.replaceAll("$T", line) : part);
  }
  await closed;
  return { answer: Buffer.concat(chunks).toString("latin1"), bytesTaken: serverSocket.bytesRead };
}

function statuses(answer: string): readonly string[] {
  return [...answer.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map((match) => match[1] ?? "");
}

const get = "GET /things HTTP/1.1\r\nHost: a\r\n$T\r\n";
const post = "POST /things HTTP/1.1\r\nHost: a\r\n$T\r\nContent-Type: application/json\r\n";
const hidden = "GET /things/account-mine HTTP/1.1\r\nHost: a\r\n$T\r\n\r\n";

describe("refused with 400, and the connection closed", () => {
  const requests: Readonly<Record<string, string>> = {
    "Content-Length and Transfer-Encoding": `${post}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    "two Content-Length": `${post}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}`,
    "two equal Content-Length": `${post}Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}`,
    "a list as Content-Length": `${post}Content-Length: 2, 2\r\n\r\n{}`,
    "a signed Content-Length": `${post}Content-Length: +2\r\n\r\n{}`,
    "a hexadecimal Content-Length": `${post}Content-Length: 0x2\r\n\r\n{}`,
    "two Transfer-Encoding": `${post}Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n`,
    "an unknown Transfer-Encoding": `${post}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`,
    "gzip as Transfer-Encoding": `${post}Transfer-Encoding: gzip\r\n\r\n0\r\n\r\n`,
    "a line folded": `${get}X-A: b\r\n c\r\n\r\n`,
    "a bare line feed": `${get}X-A: b\nX-C: d\r\n\r\n`,
    "a space before the colon": `${post}Content-Length : 2\r\n\r\n{}`,
    "a header without name": `${get}: x\r\n\r\n`,
    "a NUL in a header": `${get}X-A: a\0b\r\n\r\n`,
    "a chunk size that is none": `${post}Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n`,
    "a chunk longer than it says": `${post}Transfer-Encoding: chunked\r\n\r\n1\r\n{}\r\n0\r\n\r\n`,
    "two Host": `${get}Host: b\r\n\r\n`,
    "two equal Host": `${get}Host: a\r\n\r\n`,
    "no Host": "GET /things HTTP/1.1\r\n$T\r\n\r\n",
    "an absolute target": "GET http://a/things HTTP/1.1\r\nHost: a\r\n$T\r\n\r\n",
    "a target of another scheme": "GET file:///etc/passwd HTTP/1.1\r\nHost: a\r\n$T\r\n\r\n",
    "a star as target": "OPTIONS * HTTP/1.1\r\nHost: a\r\n$T\r\n\r\n",
    "a fragment in the target": "GET /things#x HTTP/1.1\r\nHost: a\r\n$T\r\n\r\n",
    "HTTP/0.9": "GET /things\r\n\r\n",
    "HTTP/2 in a request line": "GET /things HTTP/2.0\r\nHost: a\r\n$T\r\n\r\n",
    "HTTP/1.2": "GET /things HTTP/1.2\r\nHost: a\r\n$T\r\n\r\n",
    "an unknown method": "BREW /things HTTP/1.1\r\nHost: a\r\n$T\r\n\r\n",
    "a method in lower case": "get /things HTTP/1.1\r\nHost: a\r\n$T\r\n\r\n",
    "a space in the target": "GET /thi ngs HTTP/1.1\r\nHost: a\r\n$T\r\n\r\n",
    "TLS on a plain port": "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "headers over 16 KiB": `${get}X-A: ${"x".repeat(17_000)}\r\n\r\n`,
    "a target over 16 KiB": `GET /${"x".repeat(17_000)} HTTP/1.1\r\nHost: a\r\n\r\n`,
    "two Content-Type": `${post}Content-Type: text/plain\r\nContent-Length: 2\r\n\r\n{}`,
    "an unknown expectation": `${get}Expect: tea\r\n\r\n`,
  };
  it.each(Object.entries(requests))("[HT20] [HT4] [HT21] %s", async (_name, request) => {
    const answer = await exchange(request + hidden);
    expect(statuses(answer)).toEqual(["400"]);
    expect(answer).toMatch(/\r\ncontent-type: application\/problem\+json/i);
    expect(answer).toMatch(/\r\nx-request-id: \S+/i);
    expect(answer).toMatch(/\r\nconnection: close/i);
    const body = JSON.parse(answer.slice(answer.indexOf("\r\n\r\n") + 4));
    expect(body).toMatchObject({ status: 400, code: "malformed-request" });
  });

  it("[HT21] CONNECT is 405 with Allow", async () => {
    const answer = await exchange("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n");
    expect(statuses(answer)).toEqual(["405"]);
    expect(answer).toMatch(/\r\nallow: DELETE, GET, HEAD, PATCH, POST\r\n/);
  });

  it("[HT3] TRACE is 405 and gives nothing back", async () => {
    const answer = await exchange(
      "TRACE /things HTTP/1.1\r\nHost: a\r\nX-Secret: s3cret\r\nConnection: close\r\n\r\n",
    );
    expect(statuses(answer)).toEqual(["405"]);
    expect(answer).not.toContain("s3cret");
  });
});

describe("paths on the wire", () => {
  const close = "HTTP/1.1\r\nHost: a\r\n$T\r\nConnection: close\r\n\r\n";
  it.each([
    "/x/../things",
    "/things/../things",
    "/things/.%2e/account-mine",
    "/./things",
    "/things/;/x",
  ])("[HT2] %s is 404: dots are not walked", async (path) => {
    expect(statuses(await exchange(`GET ${path} ${close}`))).toEqual(["404"]);
  });
});

describe("served", () => {
  it("[HT20] HTTP/1.0 without Host, and two requests on one connection", async () => {
    expect(statuses(await exchange("GET /health/live HTTP/1.0\r\n\r\n"))).toEqual(["200"]);
    const last = get.replace("Host: a", "Host: a\r\nConnection: close");
    expect(statuses(await exchange(`${get}\r\n${last}\r\n`))).toEqual(["200", "200"]);
  });

  it("[HT21] Expect: 100-continue is met", async () => {
    const request = `${post}Content-Length: 2\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n`;
    expect(statuses(await exchange(request, "{}"))).toEqual(["100", "201"]);
  });

  it("[HT27] an upgrade is not taken", async () => {
    const request = `${get}Connection: close, Upgrade\r\nUpgrade: websocket\r\n\r\n`;
    expect(statuses(await exchange(request))).toEqual(["200"]);
  });
});

describe("bodies that do not end well", () => {
  const chunk = Buffer.alloc(65_536, 0x20);
  const framed = Buffer.concat([Buffer.from("10000\r\n"), chunk, Buffer.from("\r\n")]);

  it("[HT17] a chunked body over the bound is refused before it ends", async () => {
    const head = `${post.replace("/things", "/raw")}Transfer-Encoding: chunked\r\n\r\n`;
    const answer = await exchange(head, framed, framed);
    expect(statuses(answer)).toEqual(["400"]);
    expect(answer).toContain('"code":"body-too-large"');
    expect(answer).toMatch(/\r\nconnection: close/i);
  });

  it("[HT17] of a body without end little more than the bound is taken in", async () => {
    const head = `${post.replace("/things", "/raw")}Transfer-Encoding: chunked\r\n\r\n`;
    const parts = Array.from({ length: 200 }, () => framed);
    const { bytesTaken } = await exchangeBytes(head, ...parts);
    expect(bytesTaken).toBeLessThan(100_000 + 8 * 65_536);
  });

  it("[HT17] a body that is somewhat too long gets its answer, and the connection stays", async () => {
    const body = Buffer.alloc(200_000, 0x20);
    const head = `${post.replace("/things", "/raw")}Content-Length: 200000\r\n\r\n`;
    const last = get.replace("Host: a", "Host: a\r\nConnection: close");
    const answer = await exchange(head, body, `${last}\r\n`);
    expect(statuses(answer)).toEqual(["400", "200"]);
    expect(answer).toContain('"code":"body-too-large"');
  });

  it("[HT17] an announced length over the bound is refused before a byte is read", async () => {
    const answer = await exchange(`${post}Content-Length: 10000000000\r\n\r\n`);
    expect(statuses(answer)).toEqual(["400"]);
    expect(answer).toContain('"code":"body-too-large"');
  });

  it("[HT17] a large body that nobody may send closes the connection", async () => {
    const request = "POST /things HTTP/1.1\r\nHost: a\r\nContent-Length: 10000000000\r\n\r\n";
    expect(statuses(await exchange(request))).toEqual(["401"]);
  });
});

describe("connections that break", () => {
  it("[HT27] a stream that fails later is cut, so that nobody takes it for whole", async () => {
    server.lines.length = 0;
    const request = `${get.replace("/things", "/stream?how=late")}\r\n`;
    const answer = await exchange(request);
    expect(statuses(answer)).toEqual(["200"]);
    expect(answer).not.toMatch(/0\r\n\r\n$/);
    expect(server.lines.filter(({ level }) => level === "error")).toHaveLength(1);
  });

  it("[HT11] a caller that leaves in the middle of a body is no fault of ours", async () => {
    server.lines.length = 0;
    const accepted = once(server.app.server, "connection");
    const socket = connect(port, "127.0.0.1");
    const [serverSocket] = await accepted;
    const line = `Authorization: Bearer ${token}`;
    const closed = new Promise((resolve) => serverSocket.once("close", resolve));
    const arrived = once(server.app.server, "request");
    socket.write(`${post.replace("$T", line)}Content-Length: 100\r\n\r\n{`);
    await arrived;
    socket.destroy();
    await closed;
    expect(server.lines.filter(({ level }) => level === "error")).toEqual([]);
  });
});

describe("slow requests", () => {
  it("[HT19] headers have 10 s, a request 30 s, looked at every second", () => {
    const { server: http } = server.app;
    expect([http.headersTimeout, http.requestTimeout]).toEqual([10_000, 30_000]);
    expect(serverBounds.checkEveryMs).toBe(1_000);
  });

  it("[HT19] what is too slow is told so and cut", async () => {
    const { server: http } = server.app;
    const socket = connect(port, "127.0.0.1");
    const [accepted] = await once(http, "connection");
    const chunks: Buffer[] = [];
    socket.on("data", (part) => chunks.push(Buffer.from(part)));
    const error = Object.assign(new Error("slow"), { code: "ERR_HTTP_REQUEST_TIMEOUT" });
    http.emit("clientError", error, accepted);
    await once(socket, "close");
    const answer = Buffer.concat(chunks).toString("latin1");
    expect(statuses(answer)).toEqual(["400"]);
    expect(answer).toContain('"code":"request-timeout"');
  });
});
