// Schemas of usage in and its answers, and of data-correction items, for the OpenAPI document.
// Records are judged by the core; these only describe what it accepts and answers.
import { type TSchema, Type } from "typebox";
import { rejectionReasons } from "../core/outcome.ts";
import { correctionStates } from "./listings.ts";
import { instantSchema, named } from "./schemas-common.ts";
import { exactNumberSchema, exactTextSchema, nullable } from "./schemas-lists.ts";

const closed = { additionalProperties: false };
const stringOrNumber = Type.Union([Type.String(), Type.Number()]);

const usageRecordSchema = named(
  "UsageRecord",
  Type.Object(
    {
      userId: stringOrNumber,
      value: stringOrNumber,
      timestamp: Type.Optional(nullable(stringOrNumber)),
      id: Type.Optional(nullable(stringOrNumber)),
    },
    { description: "Other members are free; guiding rules may look at them." },
  ),
);

export const usageBodySchema: TSchema = named(
  "UsageBody",
  Type.Union([usageRecordSchema, Type.Array(usageRecordSchema)], {
    description:
      "One record or an array; one a line for NDJSON; as `data` of CloudEvents 1.0 otherwise.",
  }),
);

const recordPlace = {
  index: Type.Integer({ minimum: 0, description: "Place in the request, from 0." }),
  id: Type.Union([Type.String(), Type.Number(), Type.Null()], {
    description: "The record id as sent; null where there is none.",
  }),
};

const countedMeterSchema = Type.Object(
  {
    id: Type.String(),
    meterTypeId: Type.String(),
    value: exactNumberSchema,
    valueExact: exactTextSchema,
  },
  { ...closed, description: "The meter's value after the record." },
);

const duplicateSchema = Type.Object({ ...recordPlace, outcome: Type.Literal("duplicate") }, closed);

const rejectedSchema = Type.Object(
  {
    ...recordPlace,
    outcome: Type.Literal("rejected"),
    reason: Type.Enum([...rejectionReasons]),
    detail: Type.String(),
  },
  closed,
);

const countedSchema = Type.Object(
  {
    ...recordPlace,
    outcome: Type.Literal("counted"),
    meters: Type.Array(countedMeterSchema),
  },
  closed,
);

const previewedSchema = Type.Object(
  {
    ...recordPlace,
    outcome: Type.Literal("counted"),
    rule: Type.Object(
      { index: Type.Integer({ minimum: 0 }), customName: Type.String() },
      { ...closed, description: "The guiding rule that decides." },
    ),
    meters: Type.Array(countedMeterSchema),
  },
  closed,
);

const totals = {
  received: Type.Integer({ minimum: 0, description: "counted + duplicates + rejected." }),
  counted: Type.Integer({ minimum: 0 }),
  duplicates: Type.Integer({ minimum: 0 }),
  rejected: Type.Integer({ minimum: 0 }),
};

export const usageAnswerSchema: TSchema = named(
  "UsageAnswer",
  Type.Object(
    {
      ...totals,
      results: Type.Array(Type.Union([countedSchema, duplicateSchema, rejectedSchema]), {
        description: "In the order sent: what was not simply counted, or everything.",
      }),
    },
    closed,
  ),
);

export const previewAnswerSchema: TSchema = named(
  "PreviewAnswer",
  Type.Object(
    {
      ...totals,
      results: Type.Array(Type.Union([previewedSchema, duplicateSchema, rejectedSchema]), {
        description: "One for each record, in the order sent.",
      }),
    },
    closed,
  ),
);

export const correctionItemSchema: TSchema = named(
  "CorrectionItem",
  Type.Object(
    {
      id: Type.String(),
      meterKey: Type.String(),
      userId: nullable(Type.String()),
      recordId: nullable(Type.String()),
      reason: Type.Enum([...rejectionReasons]),
      detail: Type.String(),
      original: Type.String({ description: "The element as sent." }),
      originalBase64: Type.Optional(
        Type.String({ description: "Its bytes, where they are no UTF-8." }),
      ),
      record: nullable(Type.Record(Type.String(), Type.Unknown())),
      state: Type.Enum([...correctionStates]),
      attempts: Type.Integer({ minimum: 1 }),
      receivedAt: instantSchema,
      updatedAt: instantSchema,
    },
    closed,
  ),
);
