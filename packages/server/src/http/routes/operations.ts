// What a machine asks of the server itself: its OpenAPI document, whether it lives, whether it can
// answer, its metrics. None needs a token, and none tells anything about an account.
import { Type } from "typebox";
import { ok } from "../../core/problem.ts";
import type { OpenRoute } from "../route.ts";
import { named, problemResponse } from "../schemas-common.ts";

export interface OperationServices {
  /** The OpenAPI document as text. */
  openApiText(): string;
  ready(): boolean;
  /** Prometheus text. */
  metricsText(): string | Promise<string>;
}

const tag = "Operations";

const healthSchema = named(
  "Health",
  Type.Object(
    { status: Type.Enum(["live", "ready", "not-ready"]) },
    { additionalProperties: false },
  ),
);

export function operationRoutes(services: OperationServices): readonly OpenRoute[] {
  return [openApi(services), live(), ready(services), metrics(services)];
}

function openApi({ openApiText }: OperationServices): OpenRoute {
  return {
    method: "GET",
    path: "/openapi.json",
    prefix: null,
    operationId: "getOpenApi",
    summary: "This document",
    tag,
    scope: null,
    responses: { 200: { description: "OpenAPI 3.1.", schema: Type.Object({}) } },
    handle: () => ok({ status: 200, text: openApiText() }),
  };
}

function live(): OpenRoute {
  return {
    method: "GET",
    path: "/health/live",
    prefix: null,
    operationId: "getLiveness",
    summary: "Does the process answer?",
    tag,
    scope: null,
    responses: { 200: { description: "It does.", schema: healthSchema } },
    handle: () => ok({ status: 200, body: { status: "live" } }),
  };
}

function ready(services: OperationServices): OpenRoute {
  return {
    method: "GET",
    path: "/health/ready",
    prefix: null,
    operationId: "getReadiness",
    summary: "Can the engine take requests?",
    tag,
    scope: null,
    responses: {
      200: { description: "It can.", schema: healthSchema },
      503: {
        description: "It is recovering or stopping.",
        schema: healthSchema,
        headers: { "retry-after": { description: "Seconds to wait.", schema: Type.String() } },
      },
    },
    handle: () => {
      if (services.ready()) return ok({ status: 200, body: { status: "ready" } });
      const headers = { "retry-after": "1" };
      return ok({ status: 503, body: { status: "not-ready" }, headers });
    },
  };
}

function metrics(services: OperationServices): OpenRoute {
  const contentType = "text/plain; version=0.0.4; charset=utf-8";
  return {
    method: "GET",
    path: "/metrics",
    prefix: null,
    operationId: "getMetrics",
    summary: "Metrics in the text format of Prometheus",
    tag,
    scope: null,
    responses: {
      200: { description: "Metrics.", schema: Type.String(), contentTypes: ["text/plain"] },
      500: problemResponse("The metrics could not be collected."),
    },
    handle: async () => ok({ status: 200, text: await services.metricsText(), contentType }),
  };
}
