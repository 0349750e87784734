// Signs webhook messages by Standard Webhooks 1.0: HMAC-SHA256 over id, timestamp and body, one
// signature for each live secret, so that a receiver can change over without a gap. A secret is
// never part of an error text.
import { createHmac } from "node:crypto";
import { fail, ok, type Result } from "../core/problem.ts";

/** What is signed, besides the secrets. */
export interface SignedParts {
  readonly id: string;
  /** Whole seconds since 1970. */
  readonly timestamp: number;
  readonly body: Uint8Array;
}

const prefix = "whsec_";
/** Bytes of a secret, as the standard bounds them. */
const secretBytesMin = 24;
const secretBytesMax = 64;

/** The header `webhook-signature`: `v1,…` for each secret in their order, with spaces between. */
export function signatureHeader(
  secrets: readonly string[],
  { id, timestamp, body }: SignedParts,
): Result<string, string> {
  const signatures: string[] = [];
  for (const secret of secrets) {
    const key = secretKey(secret);
    if (key === null) return fail("A secret of the destination cannot be read; rotate it.");
    const hmac = createHmac("sha256", key).update(`${id}.${timestamp}.`).update(body);
    signatures.push(`v1,${hmac.digest("base64")}`);
  }
  if (signatures.length === 0) return fail("The destination has no secret; rotate it to get one.");
  return ok(signatures.join(" "));
}

/** The bytes behind `whsec_…`; null when the text is no such secret. */
function secretKey(secret: string): Buffer | null {
  if (!secret.startsWith(prefix)) return null;
  const text = secret.slice(prefix.length);
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(text)) return null;
  const key = Buffer.from(text, "base64");
  return key.length >= secretBytesMin && key.length <= secretBytesMax ? key : null;
}
