// Schemas of meter types for the OpenAPI document, with the samples of the published API. Requests
// are judged by core/meter-type.ts; these only describe what it accepts.
import { type TSchema, Type } from "typebox";
import { aggregationTypes } from "../core/definitions.ts";
import * as limits from "../core/limits.ts";
import { instantSchema, named } from "./schemas-common.ts";
import { customFieldsSchema, exactNumberSchema, nullable } from "./schemas-lists.ts";

const fieldText = (description: string): TSchema => Type.String({ description, minLength: 1 });

const resetScheduleSchema = named(
  "ResetSchedule",
  Type.Object(
    {
      minute: fieldText("0 to 59."),
      hour: fieldText("0 to 23."),
      day: fieldText("1 to 31, or L for the last day of the month."),
      month: fieldText("1 to 12, or JAN to DEC."),
      weekday: fieldText("0 to 7, or SUN to SAT."),
    },
    { additionalProperties: false, description: "Five fields in crontab format." },
  ),
);

const aggregationSchema = Type.Object(
  { type: Type.Enum([...aggregationTypes]) },
  { additionalProperties: false, description: "How records of a period become one value." },
);

export const thresholdSchema: TSchema = named(
  "Threshold",
  Type.Object(
    {
      name: Type.String({ minLength: 1, maxLength: limits.nameCharactersMax }),
      capacityPercentage: Type.Optional(
        Type.Number({ exclusiveMinimum: 0, maximum: 1_000, description: "Percent of capacity." }),
      ),
      absoluteValue: Type.Optional(Type.Number({ exclusiveMinimum: 0 })),
      customFields: Type.Optional(customFieldsSchema),
    },
    { additionalProperties: false, description: "Exactly one of the two amounts is set." },
  ),
);

export const thresholdsSchema: TSchema = Type.Array(thresholdSchema, {
  maxItems: limits.thresholdsPerTypeMax,
});

const inputInstant = Type.String({
  format: "date-time",
  description: "A date and time with offset, at most five minutes in the past.",
});

const nameSchema = Type.String({
  minLength: 1,
  maxLength: limits.nameCharactersMax,
  pattern: "^[\\w\\s().-]+$",
});
const descriptionSchema = Type.String({ maxLength: limits.descriptionCharactersMax });
const unitSchema = Type.String({ minLength: 1, maxLength: limits.unitCharactersMax });
const categorySchema = Type.String({ maxLength: limits.categoryCharactersMax });
const externalRefSchema = Type.String({ maxLength: limits.externalRefCharactersMax });
const timezoneSchema = Type.String({ description: "A name of the IANA time zone list." });
const capacitySchema = Type.Number({ exclusiveMinimum: 0 });

export const meterTypeSchema: TSchema = named(
  "MeterType",
  Type.Object(
    {
      accountId: Type.String(),
      activeFrom: instantSchema,
      activeTo: nullable(instantSchema),
      aggregation: aggregationSchema,
      category: categorySchema,
      createdAt: instantSchema,
      description: descriptionSchema,
      externalRef: nullable(externalRefSchema),
      id: Type.String(),
      name: nameSchema,
      numberOfMeters: Type.Integer({ minimum: 0 }),
      resetSchedule: resetScheduleSchema,
      timezone: timezoneSchema,
      unit: unitSchema,
      updatedAt: instantSchema,
      capacity: nullable(exactNumberSchema),
      thresholds: thresholdsSchema,
    },
    { additionalProperties: false },
  ),
);

export const createMeterTypeSchema: TSchema = named(
  "CreateMeterType",
  Type.Object(
    {
      name: nameSchema,
      unit: unitSchema,
      timezone: timezoneSchema,
      aggregation: aggregationSchema,
      resetSchedule: resetScheduleSchema,
      description: Type.Optional(nullable(descriptionSchema)),
      category: Type.Optional(nullable(categorySchema)),
      externalRef: Type.Optional(nullable(externalRefSchema)),
      activeFrom: Type.Optional(nullable(inputInstant)),
      activeTo: Type.Optional(nullable(inputInstant)),
      capacity: Type.Optional(nullable(capacitySchema)),
      thresholds: Type.Optional(nullable(thresholdsSchema)),
    },
    { additionalProperties: false },
  ),
);

export const patchMeterTypeSchema: TSchema = named(
  "PatchMeterType",
  Type.Object(
    {
      name: Type.Optional(nameSchema),
      unit: Type.Optional(unitSchema),
      timezone: Type.Optional(timezoneSchema),
      resetSchedule: Type.Optional(resetScheduleSchema),
      description: Type.Optional(descriptionSchema),
      category: Type.Optional(nullable(categorySchema)),
      externalRef: Type.Optional(nullable(externalRefSchema)),
      activeFrom: Type.Optional(nullable(inputInstant)),
      activeTo: Type.Optional(nullable(inputInstant)),
      capacity: Type.Optional(nullable(capacitySchema)),
      thresholds: Type.Optional(nullable(thresholdsSchema)),
    },
    { additionalProperties: false },
  ),
);

export const meterTypeExample = {
  name: "Usage based API counter",
  description: "Meter definition to count the number of API requests per customer",
  unit: "requests",
  category: "API Counts",
  externalRef: "878752b4-4ddf",
  timezone: "Etc/UTC",
  aggregation: { type: "sum" },
  resetSchedule: { minute: "0", hour: "0", day: "1", month: "*", weekday: "*" },
};
