// Writes down what attempts came to, and what follows: when the next one is due, that a delivery
// has failed for good, since when a receiver fails and whether its destination is to be disabled.
// An attempt that is not written down yet keeps its place, so that a full disk leads to no flood.
import type { EpochMs, Random } from "../core/ports.ts";
import { dayMs } from "../core/time.ts";
import type { DueRow } from "./delivery-rows.ts";
import type { DeliveryStore } from "./delivery-store.ts";
import type { Lane } from "./lane.ts";
import type { Slot } from "./lane-rotation.ts";
import type { AttemptResult, DeliveryTelemetry, FailureReason } from "./ports.ts";
import { nextAttemptAt } from "./retry-schedule.ts";
import type { EndedAttempt } from "./webhook-attempt.ts";

/** A receiver that fails for so long without one success has its destination disabled. */
const failingMsMax: number = 5 * dayMs;
/** Longer than any wait of the schedule: a receiver not asked for so long begins anew. */
const silenceMs: number = 2 * dayMs;

export interface Ended {
  readonly slot: Slot;
  readonly row: DueRow;
  /** Null: cancelled, nobody knows what became of it. */
  readonly outcome: EndedAttempt | null;
}

export interface Recording {
  readonly store: DeliveryStore;
  readonly random: Random;
  readonly telemetry: DeliveryTelemetry;
}

/** Whose destinations are to be disabled, and why. All or nothing is written. */
export function record(
  ended: readonly Ended[],
  { store, random, telemetry }: Recording,
): ReadonlyMap<Lane, FailureReason> {
  const failing = new Map<Lane, FailureReason>();
  store.transaction(() => {
    for (const { slot, row, outcome } of ended) {
      const { lane } = slot;
      if (outcome === null || lane.isRemoved) continue;
      store.rows.addAttempt(row.no, row.attempts + 1, outcome.attempt);
      if (lane.resent.has(row.no)) {
        store.rows.countAttempt(row.no);
        lane.wakeAt(outcome.endedAt);
      } else {
        const nextAt = writeState(store, row, { outcome, random });
        if (nextAt !== null) lane.wakeAt(nextAt);
      }
      writeHealth(store, lane, outcome);
      const reason = reasonToDisable(lane, outcome);
      if (reason !== null) failing.set(lane, reason);
    }
  });
  for (const { slot, outcome } of ended) {
    if (outcome === null) continue;
    const { durationMs } = outcome.attempt;
    slot.lane.learn({ ...outcome, durationMs });
    telemetry.attemptEnded({ result: resultOf(outcome), durationMs });
  }
  return failing;
}

/** When the next attempt is due; null: there is none. */
function writeState(
  { rows, files }: DeliveryStore,
  row: DueRow,
  { outcome, random }: { readonly outcome: EndedAttempt; readonly random: Random },
): EpochMs | null {
  const { endedAt, retryAfterMs, written } = outcome;
  if (written !== undefined) files.written(row.no, written.bytes, written.sha256);
  if (outcome.isSuccess) {
    rows.finish(row.no, "delivered", endedAt);
    return null;
  }
  const failed = { attempts: row.round + 1, endedAt, retryAfterMs, chance: fraction(random) };
  const nextAt = outcome.isHopeless ? null : nextAttemptAt(failed);
  if (nextAt === null) rows.finish(row.no, "failed", endedAt);
  else rows.postpone(row.no, nextAt);
  return nextAt;
}

/** In the lane too: should the transaction fail, the same is found again when it is repeated. */
function writeHealth({ lanes }: DeliveryStore, lane: Lane, outcome: EndedAttempt): void {
  const { row } = lane;
  const { attempt, endedAt, isSuccess } = outcome;
  if (outcome.isHopeless || (isSuccess && row.failingSince === null)) return;
  const isAnew = row.failingSince === null || endedAt - (row.failedAt ?? 0) > silenceMs;
  const since = isAnew ? attempt.at : row.failingSince;
  const failingSince = isSuccess ? null : since;
  const failedAt = isSuccess ? null : endedAt;
  lanes.setFailing(lane.no, failingSince, failedAt);
  lane.row = { ...row, failingSince, failedAt };
}

function reasonToDisable(lane: Lane, outcome: EndedAttempt): FailureReason | null {
  if (outcome.isGone) return "RECEIVER_GONE";
  const { failingSince } = lane.row;
  if (failingSince === null) return null;
  const since = Math.max(failingSince, lane.destination.enabledAt);
  return outcome.endedAt - since >= failingMsMax ? "RECEIVER_FAILING" : null;
}

function resultOf({ isSuccess, isHopeless, isAnswered }: EndedAttempt): AttemptResult {
  if (isSuccess) return "delivered";
  if (isHopeless) return "impossible";
  return isAnswered ? "refused" : "unanswered";
}

/** 32 bits of chance, from 0 (inclusive) to 1 (exclusive). */
function fraction(random: Random): number {
  const bits = random.bytes(4).reduce((sum, byte) => sum * 256 + byte, 0);
  return bits / 2 ** 32;
}
