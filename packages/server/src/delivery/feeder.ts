// Makes deliveries of stored outputs: reads what comes after each destination's cursor, in batches,
// and moves the cursor in the same transaction, so that an output becomes one delivery however
// often the process dies. Also carries on resends of a time range, batch by batch. Destinations
// take turns, so that none waits for another's backlog.
import type { Position } from "../core/output.ts";
import type { EpochMs } from "../core/ports.ts";
import { messageIdOf } from "./delivery-rows.ts";
import type { DeliveryStore } from "./delivery-store.ts";
import { feedFiles } from "./file-planner.ts";
import type { Lane } from "./lane.ts";
import type { Lanes } from "./lanes.ts";
import { filterOf } from "./output-filter.ts";
import type { OutputReader } from "./ports.ts";
import { isAfter } from "./prepared.ts";
import type { ResendRow } from "./resend-rows.ts";

/** Outputs looked at in one batch, and batches between two looks at everything else. */
const batchMax = 256;
const batchesPerLook = 8;
/** Deliveries of a destination that may be pending; beyond it outputs wait where they are stored. */
export const pendingMax = 1_000_000;

export interface FeederParts {
  readonly store: DeliveryStore;
  readonly outputs: OutputReader;
  readonly lanes: Lanes;
  readonly pendingMax: number;
}

export class Feeder {
  readonly #parts: FeederParts;
  #resends: readonly ResendRow[];
  #newest: Position | null = null;
  #turn = 0;

  constructor(parts: FeederParts) {
    this.#parts = parts;
    this.#resends = parts.store.resends.running();
  }

  /** Some batches. True: there is more to do at once. */
  feed(now: EpochMs): boolean {
    this.#noticeOutputs();
    const isFed = this.#feedLanes(now);
    return this.#feedResends(now) || isFed;
  }

  /** Outputs were stored since the last look, and somebody may want them. */
  get isStale(): boolean {
    if (this.#parts.lanes.count === 0) return false;
    return this.#newest === null || isAfter(this.#parts.outputs.newest(), this.#newest);
  }

  isResending(lane: Lane): boolean {
    return this.#resends.some((resend) => resend.lane === lane.no);
  }

  beginResend(resend: ResendRow): void {
    this.#resends = [...this.#resends, resend];
  }

  #noticeOutputs(): void {
    if (!this.isStale) return;
    this.#newest = this.#parts.outputs.newest();
    this.#parts.lanes.setBehind();
  }

  #feedLanes(now: EpochMs): boolean {
    const lanes = [...this.#parts.lanes.all()];
    let batches = 0;
    for (let step = 0; step < lanes.length && batches < batchesPerLook; step++) {
      const at = (this.#turn + step) % lanes.length;
      const lane = lanes[at];
      if (lane === undefined || !lane.isOpen || !isWaiting(lane, now)) continue;
      const isMore = lane.isFile
        ? feedFiles(lane, now, this.#parts)
        : this.#feedMessages(lane, now);
      if (isMore) batches += 1;
      if (batches === batchesPerLook) this.#turn = at + 1;
    }
    return batches > 0;
  }

  /** One batch for a webhook. False: there was nothing to do. */
  #feedMessages(lane: Lane, now: EpochMs): boolean {
    const { store, outputs } = this.#parts;
    if (store.lanes.counts(lane.no).pending >= this.#parts.pendingMax) return false;
    const { cursor } = lane.row;
    const found = outputs.after(filterOf(lane.destination), { after: cursor, limit: batchMax });
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

  #feedResends(now: EpochMs): boolean {
    // A disabled destination's resend waits like everything else of it.
    const next = this.#resends.find(({ lane: no }) => this.#parts.lanes.ofRow(no)?.isOpen ?? true);
    if (next === undefined) return false;
    const lane = this.#parts.lanes.ofRow(next.lane);
    const rest = lane === undefined ? null : this.#resend(next, lane, now);
    const others = this.#resends.filter((resend) => resend !== next);
    this.#resends = rest === null ? others : [...others, rest];
    return true;
  }

  /** One batch of a resend; null: it has ended, else how far it has come. */
  #resend(resend: ResendRow, lane: Lane, now: EpochMs): ResendRow | null {
    const { store, outputs } = this.#parts;
    const range = { after: resend.cursor, limit: batchMax };
    const { outputs: found, scannedTo } = outputs.after(filterOf(lane.destination), range);
    const isLast = !isAfter(scannedTo, resend.cursor) || !isAfter(resend.upTo, scannedTo);
    store.transaction(() => {
      for (const { kind, position } of found) {
        // What the cursor has not reached goes out for the first time, soon and by itself.
        if (isAfter(position, resend.upTo) || isAfter(position, lane.row.cursor)) break;
        const messageId = messageIdOf(position);
        const known = store.rows.find(lane.no, messageId);
        // What is pending goes out by itself; but one under way may be decided already.
        if (known !== undefined && lane.inFlight.has(known.no)) lane.resent.add(known.no);
        else if (known?.state === "pending") continue;
        const no = known?.no ?? store.rows.add({ lane: lane.no, messageId, kind, position, now });
        if (no !== null) store.rows.resend(no, now);
      }
      if (isLast) store.resends.end(resend.no, now);
      else store.resends.moveTo(resend.no, scannedTo);
    });
    lane.wakeAt(now);
    return isLast ? null : { ...resend, cursor: scannedTo };
  }
}

function isWaiting({ isBehind, gathering }: Lane, now: EpochMs): boolean {
  return isBehind || (gathering !== null && gathering.dueAt <= now);
}
