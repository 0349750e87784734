// Builds the Fastify instance. Fastify gives the server and its routing; its requests, replies,
// parsers, validators and serializers are not used (they round long numbers, and cost more than
// counting a record): each request is taken over as an `Exchange`. The order of checks is: path
// (404), method (405), then admission.ts, then the body, then the route.
import type { IncomingMessage, ServerResponse } from "node:http";
import fastify, { type FastifyInstance } from "fastify";
import { Tokens } from "../auth/tokens.ts";
import { assert } from "../core/problem.ts";
import { type Admission, admissionOf, admit, type Call, malformation } from "./admission.ts";
import { sendRefusal, sendReply } from "./answer.ts";
import { documentedRoutes } from "./documented-routes.ts";
import { edgeFault } from "./edge-faults.ts";
import { Exchange } from "./exchange.ts";
import { IncomingBody } from "./incoming-body.ts";
import { LargeBodies } from "./large-bodies.ts";
import { methodNotAllowed, refusalOf, unknownPath } from "./problems.ts";
import { pathOf } from "./query.ts";
import { type Arrived, ReadingTurns } from "./reading-turns.ts";
import { reportAnswer } from "./report.ts";
import type { Handled } from "./route.ts";
import { allowOf, checkRoutes, PathTable, rootsOf } from "./route-table.ts";
import { type Runner, runnerOf } from "./runner.ts";
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

declare module "fastify" {
  interface FastifyRequest {
    /** Set by the first hook: from then on Fastify has no part in the request. */
    exchange: Exchange | null;
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
  const edge = new Edge(options, tokens);
  const app = createInstance(edge);
  app.decorateRequest("exchange", null);
  refuseFirst(app, edge, new PathTable(routes));
  for (const route of routes) {
    for (const root of rootsOf(route)) addRoute(app, edge, admissionOf(route, root));
  }
  guardSocket(app.server, options);
  return app;
}

function createInstance(edge: Edge): FastifyInstance {
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
    // An exchange has its own.
    genReqId: () => "",
    frameworkErrors: (error, { raw }, reply) => {
      reply.hijack();
      sendRefusal(edge.begin(raw, reply.raw), malformation(raw) ?? edgeFault(error));
    },
    routerOptions: {
      caseSensitive: true,
      ignoreTrailingSlash: false,
      maxParamLength: serverBounds.pathParameterCharactersMax,
      querystringParser: () => noQuery,
    },
  });
}

/** Queries are read by query.ts. */
const noQuery: Record<string, never> = Object.freeze({});

/** What comes before any route: malformed requests, unknown paths, wrong methods. */
function refuseFirst(app: FastifyInstance, edge: Edge, paths: PathTable): void {
  app.addHook("onRequest", (request, reply, done) => {
    const { raw } = request;
    const exchange = edge.begin(raw, reply.raw);
    request.exchange = exchange;
    const refusal = malformation(raw);
    if (refusal === undefined && !request.is404 && !hasEmptySegment(raw.url ?? "")) {
      done();
      return;
    }
    reply.hijack();
    if (refusal === undefined) refuseUnrouted(exchange, paths);
    else sendRefusal(exchange, refusal);
  });
}

/** Fastify would take nothing at all for a path parameter. */
function hasEmptySegment(target: string): boolean {
  const path = pathOf(target);
  return path.endsWith("/") || path.includes("//");
}

function refuseUnrouted(exchange: Exchange, paths: PathTable): void {
  const found = paths.find(pathOf(exchange.raw.url ?? ""));
  exchange.route = found[0] ?? null;
  sendRefusal(exchange, found.length === 0 ? unknownPath : methodNotAllowed(allowOf(found)));
}

