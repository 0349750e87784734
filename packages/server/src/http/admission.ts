// What a request must pass before its body is read, in this order: the request line and headers
// are well formed, the engine is ready, token and scope, body headers, query, room. Each refuses by
// itself; nothing of the body has been read then. (Path and method come before all of it.)
import type { IncomingMessage } from "node:http";
import { type Fault, fail, invalid, ok, type Problem, type Result } from "../core/problem.ts";
import { authorize, countHeader, type TokenVerifier } from "./authorize.ts";
import { announcedBytes, announcesBody, checkBodyHeaders, emptyBody } from "./body.ts";
import { badRequest, notReady, type Refusal, refusalOf } from "./problems.ts";
import { queryOf, readQuery } from "./query.ts";
import { refusalUnread } from "./reading-turns.ts";
import type { Context, Route } from "./route.ts";

/** A context whose body has not been read. The ids are "" on open routes. */
export type Call = Omit<Context, "body">;

export interface Admission {
  readonly route: Route;
  readonly root: string;
  /** Names of the declared query parameters. */
  readonly known: ReadonlySet<string>;
  readonly contentTypes: readonly string[] | null;
  /** False for what must answer while the engine is not ready. */
  readonly needsEngine: boolean;
}

export interface Gate {
  readonly verifier: TokenVerifier;
  ready(): boolean;
}

export interface Arrival {
  readonly raw: IncomingMessage;
  readonly requestId: string;
  readonly params: Readonly<Record<string, string>>;
}

export function admissionOf(route: Route, root: string): Admission {
  const contentTypes = route.request?.contentTypes ?? ["application/json"];
  return {
    route,
    root,
    known: new Set(Object.keys(route.query ?? {})),
    contentTypes: route.request === undefined ? null : contentTypes,
    needsEngine: route.prefix !== null,
  };
}

export function admit(admission: Admission, arrival: Arrival, gate: Gate): Result<Call, Refusal> {
  const { route } = admission;
  const { raw } = arrival;
  if (admission.needsEngine && !gate.ready()) return fail(notReady);
  let accountId = "";
  let clientId = "";
  if (route.scope !== null) {
    const identity = authorize(raw, gate.verifier, route.scope);
    if (!identity.ok) return identity;
    accountId = identity.value.accountId;
    clientId = identity.value.clientId;
  }
  const contentType = checkBody(admission, raw);
  if (!contentType.ok) return contentType;
  const query = readQuery(queryOf(raw.url ?? ""), admission.known);
  const call = {
    params: arrival.params,
    query,
    root: admission.root,
    requestId: arrival.requestId,
    contentType: contentType.value,
    headers: raw.headers,
    accountId,
    clientId,
  };
  if (query.faults.length > 0) return fail(refusalOf(queryProblem(route, call, query.faults)));
  const unread = refusalUnread(route, announcedBytes(raw));
  return unread === null ? ok(call) : fail(refusalOf(unread));
}

/**
 * A list is asked all the same, for what it finds wrong with the parameters that could be read: its
 * `QueryReader` never gets past the faults that are known already. Whatever else it says is not told.
 */
function queryProblem(route: Route, call: Call, faults: readonly Fault[]): Problem {
  const own = invalid(faults);
  if (route.scope === null || route.method !== "GET" || route.request !== undefined) return own;
  const handled = route.handle({ ...call, body: undefined });
  if (handled instanceof Promise || handled.ok) return own;
  return handled.error.code === own.code ? handled.error : own;
}

function checkBody(admission: Admission, raw: IncomingMessage): Result<string, Refusal> {
  if (admission.contentTypes === null) {
    if (!announcesBody(raw)) return ok("");
    const detail = "This operation takes no body; send none.";
    return fail(badRequest({ code: "body-not-allowed", detail }));
  }
  if (!announcesBody(raw)) return fail(refusalOf(emptyBody()));
  return checkBodyHeaders(raw, admission.contentTypes);
}

/**
 * What Node's parser lets through and we do not (HT20): a request without a version, a
 * target that is no path, a fragment, a missing or second Host, a second Content-Type.
 */
export function malformation(raw: IncomingMessage): Refusal | undefined {
  const target = raw.url ?? "";
  if (raw.httpVersionMajor !== 1 || raw.httpVersionMinor > 1) {
    return malformed("The request line must end with HTTP/1.1 or HTTP/1.0.");
  }
  if (!target.startsWith("/") || target.includes("#")) {
    return malformed("The request target must be a path that starts with a slash.");
  }
  const hosts = countHeader(raw.rawHeaders, "host");
  if (hosts > 1 || (hosts === 0 && raw.httpVersionMinor === 1)) {
    return malformed("The request must have exactly one Host header.");
  }
  if (countHeader(raw.rawHeaders, "content-type") > 1) {
    return malformed("The request has more than one Content-Type header.");
  }
  return undefined;
}

export function malformed(detail: string): Refusal {
  return badRequest({ code: "malformed-request", detail, headers: { connection: "close" } });
}
