// Schemas of working on data correction: what is asked, what an action answers, a dry run, the summary.
// For the OpenAPI document only; core/correction-request.ts judges what is sent.
import { type TSchema, Type } from "typebox";
import { correctionActionKinds } from "../core/correction-action.ts";
import { correctionItemsPerActionMax, pageItemsMax } from "../core/limits.ts";
import { rejectionReasons } from "../core/outcome.ts";
import { correctionStates } from "./listings.ts";
import { instantSchema, named } from "./schemas-common.ts";
import { nullable } from "./schemas-lists.ts";

const closed = { additionalProperties: false };
const count = (description: string): TSchema => Type.Integer({ minimum: 0, description });
const reason = Type.Enum([...rejectionReasons]);
const anyRecord = nullable(Type.Record(Type.String(), Type.Unknown()));

const filterSchema = named(
  "CorrectionFilter",
  Type.Object(
    {
      meterKey: Type.Optional(Type.String({ minLength: 1 })),
      reason: Type.Optional(reason),
      detail: Type.Optional(Type.String({ minLength: 1 })),
      userId: Type.Optional(Type.String({ minLength: 1 })),
      recordId: Type.Optional(Type.String({ minLength: 1 })),
      from: Type.Optional(Type.String({ format: "date-time" })),
      to: Type.Optional(Type.String({ format: "date-time" })),
    },
    { ...closed, description: "Waiting items; every member is exact, all of them must hold." },
  ),
);

const setSchema = Type.Object(
  { field: Type.String({ minLength: 1 }), value: Type.Unknown() },
  { ...closed, description: "The field gets this value; null leaves none." },
);

const renameSchema = Type.Object(
  { from: Type.String({ minLength: 1 }), to: Type.String({ minLength: 1 }) },
  { ...closed, description: "The field gets another name." },
);

const choice = {
  ids: Type.Optional(
    Type.Array(Type.String(), {
      minItems: 1,
      maxItems: correctionItemsPerActionMax,
      description: "Items by id; or else filter.",
    }),
  ),
  filter: Type.Optional(filterSchema),
  dryRun: Type.Optional(
    Type.Boolean({
      default: false,
      description: "Only shows what would become of the first ones.",
    }),
  ),
};

export const correctSchema: TSchema = named(
  "Correct",
  Type.Object(
    { ...choice, set: Type.Optional(setSchema), rename: Type.Optional(renameSchema) },
    { ...closed, description: "ids or filter; set or rename." },
  ),
);

export const reprocessSchema: TSchema = named(
  "Reprocess",
  Type.Object(
    {
      ...choice,
      lateUsage: Type.Optional(
        Type.Literal("current", {
          description: "Counts records of periods that are over in the open one.",
        }),
      ),
    },
    { ...closed, description: "ids or filter." },
  ),
);

export const deleteItemsSchema: TSchema = named(
  "DeleteItems",
  Type.Object(choice, { ...closed, description: "ids or filter." }),
);

export const correctionActionSchema: TSchema = named(
  "CorrectionAction",
  Type.Object(
    {
      id: Type.String(),
      kind: Type.Enum([...correctionActionKinds]),
      state: Type.Enum(["running", "finished"]),
      total: count("Items chosen."),
      done: count("Corrected; counted, or found counted already; deleted."),
      failed: count("Could not be corrected, or cannot be counted still: they wait on."),
      skipped: count("Waited no more when their turn came."),
      filter: nullable(filterSchema),
      set: nullable(setSchema),
      rename: nullable(renameSchema),
      lateUsage: nullable(Type.Literal("current")),
      createdAt: instantSchema,
      createdBy: Type.String({ description: "Client id of the application access." }),
      finishedAt: nullable(instantSchema),
    },
    closed,
  ),
);

const sideSchema = Type.Object(
  {
    state: Type.Enum([...correctionStates]),
    reason: nullable(reason),
    detail: nullable(Type.String()),
    record: anyRecord,
  },
  closed,
);

export const correctionDryRunSchema: TSchema = named(
  "CorrectionDryRun",
  Type.Object(
    {
      total: count("Items chosen."),
      changes: Type.Array(
        Type.Object(
          {
            id: Type.String(),
            before: sideSchema,
            after: sideSchema,
            fault: nullable(Type.String({ description: "Why it cannot be corrected." })),
          },
          closed,
        ),
        { maxItems: pageItemsMax, description: "The first of them that wait, each judged alone." },
      ),
    },
    closed,
  ),
);

export const correctionSummarySchema: TSchema = named(
  "CorrectionSummary",
  Type.Object(
    {
      meterKey: Type.String(),
      reason,
      detail: Type.String(),
      count: Type.Integer({ minimum: 1 }),
      firstSeenAt: instantSchema,
      lastSeenAt: instantSchema,
    },
    closed,
  ),
);
