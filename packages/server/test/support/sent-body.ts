// Usage bodies as the HTTP edge hands them on: with the bytes of their text.
import { Buffer } from "node:buffer";
import type { UsageBody, UsageForm } from "../../src/core/usage-body.ts";

/** A text with a lone surrogate has no UTF-8, and so no bytes. */
export function sentBody(
  text: string,
  form: UsageForm = "json",
  invalidLines: readonly number[] = [],
): UsageBody {
  const body = { form, text, invalidLines };
  return text.isWellFormed() ? { ...body, bytes: Buffer.from(text) } : body;
}
