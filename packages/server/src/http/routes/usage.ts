// Usage in, and its preview. The body is read once, judged by the core, and answered when it is
// durable and counted. The usual request, whose records all count, makes no object for a record.
import { Type } from "typebox";
import { usageBodyBytesMax } from "../../core/limits.ts";
import type { UsageOutcome } from "../../core/outcome.ts";
import { fail, notFound, ok, type Result } from "../../core/problem.ts";
import { findProcessor, type Processor } from "../../core/state.ts";
import { type RawRecords, readUsageBody } from "../../core/usage-body.ts";
import { scanContext } from "../../core/usage-run.ts";
import type { Engine } from "../../engine/engine.ts";
import { type ResultWire, toWireResult } from "../convert.ts";
import { QueryReader } from "../pages.ts";
import {
  type Context,
  pathParameter,
  type RawRequest,
  type RawRoute,
  type Route,
} from "../route.ts";
import { conflictResponse } from "../schemas-lists.ts";
import { previewAnswerSchema, usageAnswerSchema, usageBodySchema } from "../schemas-usage.ts";
import { usageBodyOf, usageContentTypes } from "../usage-text.ts";

export interface UsageServices {
  readonly engine: Pick<Engine, "state" | "count" | "preview" | "refusalOf">;
}

const tag = "Usage";
const params = { meterKey: "Meter key of the processor that counts the records." };

const request: RawRequest = {
  bodyKind: "raw",
  contentTypes: usageContentTypes,
  schema: usageBodySchema,
  bytesMax: usageBodyBytesMax,
  example: { userId: "user0@example.com", value: 12.5, id: "call-1" },
};

export function usageRoutes(services: UsageServices): readonly Route[] {
  return [send(services), preview(services)];
}

function send(services: UsageServices): RawRoute {
  return {
    method: "POST",
    path: "/meter-processors/{meterKey}/usage-records",
    operationId: "sendUsageRecords",
    summary: "Send usage records",
    description:
      "Answers when the records are durable and counted. A record with an id counts once, however " +
      "often it is sent.",
    tag,
    scope: "create:usage_records",
    params,
    query: {
      detail: {
        description: "`all` lists the counted records in the answer too.",
        schema: Type.Literal("all"),
      },
    },
    request: { ...request, refuses: (bodyBytes) => services.engine.refusalOf(bodyBytes) },
    responses: {
      200: { description: "What became of the records.", schema: usageAnswerSchema },
      409: conflictResponse("Too many meters to flush after a request."),
    },
    handle: async (context) => {
      const { engine } = services;
      const read = readRequest(context, engine);
      if (!read.ok) return read;
      const { processor, raw, isDetailed } = read.value;
      const counted = await engine.count(processor.accountId, processor.meterKey, raw);
      if (!counted.ok) return counted;
      return ok({ status: 200, body: answerOf(counted.value, isDetailed) });
    },
  };
}

function preview(services: UsageServices): RawRoute {
  return {
    method: "POST",
    path: "/meter-processors/{meterKey}/preview",
    operationId: "previewUsageRecords",
    summary: "Try usage records",
    description:
      "Judges each record alone against the present state, as if it were sent now. Nothing changes.",
    tag,
    scope: "read:meter_processors",
    params,
    request,
    responses: {
      200: { description: "What would become of the records.", schema: previewAnswerSchema },
    },
    handle: (context) => {
      const { engine } = services;
      const read = readRequest(context, engine);
      if (!read.ok) return read;
      const { processor, raw } = read.value;
      const judged = engine.preview(processor.accountId, processor.meterKey, raw);
      if (!judged.ok) return judged;
      const { kind: _, results, ...totals } = judged.value;
      const rules = processor.fields.guidingRules;
      const shown = results.map((result, index) => toWireResult(result, index, rules));
      return ok({ status: 200, body: { ...totals, results: shown } });
    },
  };
}

interface UsageRequest {
  readonly processor: Processor;
  readonly raw: RawRecords;
  readonly isDetailed: boolean;
}

/** The key is judged first: of a body for an unknown one nothing is read. */
function readRequest(
  context: Context<Buffer>,
  { state }: Pick<Engine, "state">,
): Result<UsageRequest> {
  const meterKey = pathParameter(context, "meterKey");
  const processor = findProcessor(state, context.accountId, meterKey);
  if (processor === undefined) return fail(notFound("meter processor"));
  const detail = readDetail(context.query);
  if (!detail.ok) return detail;
  const body = usageBodyOf(context.contentType, context.body);
  if (!body.ok) return body;
  const wanted = detail.value ? "all" : "uncounted";
  const raw = readUsageBody(body.value, wanted, scanContext(state, processor));
  if (!raw.ok) return raw;
  return ok({ processor, raw: raw.value, isDetailed: detail.value });
}

function readDetail(query: ReadonlyMap<string, string>): Result<boolean> {
  if (query.size === 0) return ok(false);
  const reader = new QueryReader(query);
  return reader.result(reader.choice("detail", ["all"]) === "all");
}

interface Answer {
  readonly received: number;
  readonly counted: number;
  readonly duplicates: number;
  readonly rejected: number;
  readonly results: readonly ResultWire[];
}

const nothing: readonly ResultWire[] = [];

function answerOf(outcome: UsageOutcome, isDetailed: boolean): Answer {
  const { received, counted, duplicates, rejected } = outcome;
  const isPlain = counted === received && !isDetailed;
  const results = isPlain ? nothing : shownResults(outcome, isDetailed);
  return { received, counted, duplicates, rejected, results };
}

function shownResults({ results }: UsageOutcome, isDetailed: boolean): readonly ResultWire[] {
  const shown: ResultWire[] = [];
  for (const [index, result] of results.entries()) {
    if (isDetailed || result.outcome !== "counted") shown.push(toWireResult(result, index, null));
  }
  return shown;
}
