// Request bodies: bytes to JSON by the project's own reader, with the byte where a fault is. What
// the media type, charset and coding of a body may be is checked before a byte of it is read.
import { isUtf8 } from "node:buffer";
import type { IncomingMessage } from "node:http";
import { readJson } from "../core/json.ts";
import type { JsonValue } from "../core/json-value.ts";
import { fail, ok, type Problem, type Result } from "../core/problem.ts";
import { parseMediaType } from "./media-type.ts";
import { badRequest, type Refusal } from "./problems.ts";

/** True when the request announces a body of at least one byte. */
export function announcesBody(raw: IncomingMessage): boolean {
  if (raw.headers["transfer-encoding"] !== undefined) return true;
  const length = raw.headers["content-length"];
  return length !== undefined && length !== "0";
}

/** Bytes of the body as far as they are announced; 0 where it comes in chunks. */
export function announcedBytes(raw: IncomingMessage): number {
  return Number(raw.headers["content-length"] ?? 0);
}

/** The body's media type when it is one of `accepted`; otherwise the refusal. */
export function checkBodyHeaders(
  raw: IncomingMessage,
  accepted: readonly string[],
): Result<string, Refusal> {
  const coding = raw.headers["content-encoding"];
  if (coding !== undefined && coding.toLowerCase() !== "identity") {
    return fail(badRequest({ code: "compressed-body", detail: "Send the body uncompressed." }));
  }
  const header = raw.headers["content-type"];
  const mediaType = header === undefined ? undefined : parseMediaType(header);
  if (mediaType === undefined || !accepted.includes(mediaType.type)) {
    const detail = `Content-Type must be one of: ${accepted.join(", ")}.`;
    return fail(badRequest({ code: "unsupported-content-type", detail }));
  }
  if (mediaType.charset !== undefined && !isUtf8Name(mediaType.charset)) {
    const detail = "The charset of the body must be utf-8.";
    return fail(badRequest({ code: "unsupported-charset", detail }));
  }
  return ok(mediaType.type);
}

function isUtf8Name(charset: string): boolean {
  return charset === "utf-8" || charset === "utf8";
}

/** Text of a body that must be UTF-8 without a byte order mark. */
export function readText(bytes: Buffer): Result<string> {
  if (bytes.length === 0) return fail(emptyBody());
  if (!isUtf8(bytes))
    return fail(wholeBody({ code: "invalid-encoding", detail: "The body is not valid UTF-8." }));
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) {
    const detail = "The body starts with a byte order mark; leave it out.";
    return fail(wholeBody({ code: "malformed-json", detail }));
  }
  return ok(bytes.toString("utf8"));
}

/** A JSON body with every digit kept; the fault names the byte offset, from 0. */
export function readJsonBody(bytes: Buffer): Result<JsonValue> {
  const text = readText(bytes);
  if (!text.ok) return text;
  const read = readJson(text.value);
  if (read.ok) return read;
  const byte = Buffer.byteLength(text.value.slice(0, read.error.offset));
  const detail = `At byte ${byte}: ${read.error.detail}`;
  return fail(wholeBody({ code: "malformed-json", detail }));
}

export function emptyBody(): Problem {
  const detail = "The body is empty; this operation needs one.";
  return wholeBody({ code: "empty-body", detail });
}

function wholeBody({ code, detail }: { code: string; detail: string }): Problem {
  return { kind: "invalid-request", code, detail, errors: [{ pointer: "", detail }] };
}
