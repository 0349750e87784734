// A server with small example routes instead of resources, for the tests of the HTTP edge: two
// accounts with one access each, a clock that stands still, a log that is kept.
import type { FastifyInstance } from "fastify";
import { Type } from "typebox";
import { type KeyRing, keyRingOf, makeSigningKey } from "../../src/auth/keys.ts";
import { allScopes, type Scope } from "../../src/auth/scopes.ts";
import { drawSecret, hashSecret } from "../../src/auth/secrets.ts";
import { Tokens } from "../../src/auth/tokens.ts";
import type { Access } from "../../src/core/definitions.ts";
import { invalid, notFound, ok } from "../../src/core/problem.ts";
import {
  type JsonRoute,
  locationOf,
  type PlainRoute,
  pathParameter,
  type RawRoute,
  type Route,
} from "../../src/http/route.ts";
import { named, problemResponse } from "../../src/http/schemas-common.ts";
import { buildServer } from "../../src/http/server.ts";
import type { Answered, Log, ServerOptions } from "../../src/http/server-options.ts";
import { createSeededRandom } from "./seeded-random.ts";
import { VirtualClock } from "./virtual-clock.ts";

export const baseUrl = "http://localhost:8080";

export interface LoggedLine {
  readonly level: string;
  readonly fields: object;
  readonly message: string;
}

export interface EdgeServer {
  readonly app: FastifyInstance;
  readonly tokens: Tokens;
  readonly keys: KeyRing;
  readonly clock: VirtualClock;
  readonly accesses: Map<string, Access>;
  readonly mine: Access;
  readonly other: Access;
  readonly secret: string;
  readonly lines: LoggedLine[];
  readonly answered: Answered[];
  /** Given to readiness; starts true. */
  readiness: boolean;
}

let sharedKeys: Promise<KeyRing> | undefined;

/** One key for all tests of a file: making one takes a tenth of a second or more. */
function testKeys(): Promise<KeyRing> {
  sharedKeys ??= keyRingOf(makeSigningKey());
  return sharedKeys;
}

export async function createEdgeServer(
  routes: readonly Route[] = exampleRoutes(),
  changes: Partial<ServerOptions> = {},
): Promise<EdgeServer> {
  const random = createSeededRandom(7);
  const clock = new VirtualClock();
  const keys = await testKeys();
  const secret = drawSecret(random);
  const mine = accessOf("account-mine", "clientOfMine00000000000000000000", secret);
  const other = accessOf("account-other", "clientOfOther0000000000000000000", drawSecret(random));
  const accesses = new Map([mine, other].map((access) => [access.clientId, access]));
  const lookup = { findAccess: (clientId: string) => accesses.get(clientId) };
  const lines: LoggedLine[] = [];
  const answered: Answered[] = [];
  const tokens = new Tokens({ keys, accesses: lookup, clock, random, issuer: () => baseUrl });
  const app = buildServer({
    routes,
    keys,
    accesses: lookup,
    clock,
    random,
    log: logInto(lines),
    baseUrl: () => baseUrl,
    ready: () => server.readiness,
    metricsText: () => "# metrics\n",
    onAnswered: (one) => answered.push(one),
    ...changes,
  });
  const server: EdgeServer = {
    app,
    tokens,
    keys,
    clock,
    accesses,
    mine,
    other,
    secret,
    lines,
    answered,
    readiness: true,
  };
  return server;
}

/** A token of the edge server's own access, with all scopes unless given. */
export function tokenOf(server: EdgeServer, scopes: readonly Scope[] = allScopes): Promise<string> {
  return server.tokens.issue(server.mine, scopes);
}

function accessOf(accountId: string, clientId: string, secret: string): Access {
  return {
    id: `access-${accountId}`,
    accountId,
    name: "test",
    clientId,
    secretHash: hashSecret(secret),
    scopes: allScopes,
    createdAt: 0,
  };
}

function logInto(lines: LoggedLine[]): Log {
  const at = (level: string) => (fields: object, message: string) => {
    lines.push({ level, fields, message });
  };
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}

const thingSchema = named(
  "Thing",
  Type.Object({ accountId: Type.String(), id: Type.String(), echo: Type.Optional(Type.Unknown()) }),
);

/** Reads, lists, makes and counts "things"; `boom` breaks a promise, `slow` streams. */
export function exampleRoutes(): readonly Route[] {
  return [listThings, createThing, getThing, deleteThing, sendRaw, boom, streamThings];
}

