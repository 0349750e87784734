// Makes deliveries of stored outputs: reads what comes after each destination's cursor, in batches,
// and moves the cursor in the same transaction, so that an output becomes one delivery however
// often the process dies. Also carries on resends of a time range, batch by batch.
import type { Destination } from "../core/destination.ts";
import type { EpochMs } from "../core/ports.ts";
import { messageIdOf } from "./delivery-rows.ts";
import type { DeliveryStore } from "./delivery-store.ts";
import type { Lane } from "./lane.ts";
import type { DeliveredKind, OutputFilter, OutputReader } from "./ports.ts";
import { isAfter } from "./prepared.ts";
import type { ResendRow } from "./resend-rows.ts";

/** Outputs looked at in one batch. */
const batchMax = 256;
/** Deliveries of a destination that may be pending; beyond it outputs wait where they are stored. */
export const pendingMax = 1_000_000;

const kindOfOutput: Readonly<Record<Destination["outputs"][number], DeliveredKind>> = {
  reset: "metered-record",
  threshold: "threshold-event",
};

export function filterOf({ accountId, outputs, meterKeys }: Destination): OutputFilter {
  return { accountId, kinds: outputs.map((output) => kindOfOutput[output]), meterKeys };
}

export interface Feeding {
  readonly store: DeliveryStore;
  readonly outputs: OutputReader;
  readonly pendingMax: number;
}

/** One batch for a webhook. False: there was nothing to do. */
export function feedMessages(lane: Lane, now: EpochMs, feeding: Feeding): boolean {
  const { store, outputs } = feeding;
  if (store.lanes.counts(lane.no).pending >= feeding.pendingMax) return false;
  const { cursor } = lane.row;
  const range = { after: cursor, limit: batchMax };
  const found = outputs.after(filterOf(lane.destination), range);
  if (!isAfter(found.scannedTo, cursor)) {
    lane.isBehind = false;
    return false;
  }
  store.transaction(() => {
    for (const { kind, position } of found.outputs) {
      store.rows.add({ lane: lane.no, messageId: messageIdOf(position), kind, position, now });
    }
    store.lanes.moveCursor(lane.no, found.scannedTo);
  });
  lane.row = { ...lane.row, cursor: found.scannedTo };
  if (found.outputs.length > 0) lane.wakeAt(now);
  return true;
}

/** One batch of a resend; null: it has ended, else how far it has come. */
export function feedResend(
  resend: ResendRow,
  { lane, now }: { readonly lane: Lane; readonly now: EpochMs },
  { store, outputs }: Feeding,
): ResendRow | null {
  const filter = filterOf(lane.destination);
  const found = outputs.after(filter, { after: resend.cursor, limit: batchMax });
  const isLast =
    !isAfter(found.scannedTo, resend.cursor) || !isAfter(resend.upTo, found.scannedTo);
  store.transaction(() => {
    for (const { kind, position } of found.outputs) {
      // What the cursor has not reached goes out for the first time, soon and by itself.
      if (isAfter(position, resend.upTo) || isAfter(position, lane.row.cursor)) break;
      const messageId = messageIdOf(position);
      const known = store.rows.find(lane.no, messageId);
      if (known?.state === "pending") continue;
      const no =
        known?.no ?? store.rows.add({ lane: lane.no, messageId, kind, position, now });
      if (no !== null) store.rows.resend(no, now);
    }
    if (isLast) store.resends.end(resend.no, now);
    else store.resends.moveTo(resend.no, found.scannedTo);
  });
  lane.wakeAt(now);
  return isLast ? null : { ...resend, cursor: found.scannedTo };
}
