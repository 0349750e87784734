// Destinations: list, create, get, change, delete, and a new secret. Listed from memory. What a body
// may say is core/destination-fields.ts's; what is in the way is decided at apply. A secret is drawn
// and sealed here and shown once, in the answer.
import type { SecretBox } from "../../auth/secret-box.ts";
import { drawWebhookSecret } from "../../auth/secrets.ts";
import type { Destination, DrawnSecret } from "../../core/destination.ts";
import {
  readDestination,
  readDestinationPatch,
  type WebhookUrl,
} from "../../core/destination-fields.ts";
import { findDestination } from "../../core/destination-table.ts";
import { writeJson } from "../../core/json.ts";
import { definitionBodyBytesMax } from "../../core/limits.ts";
import type { Outcome } from "../../core/outcome.ts";
import { assert, fail, invalid, notFound, ok, type Result } from "../../core/problem.ts";
import type { Engine } from "../../engine/engine.ts";
import { previousSecretEnd, toWireDestination } from "../convert-destinations.ts";
import { wholeListReply } from "../pages.ts";
import {
  type JsonRoute,
  locationOf,
  type PlainRoute,
  pathParameter,
  type Route,
} from "../route.ts";
import {
  createDestinationSchema,
  createdDestinationSchema,
  destinationExample,
  destinationSchema,
  patchDestinationSchema,
  secretSchema,
} from "../schemas-destinations.ts";
import {
  conflictResponse,
  createdResponse,
  deletedResponse,
  limitParameter,
  listResponse,
  locationHeader,
  skipParameter,
} from "../schemas-lists.ts";

export interface DestinationServices {
  readonly engine: Pick<Engine, "state" | "random" | "clock" | "execute">;
  readonly delivery: {
    readonly secrets: Pick<SecretBox, "seal">;
    readonly webhookUrl: WebhookUrl;
  };
}

const tag = "Destinations";
const collection = "destinations";
const params = { id: "Id of the destination." };

export function destinationRoutes(services: DestinationServices): readonly Route[] {
  return [
    list(services),
    create(services),
    get(services),
    patch(services),
    remove(services),
    rotate(services),
  ];
}

function list(services: DestinationServices): PlainRoute {
  return {
    method: "GET",
    path: "/destinations",
    operationId: "listDestinations",
    summary: "List destinations",
    description: "In the order in which they were made.",
    tag,
    scope: "read:destinations",
    query: { limit: limitParameter, skip: skipParameter },
    responses: { 200: listResponse("destinations", destinationSchema) },
    handle: ({ query, accountId }) => {
      const { state, clock } = services.engine;
      const known = state.accounts.get(accountId)?.destinations.values() ?? [];
      const items = [...known].sort(byAge);
      const now = clock.now();
      const text = (one: Destination): string => writeJson(toWireDestination(one, now));
      return wholeListReply(query, { member: "destinations", items, text });
    },
  };
}

function byAge(a: Destination, b: Destination): number {
  return a.createdSeq - b.createdSeq;
}

function create(services: DestinationServices): JsonRoute {
  return {
    method: "POST",
    path: "/destinations",
    operationId: "createDestination",
    summary: "Create a destination",
    description:
      "A webhook, or a folder that files are written to. Only what is made after it is delivered. " +
      "The secret of a webhook is shown in this answer alone.",
    tag,
    scope: "create:destinations",
    request: {
      bodyKind: "json",
      schema: createDestinationSchema,
      bytesMax: definitionBodyBytesMax,
      example: destinationExample,
    },
    responses: {
      201: createdResponse(createdDestinationSchema),
      409: conflictResponse("The folder is taken, or the account has as many as it may."),
    },
    handle: async (context) => {
      const { engine, delivery } = services;
      const { accountId } = context;
      const read = readDestination(context.body, delivery.webhookUrl);
      if (!read.ok) return fail(invalid(read.error));
      const fields = read.value;
      const drawn = fields.target.kind === "webhook" ? draw(services) : null;
      const id = engine.random.uuid();
      const secret = drawn?.sealed ?? null;
      const entry = { kind: "create-destination", accountId, id, fields, secret } as const;
      const done = destinationIn(await engine.execute(entry));
      if (!done.ok) return done;
      const shown = drawn === null ? {} : { secret: drawn.secret };
      const body = { ...toWireDestination(done.value, engine.clock.now()), ...shown };
      const headers = { location: locationOf(context, collection, id) };
      return ok({ status: 201, body, headers });
    },
  };
}

