// Schemas of destinations and deliveries for the OpenAPI document. Requests are judged by
// core/destination-fields.ts; these only describe what it accepts.
import { type TSchema, Type } from "typebox";
import { destinationOutputs, disabledReasons, fileFormats } from "../core/destination.ts";
import * as limits from "../core/limits.ts";
import { deliveryStates, deliveryTypes } from "./delivery-desk.ts";
import { instantSchema, named } from "./schemas-common.ts";
import { nullable } from "./schemas-lists.ts";

const closed = { additionalProperties: false };

const name = Type.String({ minLength: 1, maxLength: limits.nameCharactersMax });
const outputs = Type.Array(Type.Enum([...destinationOutputs]), {
  minItems: 1,
  maxItems: destinationOutputs.length,
  description: "`reset`: metered records. `threshold`: threshold events.",
});
const meterKeys = Type.Array(Type.String({ maxLength: limits.meterKeyCharactersMax }), {
  maxItems: limits.destinationKeysMax,
  description: "Meter processors whose outputs are delivered; empty: all.",
});
const url = Type.String({
  maxLength: limits.webhookUrlCharactersMax,
  description: "Where messages are posted to; https.",
});
const folder = Type.String({
  maxLength: limits.folderCharactersMax,
  pattern: "^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9_-])?$",
  description: "Name of the folder under METERHOUSE_EXPORT_DIR.",
});
const format = Type.Enum([...fileFormats]);
const webhook = Type.Literal("webhook");
const file = Type.Literal("file");

const shownMembers = {
  id: Type.String(),
  name,
  outputs,
  meterKeys,
  enabled: Type.Boolean(),
  disabledReason: nullable(
    Type.Enum([...disabledReasons], { description: "Null while it is enabled." }),
  ),
  disabledAt: nullable(instantSchema),
  createdAt: instantSchema,
  updatedAt: instantSchema,
};

const webhookMembers = {
  kind: webhook,
  url,
  previousSecretExpiresAt: nullable(instantSchema),
  ...shownMembers,
};
const fileShown = Type.Object({ kind: file, folder, format, ...shownMembers }, closed);

export const destinationSchema: TSchema = named(
  "Destination",
  Type.Union([Type.Object(webhookMembers, closed), fileShown]),
);

export const createdDestinationSchema: TSchema = named(
  "CreatedDestination",
  Type.Union([
    Type.Object(
      {
        ...webhookMembers,
        secret: Type.String({
          pattern: "^whsec_",
          description: "Signs the messages; shown only now.",
        }),
      },
      closed,
    ),
    fileShown,
  ]),
);

const optionalMembers = {
  outputs: Type.Optional(outputs),
  meterKeys: Type.Optional(meterKeys),
  enabled: Type.Optional(Type.Boolean()),
};

export const createDestinationSchema: TSchema = named(
  "CreateDestination",
  Type.Union([
    Type.Object({ kind: webhook, name, url, ...optionalMembers }, closed),
    Type.Object(
      { kind: file, name, folder, format: Type.Optional(format), ...optionalMembers },
      closed,
    ),
  ]),
);

export const patchDestinationSchema: TSchema = named(
  "PatchDestination",
  Type.Object(
    {
      name: Type.Optional(name),
      url: Type.Optional({ ...url, description: "Of webhooks only." }),
      ...optionalMembers,
    },
    closed,
  ),
);

export const destinationExample = {
  name: "Billing",
  kind: "webhook",
  url: "https://billing.example.com/meterhouse",
  outputs: ["reset", "threshold"],
};

export const secretSchema: TSchema = named(
  "WebhookSecret",
  Type.Object(
    {
      secret: Type.String({ pattern: "^whsec_", description: "Shown only now." }),
      previousSecretExpiresAt: {
        ...instantSchema,
        description: "Until then messages carry a signature of the secret before it too.",
      },
    },
    closed,
  ),
);

const attemptSchema = Type.Object(
  {
    at: instantSchema,
    durationMs: Type.Integer({ minimum: 0 }),
    status: nullable(Type.Integer({ description: "Null: no answer came." })),
    answer: nullable(Type.String({ description: "The first KiB of the answer." })),
    error: nullable(Type.String({ description: "Why it failed; null: it did not." })),
    replay: Type.Boolean({ description: "True when it was asked for by a resend." }),
  },
  closed,
);

export const deliverySchema: TSchema = named(
  "Delivery",
  Type.Object(
    {
      id: Type.String({ description: "Of a webhook the `webhook-id`." }),
      type: Type.Enum([...deliveryTypes]),
      recordId: nullable(Type.String({ description: "Of the record or event." })),
      state: Type.Enum([...deliveryStates]),
      createdAt: instantSchema,
      deliveredAt: nullable(instantSchema),
      nextAttemptAt: nullable(instantSchema),
      attemptCount: Type.Integer({ minimum: 0 }),
      attempts: Type.Array(attemptSchema, { description: "The last ones, oldest first." }),
      file: nullable(
        Type.Object(
          {
            name: Type.String(),
            meterKey: Type.String(),
            records: Type.Integer({ minimum: 0 }),
            bytes: nullable(Type.Integer({ minimum: 0 })),
            sha256: nullable(Type.String({ pattern: "^[0-9a-f]{64}$" })),
          },
          { ...closed, description: "Of file destinations; bytes and sha256 once it stands." },
        ),
      ),
    },
    closed,
  ),
);

export const resendRangeSchema: TSchema = named(
  "ResendRange",
  Type.Object(
    {
      from: { ...instantSchema, description: "Emitted then or later." },
      to: { ...instantSchema, description: "Emitted before then." },
    },
    closed,
  ),
);

export const resendAnswerSchema: TSchema = named(
  "ResendAnswer",
  Type.Object(
    { matched: Type.Integer({ minimum: 0, description: "What will be sent again." }) },
    closed,
  ),
);
