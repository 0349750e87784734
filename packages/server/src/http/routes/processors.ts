// Meter processors: list, create, get, change, delete. Listed from memory. What a body may say is
// core/processor.ts's; whether a key is taken or still in use is decided at apply.
import { writeJson } from "../../core/json.ts";
import { definitionBodyBytesMax } from "../../core/limits.ts";
import { assert, fail, invalid, notFound, ok } from "../../core/problem.ts";
import { readProcessor, readProcessorPatch } from "../../core/processor.ts";
import { findProcessor, type Processor } from "../../core/state.ts";
import type { Engine } from "../../engine/engine.ts";
import { toWireProcessor } from "../convert.ts";
import { wholeListReply } from "../pages.ts";
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
} from "../schemas-lists.ts";
import {
  createProcessorSchema,
  patchProcessorSchema,
  processorExample,
  processorSchema,
} from "../schemas-processors.ts";

export interface ProcessorServices {
  readonly engine: Pick<Engine, "state" | "random" | "execute">;
}

const tag = "Meter processors";
const collection = "meter-processors";
const params = { meterKey: "Meter key of the processor." };

export function processorRoutes(services: ProcessorServices): readonly Route[] {
  return [list(services), create(services), get(services), patch(services), remove(services)];
}

function list(services: ProcessorServices): PlainRoute {
  return {
    method: "GET",
    path: "/meter-processors",
    operationId: "listMeterProcessors",
    summary: "List meter processors",
    description: "In the order in which they were made.",
    tag,
    scope: "read:meter_processors",
    query: { limit: limitParameter, skip: skipParameter },
    responses: { 200: listResponse("meterProcessors", processorSchema) },
    handle: ({ query, accountId }) => {
      const known = services.engine.state.accounts.get(accountId)?.processors.values() ?? [];
      const items = [...known].sort(byAge);
      const text = (one: Processor): string => writeJson(toWireProcessor(one));
      return wholeListReply(query, { member: "meterProcessors", items, text });
    },
  };
}

function byAge(a: Processor, b: Processor): number {
  return a.createdAt - b.createdAt || (a.meterKey < b.meterKey ? -1 : 1);
}

function create(services: ProcessorServices): JsonRoute {
  return {
    method: "POST",
    path: "/meter-processors",
    operationId: "createMeterProcessor",
    summary: "Create a meter processor",
    tag,
    scope: "create:meter_processors",
    request: {
      bodyKind: "json",
      schema: createProcessorSchema,
      bytesMax: definitionBodyBytesMax,
      example: processorExample,
    },
    responses: {
      201: createdResponse(processorSchema),
      409: conflictResponse("The meter key is taken."),
    },
    handle: async (context) => {
      const { engine } = services;
      const { accountId } = context;
      const read = readProcessor(context.body);
      if (!read.ok) return fail(invalid(read.error));
      const meterKey = read.value.meterKey ?? engine.random.uuid();
      const { fields } = read.value;
      const done = await engine.execute({ kind: "create-processor", accountId, meterKey, fields });
      if (!done.ok) return done;
      assert(done.value.kind === "processor", "creating a processor makes one");
      const headers = { location: locationOf(context, collection, meterKey) };
      return ok({ status: 201, body: toWireProcessor(done.value.processor), headers });
    },
  };
}

function get(services: ProcessorServices): PlainRoute {
  return {
    method: "GET",
    path: "/meter-processors/{meterKey}",
    operationId: "getMeterProcessor",
    summary: "Get a meter processor",
    tag,
    scope: "read:meter_processors",
    params,
    responses: { 200: { description: "The meter processor.", schema: processorSchema } },
    handle: (context) => {
      const meterKey = pathParameter(context, "meterKey");
      const processor = findProcessor(services.engine.state, context.accountId, meterKey);
      if (processor === undefined) return fail(notFound("meter processor"));
      return ok({ status: 200, body: toWireProcessor(processor) });
    },
  };
}

function patch(services: ProcessorServices): JsonRoute {
  return {
    method: "PATCH",
    path: "/meter-processors/{meterKey}",
    operationId: "updateMeterProcessor",
    summary: "Change a meter processor",
    description: "Holds from the next record on. guidingRules replaces all rules.",
    tag,
    scope: "update:meter_processors",
    params,
    request: { bodyKind: "json", schema: patchProcessorSchema, bytesMax: definitionBodyBytesMax },
    responses: {
      200: { description: "The meter processor as it is now.", schema: processorSchema },
      409: conflictResponse("Another change came first and the two contradict each other."),
    },
    handle: async (context) => {
      const { engine } = services;
      const { accountId } = context;
      const meterKey = pathParameter(context, "meterKey");
      const current = findProcessor(engine.state, accountId, meterKey);
      if (current === undefined) return fail(notFound("meter processor"));
      const read = readProcessorPatch(context.body, current.fields);
      if (!read.ok) return fail(invalid(read.error));
      const change = { kind: "patch-processor", accountId, meterKey, patch: read.value } as const;
      const done = await engine.execute(change);
      if (!done.ok) return done;
      assert(done.value.kind === "processor", "changing a processor gives it");
      return ok({ status: 200, body: toWireProcessor(done.value.processor) });
    },
  };
}

function remove(services: ProcessorServices): PlainRoute {
  return {
    method: "DELETE",
    path: "/meter-processors/{meterKey}",
    operationId: "deleteMeterProcessor",
    summary: "Delete a meter processor",
    tag,
    scope: "delete:meter_processors",
    params,
    responses: {
      200: deletedResponse,
      409: conflictResponse("Meters name its key, or records wait in data correction."),
    },
    handle: async (context) => {
      const { accountId } = context;
      const meterKey = pathParameter(context, "meterKey");
      const done = await services.engine.execute({ kind: "delete-processor", accountId, meterKey });
      return done.ok ? ok({ status: 200, body: { deletedCount: 1 } }) : done;
    },
  };
}
