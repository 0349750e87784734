// Schemas of the usage audit for the OpenAPI document: its rows, its hours, and the figures that both
// have. What goes out is made by audit-wire.ts.
import { type TSchema, Type } from "typebox";
import { auditEvents } from "../core/output.ts";
import { instantSchema, named } from "./schemas-common.ts";
import { exactNumberSchema, exactTextSchema, nullable } from "./schemas-lists.ts";

const closed = { additionalProperties: false };

function figure(description: string): TSchema {
  return Type.Integer({ minimum: 0, description });
}

const figures = {
  requests: figure("Usage requests that were taken."),
  received: figure("Records in them: counted + duplicates + rejected."),
  counted: figure("Records that were counted, each once."),
  duplicates: figure("Records that were counted before, under the same id."),
  conflicts: figure("Of the rejected: the id was counted with other content."),
  rejected: figure("Records that could not be counted."),
  rejectedByReason: Type.Record(Type.String(), Type.Integer({ minimum: 1 }), {
    description: "The same by reason.",
  }),
  dropped: figure("Of the rejected: not stored, since suspense management is off."),
  repeated: figure("Of the rejected: sent again under the id of an item that waits."),
  superseded: figure("Items of data correction that were closed by a counted record."),
  meteredRecords: figure("Metered records that were made."),
  thresholdEvents: figure("Threshold events that were made."),
  reprocessed: figure("Items of data correction that were counted."),
};

const discardedSchema = named(
  "DiscardedPeriod",
  Type.Object(
    {
      meterId: Type.String(),
      userId: Type.String(),
      meterTypeId: Type.String(),
      records: figure("Records that it had counted."),
      periodStart: instantSchema,
      value: exactNumberSchema,
      valueExact: exactTextSchema,
    },
    { ...closed, description: "The open period of a meter that was deleted." },
  ),
);

export const auditRowSchema: TSchema = named(
  "UsageAuditRow",
  Type.Object(
    {
      id: Type.String({ description: "Position of its first entry." }),
      meterKey: Type.String(),
      kind: Type.Enum([...auditEvents]),
      startedAt: instantSchema,
      endedAt: instantSchema,
      ...figures,
      discarded: nullable(discardedSchema),
    },
    closed,
  ),
);

export const auditHourSchema: TSchema = named(
  "UsageAuditHour",
  Type.Object(
    {
      meterKey: Type.String(),
      from: instantSchema,
      to: instantSchema,
      rows: Type.Integer({ minimum: 1, description: "Rows that it adds up." }),
      ...figures,
      deletedMeters: figure("Meters that were deleted."),
    },
    closed,
  ),
);
