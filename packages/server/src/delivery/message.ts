// The message of a webhook, built from the stored output: the same bytes at every attempt and in
// every process, since a stored output never changes. Test messages say nothing of anybody's usage.
import type { Destination } from "../core/destination.ts";
import type { EpochMs } from "../core/ports.ts";
import { formatInstant } from "../core/time.ts";
import type { DeliveredKind, DeliveryType } from "./ports.ts";

export const messageTypes: Readonly<Record<DeliveredKind, DeliveryType>> = {
  "metered-record": "metered_record.created",
  "threshold-event": "threshold.reached",
};

/** `json` is the output as stored; null when it names no time at which it was made. */
export function messageBody(kind: DeliveredKind, json: string): Uint8Array | null {
  const { emittedAt } = JSON.parse(json);
  if (typeof emittedAt !== "string") return null;
  const head = `{"type":"${messageTypes[kind]}","timestamp":${JSON.stringify(emittedAt)}`;
  return Buffer.from(`${head},"data":${json}}`);
}

export function testBody({ id, name }: Destination, now: EpochMs): Uint8Array {
  const data = { destinationId: id, destinationName: name };
  return Buffer.from(JSON.stringify({ type: "test", timestamp: formatInstant(now), data }));
}
