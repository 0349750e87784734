// One action on data correction: what was asked by whom, how far it has got, and how it is shown.
// The state keeps the unfinished ones; the projection keeps the document of every one.
import type { CorrectionChange } from "./correction-change.ts";
import { writeJson } from "./json.ts";
import type { JsonObject } from "./json-value.ts";
import type { EpochMs } from "./ports.ts";
import { PositionList, type PositionRows } from "./position-list.ts";
import { formatInstant } from "./time.ts";

export const correctionActionKinds = ["correct", "reprocess", "delete"] as const;
export type CorrectionActionKind = (typeof correctionActionKinds)[number];

/** What was asked, when and by whom; `items` are in the order in which they are worked through. */
export interface CorrectionOrder {
  readonly id: string;
  readonly accountId: string;
  readonly action: CorrectionActionKind;
  /** Only of `correct`. */
  readonly change: CorrectionChange | null;
  /** Only of `reprocess`: counts records of closed periods in the open one. */
  readonly lateUsage: "current" | null;
  /** As sent, where items were chosen by one. */
  readonly filter: JsonObject | null;
  /** Client id of the application access. */
  readonly createdBy: string;
  readonly createdAt: EpochMs;
}

export interface CorrectionAction {
  readonly order: CorrectionOrder;
  readonly items: PositionList;
  /** Corrected, counted or closed by another count of the same record, deleted. */
  done: number;
  /** Could not be corrected, or still wrong: they wait on. */
  failed: number;
  /** Waited no more when their turn came. */
  skipped: number;
}

export interface CorrectionActionRow {
  readonly order: CorrectionOrder;
  readonly items: PositionRows;
  readonly done: number;
  readonly failed: number;
  readonly skipped: number;
}

/** Items that had their turn; the next one's place in the list. */
export function progressOf({ done, failed, skipped }: CorrectionAction): number {
  return done + failed + skipped;
}

export function isFinished(action: CorrectionAction): boolean {
  return progressOf(action) === action.items.length;
}

export function actionToRow({ items, ...rest }: CorrectionAction): CorrectionActionRow {
  return { ...rest, items: items.rows() };
}

export function actionFromRow({ items, ...rest }: CorrectionActionRow): CorrectionAction {
  return { ...rest, items: new PositionList(items) };
}

/** JSON text of the action as it goes out; `now` is when it got so far. */
export function actionDocument(action: CorrectionAction, now: EpochMs): string {
  const { order, items, done, failed, skipped } = action;
  const { change } = order;
  return writeJson({
    id: order.id,
    kind: order.action,
    state: isFinished(action) ? "finished" : "running",
    total: items.length,
    done,
    failed,
    skipped,
    filter: order.filter,
    set: change?.kind === "set" ? { field: change.field, value: change.value } : null,
    rename: change?.kind === "rename" ? { from: change.from, to: change.to } : null,
    lateUsage: order.lateUsage,
    createdAt: formatInstant(order.createdAt),
    createdBy: order.createdBy,
    finishedAt: isFinished(action) ? formatInstant(now) : null,
  });
}
