// Builds the Fastify instance. Fastify gives routing, the life of a request and writing to the
// socket; its parsers, validators and serializers are not used (they round long numbers). The
// order of checks is: path (404), method (405), then admission.ts, then the body, then the route.
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import { Tokens } from "../auth/tokens.ts";
import { assert, unreachable } from "../core/problem.ts";
import { type Admission, admissionOf, admit, type Call, malformation } from "./admission.ts";
import { type RefusedAt, sendRefusal, sendReply } from "./answer.ts";
import { readJsonBody } from "./body.ts";
import { documentedRoutes } from "./documented-routes.ts";
import { edgeFault } from "./edge-faults.ts";
import { IncomingBody } from "./incoming-body.ts";
import { LargeBodies } from "./large-bodies.ts";
import { methodNotAllowed, type Refusal, refusalOf, unknownPath } from "./problems.ts";
import { pathOf } from "./query.ts";
import { ReadingTurns } from "./reading-turns.ts";
import { reportAnswers } from "./report.ts";
import type { Handled, JsonRoute, RawRoute, Route } from "./route.ts";
import { allowOf, checkRoutes, isOpen, PathTable, rootsOf } from "./route-table.ts";
import type { ServerOptions } from "./server-options.ts";
import { guardSocket } from "./socket-guard.ts";

/** Bounds of a connection (HT19), in milliseconds unless named otherwise. */
export const serverBounds = {
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  /** How often Node looks for connections that are too slow. */
  checkEveryMs: 1_000,
  keepAliveTimeoutMs: 72_000,
  headerBytesMax: 16_384,
  pathParameterCharactersMax: 1_000,
} as const;

const empty = Buffer.alloc(0);
const noBody = { length: 0, take: (): Buffer => empty, leave: (): void => undefined };
const callerRequestId = /^[A-Za-z0-9._-]{1,64}$/;

declare module "fastify" {
  interface FastifyRequest {
    /** Set by admission: what the route is called with. */
    call: Call | null;
    /** Set by admission: which route, for the log and for metrics. */
    route: Route | null;
  }
}

/**
 * A server with all routes under both roots; not listening. Throws (an assertion) when the table
 * of routes is faulty.
 */
export function buildServer(options: ServerOptions): FastifyInstance {
  const tokens = new Tokens({ ...options, issuer: () => options.baseUrl() });
  const routes = documentedRoutes(options, tokens);
  checkRoutes(routes);
  const app = createInstance(options);
  app.decorateRequest("call", null);
  app.decorateRequest("route", null);
  app.removeAllContentTypeParsers();
  receiveBodies(app, new LargeBodies(options.clock));
  refuseFirst(app, new PathTable(routes));
  const gate = { verifier: tokens, ready: () => options.ready() };
  const serving = { gate, options, turns: new ReadingTurns() };
  for (const route of routes) {
    for (const root of rootsOf(route)) addRoute(app, admissionOf(route, root), serving);
  }
  app.setErrorHandler<Error>((error, request, reply) => {
    const at = { route: request.route ?? undefined, root: request.call?.root ?? "" };
    const refusal = edgeFault(error);
    if (refusal.status === 500) logFailure(options, request, error);
    reply.removeHeader("connection");
    sendRefusal(request, reply, { refusal, at });
  });
  guardSocket(app.server, options);
  reportAnswers(app, options);
  return app;
}

function createInstance({ random }: ServerOptions): FastifyInstance {
  return fastify({
    logger: false,
    http: {
      headersTimeout: serverBounds.headersTimeoutMs,
      requestTimeout: serverBounds.requestTimeoutMs,
      connectionsCheckingInterval: serverBounds.checkEveryMs,
      maxHeaderSize: serverBounds.headerBytesMax,
      requireHostHeader: false,
    },
    requestTimeout: serverBounds.requestTimeoutMs,
    keepAliveTimeout: serverBounds.keepAliveTimeoutMs,
    return503OnClosing: false,
    exposeHeadRoutes: true,
    genReqId: (raw) => {
      const sent = raw.headers["x-request-id"];
      return typeof sent === "string" && callerRequestId.test(sent) ? sent : random.uuid();
    },
    frameworkErrors: (error, request, reply) => {
      setCommonHeaders(request, reply);
      const refusal = malformation(request.raw) ?? edgeFault(error);
      sendRefusal(request, reply, { refusal, at: { route: undefined, root: "" } });
    },
    routerOptions: {
      caseSensitive: true,
      ignoreTrailingSlash: false,
      maxParamLength: serverBounds.pathParameterCharactersMax,
      querystringParser: () => noQuery,
    },
  });
}

