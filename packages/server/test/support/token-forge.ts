// Tokens that must not be accepted, made by an attacker or by a mistake of ours: with our own key
// and wrong claims, with other keys, with other algorithms, in other spellings.
import {
  constants,
  createHmac,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
} from "node:crypto";
import type { Clock } from "../../src/core/ports.ts";
import { baseUrl, type EdgeServer } from "./edge-server.ts";

export interface Forgery {
  readonly name: string;
  /** The whole Authorization header. */
  readonly authorization: string;
}

/** What a good token of a server is made from. */
type ForgedServer = Pick<EdgeServer, "keys" | "mine"> & {
  readonly clock: Pick<Clock, "now">;
};

type Members = Readonly<Record<string, unknown>>;

function encode(value: unknown): string {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return Buffer.from(text).toString("base64url");
}

/** The claims of a good token, with the forge's changes; undefined leaves one out. */
export function claimsOf(server: ForgedServer, changes: Members = {}): Members {
  const now = Math.floor(server.clock.now() / 1000);
  return {
    accountId: server.mine.accountId,
    iss: baseUrl,
    sub: `${server.mine.clientId}@clients`,
    aud: baseUrl,
    iat: now,
    exp: now + 3600,
    scope: "read:meters",
    gty: "client-credentials",
    azp: server.mine.clientId,
    client_id: server.mine.clientId,
    jti: "2f0e7f4e-3a7e-4a36-9a6e-000000000000",
    ...changes,
  };
}

function headerOf(server: ForgedServer, changes: Members = {}): Members {
  return { alg: "RS256", typ: "JWT", kid: server.keys.signing.kid, ...changes };
}

/** Signed with the given key, our own unless given; header and claims as values or JSON text. */
export function forge(
  server: ForgedServer,
  parts: { header?: unknown; claims?: unknown; key?: KeyObject } = {},
): string {
  const { header = headerOf(server), claims = claimsOf(server), key } = parts;
  const signed = `${encode(header)}.${encode(claims)}`;
  const signature = sign("sha256", Buffer.from(signed), key ?? server.keys.signing.key);
  return `${signed}.${signature.toString("base64url")}`;
}

/** The whole corpus; each must be 401 `invalid-token`. */
export function forgeries(server: EdgeServer): readonly Forgery[] {
  return [
    ...algorithmForgeries(server),
    ...keyForgeries(server),
    ...headerForgeries(server),
    ...claimForgeries(server),
    ...spellingForgeries(server),
  ];
}

function bearer(name: string, token: string): Forgery {
  return { name, authorization: `Bearer ${token}` };
}

function algorithmForgeries(server: EdgeServer): readonly Forgery[] {
  const names = ["none", "None", "nOnE", "", undefined, ["RS256"], "HS384", "HS512", "PS256"];
  const labels = [...names, "ES256", "EdDSA", "RS384", "RS512", "rs256"];
  const publicKey = createPublicKey(server.keys.signing.key);
  const spellings = {
    PEM: publicKey.export({ type: "spki", format: "pem" }),
    DER: publicKey.export({ type: "spki", format: "der" }),
    "PKCS1 PEM": publicKey.export({ type: "pkcs1", format: "pem" }),
    "JWK text": JSON.stringify(publicKey.export({ format: "jwk" })),
  };
  const parts = `${encode(headerOf(server, { alg: "HS256" }))}.${encode(claimsOf(server))}`;
  const pss = sign("sha256", Buffer.from(parts), {
    key: server.keys.signing.key,
    padding: constants.RSA_PKCS1_PSS_PADDING,
  });
  return [
    ...labels.flatMap((alg) => {
      const token = forge(server, { header: headerOf(server, { alg }) });
      return [bearer(`alg ${JSON.stringify(alg)}, signed with RS256`, token)];
    }),
    ...["none", "None", "nOnE"].map((alg) => {
      const unsigned = `${encode(headerOf(server, { alg }))}.${encode(claimsOf(server))}.`;
      return bearer(`alg ${alg} without signature`, unsigned);
    }),
    ...Object.entries(spellings).map(([name, secret]) => {
      const signature = createHmac("sha256", secret).update(parts).digest("base64url");
      return bearer(`HS256 with the public key as ${name}`, `${parts}.${signature}`);
    }),
    bearer("PS256 under an RS256 header", `${parts}.${pss.toString("base64url")}`),
  ];
}

