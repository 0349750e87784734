// One request and its answer: what was found out about it on the way, for whoever sends the answer
// and whoever reports it. Headers that every answer has are made here and nowhere else (HT9, HT10).
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Call } from "./admission.ts";
import type { Route } from "./route.ts";

export interface ExchangeSource {
  readonly raw: IncomingMessage;
  readonly response: ServerResponse;
  /** Of the monotonic clock. */
  readonly startedAt: number;
  /** Draws a request id where the caller sent none. */
  readonly drawId: () => string;
}

const callerRequestId = /^[A-Za-z0-9._-]{1,64}$/;

export class Exchange {
  readonly raw: IncomingMessage;
  readonly response: ServerResponse;
  readonly startedAt: number;
  readonly requestId: string;
  /** Which route fits, for the log and for metrics. */
  route: Route | null = null;
  /** The root under which it was called; "" before that is known. */
  root = "";
  /** What the route is called with; set by admission. */
  call: Call | null = null;

  constructor({ raw, response, startedAt, drawId }: ExchangeSource) {
    this.raw = raw;
    this.response = response;
    this.startedAt = startedAt;
    const sent = raw.headers["x-request-id"];
    this.requestId = typeof sent === "string" && callerRequestId.test(sent) ? sent : drawId();
  }

  /** Names and values in turn, as `writeHead` takes them; `more` has lower-case names. */
  headers(contentType: string | null, more: Readonly<Record<string, string>> = none): string[] {
    const cache = more["cache-control"] ?? "no-store";
    const head = ["x-request-id", this.requestId, "x-content-type-options", "nosniff"];
    head.push("cache-control", cache);
    if (contentType !== null) head.push("content-type", contentType);
    if (more === none) return head;
    for (const [name, value] of Object.entries(more)) {
      if (name !== "cache-control") head.push(name, value);
    }
    return head;
  }
}

const none: Readonly<Record<string, string>> = Object.freeze({});
