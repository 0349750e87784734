// Schemas of meter processors for the OpenAPI document. Requests are judged by core/processor.ts;
// these only describe what it accepts. Guiding rules have the members of the original's node.
import { type TSchema, Type } from "typebox";
import { carryOperations, conditionTypes, flushTypes, lateUsages } from "../core/definitions.ts";
import * as limits from "../core/limits.ts";
import { instantSchema, named } from "./schemas-common.ts";

const closed = { additionalProperties: false };
const label = Type.String({ maxLength: limits.recordStringCharactersMax });

const conditionSchema = named(
  "Condition",
  Type.Object(
    {
      customName: Type.Optional(label),
      field: label,
      value: Type.String({ description: "The expected value as text, whatever the type." }),
      type: Type.Optional(Type.Enum([...conditionTypes])),
    },
    closed,
  ),
);

const guidingRuleSchema = named(
  "GuidingRule",
  Type.Object(
    {
      customName: Type.Optional(label),
      ignoreCondition: Type.Optional(Type.Boolean({ description: "True: the rule always holds." })),
      conditionRelation: Type.Optional(Type.Enum(["and", "or"])),
      conditions: Type.Optional(
        Type.Array(conditionSchema, { maxItems: limits.conditionsPerRuleMax }),
      ),
      matchCategory: Type.String({ minLength: 1, maxLength: limits.categoryCharactersMax }),
      groupBy: Type.Optional(
        Type.Array(
          Type.Object(
            {
              fields: Type.Array(label, { minItems: 1, maxItems: limits.fieldsPerGroupByMax }),
            },
            closed,
          ),
          { maxItems: limits.groupBysPerRuleMax },
        ),
      ),
      otherOperations: Type.Optional(
        Type.Array(
          Type.Object({ field: label, operation: Type.Enum([...carryOperations]) }, closed),
          { maxItems: limits.otherOperationsPerRuleMax },
        ),
      ),
    },
    closed,
  ),
);

const suspenseMembers = {
  enabled: Type.Boolean(),
  abortOnDisabled: Type.Boolean(),
  eventThreshold: Type.Integer({ minimum: 0, maximum: 1_000_000_000 }),
  onThresholdExceeded: Type.Enum(["ABORT", "CONTINUE"]),
  resetOnValidEvent: Type.Boolean(),
};

const deduplicationMembers = {
  field: Type.String({ description: "Name of the member that holds the record id." }),
  windowDays: Type.Integer({
    minimum: limits.idWindowDaysMin,
    maximum: limits.idWindowDaysMax,
  }),
};

const meterKeySchema = Type.String({
  maxLength: limits.meterKeyCharactersMax,
  pattern: "^[A-Za-z0-9_-]+$",
  description: "Drawn when not sent.",
});

const fieldMembers = {
  name: Type.String({ minLength: 1, maxLength: limits.nameCharactersMax }),
  guidingRules: Type.Array(guidingRuleSchema, {
    minItems: 1,
    maxItems: limits.rulesPerProcessorMax,
  }),
  flushType: Type.Enum([...flushTypes]),
  createMeters: Type.Boolean({ description: "Makes meters for users that have none." }),
  multiOutput: Type.Unknown({ description: "Kept as sent." }),
  settlingSeconds: Type.Integer({
    minimum: 0,
    maximum: limits.settlingSecondsMax,
    description: "How long an ended period waits for late usage; 0 with flushType ALL_FILES.",
  }),
  lateUsage: Type.Enum([...lateUsages], {
    description: "Late usage is counted in the open period, or sent to data correction.",
  }),
};

export const processorSchema: TSchema = named(
  "MeterProcessor",
  Type.Object(
    {
      ...fieldMembers,
      meterKey: meterKeySchema,
      suspenseManagement: Type.Object(suspenseMembers, closed),
      deduplication: Type.Object(deduplicationMembers, closed),
      createdAt: instantSchema,
      updatedAt: instantSchema,
    },
    closed,
  ),
);

const optionalMembers = {
  flushType: Type.Optional(fieldMembers.flushType),
  createMeters: Type.Optional(fieldMembers.createMeters),
  multiOutput: Type.Optional(fieldMembers.multiOutput),
  settlingSeconds: Type.Optional(fieldMembers.settlingSeconds),
  lateUsage: Type.Optional(fieldMembers.lateUsage),
  suspenseManagement: Type.Optional(Type.Partial(Type.Object(suspenseMembers, closed))),
  deduplication: Type.Optional(Type.Partial(Type.Object(deduplicationMembers, closed))),
};

export const createProcessorSchema: TSchema = named(
  "CreateMeterProcessor",
  Type.Object(
    {
      name: fieldMembers.name,
      guidingRules: fieldMembers.guidingRules,
      meterKey: Type.Optional(meterKeySchema),
      ...optionalMembers,
    },
    closed,
  ),
);

export const patchProcessorSchema: TSchema = named(
  "PatchMeterProcessor",
  Type.Object(
    {
      name: Type.Optional(fieldMembers.name),
      guidingRules: Type.Optional(fieldMembers.guidingRules),
      ...optionalMembers,
    },
    closed,
  ),
);

export const processorExample = {
  name: "API calls",
  guidingRules: [
    {
      customName: "Successful calls",
      conditions: [{ field: "status", value: "200", type: "number" }],
      matchCategory: "API Counts",
      groupBy: [{ fields: ["region"] }],
      otherOperations: [{ field: "sessionId", operation: "carry-last" }],
    },
  ],
};
