// Schemas of usage over time for the OpenAPI document. What is asked is judged by usage-question.ts;
// these only describe what is answered.
import { type TSchema, Type } from "typebox";
import { windowsPerAnswerMax } from "../core/usage-grid.ts";
import { instantSchema, named } from "./schemas-common.ts";
import { exactNumberSchema, exactTextSchema, nullable } from "./schemas-lists.ts";
import { groupSchema } from "./schemas-meters.ts";

const windowSchema = named(
  "UsageWindow",
  Type.Object(
    {
      start: instantSchema,
      end: instantSchema,
      value: nullable(exactNumberSchema),
      valueExact: nullable(exactTextSchema),
      groups: Type.Optional(Type.Array(groupSchema, { description: "Only with groupBy." })),
    },
    {
      additionalProperties: false,
      description:
        "What was counted in start <= t < end. Where nothing was, value is 0 for sum and " +
        "increment and null for max and min.",
    },
  ),
);

export const usageWindowsSchema: TSchema = Type.Object(
  { usage: Type.Array(windowSchema, { maxItems: windowsPerAnswerMax }) },
  { additionalProperties: false },
);
