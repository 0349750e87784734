// The seam of the delivery service: what it needs from outside (destinations, stored outputs, a
// sender, time, chance) and what it offers to the routes. Declared here so that it depends on no
// other adapter; the composition root puts the real ones in their places.
import type { Destination } from "../core/destination.ts";
import type { Position } from "../core/output.ts";
import type { Clock, EpochMs, Random } from "../core/ports.ts";
import type { Result } from "../core/problem.ts";

/** Definitions as they stand now. */
export interface DestinationSource {
  /** Grows with every change of a destination; not durable. */
  readonly changes: number;
  all(): Iterable<Destination>;
}

export const deliveredKinds = ["metered-record", "threshold-event"] as const;
/** Kinds of outputs that are delivered. */
export type DeliveredKind = (typeof deliveredKinds)[number];

/** Which output, without its body. */
export interface OutputName {
  readonly kind: DeliveredKind;
  readonly position: Position;
  readonly meterKey: string;
}

/** Which outputs of an account are meant; an empty list of keys means all. */
export interface OutputFilter {
  readonly accountId: string;
  readonly kinds: readonly DeliveredKind[];
  readonly meterKeys: readonly string[];
}

/** The stored outputs of the projection. Bodies never change. */
export interface OutputReader {
  /** Position of the last stored output of any account; what is equal needs no further look. */
  newest(): Position;
  /**
   * The outputs after a position, ascending, of at most `limit` that were looked at. Everything up
   * to `scannedTo` was looked at; it equals `after` when there is nothing more.
   */
  after(
    filter: OutputFilter,
    range: { readonly after: Position; readonly limit: number },
  ): { readonly outputs: readonly OutputName[]; readonly scannedTo: Position };
  /** The JSON text as it goes out; undefined when it is no longer kept. */
  find(kind: DeliveredKind, position: Position): string | undefined;
  /** The last output of any account that was made before this instant. */
  positionBefore(instant: EpochMs): Position;
  /** How many there are with `after` < position <= `upTo`. */
  count(filter: OutputFilter, range: { readonly after: Position; readonly upTo: Position }): number;
}

/** How one kind of output looks as CSV: the first line, and a line for each JSON text. */
export interface CsvForm {
  readonly header: string;
  line(json: string): string;
}

export type FailureReason = "RECEIVER_GONE" | "RECEIVER_FAILING";

/** What became of one attempt, for metrics. */
export type AttemptResult = "delivered" | "refused" | "unanswered" | "impossible";

export interface DeliveryTelemetry {
  /** An attempt has ended and is recorded. */
  attemptEnded(fact: { readonly result: AttemptResult; readonly durationMs: number }): void;
  /** A destination was disabled for its receiver's sake. */
  destinationDisabled(fact: { readonly reason: FailureReason }): void;
  /** Asked for at each scrape; replaces the one before. */
  observeDeliveries(read: () => DeliveryGauges): void;
}

export interface DeliveryGauges {
  readonly pending: number;
  readonly failed: number;
  readonly inFlight: number;
  readonly disabledDestinations: number;
}

export interface DeliveryLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** What the service is made of. */
export interface DeliveryWorld {
  readonly destinations: DestinationSource;
  readonly outputs: OutputReader;
  readonly disable: (destination: Destination, reason: FailureReason) => Promise<void>;
  /** Opens a sealed secret; the error is a sentence. */
  readonly unseal: (sealed: string) => Result<string, string>;
  readonly csv: Readonly<Record<DeliveredKind, CsvForm>>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: DeliveryLog;
  readonly telemetry: DeliveryTelemetry;
}

export const deliveryStates = ["pending", "delivered", "failed"] as const;
export type DeliveryState = (typeof deliveryStates)[number];
export type DeliveryType = "metered_record.created" | "threshold.reached" | "test" | "file";

export interface DeliveryAttempt {
  readonly at: EpochMs;
  readonly durationMs: number;
  /** Null: no answer, or a file. */
  readonly status: number | null;
  /** The first KiB of the answer; null: none. */
  readonly answer: string | null;
  /** Why it failed, in a sentence; null: it succeeded. */
  readonly error: string | null;
  readonly replay: boolean;
}

export interface DeliveredFile {
  readonly name: string;
  readonly meterKey: string;
  readonly records: number;
  /** Null until the file was written; so is `sha256`. */
  readonly bytes: number | null;
  readonly sha256: string | null;
}

/** One message or file of a destination, with what became of it. */
export interface Delivery {
  /** Unique within the destination; of a message its `webhook-id`. */
  readonly id: string;
  readonly type: DeliveryType;
  /** Position of the output as text; null for tests and files. */
  readonly recordId: string | null;
  readonly state: DeliveryState;
  readonly createdAt: EpochMs;
  readonly deliveredAt: EpochMs | null;
  readonly nextAttemptAt: EpochMs | null;
  /** All that were ever made. */
  readonly attemptCount: number;
  /** The last ones, oldest first. */
  readonly attempts: readonly DeliveryAttempt[];
  readonly file: DeliveredFile | null;
}

export interface DeliveryQuery {
  readonly state?: DeliveryState | undefined;
  readonly limit: number;
  readonly skip: number;
}

/** What the routes may ask. Problems carry codes of docs/problems.md. */
export interface DeliveryDesk {
  /** Newest first. */
  list(
    destination: Destination,
    query: DeliveryQuery,
  ): { readonly items: readonly Delivery[]; readonly total: number };
  /** One message, or a probe of the folder, attempted once and at once, also while disabled. */
  test(destination: Destination): Promise<Result<Delivery>>;
  /** The delivery is due now and begins its schedule anew. `by` names who asked, for the log. */
  resend(destination: Destination, id: string, by: string): Result<Delivery>;
  /** Every output made in `from` <= time < `to` goes out again. */
  resendRange(
    destination: Destination,
    range: { readonly from: EpochMs; readonly to: EpochMs },
    by: string,
  ): Result<{ readonly matched: number }>;
}
