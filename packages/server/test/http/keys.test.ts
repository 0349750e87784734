// The signing key in the data directory, and client secrets.
import { generateKeyPairSync } from "node:crypto";
import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openKeys } from "../../src/auth/keys.ts";
import { drawClientId, drawSecret, hashSecret, isSecretOf } from "../../src/auth/secrets.ts";
import { createSeededRandom } from "../support/seeded-random.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "keys-"));
});
afterEach(() => {
  rmSync(directory, { recursive: true });
});

function modeOf(path: string): number {
  return statSync(join(directory, path)).mode & 0o777;
}

describe("the signing key", () => {
  it("[AU17] is made once, for its owner only, and stays the same", async () => {
    const first = await openKeys(directory);
    expect(readdirSync(join(directory, "keys"))).toEqual(["token-signing.pem"]);
    expect([modeOf("keys"), modeOf("keys/token-signing.pem")]).toEqual([0o700, 0o600]);
    chmodSync(join(directory, "keys/token-signing.pem"), 0o644);
    const second = await openKeys(directory);
    expect(modeOf("keys/token-signing.pem")).toBe(0o600);
    if (!first.ok || !second.ok) throw new Error("the key could not be opened");
    expect(second.value.signing.kid).toBe(first.value.signing.kid);
    expect(first.value.signing.kid).toMatch(/^[\w-]{43}$/);
    expect(first.value.signing.key.asymmetricKeyDetails?.modulusLength).toBe(2048);
    expect([...first.value.verifying.keys()]).toEqual([first.value.signing.kid]);
  });

  const pem = { type: "pkcs8", format: "pem" } as const;
  const small = generateKeyPairSync("rsa", { modulusLength: 1024 }).privateKey.export(pem);
  const curve = generateKeyPairSync("ed25519").privateKey.export(pem);
  it.each(["", "no key", small.toString(), curve.toString()])(
    "[AU17] a file that is no such key is refused and left alone (%#)",
    async (text) => {
      await openKeys(directory);
      const path = join(directory, "keys/token-signing.pem");
      writeFileSync(path, text);
      const opened = await openKeys(directory);
      expect(opened).toEqual({ ok: false, error: expect.stringContaining(path) });
      expect(statSync(path).size).toBe(text.length);
    },
  );
});

describe("client secrets", () => {
  it("[AU9] are 64 URL-safe characters, client ids 32 letters and digits", () => {
    const random = createSeededRandom(3);
    const secrets = Array.from({ length: 200 }, () => drawSecret(random));
    for (const secret of secrets) expect(secret).toMatch(/^[\w-]{64}$/);
    expect(new Set(secrets).size).toBe(200);
    const ids = Array.from({ length: 2_000 }, () => drawClientId(random));
    for (const id of ids) expect(id).toMatch(/^[A-Za-z0-9]{32}$/);
    const counts = new Map<string, number>();
    for (const character of ids.join("")) counts.set(character, (counts.get(character) ?? 0) + 1);
    const expected = 64_000 / 62;
    expect(counts.size).toBe(62);
    for (const count of counts.values()) expect(Math.abs(count / expected - 1)).toBeLessThan(0.2);
  });

  it("[AU9] are kept as SHA-256 and compared whole; a damaged hash fits nothing", () => {
    expect(hashSecret("abc")).toBe(
      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    );
    const access = {
      id: "1",
      accountId: "a",
      name: "n",
      clientId: "c",
      secretHash: hashSecret("right"),
      scopes: [],
      createdAt: 0,
    };
    expect(isSecretOf(access, "right")).toBe(true);
    for (const wrong of ["", "righ", "right ", "Right", hashSecret("right")]) {
      expect(isSecretOf(access, wrong)).toBe(false);
    }
    expect(isSecretOf(undefined, "right")).toBe(false);
    expect(isSecretOf({ ...access, secretHash: "" }, "")).toBe(false);
    expect(isSecretOf({ ...access, secretHash: "zz" }, "right")).toBe(false);
  });
});
