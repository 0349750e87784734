// Answers: a route's reply or a refusal, written to the wire. JSON is written by the project's own
// writer, so that digits leave as they are. Nothing here decides; it only sends.
import { Readable } from "node:stream";
import type { FastifyReply, FastifyRequest } from "fastify";
import { writeJson } from "../core/json.ts";
import { announcesBody } from "./body.ts";
import { pacedReads } from "./paced-reads.ts";
import { oauthBody, problemBody, type Refusal } from "./problems.ts";
import { pathOf } from "./query.ts";
import type { Reply, Route } from "./route.ts";

const jsonType = "application/json; charset=utf-8";
const problemType = "application/problem+json; charset=utf-8";
/**
 * A longer body that was refused unread is not taken in; the connection is closed (HT17). Up to it
 * the rest is read and thrown away, so that an honest mistake gets its answer and not a reset.
 */
const discardedBytesMax = 16 * 1024 * 1024;

/** Where a refusal is sent from: the route, if one fits, and the root that was called. */
export interface RefusedAt {
  readonly route: Route | undefined;
  readonly root: string;
}

/** Gives the stream that is being written, if the reply is one: it may still fail. */
export function sendReply(
  request: FastifyRequest,
  reply: FastifyReply,
  result: Reply,
): Readable | undefined {
  reply.code(result.status);
  reply.header("content-type", result.contentType ?? jsonType);
  if (result.headers !== undefined) reply.headers(result.headers);
  if (result.stream !== undefined) {
    const lines = request.raw.method === "HEAD" ? [] : result.stream;
    const stream = Readable.from(lines, { objectMode: false });
    reply.send(stream);
    return stream;
  }
  const text = result.body === undefined ? "" : writeJson(result.body);
  reply.send(result.text ?? text);
  return undefined;
}

export function sendRefusal(
  request: FastifyRequest,
  reply: FastifyReply,
  { refusal, at }: { refusal: Refusal; at: RefusedAt },
): void {
  const isOAuth = at.route !== undefined && "errorForm" in at.route;
  reply.code(refusal.status);
  reply.header("content-type", isOAuth ? jsonType : problemType);
  if (isOAuth) reply.header("pragma", "no-cache");
  if (refusal.headers !== undefined) reply.headers(refusal.headers);
  const { existing } = refusal;
  if (existing !== undefined) {
    const id = encodeURIComponent(existing.id);
    reply.header("location", `${at.root}/${existing.collection}/${id}`);
  }
  if (isBodyEndless(request)) reply.header("connection", "close");
  else pacedReads.discard(request.raw);
  const place = { instance: pathOf(request.raw.url ?? ""), requestId: request.id };
  reply.send(writeJson(isOAuth ? oauthBody(refusal) : problemBody(refusal, place)));
}

/** True when more of an unread body may come than we are ready to throw away. */
function isBodyEndless({ raw }: FastifyRequest): boolean {
  if (raw.complete || !announcesBody(raw)) return false;
  const length = raw.headers["content-length"];
  return length === undefined || Number(length) > discardedBytesMax;
}
