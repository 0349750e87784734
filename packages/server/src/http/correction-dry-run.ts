// The answer to a dry run: how many items an action would work on, and the first of them before and
// after, each judged alone against the present state. Nothing is journaled.

import type { CorrectionChoice } from "../core/correction-request.ts";
import type { WaitingItem } from "../core/entry.ts";
import { writeJson } from "../core/json.ts";
import { pageItemsMax, usageBodyBytesMax } from "../core/limits.ts";
import { type Position, positionText } from "../core/output.ts";
import type { Place } from "../core/position-list.ts";
import {
  type CorrectionPreview,
  type PreviewedOrder,
  previewCorrection,
} from "../core/preview-corrections.ts";
import { ok, type Result } from "../core/problem.ts";
import type { Engine } from "../engine/engine.ts";
import { recordOf } from "./convert.ts";
import { type ChoiceServices, filterOf, ownPlaces } from "./correction-choice.ts";
import type { Reply } from "./route.ts";

export interface DryRunServices extends ChoiceServices {
  readonly engine: Pick<Engine, "state" | "clock">;
}

/** UTF-16 units of the records that are shown. */
const unitsMax = usageBodyBytesMax;

export function dryRunReply(
  services: DryRunServices,
  order: PreviewedOrder,
  choice: CorrectionChoice,
): Result<Reply> {
  const { engine } = services;
  const { worked } = services.projection.corrections;
  const chosen = firstOf(services, order.accountId, choice);
  if (!chosen.ok) return chosen;
  const { state, clock } = engine;
  const now = Math.max(clock.now(), state.time);
  const { partition } = state;
  const positions = chosen.value.first.map((place) => ({ ...place, partition }));
  const items = worked.waiting(order.accountId, positions, unitsMax);
  const changes = positions.flatMap((position, index): readonly object[] => {
    const item = items[index] ?? null;
    if (item === null) return [];
    const after = previewCorrection({ state, now }, order, { position, item });
    return after === null ? [] : [changeOf(position, item, after)];
  });
  return ok({ status: 200, text: writeJson({ total: chosen.value.total, changes }) });
}

function firstOf(
  services: DryRunServices,
  accountId: string,
  choice: CorrectionChoice,
): Result<{ readonly total: number; readonly first: readonly Place[] }> {
  if (choice.kind === "filter") {
    const { worked } = services.projection.corrections;
    const filter = filterOf(accountId, choice);
    const { places: first } = worked.choose(filter, { afterNo: 0, limit: pageItemsMax });
    return ok({ total: worked.count(filter), first });
  }
  const own = ownPlaces(services, choice.positions);
  if (!own.ok) return own;
  const distinct = new Map(own.value.map((place) => [`${place.seq}.${place.index}`, place]));
  const sorted = [...distinct.values()].sort((a, b) => a.seq - b.seq || a.index - b.index);
  return ok({ total: sorted.length, first: sorted.slice(0, pageItemsMax) });
}

function changeOf(position: Position, item: WaitingItem, after: CorrectionPreview): object {
  const { reason, detail, record } = item;
  const { fault, ...to } = after;
  return {
    id: positionText(position),
    before: { state: "waiting", reason, detail, record: recordOf(record) },
    after: { ...to, record: recordOf(to.record) },
    fault,
  };
}
