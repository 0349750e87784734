// The key that signs access tokens: an RSA key made at the first start and kept, readable by its
// owner only, in the data directory. It signs nothing else. Only its public half ever leaves.
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
} from "node:crypto";
import { chmodSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { calculateJwkThumbprint } from "jose";
import { fail, ok, type Result } from "../core/problem.ts";
import { readIfPresent, writeDurably } from "./key-files.ts";

/** The key that signs now, and every key whose tokens are accepted, by its id. */
export interface KeyRing {
  readonly signing: { readonly kid: string; readonly key: KeyObject };
  readonly verifying: ReadonlyMap<string, KeyObject>;
}

const rsaBits = 2048;
const directoryName = "keys";
const fileName = "token-signing.pem";

/**
 * Opens `keys/token-signing.pem` under the data directory, making it when there is none. Its mode
 * is set to 0600 and the folder's to 0700 at every start. A file that is no RSA key of 2048 bits
 * or more is refused with a sentence for the operator; it is never replaced.
 */
export async function openKeys(dataDirectory: string): Promise<Result<KeyRing, string>> {
  const directory = join(dataDirectory, directoryName);
  const path = join(directory, fileName);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  chmodSync(directory, 0o700);
  const stored = readIfPresent(path);
  if (stored === undefined) {
    const made = makeSigningKey();
    writeDurably(directory, path, made.export({ type: "pkcs8", format: "pem" }).toString());
    return ok(await keyRingOf(made));
  }
  chmodSync(path, 0o600);
  const key = readPrivateKey(stored);
  if (key === undefined) {
    return fail(
      `${path} is not an RSA private key of at least ${rsaBits} bits. Restore it from a backup, or ` +
        "move it away: a new one is made, and clients ask for new tokens.",
    );
  }
  return ok(await keyRingOf(key));
}

/** A new RSA key; not from the Random port, since key generation is the crypto library's. */
export function makeSigningKey(): KeyObject {
  return generateKeyPairSync("rsa", { modulusLength: rsaBits }).privateKey;
}

/** A ring with one key, which signs; its id is the RFC 7638 thumbprint. */
export async function keyRingOf(key: KeyObject): Promise<KeyRing> {
  const publicKey = createPublicKey(key);
  const jwk = publicKey.export({ format: "jwk" });
  const kid = await calculateJwkThumbprint({ kty: "RSA", n: jwk.n ?? "", e: jwk.e ?? "" });
  return { signing: { kid, key }, verifying: new Map([[kid, publicKey]]) };
}

/** One public key as RFC 7517 writes it. */
export interface PublicJwk {
  readonly kty: "RSA";
  readonly use: "sig";
  readonly alg: "RS256";
  readonly kid: string;
  readonly n: string;
  readonly e: string;
}

/** The JSON Web Key Set: public parameters only. */
export function publicKeySet(ring: KeyRing): { readonly keys: readonly PublicJwk[] } {
  const keys = [...ring.verifying].map(([kid, key]): PublicJwk => {
    const { n, e } = key.export({ format: "jwk" });
    return { kty: "RSA", use: "sig", alg: "RS256", kid, n: n ?? "", e: e ?? "" };
  });
  return { keys };
}

function readPrivateKey(pem: string): KeyObject | undefined {
  try {
    const key = createPrivateKey(pem);
    const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
    return key.asymmetricKeyType === "rsa" && bits >= rsaBits ? key : undefined;
  } catch {
    return undefined;
  }
}
