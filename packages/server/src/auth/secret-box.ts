// Secrets that must be readable again: encrypted before they go into the journal, opened where they
// are used. The key is a file of its own in the data directory's keys, never in journal, snapshots,
// lists or logs. AES-256-GCM; the sealed text says which form it has.
import { createCipheriv, createDecipheriv } from "node:crypto";
import { chmodSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Random } from "../core/ports.ts";
import { fail, ok, type Result } from "../core/problem.ts";
import { readIfPresent, writeDurably } from "./key-files.ts";

export interface SecretBox {
  seal(secret: string): string;
  /** The error is a sentence that tells nothing of the secret. */
  open(sealed: string): Result<string, string>;
}

const keyBytes = 32;
const nonceBytes = 12;
const tagBytes = 16;
const form = "v1.";
const fileName = "secret-box.key";

/**
 * Opens `keys/secret-box.key` under the data directory, making it when there is none; its owner's
 * alone. A file that is no key is refused with a sentence for the operator, never replaced.
 */
export function openSecretBox(dataDirectory: string, random: Random): Result<SecretBox, string> {
  const directory = join(dataDirectory, "keys");
  const path = join(directory, fileName);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const stored = readIfPresent(path);
  if (stored === undefined) {
    const key = Buffer.from(random.bytes(keyBytes));
    writeDurably(directory, path, `${key.toString("base64url")}\n`);
    return ok(secretBoxOf(key, random));
  }
  chmodSync(path, 0o600);
  const key = Buffer.from(stored.trim(), "base64url");
  if (key.length === keyBytes && key.toString("base64url") === stored.trim()) {
    return ok(secretBoxOf(key, random));
  }
  return fail(
    `${path} is no key of ${keyBytes} bytes in base64url. Restore it from a backup, or move it ` +
      "away: a new one is made, and the secret of each webhook has to be rotated.",
  );
}

/** A box whose key is in memory alone. */
export function secretBoxOf(key: Uint8Array, random: Random): SecretBox {
  return {
    seal(secret): string {
      const nonce = random.bytes(nonceBytes);
      const cipher = createCipheriv("aes-256-gcm", key, nonce);
      const text = Buffer.concat([cipher.update(secret, "utf8"), cipher.final()]);
      return form + Buffer.concat([nonce, text, cipher.getAuthTag()]).toString("base64url");
    },
    open(sealed): Result<string, string> {
      const bytes = Buffer.from(sealed.slice(form.length), "base64url");
      if (!sealed.startsWith(form) || bytes.length < nonceBytes + tagBytes) return fail(unreadable);
      const decipher = createDecipheriv("aes-256-gcm", key, bytes.subarray(0, nonceBytes));
      decipher.setAuthTag(bytes.subarray(-tagBytes));
      const text = bytes.subarray(nonceBytes, -tagBytes);
      try {
        return ok(Buffer.concat([decipher.update(text), decipher.final()]).toString("utf8"));
      } catch {
        return fail(unreadable);
      }
    },
  };
}

const unreadable = "The secret was sealed with another key than keys/secret-box.key; rotate it.";