function keyForgeries(server: EdgeServer): readonly Forgery[] {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const small = generateKeyPairSync("rsa", { modulusLength: 512 }).privateKey;
  const jwk = createPublicKey(privateKey).export({ format: "jwk" });
  const kids = ["../../dev/null", "' OR 1=1 --", "https://evil.example/k", "__proto__"];
  const more = ["constructor", "toString", 7, null, undefined, "", ["a"], "k".repeat(2_000)];
  const embedded = {
    jwk,
    jku: "https://evil.example/jwks",
    x5u: "https://evil.example/x",
    x5c: ["A"],
  };
  const [header, claims] = forge(server).split(".");
  const ones = Buffer.alloc(256, 1).toString("base64url");
  return [
    bearer("another RSA key under our kid", forge(server, { key: privateKey })),
    bearer("a 512-bit RSA key under our kid", forge(server, { key: small })),
    bearer("a signature of 256 ones", `${header}.${claims}.${ones}`),
    ...[...kids, ...more].map((kid) => {
      const token = forge(server, { header: headerOf(server, { kid }), key: privateKey });
      return bearer(`kid ${String(JSON.stringify(kid)).slice(0, 40)}`, token);
    }),
    ...Object.entries(embedded).map(([name, value]) => {
      const extra = headerOf(server, { [name]: value });
      return bearer(`embedded ${name}`, forge(server, { header: extra, key: privateKey }));
    }),
    ...Object.entries(embedded).map(([name, value]) =>
      bearer(
        `our key, but ${name}`,
        forge(server, { header: headerOf(server, { [name]: value }) }),
      ),
    ),
  ];
}

function headerForgeries(server: EdgeServer): readonly Forgery[] {
  const extras: readonly Members[] = [
    { crit: ["x"] },
    { b64: false },
    { zip: "DEF" },
    { cty: "JWT" },
    { typ: "at+jwt" },
    { typ: "jwt" },
    { typ: "application/jwt" },
    { typ: undefined },
    { typ: "secevent+jwt" },
  ];
  const kid = server.keys.signing.kid;
  const twice = `{"alg":"RS256","alg":"RS256","typ":"JWT","kid":"${kid}"}`;
  const jwe = encode({ alg: "RSA-OAEP", enc: "A256GCM" });
  return [
    ...extras.map((extra) => {
      const token = forge(server, { header: headerOf(server, extra) });
      return bearer(`header ${JSON.stringify(extra)}`, token);
    }),
    bearer("header with alg twice", forge(server, { header: twice })),
    bearer("header is an array", forge(server, { header: [headerOf(server)] })),
    bearer("header is no JSON", forge(server, { header: "RS256" })),
    bearer("nested JWT", forge(server, { claims: forge(server) })),
    bearer("JWE with five parts", `${jwe}.AA.AA.AA.AA`),
  ];
}

