// Destinations: where metered records and threshold events are delivered to. Plain data, read-only;
// a change puts another object in its place. How far delivery has come is no part of this: the
// delivery service keeps that beside the journal.
import type { EpochMs } from "./ports.ts";

export const destinationKinds = ["webhook", "file"] as const;
export type DestinationKind = (typeof destinationKinds)[number];

/** Metered records, and threshold events. */
export const destinationOutputs = ["reset", "threshold"] as const;
export type DestinationOutput = (typeof destinationOutputs)[number];

export const fileFormats = ["ndjson", "csv"] as const;
export type FileFormat = (typeof fileFormats)[number];

/** By a caller; by the answer 410; by days of failure. */
export const disabledReasons = ["REQUESTED", "RECEIVER_GONE", "RECEIVER_FAILING"] as const;
export type DisabledReason = (typeof disabledReasons)[number];

/** A drawn secret on its way into the journal. */
export interface DrawnSecret {
  readonly id: string;
  /** Encrypted; the key lies outside journal and snapshots (DV24). Never logged. */
  readonly sealed: string;
}

export interface WebhookSecret extends DrawnSecret {
  readonly createdAt: EpochMs;
  /** Null: the newest. Else it signs beside the newest until then. */
  readonly expiresAt: EpochMs | null;
}

export interface WebhookTarget {
  readonly kind: "webhook";
  readonly url: string;
}

export interface FileTarget {
  readonly kind: "file";
  readonly folder: string;
  readonly format: FileFormat;
}

/** What a caller may say of a new destination. */
export interface DestinationFields {
  readonly name: string;
  /** One or two, in the order of `destinationOutputs`. */
  readonly outputs: readonly DestinationOutput[];
  /** Empty: all, those that come later too. */
  readonly meterKeys: readonly string[];
  readonly enabled: boolean;
  readonly target: WebhookTarget | FileTarget;
}

/** Absent members stay as they are. Only webhooks have a `url`. */
export type DestinationPatch = Partial<Omit<DestinationFields, "target">> & {
  readonly url?: string;
};

export interface Destination extends Omit<DestinationFields, "target"> {
  readonly id: string;
  readonly accountId: string;
  readonly target:
    | (WebhookTarget & {
        /** The newest first; at most two. */
        readonly secrets: readonly WebhookSecret[];
      })
    | FileTarget;
  /** Null exactly while it is enabled. */
  readonly disabledReason: DisabledReason | null;
  readonly disabledAt: EpochMs | null;
  /** When it was enabled last. */
  readonly enabledAt: EpochMs;
  readonly createdAt: EpochMs;
  readonly updatedAt: EpochMs;
  /** The entry that made it: only outputs of later entries are delivered. */
  readonly createdSeq: number;
  /** The entry that changed it last. */
  readonly changedSeq: number;
}

/** How long the secret before the newest signs too. */
export const secretOverlapMs: number = 24 * 3_600_000;
