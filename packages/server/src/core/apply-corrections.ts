// Actions on data correction, a bounded piece at a time: correct, reprocess, delete, and the end of
// what nobody has touched for long. Whether an item still waits is decided here and nowhere else, so
// an item is done once whoever asks how often, and a stop at any point changes nothing of that.
import { recount } from "./apply-usage.ts";
import {
  actionDocument,
  type CorrectionAction,
  isFinished,
  progressOf,
} from "./correction-action.ts";
import { changeRecord, rawRecordOf } from "./correction-change.ts";
import type {
  ExpireCorrections,
  StartCorrectionAction,
  WaitingItem,
  WorkCorrections,
} from "./entry.ts";
import { standingOf, type Target } from "./judge-waiting.ts";
import { correctionActionsPerAccountMax, correctionItemsPerActionMax } from "./limits.ts";
import type { Outcome } from "./outcome.ts";
import type { CorrectionChangedOutput } from "./output.ts";
import { type Effects, nextPosition } from "./period.ts";
import { PositionList } from "./position-list.ts";
import { assert } from "./problem.ts";
import { readIdentity } from "./record-reading.ts";
import { endWaiting, leaveKey, waitingKey, waitUnder } from "./waiting.ts";

export function applyCorrections(
  effects: Effects,
  entry: StartCorrectionAction | WorkCorrections | ExpireCorrections,
): Outcome {
  switch (entry.kind) {
    case "start-correction-action":
      return startCorrectionAction(effects, entry);
    case "work-corrections":
      return workCorrections(effects, entry);
    case "expire-corrections":
      return expireCorrections(effects, entry);
  }
}

function startCorrectionAction(effects: Effects, entry: StartCorrectionAction): Outcome {
  const { state, now } = effects;
  assert(state.accounts.has(entry.accountId), "a token's account exists");
  const { kind: _, items: rows, ...asked } = entry;
  const items = new PositionList(rows);
  assert(items.length <= correctionItemsPerActionMax, "the bound was checked before");
  if (unfinishedOf(effects, entry.accountId) >= correctionActionsPerAccountMax) {
    return {
      kind: "refused",
      problem: {
        kind: "too-many-requests",
        code: "too-many-actions",
        detail: `${correctionActionsPerAccountMax} actions on data correction are not finished yet; send this one when one of them is.`,
      },
    };
  }
  const order = { ...asked, createdAt: now };
  const action: CorrectionAction = { order, items, done: 0, failed: 0, skipped: 0 };
  if (items.length > 0) state.correctionActions.set(order.id, action);
  return { kind: "correction-action", json: tell(effects, action) };
}

/** Gives the next items of an action their turn. Void where the action has got further already. */
function workCorrections(effects: Effects, entry: WorkCorrections): Outcome {
  const { state } = effects;
  const action = state.correctionActions.get(entry.actionId);
  if (action === undefined || progressOf(action) !== entry.from) return { kind: "done" };
  for (const [index, item] of entry.items.entries()) {
    const place = action.items.at(entry.from + index);
    const position = { partition: state.partition, ...place };
    const target = item === null ? null : targetOf(effects, action, { position, item });
    action[target === null ? "skipped" : work(effects, action, target)] += 1;
  }
  if (isFinished(action)) state.correctionActions.delete(entry.actionId);
  return { kind: "correction-action", json: tell(effects, action) };
}

/** Items leave for good; those that waited are tallied as expired. */
function expireCorrections(effects: Effects, { items }: ExpireCorrections): Outcome {
  const { state, outputs } = effects;
  for (const { accountId, meterKey, position, ...identity } of items) {
    const account = state.accounts.get(accountId);
    const processor = account?.processors.get(meterKey);
    const key = waitingKey(state, identity);
    if (account !== undefined && processor !== undefined) {
      if (endWaiting(account, processor, { position, key })) processor.tally.expired += 1;
    }
    const own = nextPosition(effects);
    outputs.push({ kind: "correction-expired", position: own, item: position });
  }
  return { kind: "done" };
}

function unfinishedOf({ state }: Effects, accountId: string): number {
  let count = 0;
  for (const { order } of state.correctionActions.values()) {
    if (order.accountId === accountId) count += 1;
  }
  return count;
}

