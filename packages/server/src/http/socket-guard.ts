// Requests that never become one: what Node's parser refuses, what is too slow, what asks for a
// tunnel. They are answered on the bare socket with a problem body and `Connection: close`; after
// that nothing more is read from the connection (HT19, HT20).
import type { Server } from "node:http";
import type { Duplex } from "node:stream";
import { writeJson } from "../core/json.ts";
import { malformed } from "./admission.ts";
import { badRequest, problemBody, type Refusal } from "./problems.ts";
import type { ServerOptions } from "./server-options.ts";

export function guardSocket(server: Server, options: ServerOptions): void {
  server.removeAllListeners("clientError");
  server.on("clientError", (error: NodeJS.ErrnoException, socket) => {
    if (error.code === "ECONNRESET" || !socket.writable || isAnswering(socket)) socket.destroy();
    else refuseSocket(socket, refusalOfParser(error.code), options);
  });
  server.on("connect", (_request, socket) => {
    const refusal: Refusal = {
      status: 405,
      code: "method-not-allowed",
      detail: "This server opens no tunnels.",
      headers: { allow: "DELETE, GET, HEAD, PATCH, POST" },
    };
    refuseSocket(socket, refusal, options);
  });
  server.on("checkExpectation", (request, response) => {
    response.statusCode = 400;
    const refusal = malformed("The only expectation that is met is `Expect: 100-continue`.");
    const requestId = options.random.uuid();
    for (const [name, value] of headersOf(refusal, requestId)) response.setHeader(name, value);
    response.end(writeJson(problemBody(refusal, { instance: request.url ?? "", requestId })));
  });
}

function refusalOfParser(code: string | undefined): Refusal {
  switch (code) {
    case "HPE_HEADER_OVERFLOW":
      return malformed("Request line and headers are over 16 KiB.");
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return badRequest({ code: "request-timeout", detail: "The request did not arrive in time." });
    case "HPE_INVALID_METHOD":
      return malformed("The request line has no known method.");
    default:
      return malformed("The request is not well-formed HTTP/1.1.");
  }
}

function refuseSocket(socket: Duplex, refusal: Refusal, options: ServerOptions): void {
  const requestId = options.random.uuid();
  const body = writeJson(problemBody(refusal, { instance: "", requestId }));
  const head = [
    refusal.status === 405 ? "HTTP/1.1 405 Method Not Allowed" : "HTTP/1.1 400 Bad Request",
    ...[...headersOf(refusal, requestId)].map(([name, value]) => `${name}: ${value}`),
    `content-length: ${Buffer.byteLength(body)}`,
  ];
  socket.on("error", () => socket.destroy());
  socket.end(`${head.join("\r\n")}\r\n\r\n${body}`, () => socket.destroy());
}

function headersOf(refusal: Refusal, requestId: string): Map<string, string> {
  return new Map([
    ["content-type", "application/problem+json; charset=utf-8"],
    ["x-request-id", requestId],
    ["x-content-type-options", "nosniff"],
    ["cache-control", "no-store"],
    ...Object.entries(refusal.headers ?? {}),
    ["connection", "close"],
  ]);
}

/** True when the head of an answer is out already, so that another one would be read as its body. */
function isAnswering(socket: Duplex): boolean {
  const response: unknown = Reflect.get(socket, "_httpMessage");
  return typeof response === "object" && response !== null && "headersSent" in response
    ? response.headersSent === true
    : false;
}