/** The body of a request is an `IncomingBody` that has come, or undefined where there is none. */
function receiveBodies(app: FastifyInstance, places: LargeBodies): void {
  app.addContentTypeParser("*", ({ route }, raw, done) => {
    assert(route !== null, "a body is received after admission");
    const body = new IncomingBody({ raw, route, places }, (error) => done(error, body));
    body.receive();
  });
}

/** Queries are read by query.ts. */
const noQuery: Record<string, never> = Object.freeze({});

function setCommonHeaders(request: FastifyRequest, reply: FastifyReply): void {
  reply.header("x-request-id", request.id);
  reply.header("x-content-type-options", "nosniff");
  reply.header("cache-control", "no-store");
}

/** What comes before any route: malformed requests, unknown paths, wrong methods. */
function refuseFirst(app: FastifyInstance, paths: PathTable): void {
  app.addHook("onRequest", (request, reply, done) => {
    setCommonHeaders(request, reply);
    const at: RefusedAt = { route: undefined, root: "" };
    const refusal = malformation(request.raw);
    if (refusal !== undefined) {
      sendRefusal(request, reply, { refusal, at });
    } else if (request.is404 || hasEmptySegment(request.raw.url ?? "")) {
      refuseUnrouted(request, reply, paths);
    } else {
      done();
    }
  });
}

/** Fastify would take nothing at all for a path parameter. */
function hasEmptySegment(target: string): boolean {
  const path = pathOf(target);
  return path.endsWith("/") || path.includes("//");
}

function refuseUnrouted(request: FastifyRequest, reply: FastifyReply, paths: PathTable): void {
  const found = paths.find(pathOf(request.raw.url ?? ""));
  const refusal = found.length === 0 ? unknownPath : methodNotAllowed(allowOf(found));
  request.route = found[0] ?? null;
  sendRefusal(request, reply, { refusal, at: { route: found[0], root: "" } });
}

interface Serving {
  readonly gate: { readonly verifier: Tokens; ready(): boolean };
  readonly options: ServerOptions;
  readonly turns: ReadingTurns;
}

function addRoute(app: FastifyInstance, admission: Admission, serving: Serving): void {
  const { gate, options, turns } = serving;
  const { route, root } = admission;
  const at: RefusedAt = { route, root };
  const run = runnerOf(route);
  const finish = (
    request: FastifyRequest,
    reply: FastifyReply,
    handled: Awaited<Handled>,
  ): void => {
    if (!handled.ok) {
      sendRefusal(request, reply, { refusal: refusalOf(handled.error), at });
      return;
    }
    sendReply(request, reply, handled.value)?.once("error", (error: Error) => {
      if (reply.statusCode !== 500) logFailure(options, request, error);
    });
  };
  app.route<{ Params: Record<string, string> }>({
    method: route.method,
    url: `${root}${route.path.replaceAll(/\{([^}]+)\}/g, ":$1")}`,
    onRequest: (request, reply, done) => {
      request.route = route;
      const { raw, id, params } = request;
      const admitted = admit(admission, { raw, requestId: id, params }, gate);
      if (admitted.ok) {
        request.call = admitted.value;
        done();
      } else {
        sendRefusal(request, reply, { refusal: admitted.error, at });
      }
    },
    handler: (request, reply) => {
      const { call } = request;
      assert(call !== null, "a request reached its route without admission");
      const body = request.body instanceof IncomingBody ? request.body : noBody;
      const handled = turns.handle(route, body, () => run(call, body.take()));
      if (!(handled instanceof Promise)) return finish(request, reply, handled);
      handled.then(
        (outcome) => finish(request, reply, outcome),
        (error: unknown) => failed(request, reply, { error, at, options }),
      );
    },
  });
}

function failed(
  request: FastifyRequest,
  reply: FastifyReply,
  { error, at, options }: { error: unknown; at: RefusedAt; options: ServerOptions },
): void {
  logFailure(options, request, error);
  const refusal: Refusal = edgeFault(error);
  if (!reply.sent) sendRefusal(request, reply, { refusal, at });
}

function logFailure(options: ServerOptions, request: FastifyRequest, error: unknown): void {
  const operation = request.route?.operationId ?? "none";
  options.log.error({ requestId: request.id, operation, err: error }, "request failed");
}

type Runner = (call: Call, bytes: Buffer) => Handled;

/** How a route is called, decided once; the body is put on the call itself. */
function runnerOf(route: Route): Runner {
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
