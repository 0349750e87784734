// What the routes of destinations need of the delivery service, declared here so that they do not
// depend on it. delivery/ has this shape; tests put a fake in its place.
import type { Destination } from "../core/destination.ts";
import type { EpochMs } from "../core/ports.ts";
import type { Result } from "../core/problem.ts";

export const deliveryStates = ["pending", "delivered", "failed"] as const;
export type DeliveryState = (typeof deliveryStates)[number];

export const deliveryTypes = [
  "metered_record.created",
  "threshold.reached",
  "test",
  "file",
] as const;
export type DeliveryType = (typeof deliveryTypes)[number];

export interface DeliveryAttempt {
  readonly at: EpochMs;
  readonly durationMs: number;
  /** Null: no answer came. */
  readonly status: number | null;
  /** The first KiB of the answer as text, without lone surrogates; null: none came. */
  readonly answer: string | null;
  /** Why it failed, in one sentence; null: it did not. */
  readonly error: string | null;
  /** True when somebody asked for it to be sent again. */
  readonly replay: boolean;
}

export interface Delivery {
  /** Unique within the destination. Of a webhook the `webhook-id`: `msg_` and the position. */
  readonly id: string;
  readonly type: DeliveryType;
  /** Position of what is delivered; null for tests and files. */
  readonly recordId: string | null;
  readonly state: DeliveryState;
  readonly createdAt: EpochMs;
  readonly deliveredAt: EpochMs | null;
  /** Null unless it is pending. */
  readonly nextAttemptAt: EpochMs | null;
  /** All that were ever made; `attempts` has the last of them. */
  readonly attemptCount: number;
  /** Oldest first; bounded. */
  readonly attempts: readonly DeliveryAttempt[];
  /** Only where the destination is of the kind file. */
  readonly file: {
    readonly name: string;
    readonly meterKey: string;
    readonly records: number;
    /** Both null until the file stands. */
    readonly bytes: number | null;
    readonly sha256: string | null;
  } | null;
}

export interface DeliveryDesk {
  /** Newest first. */
  list(
    destination: Destination,
    query: {
      readonly state?: DeliveryState | undefined;
      /** 1 to 100. */
      readonly limit: number;
      readonly skip: number;
    },
  ): { readonly items: readonly Delivery[]; readonly total: number };
  /**
   * Sends one message of the type "test", or writes and removes a file, at once and only once;
   * whether or not the destination is enabled. Resolves at its end, after 15 s at most. Another one
   * that is still on its way is the problem "test-running".
   */
  test(destination: Destination): Promise<Result<Delivery>>;
  /** Makes a delivery due now, whatever became of it; its attempts are marked as replay. */
  resend(destination: Destination, id: string, by: string): Result<Delivery>;
  /** The same for all outputs that were emitted within [from, to); `by` is the client id. */
  resendRange(
    destination: Destination,
    range: { readonly from: EpochMs; readonly to: EpochMs },
    by: string,
  ): Result<{ readonly matched: number }>;
}