const listThings: PlainRoute = {
  method: "GET",
  path: "/things",
  operationId: "listThings",
  summary: "List things",
  tag: "Things",
  scope: "read:meters",
  query: {
    limit: { description: "Most things.", schema: Type.String() },
    name: { description: "Part of the name.", schema: Type.String() },
  },
  responses: { 200: { description: "Things.", schema: Type.Object({ query: Type.Object({}) }) } },
  handle: ({ query, root }) =>
    ok({ status: 200, body: { query: Object.fromEntries(query), root } }),
};

const createThing: JsonRoute = {
  method: "POST",
  path: "/things",
  operationId: "createThing",
  summary: "Create a thing",
  tag: "Things",
  scope: "create:meters",
  request: { bodyKind: "json", schema: thingSchema, bytesMax: 1_000 },
  responses: {
    201: {
      description: "Made.",
      schema: thingSchema,
      headers: { location: { description: "Where it is.", schema: Type.String() } },
    },
    409: problemResponse("Taken."),
  },
  handle: (context) => {
    const { accountId, body } = context;
    if (body === "faulty") {
      const faults = Array.from({ length: 130 }, (_, index) => ({
        pointer: `/${index}`,
        detail: "is wrong",
      }));
      return { ok: false, error: invalid(faults) };
    }
    if (body === "full") {
      const detail = "There is no room.";
      return { ok: false, error: { kind: "too-many-requests", code: "full", detail } };
    }
    if (body === "taken") {
      const existing = { collection: "things", id: "the first/one" };
      const detail = "The thing exists.";
      return { ok: false, error: { kind: "conflict", code: "thing-exists", detail, existing } };
    }
    const headers = { location: locationOf(context, "things", "t1") };
    return ok({ status: 201, body: { accountId, id: "t1", echo: body }, headers });
  },
};

const getThing: PlainRoute = {
  method: "GET",
  path: "/things/{id}",
  operationId: "getThing",
  summary: "Get a thing",
  tag: "Things",
  scope: "read:meters",
  params: { id: "Id of the thing; each account has one, named like the account." },
  responses: { 200: { description: "It.", schema: thingSchema } },
  handle: async (context) => {
    const id = pathParameter(context, "id");
    if (id !== context.accountId) return { ok: false, error: notFound("thing") };
    return ok({ status: 200, body: { accountId: context.accountId, id } });
  },
};

const deleteThing: PlainRoute = {
  ...getThing,
  method: "DELETE",
  operationId: "deleteThing",
  scope: "delete:meters",
};

const sendRaw: RawRoute = {
  method: "POST",
  path: "/raw",
  operationId: "sendRaw",
  summary: "Send bytes",
  tag: "Things",
  scope: "create:usage_records",
  request: {
    bodyKind: "raw",
    contentTypes: ["application/json", "application/x-ndjson"],
    schema: Type.Unknown(),
    bytesMax: 100_000,
  },
  responses: {
    200: { description: "Counted.", schema: Type.Object({ bytes: Type.Integer() }) },
  },
  handle: ({ body, contentType }) => ok({ status: 200, body: { bytes: body.length, contentType } }),
};

const boom: PlainRoute = {
  method: "GET",
  path: "/boom",
  operationId: "boom",
  summary: "Breaks a promise",
  tag: "Things",
  scope: "read:meters",
  query: { how: { description: "now or later.", schema: Type.String() } },
  responses: { 200: { description: "Never." } },
  handle: ({ query }) => {
    const error = new Error("secret cause");
    if (query.get("how") === "later") return Promise.reject(error);
    throw error;
  },
};

const streamThings: PlainRoute = {
  method: "GET",
  path: "/stream",
  operationId: "streamThings",
  summary: "Streams lines",
  tag: "Things",
  scope: "read:metered_records",
  query: { how: { description: "`early` or `late`: when to fail.", schema: Type.String() } },
  responses: {
    200: { description: "Lines.", schema: Type.String(), contentTypes: ["application/x-ndjson"] },
  },
  handle: ({ query }) => {
    const stream = lines(3, query.get("how"));
    return ok({ status: 200, contentType: "application/x-ndjson", stream });
  },
};

async function* lines(count: number, how: string | undefined): AsyncGenerator<string> {
  if (how === "early") throw new Error("secret cause");
  for (let index = 0; index < count; index++) yield `{"line":${index}}\n`;
  if (how === "late") throw new Error("secret cause");
}
