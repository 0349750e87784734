// Working on data correction: correct, reprocess, delete, each as an action that goes on beside ingest,
// or as a dry run; and how far an action has got. What may be asked is core/correction-request.ts's.
import { type CorrectionActionKind, correctionActionKinds } from "../../core/correction-action.ts";
import { type CorrectionRequest, readCorrectionRequest } from "../../core/correction-request.ts";
import { usageBodyBytesMax } from "../../core/limits.ts";
import { positionRows } from "../../core/position-list.ts";
import { assert, fail, invalid, notFound, ok, type Result } from "../../core/problem.ts";
import type { Engine } from "../../engine/engine.ts";
import { chosenPlaces } from "../correction-choice.ts";
import { dryRunReply } from "../correction-dry-run.ts";
import type { Listings } from "../listings.ts";
import { listReply, QueryReader } from "../pages.ts";
import {
  type Context,
  type JsonRoute,
  locationOf,
  type PlainRoute,
  pathParameter,
  type Reply,
  type Route,
} from "../route.ts";
import {
  correctionActionSchema,
  correctionDryRunSchema,
  correctSchema,
  deleteItemsSchema,
  reprocessSchema,
} from "../schemas-corrections.ts";
import { limitParameter, listResponse, locationHeader, skipParameter } from "../schemas-lists.ts";

export interface CorrectionActionServices {
  readonly engine: Pick<Engine, "state" | "clock" | "random" | "execute">;
  readonly projection: Pick<Listings, "corrections">;
}

const tag = "Data correction";
const collection = "data-correction/actions";

const operations = {
  correct: {
    operationId: "correctRecords",
    summary: "Correct waiting records",
    description: "Sets a field to a value, or renames it. They wait on until they are reprocessed.",
    schema: correctSchema,
    example: {
      filter: { reason: "MISSING_VALUE" },
      rename: { from: "amount", to: "value" },
      dryRun: true,
    },
  },
  reprocess: {
    operationId: "reprocessRecords",
    summary: "Count waiting records",
    description:
      "Each is judged anew, like a fresh record but for its age; what is still wrong waits on with " +
      "its new reason.",
    schema: reprocessSchema,
    example: { filter: { reason: "NO_METER" } },
  },
  delete: {
    operationId: "deleteRecords",
    summary: "Delete waiting records",
    description: "They are never counted; the list still shows them until they expire.",
    schema: deleteItemsSchema,
    example: { ids: ["0.17.0"] },
  },
} as const;

export function correctionActionRoutes(services: CorrectionActionServices): readonly Route[] {
  const starts = correctionActionKinds.map((action) => start(services, action));
  return [...starts, list(services), get(services)];
}

function start(services: CorrectionActionServices, action: CorrectionActionKind): JsonRoute {
  const { schema, example, ...described } = operations[action];
  return {
    method: "POST",
    path: `/data-correction/${action}`,
    ...described,
    tag,
    scope: "update:data_correction",
    request: { bodyKind: "json", schema, bytesMax: usageBodyBytesMax, example },
    responses: {
      200: { description: "What a dry run found.", schema: correctionDryRunSchema },
      201: {
        description: "The action is made and goes on by itself.",
        schema: correctionActionSchema,
        headers: { location: locationHeader },
      },
    },
    handle: async (context) => {
      const read = readCorrectionRequest(context.body, action);
      if (!read.ok) return fail(invalid(read.error));
      const { accountId } = context;
      const { choice, change, lateUsage, dryRun } = read.value;
      if (!dryRun) return begin(services, { ...read.value, action }, context);
      return dryRunReply(services, { accountId, action, change, lateUsage }, choice);
    },
  };
}

async function begin(
  services: CorrectionActionServices,
  { action, choice, change, lateUsage }: CorrectionRequest & { action: CorrectionActionKind },
  context: Context<unknown>,
): Promise<Result<Reply>> {
  const { engine } = services;
  const { accountId, clientId: createdBy } = context;
  const places = await chosenPlaces(services, accountId, choice);
  if (!places.ok) return places;
  const id = engine.random.uuid();
  const filter = choice.kind === "filter" ? choice.sent : null;
  const order = { id, accountId, action, change, lateUsage, filter, createdBy };
  const items = positionRows(places.value);
  const done = await engine.execute({ kind: "start-correction-action", ...order, items });
  if (!done.ok) return done;
  assert(done.value.kind === "correction-action", "starting an action gives it");
  const headers = { location: locationOf(context, collection, id) };
  return ok({ status: 201, text: done.value.json, headers });
}

function list(services: CorrectionActionServices): PlainRoute {
  return {
    method: "GET",
    path: "/data-correction/actions",
    operationId: "listCorrectionActions",
    summary: "List actions on data correction",
    description: "The newest first: who did what, and when.",
    tag,
    scope: "read:data_correction",
    query: { limit: limitParameter, skip: skipParameter },
    responses: { 200: listResponse("actions", correctionActionSchema) },
    handle: ({ query, accountId }) => {
      const reader = new QueryReader(query);
      const page = reader.result(reader.page());
      if (!page.ok) return page;
      const { worked } = services.projection.corrections;
      return listReply({ member: "actions", ...worked.actions(accountId, page.value) });
    },
  };
}

function get(services: CorrectionActionServices): PlainRoute {
  return {
    method: "GET",
    path: "/data-correction/actions/{id}",
    operationId: "getCorrectionAction",
    summary: "Get an action on data correction",
    description: "How far it has got.",
    tag,
    scope: "read:data_correction",
    params: { id: "Id of the action." },
    responses: { 200: { description: "The action.", schema: correctionActionSchema } },
    handle: (context) => {
      const { worked } = services.projection.corrections;
      const text = worked.action(context.accountId, pathParameter(context, "id"));
      return text === undefined ? fail(notFound("action")) : ok({ status: 200, text });
    },
  };
}
