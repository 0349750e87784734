// How a waiting item stands before it is judged anew: who it belongs to now, whether its age matters,
// and whether its record id alone keeps it from being counted. Shared by reprocessing and its dry run,
// so that the two never differ. Nothing is changed here.
import { rawRecordOf } from "./correction-change.ts";
import type { WaitingItem } from "./entry.ts";
import type { RejectionReason } from "./outcome.ts";
import type { Position } from "./output.ts";
import type { EpochMs } from "./ports.ts";
import { readIdentity, readUsageRecord } from "./record-reading.ts";
import type { AccountState, Processor, State } from "./state.ts";
import type { RawRecord } from "./usage-body.ts";
import { readContext, type UsageRun } from "./usage-run.ts";
import { isWaitingUnder, type RecordIdentity, waitingKey } from "./waiting.ts";

/** A waiting item and where it belongs. */
export interface Target {
  readonly state: State;
  readonly account: AccountState;
  readonly processor: Processor;
  readonly position: Position;
  readonly item: WaitingItem;
  /** Of the action. */
  readonly lateUsage: "current" | null;
  readonly now: EpochMs;
}

export interface Standing {
  readonly raw: RawRecord;
  readonly run: Omit<UsageRun, "raw">;
  readonly identity: RecordIdentity;
  /** Under what it would be known when it is counted; null without a record id. */
  readonly key: string | null;
  /** Known before any rule is looked at; null: it is to be judged like a fresh record. */
  readonly verdict:
    | { readonly kind: "duplicate" }
    | { readonly kind: "rejected"; readonly reason: RejectionReason; readonly detail: string }
    | null;
}

export function standingOf(target: Target): Standing {
  const { state, account, processor, position, item, lateUsage, now } = target;
  const raw = rawRecordOf(item);
  const identity = readIdentity(raw, processor);
  const key = waitingKey(state, identity);
  // While it waits under its own key, any count of the same id would have closed it (DC14).
  const isAgeExempt = !item.isRekeyed && key !== null && isWaitingUnder(processor, position, key);
  const context = { ...readContext(state, processor, now), isAgeExempt, lateUsage };
  const standing = { raw, run: { account, processor, context }, identity, key };
  return { ...standing, verdict: verdictOf(item, standing) };
}

/** What cannot be read stays so; an id that was refused stays refused, whatever else was changed. */
function verdictOf(
  item: WaitingItem,
  { raw, run, identity }: Omit<Standing, "verdict">,
): Standing["verdict"] {
  const isRefused = item.refusedId !== null && item.refusedId === identity.recordId;
  if (raw.fields !== null && !isRefused) return null;
  const reading = raw.fields === null ? null : readUsageRecord(raw, run.context);
  if (reading === "duplicate") return { kind: "duplicate" };
  const { reason, detail } = item;
  return { kind: "rejected", reason, detail };
}
