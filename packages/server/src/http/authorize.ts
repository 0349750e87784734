// The token check of one request: exactly one Authorization header with one bearer token, a valid
// token, the operation's scope. A token anywhere else (query, body) is never looked at, and no
// part of a token is ever put into an answer or the log.
import type { IncomingMessage } from "node:http";
import type { Scope } from "../auth/scopes.ts";
import type { Identity, TokenFault } from "../auth/tokens.ts";
import { fail, type Result } from "../core/problem.ts";
import { insufficientScopeStatus, type Refusal } from "./problems.ts";

export interface TokenVerifier {
  /** `connection` stands for whoever sent the token. */
  verify(token: string, connection: object): Result<Identity, TokenFault>;
}

const missingToken: Refusal = {
  status: 401,
  code: "missing-token",
  detail: "Send an access token: `Authorization: Bearer <token>`, from POST /oauth/token.",
  headers: { "www-authenticate": "Bearer" },
};

const invalidToken = refuseToken({
  code: "invalid-token",
  detail: "The access token is not valid here.",
});
const expiredToken = refuseToken({
  code: "expired-token",
  detail: "The access token has expired; get a new one.",
});

/** The scheme in any case (RFC 9110 section 11.1); what follows is the verifier's to judge. */
const scheme = "bearer ";

export function authorize(
  raw: IncomingMessage,
  verifier: TokenVerifier,
  scope: Scope,
): Result<Identity, Refusal> {
  const header = raw.headers.authorization;
  if (header === undefined) return fail(missingToken);
  if (countHeader(raw.rawHeaders, "authorization") > 1) return fail(invalidToken);
  const isBearer = header.slice(0, scheme.length).toLowerCase() === scheme;
  if (!isBearer) return fail(invalidToken);
  const verified = verifier.verify(header.slice(scheme.length), raw.socket);
  if (!verified.ok) return fail(verified.error === "expired" ? expiredToken : invalidToken);
  return verified.value.scopes.has(scope) ? verified : fail(insufficientScope(scope));
}

/** How often a header was sent; Node keeps only the first of some. `name` in lower case. */
export function countHeader(rawHeaders: readonly string[], name: string): number {
  let count = 0;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const sent = rawHeaders[index];
    if (sent?.length === name.length && sent.toLowerCase() === name) count += 1;
  }
  return count;
}

function insufficientScope(scope: Scope): Refusal {
  return {
    status: insufficientScopeStatus,
    code: "insufficient-scope",
    detail: `The access token lacks the scope ${scope}.`,
    headers: { "www-authenticate": `Bearer error="insufficient_scope", scope="${scope}"` },
  };
}

function refuseToken({ code, detail }: Pick<Refusal, "code" | "detail">): Refusal {
  const challenge = `Bearer error="invalid_token", error_description="${detail}"`;
  return { status: 401, code, detail, headers: { "www-authenticate": challenge } };
}
