// Destinations and deliveries as they go out. A secret is no part of either; only the answer that
// made it shows it.
import type { Destination } from "../core/destination.ts";
import type { EpochMs } from "../core/ports.ts";
import { formatInstant } from "../core/time.ts";
import type { Delivery } from "./delivery-desk.ts";

type Wire = Readonly<Record<string, unknown>>;

/** `now` tells whether the secret before the newest still signs. */
export function toWireDestination(destination: Destination, now: EpochMs): Wire {
  const { id, name, outputs, meterKeys, enabled, disabledReason } = destination;
  return {
    id,
    name,
    ...targetOf(destination, now),
    outputs,
    meterKeys,
    enabled,
    disabledReason,
    disabledAt: instantOrNull(destination.disabledAt),
    createdAt: formatInstant(destination.createdAt),
    updatedAt: formatInstant(destination.updatedAt),
  };
}

/** When the secret before the newest ends; null when there is none any more. */
export function previousSecretEnd({ target }: Destination, now: EpochMs): string | null {
  const expiresAt = target.kind === "webhook" ? (target.secrets[1]?.expiresAt ?? null) : null;
  return expiresAt === null || expiresAt <= now ? null : formatInstant(expiresAt);
}

export function toWireDelivery(delivery: Delivery): Wire {
  return {
    id: delivery.id,
    type: delivery.type,
    recordId: delivery.recordId,
    state: delivery.state,
    createdAt: formatInstant(delivery.createdAt),
    deliveredAt: instantOrNull(delivery.deliveredAt),
    nextAttemptAt: instantOrNull(delivery.nextAttemptAt),
    attemptCount: delivery.attemptCount,
    attempts: delivery.attempts.map(({ at, durationMs, status, answer, error, replay }) => ({
      at: formatInstant(at),
      durationMs: Math.round(durationMs),
      status,
      answer,
      error,
      replay,
    })),
    file: delivery.file,
  };
}

function targetOf(destination: Destination, now: EpochMs): Wire {
  const { target } = destination;
  if (target.kind === "file") {
    return { kind: target.kind, folder: target.folder, format: target.format };
  }
  const previousSecretExpiresAt = previousSecretEnd(destination, now);
  return { kind: target.kind, url: target.url, previousSecretExpiresAt };
}

function instantOrNull(instant: EpochMs | null): string | null {
  return instant === null ? null : formatInstant(instant);
}
