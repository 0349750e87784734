// How the edge calls a route, decided once for each: what becomes of the bytes of the body before
// the route sees it.
import { unreachable } from "../core/problem.ts";
import type { Call } from "./admission.ts";
import { readJsonBody } from "./body.ts";
import type { Handled, JsonRoute, RawRoute, Route } from "./route.ts";
import { isOpen } from "./route-table.ts";

export type Runner = (call: Call, bytes: Buffer) => Handled;

/** The body is put on the call itself. */
export function runnerOf(route: Route): Runner {
  if (isOpen(route)) return (call, bytes) => route.handle(Object.assign(call, { body: bytes }));
  if (route.request === undefined) {
    return (call) => route.handle(Object.assign(call, { body: undefined }));
  }
  if (isRaw(route)) {
    return (call, bytes) => route.handle(Object.assign(call, { body: bytes }));
  }
  if (isJson(route)) {
    return (call, bytes) => {
      const body = readJsonBody(bytes);
      return body.ok ? route.handle(Object.assign(call, { body: body.value })) : body;
    };
  }
  return unreachable(route);
}

function isRaw(route: Route): route is RawRoute {
  return route.scope !== null && route.request?.bodyKind === "raw";
}

function isJson(route: Route): route is JsonRoute {
  return route.scope !== null && route.request?.bodyKind === "json";
}
