// Answers: a route's reply or a refusal, written to the wire. JSON is written by the project's own
// writer, so that digits leave as they are. Nothing here decides; it only sends.
import { finished, Readable } from "node:stream";
import { writeJson } from "../core/json.ts";
import { announcesBody } from "./body.ts";
import type { Exchange } from "./exchange.ts";
import { pacedReads } from "./paced-reads.ts";
import { oauthBody, problemBody, type Refusal } from "./problems.ts";
import { pathOf } from "./query.ts";
import type { Reply } from "./route.ts";

const jsonType = "application/json; charset=utf-8";
const problemType = "application/problem+json; charset=utf-8";
/**
 * A longer body that was refused unread is not taken in; the connection is closed (HT17). Up to it
 * the rest is read and thrown away, so that an honest mistake gets its answer and not a reset.
 */
const discardedBytesMax = 16 * 1024 * 1024;

/** `onBroken` is told when a stream fails, before its first byte or later. */
export function sendReply(
  exchange: Exchange,
  result: Reply,
  onBroken: (error: Error) => void,
): void {
  const { status, body, text, stream } = result;
  if (stream !== undefined) sendStream(exchange, { ...result, stream }, onBroken);
  else if (status === 204) end(exchange, { status, headers: exchange.headers(null) }, "");
  else {
    const headers = exchange.headers(contentTypeOf(result), result.headers);
    end(exchange, { status, headers }, text ?? (body === undefined ? "" : writeJson(body)));
  }
}

export function sendRefusal(exchange: Exchange, refusal: Refusal): void {
  const { raw, route, root, requestId } = exchange;
  const { status, existing } = refusal;
  const isOAuth = route !== null && "errorForm" in route;
  const more: Record<string, string> = isOAuth ? { pragma: "no-cache" } : {};
  Object.assign(more, refusal.headers);
  if (existing !== undefined) {
    more.location = `${root}/${existing.collection}/${encodeURIComponent(existing.id)}`;
  }
  if (isBodyEndless(exchange)) more.connection = "close";
  else pacedReads.discard(raw);
  const place = { instance: pathOf(raw.url ?? ""), requestId };
  const body = isOAuth ? oauthBody(refusal) : problemBody(refusal, place);
  const headers = exchange.headers(isOAuth ? jsonType : problemType, more);
  end(exchange, { status, headers }, writeJson(body));
}

/** Of JSON in text the charset is always told. */
function contentTypeOf({ contentType, text }: Reply): string {
  if (contentType === undefined) return jsonType;
  const isComplete = contentType.includes("charset=") || text instanceof Buffer;
  return isComplete || !contentType.includes("json")
    ? contentType
    : `${contentType}; charset=utf-8`;
}

interface Head {
  readonly status: number;
  readonly headers: string[];
}

/** For HEAD Node leaves out the body itself. */
function end({ response }: Exchange, { status, headers }: Head, text: string | Buffer): void {
  if (status !== 204) headers.push("content-length", String(Buffer.byteLength(text)));
  response.writeHead(status, headers);
  response.end(text);
}

/** A failure before the first byte can still be answered otherwise, so the head waits for that byte. */
function sendStream(
  exchange: Exchange,
  result: Reply & { readonly stream: AsyncIterable<string | Uint8Array> },
  onBroken: (error: Error) => void,
): void {
  const { raw, response } = exchange;
  const lines = raw.method === "HEAD" ? [] : result.stream;
  const stream = Readable.from(lines, { objectMode: false });
  stream.once("error", onBroken);
  finished(response, () => stream.destroy());
  response.statusCode = result.status;
  const headers = exchange.headers(result.contentType ?? jsonType, result.headers);
  for (let index = 0; index < headers.length; index += 2) {
    response.setHeader(headers[index] ?? "", headers[index + 1] ?? "");
  }
  stream.pipe(response);
}

/** True when more of an unread body may come than we are ready to throw away. */
function isBodyEndless({ raw }: Exchange): boolean {
  if (raw.complete || !announcesBody(raw)) return false;
  const length = raw.headers["content-length"];
  return length === undefined || Number(length) > discardedBytesMax;
}