function addRoute(app: FastifyInstance, edge: Edge, admission: Admission): void {
  const { route, root } = admission;
  const run = runnerOf(route);
  app.route<{ Params: Record<string, string> }>({
    method: route.method,
    url: `${root}${route.path.replaceAll(/\{([^}]+)\}/g, ":$1")}`,
    onRequest: ({ exchange, params }, reply) => {
      assert(exchange !== null, "the first hook has begun the exchange");
      reply.hijack();
      edge.admit({ exchange, admission, run }, params);
    },
    // Never comes: the exchange is answered, or goes on by itself.
    handler: () => undefined,
  });
}

/** A request that has found its route. */
interface Visit {
  readonly exchange: Exchange;
  readonly admission: Admission;
  readonly run: Runner;
}

/** Leads each request through its checks to its route, answers it once and reports it once. */
class Edge {
  readonly #options: ServerOptions;
  readonly #gate: { readonly verifier: Tokens; ready(): boolean };
  readonly #places: LargeBodies;
  readonly #turns = new ReadingTurns();
  readonly #drawId = (): string => this.#options.random.uuid();

  constructor(options: ServerOptions, verifier: Tokens) {
    this.#options = options;
    this.#gate = { verifier, ready: () => options.ready() };
    this.#places = new LargeBodies(options.clock);
  }

  begin(raw: IncomingMessage, response: ServerResponse): Exchange {
    const startedAt = this.#options.clock.monotonic();
    const exchange = new Exchange({ raw, response, startedAt, drawId: this.#drawId });
    response.on("finish", () => reportAnswer(exchange, this.#options));
    response.on("error", (error) => this.#failed(exchange, error));
    return exchange;
  }

  admit(visit: Visit, params: Readonly<Record<string, string>>): void {
    const { exchange, admission } = visit;
    const { raw, requestId } = exchange;
    exchange.route = admission.route;
    exchange.root = admission.root;
    try {
      const admitted = admit(admission, { raw, requestId, params }, this.#gate);
      if (admitted.ok) {
        exchange.call = admitted.value;
        this.#receive(visit, admitted.value);
      } else sendRefusal(exchange, admitted.error);
    } catch (error) {
      this.#failed(exchange, error);
    }
  }

  /** Small bodies come soon, large ones wait for a place; then the route runs. */
  #receive(visit: Visit, call: Call): void {
    const { exchange, admission } = visit;
    const { route } = admission;
    if (route.request === undefined) {
      this.#run(visit, call, noBody);
      return;
    }
    const { raw } = exchange;
    const body = new IncomingBody({ raw, route, places: this.#places }, (error) => {
      if (error === null) this.#run(visit, call, body);
      else this.#failed(exchange, error);
    });
    body.receive();
  }

  #run({ exchange, admission, run }: Visit, call: Call, body: Body): void {
    try {
      const handled = this.#turns.handle(admission.route, body, () => run(call, body.take()));
      if (handled instanceof Promise) {
        handled.then(
          (outcome) => this.#finish(exchange, outcome),
          (error: unknown) => this.#failed(exchange, error),
        );
      } else this.#finish(exchange, handled);
    } catch (error) {
      this.#failed(exchange, error);
    }
  }

  #finish(exchange: Exchange, handled: Awaited<Handled>): void {
    if (handled.ok) sendReply(exchange, handled.value, (error) => this.#failed(exchange, error));
    else sendRefusal(exchange, refusalOf(handled.error));
  }

  /** A bug is logged. What has been answered in part is cut, so that nobody takes it for whole. */
  #failed(exchange: Exchange, error: unknown): void {
    const { response, route, requestId } = exchange;
    const refusal = edgeFault(error);
    if (refusal.status === 500) {
      const operation = route?.operationId ?? "none";
      this.#options.log.error({ requestId, operation, err: error }, "request failed");
    }
    if (response.headersSent || response.destroyed) {
      response.destroy();
      return;
    }
    for (const name of response.getHeaderNames()) response.removeHeader(name);
    sendRefusal(exchange, refusal);
  }
}

type Body = Arrived & { take(): Buffer };

const empty = Buffer.alloc(0);
const noBody: Body = { length: 0, take: () => empty, leave: () => undefined };