function get(services: DestinationServices): PlainRoute {
  return {
    method: "GET",
    path: "/destinations/{id}",
    operationId: "getDestination",
    summary: "Get a destination",
    tag,
    scope: "read:destinations",
    params,
    responses: { 200: { description: "The destination.", schema: destinationSchema } },
    handle: (context) => {
      const { state, clock } = services.engine;
      const found = findDestination(state, context.accountId, pathParameter(context, "id"));
      if (found === undefined) return fail(notFound("destination"));
      return ok({ status: 200, body: toWireDestination(found, clock.now()) });
    },
  };
}

function patch(services: DestinationServices): JsonRoute {
  return {
    method: "PATCH",
    path: "/destinations/{id}",
    operationId: "updateDestination",
    summary: "Change a destination",
    description:
      "A disabled destination keeps what waits; enabling it sends on from there. A new url holds " +
      "from the next attempt on, new outputs and meterKeys for what is not queued yet.",
    tag,
    scope: "update:destinations",
    params,
    request: { bodyKind: "json", schema: patchDestinationSchema, bytesMax: definitionBodyBytesMax },
    responses: {
      200: { description: "The destination as it is now.", schema: destinationSchema },
    },
    handle: async (context) => {
      const { engine, delivery } = services;
      const { accountId } = context;
      const id = pathParameter(context, "id");
      const found = findDestination(engine.state, accountId, id);
      if (found === undefined) return fail(notFound("destination"));
      const read = readDestinationPatch(context.body, found, delivery.webhookUrl);
      if (!read.ok) return fail(invalid(read.error));
      const entry = { kind: "patch-destination", accountId, id, patch: read.value } as const;
      const done = destinationIn(await engine.execute(entry));
      if (!done.ok) return done;
      return ok({ status: 200, body: toWireDestination(done.value, engine.clock.now()) });
    },
  };
}

function remove(services: DestinationServices): PlainRoute {
  return {
    method: "DELETE",
    path: "/destinations/{id}",
    operationId: "deleteDestination",
    summary: "Delete a destination",
    description: "What it has not delivered yet is not delivered any more. Files stay.",
    tag,
    scope: "delete:destinations",
    params,
    responses: { 200: deletedResponse },
    handle: async (context) => {
      const { accountId } = context;
      const id = pathParameter(context, "id");
      const done = await services.engine.execute({ kind: "delete-destination", accountId, id });
      return done.ok ? ok({ status: 200, body: { deletedCount: 1 } }) : done;
    },
  };
}

function rotate(services: DestinationServices): PlainRoute {
  return {
    method: "POST",
    path: "/destinations/{id}/secrets",
    operationId: "rotateDestinationSecret",
    summary: "Give a webhook a new secret",
    description:
      "For 24 hours messages carry signatures of the new and of the last secret, so that the " +
      "receiver can change over; another rotation ends the older one at once.",
    tag,
    scope: "update:destinations",
    params,
    responses: {
      201: {
        description: "The new secret, shown in this answer alone.",
        schema: secretSchema,
        headers: { location: { ...locationHeader, description: "The destination." } },
      },
      409: conflictResponse("The destination is of the kind file, which has no secret."),
    },
    handle: async (context) => {
      const { engine } = services;
      const { accountId } = context;
      const id = pathParameter(context, "id");
      const { secret, sealed } = draw(services);
      const entry = { kind: "rotate-destination-secret", accountId, id, secret: sealed } as const;
      const done = destinationIn(await engine.execute(entry));
      if (!done.ok) return done;
      const previousSecretExpiresAt = previousSecretEnd(done.value, engine.clock.now());
      const headers = { location: locationOf(context, collection, id) };
      return ok({ status: 201, body: { secret, previousSecretExpiresAt }, headers });
    },
  };
}

function draw({ engine, delivery }: DestinationServices): {
  readonly secret: string;
  readonly sealed: DrawnSecret;
} {
  const secret = drawWebhookSecret(engine.random);
  return { secret, sealed: { id: engine.random.uuid(), sealed: delivery.secrets.seal(secret) } };
}

function destinationIn(done: Result<Outcome>): Result<Destination> {
  if (!done.ok) return done;
  assert(done.value.kind === "destination", "a change of a destination gives it");
  return ok(done.value.destination);
}
