// Schemas of meters, metered records and bulk results for the OpenAPI document. Requests are judged
// by core/meter.ts; these only describe what it accepts.
import { type TSchema, Type } from "typebox";
import * as limits from "../core/limits.ts";
import { instantSchema, named } from "./schemas-common.ts";
import {
  customFieldsSchema,
  exactNumberSchema,
  exactTextSchema,
  nullable,
} from "./schemas-lists.ts";
import { thresholdSchema, thresholdsSchema } from "./schemas-meter-types.ts";

export const groupSchema: TSchema = named(
  "Group",
  Type.Object(
    {
      key: Type.String({ description: "Values of the fields, joined with |." }),
      fields: Type.Array(Type.String()),
      value: exactNumberSchema,
      valueExact: exactTextSchema,
    },
    { additionalProperties: false },
  ),
);

const carriedSchema = Type.Record(Type.String(), Type.Unknown(), {
  description: "Fields of records by name.",
});

const metadataSchema = Type.Object(
  {
    count: Type.Integer({ minimum: 0, description: "Records counted in the period." }),
    firstEvent: nullable(instantSchema),
    lastEvent: nullable(instantSchema),
  },
  { additionalProperties: false },
);

const meterMembers = {
  carryFirst: carriedSchema,
  carryLast: carriedSchema,
  createdAt: instantSchema,
  deleteOnReset: Type.Boolean(),
  groups: Type.Array(groupSchema),
  id: Type.String(),
  meterKey: Type.String(),
  meterMetaData: metadataSchema,
  meterTypeId: Type.String(),
  meterTypeName: Type.String(),
  periodEnd: instantSchema,
  periodStart: instantSchema,
  timezone: Type.String(),
  unit: Type.String(),
  updatedAt: instantSchema,
  userId: Type.String(),
  value: exactNumberSchema,
  valueExact: exactTextSchema,
  customFields: customFieldsSchema,
  capacity: nullable(exactNumberSchema),
  thresholds: thresholdsSchema,
};

export const meterSchema: TSchema = named(
  "Meter",
  Type.Object(meterMembers, { additionalProperties: false }),
);

export const meteredRecordSchema: TSchema = named(
  "MeteredRecord",
  Type.Object(
    {
      ...meterMembers,
      recordId: Type.String({ description: "The same at every delivery." }),
      emittedAt: instantSchema,
    },
    { additionalProperties: false, description: "A meter at the end of one of its periods." },
  ),
);

export const settlingRecordSchema: TSchema = named(
  "SettlingRecord",
  Type.Object(
    {
      ...meterMembers,
      recordId: Type.Null(),
      emittedAt: Type.Null(),
      flushAt: instantSchema,
    },
    {
      additionalProperties: false,
      description: "An ended period of a meter that still takes late usage; flushed at flushAt.",
    },
  ),
);

export const thresholdEventSchema: TSchema = named(
  "ThresholdEvent",
  Type.Object(
    {
      ...meterMembers,
      thresholdReached: thresholdSchema,
      eventId: Type.String({ description: "The same at every delivery." }),
      emittedAt: instantSchema,
    },
    {
      additionalProperties: false,
      description: "A meter after the record with which it reached one of its thresholds.",
    },
  ),
);

const userIdSchema = Type.String({ minLength: 1, maxLength: limits.userIdCharactersMax });
const meterKeySchema = Type.String({ minLength: 1, maxLength: limits.meterKeyCharactersMax });

/** The published API says "One of"; which member names the meter type is the difference. */
export const createMeterSchema: TSchema = named(
  "CreateMeter",
  Type.Union([
    Type.Object(
      {
        userId: userIdSchema,
        meterKey: meterKeySchema,
        meterTypeId: Type.String({ minLength: 1, maxLength: 36 }),
        customFields: Type.Optional(nullable(customFieldsSchema)),
      },
      { additionalProperties: false },
    ),
    Type.Object(
      {
        userId: userIdSchema,
        meterKey: meterKeySchema,
        externalRef: Type.String({ minLength: 1, maxLength: limits.externalRefCharactersMax }),
        customFields: Type.Optional(nullable(customFieldsSchema)),
      },
      { additionalProperties: false },
    ),
  ]),
);

export const patchMeterSchema: TSchema = named(
  "PatchMeter",
  Type.Object(
    {
      deleteOnReset: Type.Optional(Type.Boolean()),
      customFields: Type.Optional(nullable(customFieldsSchema)),
      capacity: Type.Optional(nullable(Type.Number({ exclusiveMinimum: 0 }))),
      thresholds: Type.Optional(nullable(thresholdsSchema)),
    },
    { additionalProperties: false },
  ),
);

export const bulkAnswerSchema: TSchema = named(
  "BulkAnswer",
  Type.Object(
    {
      received: Type.Integer({ minimum: 0, description: "Lines that are not blank." }),
      created: Type.Integer({ minimum: 0 }),
      rejected: Type.Integer({ minimum: 0 }),
      results: Type.Array(
        Type.Object(
          {
            line: Type.Integer({
              minimum: 1,
              description: "Number in the body; blank ones count.",
            }),
            outcome: Type.Enum(["created", "rejected"]),
            id: Type.Optional(Type.String({ description: "Of the meter that was made." })),
            code: Type.Optional(Type.String()),
            detail: Type.Optional(Type.String()),
            existingId: Type.Optional(Type.String({ description: "The meter that is there." })),
            errors: Type.Optional(
              Type.Array(
                Type.Object(
                  { pointer: Type.String(), detail: Type.String() },
                  { additionalProperties: false },
                ),
              ),
            ),
            errorsOmitted: Type.Optional(Type.Integer({ minimum: 1 })),
          },
          { additionalProperties: false },
        ),
        { description: "One for each line that is not blank, in order." },
      ),
    },
    { additionalProperties: false },
  ),
);

export const meterExample = {
  meterKey: "a1f8797b-c827-4483-b6cf-6d3d3baa18a7",
  meterTypeId: "645ed240-02b5-400c-9a3c-21857e8f2ac4",
  userId: "user0@example.com",
};
