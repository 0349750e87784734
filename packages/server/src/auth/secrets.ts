// Client secrets: drawn, hashed, compared. A secret has 384 random bits, so that one SHA-256 is
// enough; it is kept nowhere, and comparing tells nothing through time (AU9). Secrets of webhooks are
// drawn here too; secret-box.ts keeps them.
import { createHash, timingSafeEqual } from "node:crypto";
import type { Access } from "../core/definitions.ts";
import type { Random } from "../core/ports.ts";

const secretBytes = 48;
const webhookSecretBytes = 32;
const clientIdCharacters = 32;
const alphanumerics = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/** 64 characters of the URL-safe base64 alphabet. */
export function drawSecret(random: Random): string {
  return Buffer.from(random.bytes(secretBytes)).toString("base64url");
}

/** Of a webhook, by Standard Webhooks: `whsec_` and 32 random bytes in base64. */
export function drawWebhookSecret(random: Random): string {
  return `whsec_${Buffer.from(random.bytes(webhookSecretBytes)).toString("base64")}`;
}

/** 32 letters and digits, each as likely as another. */
export function drawClientId(random: Random): string {
  const unbiasedBelow = 256 - (256 % alphanumerics.length);
  let id = "";
  while (id.length < clientIdCharacters) {
    for (const byte of random.bytes(clientIdCharacters)) {
      if (byte < unbiasedBelow) id += alphanumerics[byte % alphanumerics.length];
    }
  }
  return id.slice(0, clientIdCharacters);
}

/** Lower-case hex SHA-256: what `Access.secretHash` holds. */
export function hashSecret(secret: string): string {
  return createHash("sha256").update(secret, "utf8").digest("hex");
}

/** Compared when there is no such client, so that it costs the same work; no secret has it. */
const nobody = Buffer.alloc(32);

/** True when the access exists and the secret is its own; equal work in every case. */
export function isSecretOf(access: Access | undefined, secret: string): boolean {
  const given = createHash("sha256").update(secret, "utf8").digest();
  const expected = access === undefined ? nobody : Buffer.from(access.secretHash, "hex");
  const comparable = expected.length === given.length ? expected : nobody;
  return timingSafeEqual(given, comparable) && access !== undefined;
}
