// The box for secrets that must be readable again: sealed, opened, and what becomes of a wrong key
// or a damaged file.
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { openSecretBox, type SecretBox, secretBoxOf } from "../../src/auth/secret-box.ts";
import { drawWebhookSecret } from "../../src/auth/secrets.ts";
import { assert } from "../../src/core/problem.ts";
import { createSystemRandom } from "../../src/runtime/system-ports.ts";

const random = createSystemRandom();
let directory = "";

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "meterhouse-box-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

function opened(): SecretBox {
  const box = openSecretBox(directory, random);
  assert(box.ok, "the box opens");
  return box.value;
}

it("[DV22] a secret is whsec_ and 32 random bytes in base64", () => {
  const secrets = Array.from({ length: 50 }, () => drawWebhookSecret(random));
  expect(new Set(secrets).size).toBe(50);
  for (const secret of secrets) {
    expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    expect(Buffer.from(secret.slice(6), "base64")).toHaveLength(32);
  }
});

it("[DV24] what is sealed shows nothing of the secret, and opens to it", () => {
  const box = opened();
  const secret = drawWebhookSecret(random);
  const texts = [box.seal(secret), box.seal(secret)];
  expect(texts[0]).not.toBe(texts[1]);
  for (const text of texts) {
    expect(text).not.toContain(secret.slice(6, 20));
    expect(box.open(text)).toEqual({ ok: true, value: secret });
  }
});

it("[DV24] [DV25] the key stays over a restart, and is its owner's alone", () => {
  const sealed = opened().seal("whsec_x");
  const path = join(directory, "keys", "secret-box.key");
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(statSync(join(directory, "keys")).mode & 0o777).toBe(0o700);
  expect(opened().open(sealed)).toEqual({ ok: true, value: "whsec_x" });
});

it("[DV24] another key, a changed character and other text are told from a secret", () => {
  const box = opened();
  const sealed = box.seal("whsec_x");
  const other = secretBoxOf(random.bytes(32), random);
  const middle = Math.floor(sealed.length / 2);
  const changed = sealed[middle] === "A" ? "B" : "A";
  const damaged = sealed.slice(0, middle) + changed + sealed.slice(middle + 1);
  for (const result of [other.open(sealed), box.open(damaged), box.open("v1."), box.open("")]) {
    expect(result.ok).toBe(false);
    expect(JSON.stringify(result)).toContain("sealed with another key");
  }
});

it.each(["", "short", `${"A".repeat(43)}=`, "A".repeat(44), "!".repeat(43)])(
  "[DV25] a file that holds %j is refused and stays",
  (text) => {
    opened();
    const path = join(directory, "keys", "secret-box.key");
    writeFileSync(path, text);
    const box = openSecretBox(directory, random);
    expect(box.ok ? "" : box.error).toContain("is no key of 32 bytes");
    expect(readFileSync(path, "utf8")).toBe(text);
  },
);
