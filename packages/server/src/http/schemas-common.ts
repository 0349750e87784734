// Schemas that more than one route uses: the problem body, the OAuth error body, names for the
// components of the OpenAPI document. Schemas describe; they are never run on the hot path.
import { type TSchema, Type } from "typebox";
import type { ResponseSpec } from "./route.ts";

/**
 * Gives a schema a name: the OpenAPI document lists it once under components/schemas and refers to
 * it everywhere else. Two different schemas of one name fail the build of the document.
 */
export function named<Schema extends TSchema>(name: string, schema: Schema): Schema {
  return { ...schema, $id: name };
}

export const instantSchema: TSchema = Type.String({
  format: "date-time",
  pattern: "^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}\\.\\d{3}Z$",
  examples: ["2023-07-26T09:00:15.690Z"],
});

const faultSchema = named(
  "Fault",
  Type.Object(
    {
      pointer: Type.Optional(
        Type.String({ description: "JSON Pointer into the body; a missing member's own place." }),
      ),
      parameter: Type.Optional(Type.String({ description: "Name of the query parameter." })),
      detail: Type.String({ description: "What is wrong and how to mend it." }),
    },
    { additionalProperties: false },
  ),
);

export const problemSchema: TSchema = named(
  "Problem",
  Type.Object(
    {
      type: Type.String({ description: "`/docs/problems#` and the code." }),
      title: Type.String(),
      status: Type.Integer({ enum: [400, 401, 404, 405, 409, 429, 500, 503] }),
      detail: Type.String(),
      instance: Type.String({ description: "Path of the request." }),
      code: Type.String({ pattern: "^[a-z0-9]+(-[a-z0-9]+)*$", description: "Stable name." }),
      requestId: Type.String({ description: "The same as in X-Request-Id." }),
      errors: Type.Optional(Type.Array(faultSchema, { maxItems: 100 })),
      errorsOmitted: Type.Optional(
        Type.Integer({ minimum: 1, description: "Faults beyond the 100 that are listed." }),
      ),
      existingId: Type.Optional(
        Type.String({ description: "Id of what is in the way (409); `Location` has its address." }),
      ),
    },
    { additionalProperties: false, description: "RFC 9457 problem details." },
  ),
);

/** Codes of RFC 6749 section 5.2, RFC 8707, and three of our own for 429, 500 and 503. */
export const oauthErrors = [
  "invalid_request",
  "invalid_client",
  "invalid_scope",
  "invalid_target",
  "unauthorized_client",
  "unsupported_grant_type",
  "rate_limited",
  "server_error",
  "temporarily_unavailable",
] as const;
export type OAuthError = (typeof oauthErrors)[number];

export const oauthErrorSchema: TSchema = named(
  "OAuthError",
  Type.Object(
    {
      error: Type.Enum([...oauthErrors]),
      error_description: Type.String({ pattern: "^[\\x20-\\x21\\x23-\\x5B\\x5D-\\x7E]*$" }),
    },
    { additionalProperties: false, description: "Error body of RFC 6749 section 5.2." },
  ),
);

const retryAfter = {
  "retry-after": { description: "Seconds to wait.", schema: Type.String({ pattern: "^\\d+$" }) },
};

/** A refusal of a route, as an RFC 9457 body. */
export function problemResponse(description: string): ResponseSpec {
  return { description, schema: problemSchema, contentTypes: ["application/problem+json"] };
}

/** The refusals that the edge or the engine can give for any operation, by status. */
export const commonProblems: Readonly<Record<400 | 401 | 404 | 429 | 500 | 503, ResponseSpec>> = {
  400: problemResponse("The request breaks a rule; all faults are listed together."),
  401: {
    ...problemResponse("No token, a token that is not valid, or one that lacks the scope."),
    headers: {
      "www-authenticate": {
        description: 'Bearer challenge; `error="insufficient_scope"` when only the scope lacks.',
        schema: Type.String({ pattern: "^Bearer" }),
      },
    },
  },
  404: problemResponse("There is no such object in this account."),
  429: { ...problemResponse("Too many requests, or a queue is full."), headers: retryAfter },
  500: problemResponse("An unexpected internal error; the request may have been valid."),
  503: { ...problemResponse("The service cannot answer now; try again."), headers: retryAfter },
};
