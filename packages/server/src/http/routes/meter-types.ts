// Meter types: list, create, get, change, delete. Listed from memory, where they all are. What a
// body may say is core/meter-type.ts's; what is in the way of a change is decided at apply.
import { Type } from "typebox";
import { definitionBodyBytesMax } from "../../core/limits.ts";
import { readMeterType, readMeterTypePatch } from "../../core/meter-type.ts";
import { assert, fail, invalid, notFound, ok } from "../../core/problem.ts";
import { findMeterType } from "../../core/state.ts";
import type { Engine } from "../../engine/engine.ts";
import { toWireMeterType } from "../convert.ts";
import { selectMeterTypes, sortableFields } from "../meter-type-list.ts";
import { listReply, QueryReader } from "../pages.ts";
import {
  type JsonRoute,
  locationOf,
  type PlainRoute,
  pathParameter,
  type Route,
} from "../route.ts";
import {
  conflictResponse,
  createdResponse,
  deletedResponse,
  limitParameter,
  listResponse,
  skipParameter,
  sortOrderParameter,
} from "../schemas-lists.ts";
import {
  createMeterTypeSchema,
  meterTypeExample,
  meterTypeSchema,
  patchMeterTypeSchema,
} from "../schemas-meter-types.ts";

export interface MeterTypeServices {
  readonly engine: Pick<Engine, "state" | "clock" | "random" | "zones" | "execute">;
}

const tag = "Meter types";
const collection = "meter-types";
const params = { id: "Id of the meter type." };

export function meterTypeRoutes(services: MeterTypeServices): readonly Route[] {
  return [list(services), create(services), get(services), patch(services), remove(services)];
}

function list(services: MeterTypeServices): PlainRoute {
  return {
    method: "GET",
    path: "/meter-types",
    operationId: "listMeterTypes",
    summary: "List meter types",
    description:
      "Without sortBy: the exact name that was asked for first, then by name. Ties go by id.",
    tag,
    scope: "read:meter_types",
    query: {
      limit: limitParameter,
      skip: skipParameter,
      sortOrder: sortOrderParameter,
      sortBy: {
        description: "The member to sort by; null comes before everything else.",
        schema: Type.Enum([...sortableFields]),
      },
      name: {
        description: "Full or partial name, in any letter case; never a pattern.",
        schema: Type.String(),
      },
    },
    responses: { 200: listResponse("meterTypes", meterTypeSchema) },
    handle: ({ query, accountId }) => {
      const reader = new QueryReader(query);
      const wanted = reader.result({
        ...reader.page(),
        sortOrder: reader.sortOrder(),
        sortBy: reader.choice("sortBy", sortableFields),
        name: reader.text("name"),
      });
      if (!wanted.ok) return wanted;
      const types = services.engine.state.accounts.get(accountId)?.meterTypes.values() ?? [];
      const { texts, total } = selectMeterTypes(types, wanted.value);
      return listReply({ member: "meterTypes", texts, total });
    },
  };
}

function create(services: MeterTypeServices): JsonRoute {
  return {
    method: "POST",
    path: "/meter-types",
    operationId: "createMeterType",
    summary: "Create a meter type",
    tag,
    scope: "create:meter_types",
    request: {
      bodyKind: "json",
      schema: createMeterTypeSchema,
      bytesMax: definitionBodyBytesMax,
      example: meterTypeExample,
    },
    responses: {
      201: createdResponse(meterTypeSchema),
      409: conflictResponse("The name or externalRef is taken."),
    },
    handle: async (context) => {
      const { engine } = services;
      const { accountId } = context;
      const read = readMeterType(context.body, { zones: engine.zones, now: engine.clock.now() });
      if (!read.ok) return fail(invalid(read.error));
      const id = engine.random.uuid();
      const done = await engine.execute({
        kind: "create-meter-type",
        accountId,
        id,
        fields: read.value,
      });
      if (!done.ok) return done;
      assert(done.value.kind === "meter-type", "creating a meter type makes one");
      const headers = { location: locationOf(context, collection, id) };
      return ok({ status: 201, body: toWireMeterType(done.value.meterType), headers });
    },
  };
}

function get(services: MeterTypeServices): PlainRoute {
  return {
    method: "GET",
    path: "/meter-types/{id}",
    operationId: "getMeterType",
    summary: "Get a meter type",
    tag,
    scope: "read:meter_types",
    params,
    responses: { 200: { description: "The meter type.", schema: meterTypeSchema } },
    handle: (context) => {
      const id = pathParameter(context, "id");
      const type = findMeterType(services.engine.state, context.accountId, id);
      if (type === undefined) return fail(notFound("meter type"));
      return ok({ status: 200, body: toWireMeterType(type) });
    },
  };
}

function patch(services: MeterTypeServices): JsonRoute {
  return {
    method: "PATCH",
    path: "/meter-types/{id}",
    operationId: "updateMeterType",
    summary: "Change a meter type",
    description:
      "A new resetSchedule holds for existing meters after their current period; zone, unit, " +
      "capacity and thresholds hold for meters made afterwards, everything else at once.",
    tag,
    scope: "update:meter_types",
    params,
    request: { bodyKind: "json", schema: patchMeterTypeSchema, bytesMax: definitionBodyBytesMax },
    responses: {
      200: { description: "The meter type as it is now.", schema: meterTypeSchema },
      409: conflictResponse("The name or externalRef is taken, or another change came first."),
    },
    handle: async (context) => {
      const { engine } = services;
      const { accountId } = context;
      const id = pathParameter(context, "id");
      const current = findMeterType(engine.state, accountId, id);
      if (current === undefined) return fail(notFound("meter type"));
      const now = engine.clock.now();
      const read = readMeterTypePatch(context.body, current, { zones: engine.zones, now });
      if (!read.ok) return fail(invalid(read.error));
      const change = { kind: "patch-meter-type", accountId, id, patch: read.value } as const;
      const done = await engine.execute(change);
      if (!done.ok) return done;
      assert(done.value.kind === "meter-type", "changing a meter type gives it");
      return ok({ status: 200, body: toWireMeterType(done.value.meterType) });
    },
  };
}

function remove(services: MeterTypeServices): PlainRoute {
  return {
    method: "DELETE",
    path: "/meter-types/{id}",
    operationId: "deleteMeterType",
    summary: "Delete a meter type",
    tag,
    scope: "delete:meter_types",
    params,
    responses: {
      200: deletedResponse,
      409: conflictResponse("The meter type has meters; delete them first."),
    },
    handle: async (context) => {
      const { accountId } = context;
      const id = pathParameter(context, "id");
      const done = await services.engine.execute({ kind: "delete-meter-type", accountId, id });
      return done.ok ? ok({ status: 200, body: { deletedCount: 1 } }) : done;
    },
  };
}