function tell(effects: Effects, action: CorrectionAction): string {
  const { id, accountId } = action.order;
  const json = actionDocument(action, effects.now);
  const position = nextPosition(effects);
  const finishedAt = isFinished(action) ? effects.now : null;
  effects.outputs.push({ kind: "correction-action", position, accountId, id, json, finishedAt });
  return json;
}

/** Null for an item that waits no more. */
function targetOf(
  { state, now }: Effects,
  { order }: CorrectionAction,
  { position, item }: Pick<Target, "position" | "item">,
): Target | null {
  const account = state.accounts.get(order.accountId);
  const processor = account?.processors.get(item.meterKey);
  if (account === undefined || processor?.waiting.has(position) !== true) return null;
  const { lateUsage } = order;
  return { state, account, processor, position, item, lateUsage, now };
}

function work(effects: Effects, { order }: CorrectionAction, target: Target): "done" | "failed" {
  switch (order.action) {
    case "correct":
      return correct(effects, order.change, target);
    case "reprocess":
      return reprocess(effects, target);
    case "delete":
      target.processor.tally.deleted += 1;
      return close(effects, target, "deleted");
  }
}

function correct(
  effects: Effects,
  change: CorrectionAction["order"]["change"],
  target: Target,
): "done" | "failed" {
  const { state, processor, position, item } = target;
  assert(change !== null, "whoever corrects says what");
  const changed = changeRecord(item, change, processor.fields.deduplication.field);
  if (!changed.ok) return "failed";
  const identity = readIdentity(rawRecordOf(changed.value), processor);
  const isSame = identity.userId === item.userId && identity.recordId === item.recordId;
  if (!isSame) {
    leaveKey(processor, position, waitingKey(state, item));
    waitUnder(processor, position, waitingKey(state, identity));
  }
  const isRekeyed = item.isRekeyed || !isSame;
  const waits = { ...item, ...changed.value, ...identity, isRekeyed };
  keep(effects, target, { waits, isJudged: false });
  return "done";
}

function reprocess(effects: Effects, target: Target): "done" | "failed" {
  const { state, processor, position, item } = target;
  const { raw, run, identity, key, verdict } = standingOf(target);
  leaveKey(processor, position, waitingKey(state, item));
  leaveKey(processor, position, key);
  const result = verdict ?? recount({ ...run, effects }, raw);
  if (result.kind === "rejected") return keepRejected(effects, target, { ...result, ...identity });
  if (result.kind === "counted") processor.tally.reprocessed += 1;
  else processor.tally.superseded += 1;
  return close(effects, target, result.kind === "counted" ? "reprocessed" : "superseded");
}

function keepRejected(
  effects: Effects,
  target: Target,
  judged: Pick<WaitingItem, "reason" | "detail" | "userId" | "recordId">,
): "failed" {
  const { state, processor, position, item } = target;
  const { reason, detail, userId, recordId } = judged;
  const isSame = userId === item.userId && recordId === item.recordId;
  waitUnder(processor, position, waitingKey(state, judged));
  const isOfId = reason === "ID_CONFLICT" || reason === "OLDER_THAN_ID_WINDOW";
  const refusedId = isOfId ? recordId : null;
  const isRekeyed = item.isRekeyed || !isSame;
  const waits = { ...item, userId, recordId, reason, detail, refusedId, isRekeyed };
  keep(effects, target, { waits, isJudged: true });
  return "failed";
}

function keep(
  effects: Effects,
  { position }: Target,
  kept: Pick<CorrectionChangedOutput, "isJudged"> & { readonly waits: WaitingItem },
): void {
  effects.outputs.push({ ...changeOf(effects, position), state: "waiting", ...kept });
}

function close(
  effects: Effects,
  { state, account, processor, position, item }: Target,
  to: "reprocessed" | "superseded" | "deleted",
): "done" {
  endWaiting(account, processor, { position, key: waitingKey(state, item) });
  const isJudged = to !== "deleted";
  effects.outputs.push({ ...changeOf(effects, position), state: to, waits: null, isJudged });
  return "done";
}

function changeOf(
  effects: Effects,
  item: CorrectionChangedOutput["item"],
): Pick<CorrectionChangedOutput, "kind" | "position" | "item" | "updatedAt"> {
  const position = nextPosition(effects);
  return { kind: "correction-changed", position, item, updatedAt: effects.now };
}