function claimForgeries(server: EdgeServer): readonly Forgery[] {
  const now = Math.floor(server.clock.now() / 1000);
  const other = server.other;
  const changes: readonly Members[] = [
    ...[undefined, String(now + 3600), -1, (now + 3600) * 1000, null, now + 0.5, [now + 3600]].map(
      (exp) => ({ exp }),
    ),
    { exp: now + 86_400 },
    { nbf: now + 31 },
    { nbf: String(now) },
    { nbf: null },
    { iat: now + 31, exp: now + 3631 },
    { iat: undefined },
    { iat: String(now) },
    ...[undefined, "", [], ["https://other.example"], [7], null, {}].map((aud) => ({ aud })),
    ...[`${baseUrl}.evil.example`, `x${baseUrl}`, `${baseUrl}/`, baseUrl.slice(0, -1)].map(
      (aud) => ({ aud }),
    ),
    ...[`${baseUrl}/`, baseUrl.toUpperCase(), "https://evil.example", undefined].map((iss) => ({
      iss,
    })),
    ...[["read:meters"], undefined, "read:meters\tread:meter_types", "read:meters_x"].map(
      (scope) => ({ scope }),
    ),
    ...[
      "read:meters\0",
      "read:meters  create:meters",
      " read:meters",
      "read:meters read:meters",
    ].map((scope) => ({ scope })),
    ...[other.accountId, undefined, [server.mine.accountId], "", null].map((accountId) => ({
      accountId,
    })),
    { sub: server.mine.clientId },
    { sub: `${other.clientId}@clients` },
    { azp: other.clientId },
    { azp: "__proto__", client_id: "__proto__", sub: "__proto__@clients" },
    { client_id: other.clientId },
    { client_id: undefined },
    { jti: undefined },
    { gty: "password" },
  ];
  const text = JSON.stringify(claimsOf(server));
  return [
    ...changes.map((change) => {
      const name = `claims ${Object.entries(change).map(([key, value]) => `${key}=${JSON.stringify(value)}`)}`;
      return bearer(name, forge(server, { claims: claimsOf(server, change) }));
    }),
    bearer("exp 1e400", forge(server, { claims: text.replace(/"exp":\d+/, '"exp":1e400') })),
    bearer("scope twice", forge(server, { claims: text.replace("{", '{"scope":"",') })),
    bearer("claims are an array", forge(server, { claims: [claimsOf(server)] })),
    bearer("claims are no JSON", forge(server, { claims: "{" })),
    bearer("claims are no UTF-8", forge(server, { claims: text }).replace(/\.[^.]+\./, "._w.")),
  ];
}

function spellingForgeries(server: EdgeServer): readonly Forgery[] {
  const token = forge(server);
  const [header = "", claims = "", signature = ""] = token.split(".");
  const stranger = forge(server, { claims: claimsOf(server, { jti: "other" }) });
  return [
    bearer("four parts", `${token}.${signature}`),
    bearer("two parts", `${header}.${claims}`),
    bearer("one part", header),
    bearer("empty header", `.${claims}.${signature}`),
    bearer("empty claims", `${header}..${signature}`),
    bearer("empty signature", `${header}.${claims}.`),
    bearer("only dots", ".."),
    bearer("padding", `${token}=`),
    bearer("padding twice", `${token}==`),
    bearer("$ inside", `${header}.${claims}.$${signature}`),
    bearer("last character not canonical", `${token.slice(0, -1)}${nextSpelling(token)}`),
    bearer("signature of another token", `${header}.${claims}.${stranger.split(".")[2]}`),
    bearer("claims of another token", `${header}.${stranger.split(".")[1]}.${signature}`),
    bearer("a signature cut by a byte", `${header}.${claims}.${signature.slice(0, -4)}`),
    bearer("5,000 characters", `${header}.${claims}.${"A".repeat(5_000)}`),
    ...standardBase64(server),
    { name: "two tokens", authorization: `Bearer ${token} ${token}` },
    { name: "two tokens by comma", authorization: `Bearer ${token}, Bearer ${token}` },
    { name: "two spaces", authorization: `Bearer  ${token}` },
    { name: "a tab", authorization: `Bearer\t${token}` },
    { name: "no scheme", authorization: token },
    { name: "a bare scheme", authorization: "Bearer" },
    { name: "Basic", authorization: `Basic ${Buffer.from("a:b").toString("base64")}` },
    { name: "Digest", authorization: `Digest ${token}` },
    { name: "quotes", authorization: `Bearer "${token}"` },
  ];
}

/** Another last character that decodes to the same bytes: 256 bytes leave four spare bits. */
function nextSpelling(token: string): string {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  return alphabet[alphabet.indexOf(token.at(-1) ?? "") + 1] ?? "";
}

/** The same token with `+` and `/` instead of `-` and `_`, from one that has both. */
function standardBase64(server: EdgeServer): readonly Forgery[] {
  const tokens = Array.from({ length: 50 }, (_, index) =>
    forge(server, { claims: claimsOf(server, { jti: `j${index}` }) }),
  );
  const plus = tokens.find((token) => token.includes("-"))?.replaceAll("-", "+") ?? "";
  const slash = tokens.find((token) => token.includes("_"))?.replaceAll("_", "/") ?? "";
  return [bearer("+ for -", plus), bearer("/ for _", slash)];
}
