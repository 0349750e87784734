// Refusals: the one place where a problem of the core becomes a status, headers and a body. Only
// the statuses of the API page leave here. A body never holds a stack, a cause or a secret.
import { faultsListedMax } from "../core/limits.ts";
import type { Fault, Problem, ProblemKind } from "../core/problem.ts";
import type { OAuthError } from "./schemas-common.ts";

export type RefusalStatus = 400 | 401 | 404 | 405 | 409 | 429 | 500 | 503;

/** What the edge answers instead of a reply. */
export interface Refusal {
  readonly status: RefusalStatus;
  /** Kebab-case; a heading in docs/problems.md. */
  readonly code: string;
  readonly detail: string;
  readonly errors?: readonly Fault[] | undefined;
  readonly existing?: Problem["existing"] | undefined;
  /** Lower-case names. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** Status of a token that lacks the scope (AU20): the published API has no 403. */
export const insufficientScopeStatus = 401;

const statusOf: Readonly<Record<ProblemKind, RefusalStatus>> = {
  "invalid-request": 400,
  unauthenticated: 401,
  "not-found": 404,
  conflict: 409,
  "too-many-requests": 429,
  unavailable: 503,
};

const titles: Readonly<Record<RefusalStatus, string>> = {
  400: "Bad request",
  401: "Unauthorized",
  404: "Not found",
  405: "Method not allowed",
  409: "Conflict",
  429: "Too many requests",
  500: "Internal error",
  503: "Service unavailable",
};

/** Seconds in Retry-After: a queue of people empties slower than one of the engine. */
const retryAfterSeconds: Readonly<Partial<Record<RefusalStatus, string>>> = {
  429: "30",
  503: "1",
};

export function badRequest(refusal: Omit<Refusal, "status">): Refusal {
  return { status: 400, ...refusal };
}

/** A problem of the core or the engine as a refusal. */
export function refusalOf(problem: Problem): Refusal {
  const status = statusOf[problem.kind];
  const retryAfter = retryAfterSeconds[status];
  return {
    status,
    code: problem.code,
    detail: problem.detail,
    errors: problem.errors,
    existing: problem.existing,
    ...(retryAfter === undefined ? {} : { headers: { "retry-after": retryAfter } }),
  };
}

export const unknownPath: Refusal = {
  status: 404,
  code: "not-found",
  detail: "There is nothing at this path.",
};

export const internalError: Refusal = {
  status: 500,
  code: "internal",
  detail: "An unexpected error; the log has its cause under the request id.",
};

/** Before the engine has recovered, and while it stops. */
export const notReady: Refusal = {
  status: 503,
  code: "unavailable",
  detail: "The engine is starting or stopping; try again in a moment.",
  headers: { "retry-after": "1" },
};

export function methodNotAllowed(allow: string): Refusal {
  return {
    status: 405,
    code: "method-not-allowed",
    detail: `This path answers ${allow} only.`,
    headers: { allow },
  };
}

export interface ProblemPlace {
  /** Path of the request, without query. */
  readonly instance: string;
  readonly requestId: string;
}

/** An RFC 9457 body with our members (HT5). */
export interface ProblemBody {
  readonly type: string;
  readonly title: string;
  readonly status: RefusalStatus;
  readonly detail: string;
  readonly instance: string;
  readonly code: string;
  readonly requestId: string;
  readonly errors?: readonly Fault[];
  readonly errorsOmitted?: number;
  readonly existingId?: string;
}

/** At most `faultsListedMax` faults are listed, the rest is counted. */
export function problemBody(refusal: Refusal, place: ProblemPlace): ProblemBody {
  const { errors = [], existing } = refusal;
  const omitted = errors.length - faultsListedMax;
  return {
    type: `/docs/problems#${refusal.code}`,
    title: titles[refusal.status],
    status: refusal.status,
    detail: refusal.detail,
    instance: place.instance,
    code: refusal.code,
    requestId: place.requestId,
    ...(errors.length === 0 ? {} : { errors: errors.slice(0, faultsListedMax).map(wireFault) }),
    ...(omitted > 0 ? { errorsOmitted: omitted } : {}),
    ...(existing === undefined ? {} : { existingId: existing.id }),
  };
}

function wireFault(fault: Fault): Fault {
  return fault.parameter === undefined
    ? { pointer: fault.pointer ?? "", detail: fault.detail }
    : { parameter: fault.parameter, detail: fault.detail };
}

/** The same refusal at the token endpoint (RFC 6749 section 5.2). */
export function oauthBody(refusal: Refusal): { error: OAuthError; error_description: string } {
  return { error: oauthCodeOf(refusal.status), error_description: oauthText(refusal.detail) };
}

function oauthCodeOf(status: RefusalStatus): OAuthError {
  if (status === 503) return "temporarily_unavailable";
  if (status === 500) return "server_error";
  if (status === 429) return "rate_limited";
  return "invalid_request";
}

/** Printable ASCII without `"` and `\`, as RFC 6749 asks of error_description. */
export function oauthText(text: string): string {
  return text.replaceAll('"', "'").replaceAll(/[^\x20-\x21\x23-\x5b\x5d-\x7e]/g, "?");
}
