// The form of an access token: strict base64url, the one header we sign, the claims of the sample
// token. Purely syntactic: signature, time and the access itself are judged in tokens.ts. Whatever
// we would not have issued ourselves is refused.
import { isUtf8 } from "node:buffer";
import { readJson } from "../core/json.ts";
import { isJsonObject, type JsonObject, member } from "../core/json-value.ts";
import { isScope, type Scope } from "./scopes.ts";

/** Characters of a token; ours have about 900. */
const tokenCharactersMax = 4096;
export const tokenSeconds = 3600;
export const grantType = "client-credentials";

export interface Claims {
  readonly accountId: string;
  readonly clientId: string;
  readonly issuer: string;
  readonly audiences: readonly string[];
  /** Seconds since 1970. */
  readonly issuedAt: number;
  readonly expiresAt: number;
  readonly notBefore: number | undefined;
  readonly scopes: readonly Scope[];
}

export interface TokenParts {
  readonly kid: string;
  /** What was signed, and the bytes of the signature. */
  readonly signed: string;
  readonly signature: Buffer;
  readonly payload: string;
}

/** Three strict base64url parts under a header of exactly `alg`, `typ` and `kid`. */
export function splitToken(token: string): TokenParts | undefined {
  if (token.length > tokenCharactersMax) return undefined;
  const [header = "", payload = "", signatureText = "", ...rest] = token.split(".", 4);
  const signature = decodeStrictly(signatureText);
  if (rest.length > 0 || signature === undefined) return undefined;
  const kid = readHeader(header);
  if (kid === undefined) return undefined;
  return { kid, signed: `${header}.${payload}`, signature, payload };
}

/** The key id of the header; only `{ alg: "RS256", typ: "JWT", kid }` is one of ours. */
function readHeader(part: string): string | undefined {
  const header = readPart(part);
  if (header === undefined || Object.keys(header).length !== 3) return undefined;
  if (member(header, "alg") !== "RS256" || member(header, "typ") !== "JWT") return undefined;
  return textOf(header, "kid");
}

/** The claims of a payload whose signature is known to be ours. */
export function readClaims(part: string): Claims | undefined {
  const payload = readPart(part);
  if (payload === undefined) return undefined;
  const accountId = textOf(payload, "accountId");
  const clientId = textOf(payload, "azp");
  const issuer = textOf(payload, "iss");
  const audiences = audiencesOf(payload);
  const issuedAt = secondsOf(payload, "iat");
  const expiresAt = secondsOf(payload, "exp");
  const scopes = scopesOf(payload);
  if (accountId === undefined || clientId === undefined || issuer === undefined) return undefined;
  if (issuedAt === undefined || expiresAt === undefined) return undefined;
  if (audiences === undefined || scopes === undefined) return undefined;
  if (member(payload, "sub") !== `${clientId}@clients`) return undefined;
  if (member(payload, "client_id") !== clientId || textOf(payload, "jti") === undefined) {
    return undefined;
  }
  if (member(payload, "gty") !== grantType || expiresAt - issuedAt !== tokenSeconds) {
    return undefined;
  }
  const notBefore = secondsOf(payload, "nbf");
  if (notBefore === undefined && member(payload, "nbf") !== undefined) return undefined;
  return { accountId, clientId, issuer, audiences, issuedAt, expiresAt, notBefore, scopes };
}

function readPart(part: string): JsonObject | undefined {
  const bytes = decodeStrictly(part);
  if (bytes === undefined || !isUtf8(bytes)) return undefined;
  const read = readJson(bytes.toString("utf8"));
  return read.ok && isJsonObject(read.value) ? read.value : undefined;
}

/**
 * Node's decoder takes `$`, `=`, `+`, `/` and a last character with spare bits; encoding again
 * shows whether the text is the one spelling of its bytes (AU12).
 */
function decodeStrictly(part: string): Buffer | undefined {
  if (part === "") return undefined;
  const bytes = Buffer.from(part, "base64url");
  return bytes.toString("base64url") === part ? bytes : undefined;
}

function textOf(object: JsonObject, name: string): string | undefined {
  const value = member(object, name);
  return typeof value === "string" && value !== "" ? value : undefined;
}

function secondsOf(object: JsonObject, name: string): number | undefined {
  const value = member(object, name);
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}

function audiencesOf(object: JsonObject): readonly string[] | undefined {
  const value = member(object, "aud");
  if (typeof value === "string") return [value];
  if (!Array.isArray(value)) return undefined;
  return value.every((element) => typeof element === "string") ? value : undefined;
}

/** Names parted by single spaces, each of our table; "" is a token without any scope. */
function scopesOf(object: JsonObject): readonly Scope[] | undefined {
  const value = member(object, "scope");
  if (typeof value !== "string") return undefined;
  if (value === "") return [];
  const names = value.split(" ");
  return names.every(isScope) && new Set(names).size === names.length ? names : undefined;
}
