// The table of every route under both roots with every kind of token, and what each must answer.
// Used over the whole table of routes, so that a new route is covered on the day it is declared.
import { allScopes, type Scope } from "../../src/auth/scopes.ts";
import type { Route } from "../../src/http/route.ts";
import { parametersOf, rootsOf } from "../../src/http/route-table.ts";
import type { ApiClient, ApiRequest, ApiResponse } from "./api-client.ts";

/** How one route is called so that it succeeds for its owner. */
export interface MatrixCase {
  readonly route: Route;
  /** Short path with real ids of the owner's objects. */
  path(): string | Promise<string>;
  /** Body and headers that the route accepts; made anew for every call. */
  request?(): Partial<ApiRequest>;
}

export interface MatrixTokens {
  /** A valid token of the owner of the objects. */
  owner(scopes: readonly Scope[]): Promise<string>;
  /** A valid token of another account. */
  stranger(scopes: readonly Scope[]): Promise<string>;
  /** A token of the owner that expired more than the allowed skew ago. */
  expired(): Promise<string>;
}

interface Row {
  readonly name: string;
  readonly token: string | null;
  /** Undefined when the answer is right, otherwise what is wrong with it. */
  fault(response: ApiResponse): string | undefined;
}

/**
 * Runs {no token, bad token, expired, no scope, all scopes but the right one, another account,
 * right} against each case under each root. Gives one line for each wrong answer; none is success.
 * Rows that succeed come last, so that a DELETE has something to delete in each root.
 */
export async function authMatrixFaults(
  client: ApiClient,
  tokens: MatrixTokens,
  cases: readonly MatrixCase[],
): Promise<readonly string[]> {
  const faults: string[] = [];
  for (const one of cases) {
    const rows = await rowsOf(one.route, tokens);
    for (const root of rootsOf(one.route)) {
      for (const row of rows) {
        const path = `${root}${await one.path()}`;
        const more = { ...one.request?.(), method: one.route.method };
        const response = await client.as(row.token).send({ ...more, path });
        const fault = row.fault(response);
        const what = `${one.route.method} ${path} with ${row.name}`;
        if (fault !== undefined) faults.push(`${what}: ${fault}, but ${response.status}`);
      }
    }
  }
  return faults;
}

/** Routes that no case covers: a matrix with holes proves nothing. */
export function uncoveredRoutes(
  routes: readonly Route[],
  cases: readonly MatrixCase[],
): readonly string[] {
  const covered = new Set(cases.map((one) => one.route.operationId));
  return routes
    .filter((route) => route.scope !== null && !covered.has(route.operationId))
    .map((route) => route.operationId);
}

async function rowsOf(route: Route, tokens: MatrixTokens): Promise<readonly Row[]> {
  const { scope } = route;
  if (scope === null) return [{ name: "no token", token: null, fault: passes }];
  const others = allScopes.filter((candidate) => candidate !== scope);
  const right = await tokens.owner([scope]);
  const lacks = refused(
    "insufficient-scope",
    `Bearer error="insufficient_scope", scope="${scope}"`,
  );
  const invalid = refused("invalid-token", 'Bearer error="invalid_token"');
  return [
    { name: "no token", token: null, fault: refused("missing-token", "Bearer") },
    { name: "a bad token", token: `${right.slice(0, -4)}AAAA`, fault: invalid },
    { name: "nonsense", token: "nonsense", fault: invalid },
    {
      name: "an expired token",
      token: await tokens.expired(),
      fault: refused("expired-token", 'Bearer error="invalid_token"'),
    },
    { name: "no scope", token: await tokens.owner([]), fault: lacks },
    { name: "every other scope", token: await tokens.owner(others), fault: lacks },
    {
      name: "another account",
      token: await tokens.stranger(allScopes),
      fault: parametersOf(route.path).length > 0 ? isMissing : passes,
    },
    { name: "the right scope", token: right, fault: passes },
  ];
}

function refused(code: string, challenge: string): Row["fault"] {
  return ({ status, body, headers }) =>
    status === 401 &&
    body.code === code &&
    String(headers["www-authenticate"]).startsWith(challenge)
      ? undefined
      : `expected 401 ${code} with ${challenge}`;
}

function passes({ status }: ApiResponse): string | undefined {
  return status >= 200 && status < 300 ? undefined : "expected success";
}

function isMissing({ status }: ApiResponse): string | undefined {
  return status === 404 ? undefined : "expected 404";
}
