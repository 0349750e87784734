// Meters: list, create, get, change, delete. The projection says which meters a list shows, memory
// what each has counted. What a body may say is core/meter.ts's; conflicts are decided at apply.
import { writeJson } from "../../core/json.ts";
import { definitionBodyBytesMax } from "../../core/limits.ts";
import { readMeter, readMeterPatch } from "../../core/meter.ts";
import { meterDocument } from "../../core/meter-document.ts";
import { assert, fail, invalid, notFound, ok } from "../../core/problem.ts";
import { findMeter } from "../../core/state.ts";
import type { Engine } from "../../engine/engine.ts";
import type { Listings } from "../listings.ts";
import { listReply, QueryReader } from "../pages.ts";
import {
  type JsonRoute,
  locationOf,
  type PlainRoute,
  pathParameter,
  type Route,
} from "../route.ts";
import { problemResponse } from "../schemas-common.ts";
import {
  conflictResponse,
  createdResponse,
  deletedResponse,
  filterParameter,
  limitParameter,
  listResponse,
  skipParameter,
} from "../schemas-lists.ts";
import {
  createMeterSchema,
  meterExample,
  meterSchema,
  patchMeterSchema,
} from "../schemas-meters.ts";

export interface MeterServices {
  readonly engine: Pick<Engine, "state" | "random" | "execute">;
  readonly projection: Pick<Listings, "listMeters">;
}

const tag = "Meters";
const params = { id: "Id of the meter." };

export function meterRoutes(services: MeterServices): readonly Route[] {
  return [list(services), create(services), get(services), patch(services), remove(services)];
}

function list(services: MeterServices): PlainRoute {
  return {
    method: "GET",
    path: "/meters",
    operationId: "listMeters",
    summary: "List meters",
    description: "In the order in which they were made. Filters are exact and joined by AND.",
    tag,
    scope: "read:meters",
    query: {
      limit: limitParameter,
      skip: skipParameter,
      meterKey: filterParameter("Meters that name this meter key."),
      meterTypeId: filterParameter("Meters of this meter type."),
      userId: filterParameter("Meters of this user."),
    },
    responses: { 200: listResponse("meters", meterSchema) },
    handle: ({ query, accountId }) => {
      const reader = new QueryReader(query);
      const wanted = reader.result({
        ...reader.page(),
        meterKey: reader.exact("meterKey"),
        meterTypeId: reader.exact("meterTypeId"),
        userId: reader.exact("userId"),
      });
      if (!wanted.ok) return wanted;
      const { state } = services.engine;
      const { ids, total } = services.projection.listMeters({ accountId, ...wanted.value });
      const texts = ids.values().map((id) => {
        const meter = findMeter(state, accountId, id);
        assert(meter !== undefined, "a listed meter is in memory");
        return writeJson(meterDocument(meter));
      });
      return listReply({ member: "meters", texts, total });
    },
  };
}

function create(services: MeterServices): JsonRoute {
  return {
    method: "POST",
    path: "/meters",
    operationId: "createMeter",
    summary: "Create a meter",
    description:
      "The meter type is named by exactly one of meterTypeId and externalRef. The first period " +
      "starts now and ends at the next instant of the meter type's reset schedule.",
    tag,
    scope: "create:meters",
    request: {
      bodyKind: "json",
      schema: createMeterSchema,
      bytesMax: definitionBodyBytesMax,
      example: meterExample,
    },
    responses: {
      201: createdResponse(meterSchema),
      404: problemResponse("The meter type that is named does not exist."),
      409: conflictResponse("The user has a meter of this meter type and meter key."),
    },
    handle: async (context) => {
      const { engine } = services;
      const { accountId } = context;
      const read = readMeter(context.body);
      if (!read.ok) return fail(invalid(read.error));
      const id = engine.random.uuid();
      const meters = [{ id, fields: read.value }];
      const done = await engine.execute({ kind: "create-meters", accountId, meters });
      if (!done.ok) return done;
      assert(done.value.kind === "meters", "creating meters gives a result for each");
      const made = done.value.results[0];
      assert(made !== undefined, "one meter has one result");
      if (!made.ok) return made;
      const headers = { location: locationOf(context, "meters", id) };
      return ok({ status: 201, body: meterDocument(made.value), headers });
    },
  };
}

function get(services: MeterServices): PlainRoute {
  return {
    method: "GET",
    path: "/meters/{id}",
    operationId: "getMeter",
    summary: "Get a meter",
    tag,
    scope: "read:meters",
    params,
    responses: { 200: { description: "The meter as it is now.", schema: meterSchema } },
    handle: (context) => {
      const id = pathParameter(context, "id");
      const meter = findMeter(services.engine.state, context.accountId, id);
      if (meter === undefined) return fail(notFound("meter"));
      return ok({ status: 200, body: meterDocument(meter) });
    },
  };
}

function patch(services: MeterServices): JsonRoute {
  return {
    method: "PATCH",
    path: "/meters/{id}",
    operationId: "updateMeter",
    summary: "Change a meter",
    description: "customFields and thresholds replace what was there; null clears.",
    tag,
    scope: "update:meters",
    params,
    request: { bodyKind: "json", schema: patchMeterSchema, bytesMax: definitionBodyBytesMax },
    responses: {
      200: { description: "The meter as it is now.", schema: meterSchema },
      409: conflictResponse("Another change came first and the two contradict each other."),
    },
    handle: async (context) => {
      const { engine } = services;
      const { accountId } = context;
      const id = pathParameter(context, "id");
      const current = findMeter(engine.state, accountId, id);
      if (current === undefined) return fail(notFound("meter"));
      const read = readMeterPatch(context.body, current);
      if (!read.ok) return fail(invalid(read.error));
      const change = { kind: "patch-meter", accountId, id, patch: read.value } as const;
      const done = await engine.execute(change);
      if (!done.ok) return done;
      assert(done.value.kind === "meter", "changing a meter gives it");
      return ok({ status: 200, body: meterDocument(done.value.meter) });
    },
  };
}

function remove(services: MeterServices): PlainRoute {
  return {
    method: "DELETE",
    path: "/meters/{id}",
    operationId: "deleteMeter",
    summary: "Delete a meter",
    description:
      "At once and without a metered record of the open period; PATCH with deleteOnReset is the " +
      "orderly way.",
    tag,
    scope: "delete:meters",
    params,
    responses: { 200: deletedResponse },
    handle: async (context) => {
      const { accountId } = context;
      const id = pathParameter(context, "id");
      const done = await services.engine.execute({ kind: "delete-meter", accountId, id });
      return done.ok ? ok({ status: 200, body: { deletedCount: 1 } }) : done;
    },
  };
}
