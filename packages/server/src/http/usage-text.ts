// Bodies of usage and bulk requests: from bytes to text, before anything reads them. JSON must be
// UTF-8 as a whole; NDJSON is decoded line by line, so that one broken line breaks no other. It
// never looks at what the text says.
import { isUtf8 } from "node:buffer";
import { fail, ok, type Result } from "../core/problem.ts";
import type { UsageBody, UsageForm } from "../core/usage-body.ts";

const formOf = {
  "application/json": "json",
  "application/x-ndjson": "ndjson",
  "application/jsonl": "ndjson",
  "application/cloudevents+json": "cloudevent",
  "application/cloudevents-batch+json": "cloudevents",
} as const satisfies Readonly<Record<string, UsageForm>>;

export const usageContentTypes: readonly string[] = Object.keys(formOf);
export const linesContentTypes: readonly string[] = ["application/x-ndjson", "application/jsonl"];

/** `contentType` is one of `usageContentTypes`. Fails where the body as a whole is no UTF-8. */
export function usageBodyOf(contentType: string, bytes: Buffer): Result<UsageBody> {
  const form = Object.hasOwn(formOf, contentType)
    ? formOf[contentType as keyof typeof formOf]
    : "json";
  if (isUtf8(bytes)) return ok({ form, text: bytes.toString("utf8"), invalidLines: [], bytes });
  if (form === "ndjson") return ok({ form, ...textOfLines(bytes) });
  const detail = `The body is not valid UTF-8: see byte ${firstInvalidByte(bytes)}, counted from 0.`;
  const errors = [{ pointer: "", detail }];
  return fail({ kind: "invalid-request", code: "invalid-utf8", detail, errors });
}

/** Lines as `UsageBody` describes them: those that are no UTF-8 have one character for each byte. */
export function textOfLines(bytes: Buffer): Pick<UsageBody, "text" | "invalidLines"> {
  if (isUtf8(bytes)) return { text: bytes.toString("utf8"), invalidLines: [] };
  const lines: string[] = [];
  const invalidLines: number[] = [];
  for (let start = 0; start <= bytes.length; ) {
    const feed = bytes.indexOf(0x0a, start);
    const end = feed < 0 ? bytes.length : feed;
    const line = bytes.subarray(start, end);
    const isText = isUtf8(line);
    if (!isText) invalidLines.push(lines.length);
    lines.push(line.toString(isText ? "utf8" : "latin1"));
    start = end + 1;
  }
  return { text: lines.join("\n"), invalidLines };
}

/** Where decoding had to put a replacement character that the bytes do not hold. */
function firstInvalidByte(bytes: Buffer): number {
  const decoded = Buffer.from(bytes.toString("utf8"), "utf8");
  let at = 0;
  while (at < bytes.length && bytes[at] === decoded[at]) at += 1;
  return at;
}
