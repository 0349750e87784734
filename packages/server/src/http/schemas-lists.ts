// What lists have in common: query parameters, the header with the total, the wrapper; and the
// small bodies that several resources answer with. For the OpenAPI document only.
import { type TSchema, Type } from "typebox";
import { pageItemsMax } from "../core/limits.ts";
import type { HeaderSpec, QueryParameter, ResponseSpec } from "./route.ts";
import { named, problemResponse } from "./schemas-common.ts";

export const limitParameter: QueryParameter = {
  description: `Most items to answer with; more than ${pageItemsMax} is cut to ${pageItemsMax}.`,
  schema: Type.Integer({ minimum: 1, default: pageItemsMax }),
};

export const skipParameter: QueryParameter = {
  description: "How many items to leave out before the first.",
  schema: Type.Integer({ minimum: 0, default: 0 }),
};

export const sortOrderParameter: QueryParameter = {
  description: "Ascending or descending, in any letter case.",
  schema: Type.String({ pattern: "^([Aa][Ss][Cc]|[Dd][Ee][Ss][Cc])$", default: "ASC" }),
};

/** A filter that is compared exactly. */
export function filterParameter(description: string): QueryParameter {
  return { description, schema: Type.String({ minLength: 1 }) };
}

export function instantParameter(description: string): QueryParameter {
  return { description, schema: Type.String({ format: "date-time" }) };
}

export const cursorParameter: QueryParameter = {
  description: "The last X-Next-Cursor: goes on where that page ended.",
  schema: Type.String(),
};

export const nextCursorHeader: HeaderSpec = {
  description: "Where the next page starts; absent on the last one and in streams.",
  optional: true,
  schema: Type.String(),
};

export const totalHeader: HeaderSpec = {
  description: "Items that match, on whatever page.",
  schema: Type.String({ pattern: "^\\d+$" }),
};

export const locationHeader: HeaderSpec = {
  description: "Where it is, under the root that was called.",
  schema: Type.String(),
};

/** An answer with one member that holds a page of items. */
export function listResponse(member: string, item: TSchema): ResponseSpec {
  const schema = Type.Object(
    { [member]: Type.Array(item, { maxItems: pageItemsMax }) },
    { additionalProperties: false },
  );
  return {
    description:
      "A page. It may end early rather than be larger than 16 Mi characters; it holds at least one item then.",
    schema,
    headers: { "x-total-count": totalHeader },
  };
}

export function createdResponse(schema: TSchema): ResponseSpec {
  return { description: "It is made.", schema, headers: { location: locationHeader } };
}

export function conflictResponse(description: string): ResponseSpec {
  const location = { ...locationHeader, description: "What is in the way.", optional: true };
  return { ...problemResponse(description), headers: { location } };
}

export const deletedResponse: ResponseSpec = {
  description: "It is gone.",
  schema: named(
    "Deleted",
    Type.Object({ deletedCount: Type.Literal(1) }, { additionalProperties: false }),
  ),
};

export const exactNumberSchema: TSchema = Type.Number({
  description: "All digits are given; a double may not hold them.",
});

export const exactTextSchema: TSchema = Type.String({
  pattern: "^-?\\d+(\\.\\d+)?$",
  description: "The same number as text.",
});

export const customFieldsSchema: TSchema = Type.Record(Type.String(), Type.Unknown(), {
  description: "Kept as sent and never interpreted.",
});

export function nullable(schema: TSchema): TSchema {
  return Type.Union([schema, Type.Null()]);
}
