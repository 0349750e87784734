// The table of all routes: checked once at start, searched when a method does not fit. A route
// that names no scope and is not open, two routes for one operation, or a parameter in the path
// without a description stop the start: a mistake there must never reach a caller.
import { isScope } from "../auth/scopes.ts";
import { assert } from "../core/problem.ts";
import { meteringPrefix, type OpenRoute, type Route } from "./route.ts";

/** The only operations that may do without a token (by short path). */
const openPaths: ReadonlySet<string> = new Set([
  "/oauth/token",
  "/openapi.json",
  "/health/live",
  "/health/ready",
  "/metrics",
  "/.well-known/jwks.json",
  "/.well-known/oauth-authorization-server",
]);

/** The roots under which a route answers: the short one, and its prefix. */
export function rootsOf(route: Route): readonly string[] {
  const prefix = route.prefix === undefined ? meteringPrefix : route.prefix;
  return prefix === null ? [""] : ["", prefix];
}

export function isOpen(route: Route): route is OpenRoute {
  return route.scope === null;
}

/** Names of the parameters in a path, in order. */
export function parametersOf(path: string): readonly string[] {
  return [...path.matchAll(/\{([^}]+)\}/g)].map((match) => match[1] ?? "");
}

/** Asserts what every table must hold; called before anything listens. */
export function checkRoutes(routes: readonly Route[]): void {
  const operations = new Set<string>();
  const addresses = new Set<string>();
  for (const route of routes) {
    const name = `${route.method} ${route.path}`;
    checkScope(route, name);
    assert(/^(\/[A-Za-z0-9._-]+|\/\{[A-Za-z]+\})+$/.test(route.path), `${name}: path is malformed`);
    for (const parameter of parametersOf(route.path)) {
      const described = route.params !== undefined && Object.hasOwn(route.params, parameter);
      assert(described, `${name}: parameter ${parameter} has no description`);
    }
    const canHaveBody = route.method !== "GET" && route.method !== "DELETE";
    assert(route.request === undefined || canHaveBody, `${name}: must not have a body`);
    assert(Object.keys(route.responses).some(isSuccess), `${name}: declares no success`);
    assert(!operations.has(route.operationId), `${name}: operationId is taken`);
    assert(!addresses.has(name), `${name}: declared twice`);
    operations.add(route.operationId);
    addresses.add(name);
  }
}

function checkScope(route: Route, name: string): void {
  const scope: unknown = route.scope;
  assert(scope !== undefined, `${name}: declares no scope`);
  if (scope === null) assert(openPaths.has(route.path), `${name}: only listed paths may be open`);
  else assert(typeof scope === "string" && isScope(scope), `${name}: unknown scope`);
}

function isSuccess(status: string): boolean {
  return status.startsWith("2");
}

interface Pattern {
  readonly segments: readonly string[];
  readonly routes: Route[];
}

/** Answers which methods a path has, for `Allow`. */
export class PathTable {
  readonly #patterns = new Map<string, Pattern>();

  constructor(routes: readonly Route[]) {
    for (const route of routes) {
      for (const root of rootsOf(route)) {
        const path = `${root}${route.path}`;
        const pattern = this.#patterns.get(path) ?? { segments: path.split("/"), routes: [] };
        pattern.routes.push(route);
        this.#patterns.set(path, pattern);
      }
    }
  }

  /** The routes whose path fits, whatever their method; none when the path is unknown. */
  find(path: string): readonly Route[] {
    const segments = path.split("/", 20).map(decodeSegment);
    return [...this.#patterns.values()]
      .filter((pattern) => fits(pattern.segments, segments))
      .flatMap((pattern) => pattern.routes);
  }
}

/** Value of `Allow`: HEAD goes with GET. */
export function allowOf(routes: readonly Route[]): string {
  const methods = new Set<string>();
  for (const { method } of routes) {
    methods.add(method);
    if (method === "GET") methods.add("HEAD");
  }
  return [...methods].sort().join(", ");
}

function fits(pattern: readonly string[], segments: readonly (string | undefined)[]): boolean {
  if (pattern.length !== segments.length) return false;
  return pattern.every((expected, index) => {
    const segment = segments[index];
    return expected.startsWith("{") ? segment !== "" : segment === expected;
  });
}

function decodeSegment(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment);
  } catch {
    return undefined;
  }
}
