// Deliveries of a destination: what became of each, a test message, sending again. All of it is the
// delivery service's; the routes find the destination and read what was asked.
import { Type } from "typebox";
import { object, readDefinition } from "../../core/definition-reader.ts";
import type { Destination } from "../../core/destination.ts";
import { findDestination } from "../../core/destination-table.ts";
import { instant } from "../../core/fields.ts";
import { writeJson } from "../../core/json.ts";
import type { JsonValue } from "../../core/json-value.ts";
import { definitionBodyBytesMax } from "../../core/limits.ts";
import type { EpochMs } from "../../core/ports.ts";
import { fail, invalid, notFound, ok, type Result } from "../../core/problem.ts";
import type { Engine } from "../../engine/engine.ts";
import { toWireDelivery } from "../convert-destinations.ts";
import { type DeliveryDesk, deliveryStates } from "../delivery-desk.ts";
import { listReply, QueryReader } from "../pages.ts";
import {
  type Context,
  type JsonRoute,
  type PlainRoute,
  pathParameter,
  type Route,
} from "../route.ts";
import { deliverySchema, resendAnswerSchema, resendRangeSchema } from "../schemas-destinations.ts";
import { conflictResponse, limitParameter, listResponse, skipParameter } from "../schemas-lists.ts";

export interface DeliveryServices {
  readonly engine: Pick<Engine, "state">;
  readonly delivery: { readonly desk: DeliveryDesk };
}

const tag = "Destinations";
const params = { id: "Id of the destination." };

export function deliveryRoutes(services: DeliveryServices): readonly Route[] {
  return [list(services), test(services), resend(services), resendRange(services)];
}

function list(services: DeliveryServices): PlainRoute {
  return {
    method: "GET",
    path: "/destinations/{id}/deliveries",
    operationId: "listDeliveries",
    summary: "List deliveries of a destination",
    description: "The newest first, each with its attempts.",
    tag,
    scope: "read:destinations",
    params,
    query: {
      limit: limitParameter,
      skip: skipParameter,
      state: { description: "Only these.", schema: Type.Enum([...deliveryStates]) },
    },
    responses: { 200: listResponse("deliveries", deliverySchema) },
    handle: (context) => {
      const found = destinationOf(services, context);
      if (!found.ok) return found;
      const reader = new QueryReader(context.query);
      const state = reader.choice("state", deliveryStates);
      const wanted = reader.result({ ...reader.page(), state });
      if (!wanted.ok) return wanted;
      const { items, total } = services.delivery.desk.list(found.value, wanted.value);
      const texts = items.values().map((item) => writeJson(toWireDelivery(item)));
      return listReply({ member: "deliveries", texts, total });
    },
  };
}

function test(services: DeliveryServices): PlainRoute {
  return {
    method: "POST",
    path: "/destinations/{id}/test",
    operationId: "testDestination",
    summary: "Send a test message",
    description:
      "Sends one message of the type `test`, or writes and removes a file, at once and only once, " +
      "and answers what came of it; whether or not the destination is enabled.",
    tag,
    scope: "update:destinations",
    params,
    responses: { 200: { description: "What came of it.", schema: deliverySchema } },
    handle: async (context) => {
      const found = destinationOf(services, context);
      if (!found.ok) return found;
      const done = await services.delivery.desk.test(found.value);
      return done.ok ? ok({ status: 200, body: toWireDelivery(done.value) }) : done;
    },
  };
}

function resend(services: DeliveryServices): PlainRoute {
  return {
    method: "POST",
    path: "/destinations/{id}/deliveries/{deliveryId}/resend",
    operationId: "resendDelivery",
    summary: "Send a delivery again",
    description: "With the same id and the same bytes, whatever became of it before.",
    tag,
    scope: "update:destinations",
    params: { ...params, deliveryId: "Id of the delivery." },
    responses: {
      200: { description: "The delivery, which is due now.", schema: deliverySchema },
      409: conflictResponse("The destination is disabled, or the delivery is a test."),
    },
    handle: (context) => {
      const found = destinationOf(services, context);
      if (!found.ok) return found;
      const deliveryId = pathParameter(context, "deliveryId");
      const done = services.delivery.desk.resend(found.value, deliveryId, context.clientId);
      return done.ok ? ok({ status: 200, body: toWireDelivery(done.value) }) : done;
    },
  };
}

function resendRange(services: DeliveryServices): JsonRoute {
  return {
    method: "POST",
    path: "/destinations/{id}/resend",
    operationId: "resendRange",
    summary: "Send everything of a range of time again",
    description:
      "Everything that was emitted within `[from, to)` and fits the destination, delivered or not, " +
      "with the same ids and the same bytes.",
    tag,
    scope: "update:destinations",
    params,
    request: { bodyKind: "json", schema: resendRangeSchema, bytesMax: definitionBodyBytesMax },
    responses: {
      200: { description: "It goes out from now on.", schema: resendAnswerSchema },
      409: conflictResponse("The destination is disabled, or another range is still being sent."),
    },
    handle: (context) => {
      const found = destinationOf(services, context);
      if (!found.ok) return found;
      const range = readRange(context.body);
      if (!range.ok) return range;
      const done = services.delivery.desk.resendRange(found.value, range.value, context.clientId);
      return done.ok ? ok({ status: 200, body: { matched: done.value.matched } }) : done;
    },
  };
}

function destinationOf(
  { engine }: DeliveryServices,
  context: Context<unknown>,
): Result<Destination> {
  const found = findDestination(engine.state, context.accountId, pathParameter(context, "id"));
  return found === undefined ? fail(notFound("destination")) : ok(found);
}

const rangeReader = object({ name: "a resend", members: { from: instant, to: instant } });

function readRange(body: JsonValue): Result<{ readonly from: EpochMs; readonly to: EpochMs }> {
  const read = readDefinition(body, rangeReader);
  if (!read.ok) return fail(invalid(read.error));
  if (read.value.from < read.value.to) return read;
  return fail(invalid([{ pointer: "/from", detail: "must be earlier than to" }]));
}
