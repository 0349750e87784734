// What an action on data correction would make of one item, judged alone against the present state:
// the dry run. Nothing changes, and it goes through the same judging as the action itself.
import type { CorrectionOrder } from "./correction-action.ts";
import { changeRecord } from "./correction-change.ts";
import type { WaitingItem } from "./entry.ts";
import { standingOf, type Target } from "./judge-waiting.ts";
import type { RejectionReason } from "./outcome.ts";
import type { Position } from "./output.ts";
import type { EpochMs } from "./ports.ts";
import type { State } from "./state.ts";
import { judgeRecord } from "./usage-run.ts";

/** What an item would be afterwards. */
export interface CorrectionPreview {
  readonly state: "waiting" | "reprocessed" | "superseded" | "deleted";
  /** Null when it would wait no more. */
  readonly reason: RejectionReason | null;
  readonly detail: string | null;
  readonly record: string | null;
  /** Why it cannot be corrected. */
  readonly fault: string | null;
}

export type PreviewedOrder = Pick<CorrectionOrder, "accountId" | "action" | "change" | "lateUsage">;

/** Null for an item that waits no more. */
export function previewCorrection(
  { state, now }: { readonly state: State; readonly now: EpochMs },
  order: PreviewedOrder,
  { position, item }: { readonly position: Position; readonly item: WaitingItem },
): CorrectionPreview | null {
  const account = state.accounts.get(order.accountId);
  const processor = account?.processors.get(item.meterKey);
  if (account === undefined || processor?.waiting.has(position) !== true) return null;
  const { reason, detail, record } = item;
  const waits = { state: "waiting", reason, detail, record, fault: null } as const;
  switch (order.action) {
    case "delete":
      return closed("deleted", record);
    case "correct": {
      const idField = processor.fields.deduplication.field;
      const changed = order.change === null ? null : changeRecord(item, order.change, idField);
      if (changed === null) return waits;
      return changed.ok
        ? { ...waits, record: changed.value.record }
        : { ...waits, fault: changed.error };
    }
    case "reprocess": {
      const { lateUsage } = order;
      return judged({ state, account, processor, position, item, lateUsage, now }, waits);
    }
  }
}

function judged(target: Target, waits: CorrectionPreview): CorrectionPreview {
  const { raw, run, verdict } = standingOf(target);
  const { record } = waits;
  if (verdict !== null) {
    return verdict.kind === "duplicate" ? closed("superseded", record) : waits;
  }
  const judgement = judgeRecord(run, raw);
  if (judgement.kind === "duplicate") return closed("superseded", record);
  if (judgement.kind === "countable") return closed("reprocessed", record);
  const { reason, detail } = judgement.rejection;
  return { ...waits, reason, detail };
}

function closed(state: CorrectionPreview["state"], record: string | null): CorrectionPreview {
  return { state, reason: null, detail: null, record, fault: null };
}
