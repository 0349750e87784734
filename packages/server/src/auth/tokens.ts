// Access tokens: issued for an application access, verified on every request. RS256 with our own
// key and nothing else; the token never chooses the algorithm. Verified tokens are remembered by
// their SHA-256, in a bounded table, so that a busy client costs one signature check an hour.
import { hash, verify } from "node:crypto";
import { SignJWT } from "jose";
import type { Access } from "../core/definitions.ts";
import type { Clock, Random } from "../core/ports.ts";
import { fail, ok, type Result } from "../core/problem.ts";
import type { KeyRing } from "./keys.ts";
import type { Scope } from "./scopes.ts";
import { type Claims, grantType, readClaims, splitToken, tokenSeconds } from "./token-format.ts";

/** Accesses by client id; undefined once an access has been removed. */
export interface AccessLookup {
  findAccess(clientId: string): Access | undefined;
}

/** Whose request it is and what the token allows. */
export interface Identity {
  readonly accountId: string;
  readonly clientId: string;
  readonly scopes: ReadonlySet<Scope>;
}

/** Why a token is not accepted; callers are told "expired" and nothing finer. */
export type TokenFault = "expired" | "invalid";

export interface TokensOptions {
  readonly keys: KeyRing;
  readonly accesses: AccessLookup;
  readonly clock: Clock;
  readonly random: Random;
  /** Base URL: issuer and audience; asked each time, since port 0 is known late. */
  issuer(): string;
  /** Verified tokens kept; default 10,000, of about 1 kB each. */
  readonly rememberedMax?: number;
}

/** Seconds that clocks may differ. */
const skewSeconds = 30;
const rememberedTokensMax = 10_000;

interface Remembered {
  readonly claims: Claims;
  readonly identity: Identity;
}

export class Tokens {
  readonly #options: TokensOptions;
  readonly #remembered = new Map<string, Remembered>();
  /** The valid token that each connection sent last, so that it is hashed once. */
  readonly #sent = new WeakMap<object, { readonly token: string; readonly fingerprint: string }>();

  constructor(options: TokensOptions) {
    this.#options = options;
  }

  /** Number of tokens remembered. */
  get rememberedCount(): number {
    return this.#remembered.size;
  }

  /** Signs a token of `tokenSeconds` for the access, with the sample token's claims. */
  issue(access: Access, scopes: readonly Scope[]): Promise<string> {
    const { keys, clock, random } = this.#options;
    const issuer = this.#options.issuer();
    const issuedAt = Math.floor(clock.now() / 1000);
    const claims = {
      accountId: access.accountId,
      iss: issuer,
      sub: `${access.clientId}@clients`,
      aud: issuer,
      iat: issuedAt,
      exp: issuedAt + tokenSeconds,
      scope: [...scopes].sort().join(" "),
      gty: grantType,
      azp: access.clientId,
      client_id: access.clientId,
      jti: random.uuid(),
    };
    return new SignJWT(claims)
      .setProtectedHeader({ alg: "RS256", typ: "JWT", kid: keys.signing.kid })
      .sign(keys.signing.key);
  }

  /**
   * Form, header, key, signature, then claims, then the access, in this order. Time and access are
   * judged again for a remembered token. `connection` stands for whoever sent it.
   */
  verify(token: string, connection: object = this): Result<Identity, TokenFault> {
    const last = this.#sent.get(connection);
    const isSame = last?.token === token;
    const fingerprint = isSame ? last.fingerprint : hash("sha256", token, "base64");
    const known = this.#remembered.get(fingerprint);
    const found = known ?? this.#check(token);
    if (found === undefined) return fail("invalid");
    const fault = this.#faultNow(found.claims);
    if (fault !== undefined) {
      if (known !== undefined) this.#remembered.delete(fingerprint);
      return fail(fault);
    }
    if (known === undefined) this.#remember(fingerprint, found);
    if (!isSame) this.#sent.set(connection, { token, fingerprint });
    return ok(found.identity);
  }

  #check(token: string): Remembered | undefined {
    const parts = splitToken(token);
    if (parts === undefined) return undefined;
    const key = this.#options.keys.verifying.get(parts.kid);
    if (key === undefined) return undefined;
    if (!verify("sha256", Buffer.from(parts.signed), key, parts.signature)) return undefined;
    const claims = readClaims(parts.payload);
    if (claims === undefined) return undefined;
    const { accountId, clientId, scopes } = claims;
    return { claims, identity: { accountId, clientId, scopes: new Set(scopes) } };
  }

  /** What can change while a token lives: time, issuer, and whether its access still exists. */
  #faultNow(claims: Claims): TokenFault | undefined {
    const issuer = this.#options.issuer();
    if (claims.issuer !== issuer || !claims.audiences.includes(issuer)) return "invalid";
    const now = this.#options.clock.now() / 1000;
    const earliest = Math.max(claims.issuedAt, claims.notBefore ?? 0);
    if (earliest > now + skewSeconds) return "invalid";
    if (claims.expiresAt <= now - skewSeconds) return "expired";
    const access = this.#options.accesses.findAccess(claims.clientId);
    return access?.accountId === claims.accountId ? undefined : "invalid";
  }

  #remember(fingerprint: string, found: Remembered): void {
    if (this.#remembered.size >= (this.#options.rememberedMax ?? rememberedTokensMax)) {
      const oldest = this.#remembered.keys().next();
      if (!oldest.done) this.#remembered.delete(oldest.value);
    }
    this.#remembered.set(fingerprint, found);
  }
}
