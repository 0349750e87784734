// The core with the real projection behind it, for tests of working on data correction: actions are
// started and given their turns by hand, so that anything can come in between.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type CorrectionOrder, progressOf } from "../../src/core/correction-action.ts";
import type { Outcome } from "../../src/core/outcome.ts";
import { type Position, positionText } from "../../src/core/output.ts";
import { positionRows, readPosition } from "../../src/core/position-list.ts";
import { assert } from "../../src/core/problem.ts";
import type { CorrectionState } from "../../src/projection/correction-query.ts";
import type { CorrectionItem } from "../../src/projection/corrections.ts";
import { openProjection, type Projection } from "../../src/projection/database.ts";
import { accountId, CoreWorld } from "./core-world.ts";

/** What an action answers, as a caller reads it. */
export interface ActionAnswer {
  readonly id: string;
  readonly state: string;
  readonly total: number;
  readonly done: number;
  readonly failed: number;
  readonly skipped: number;
  readonly createdBy: string;
  readonly finishedAt: string | null;
}

type Asked = Pick<CorrectionOrder, "action"> &
  Partial<Pick<CorrectionOrder, "change" | "lateUsage">>;

export class CorrectionWorld extends CoreWorld {
  readonly projection: Projection;
  /** Of the projection. */
  readonly file: string;
  readonly #directory: string;
  #stored = 0;
  #asked = 0;

  constructor() {
    super();
    this.#directory = mkdtempSync(join(tmpdir(), "meterhouse-correction-"));
    this.file = join(this.#directory, "projection.db");
    this.projection = openProjection(this.file);
  }

  close(): void {
    this.projection.close();
    rmSync(this.#directory, { recursive: true });
  }

  /** Brings the projection up to the state. */
  sync(): void {
    this.projection.store(this.outputs.slice(this.#stored), this.state.seq);
    this.#stored = this.outputs.length;
  }

  items(state?: CorrectionState): readonly CorrectionItem[] {
    this.sync();
    return this.projection.listCorrections({ accountId, state }, { limit: 100, skip: 0 }).items;
  }

  /** Asks for an action on items by id, or on all that wait; it does not begin yet. */
  ask(asked: Asked, ids?: readonly string[]): Outcome {
    this.#asked += 1;
    const items = positionRows(ids?.map(placeOf) ?? this.#waiting());
    return this.apply({
      kind: "start-correction-action",
      accountId,
      id: `action-${this.#asked}`,
      change: null,
      lateUsage: null,
      filter: null,
      createdBy: "client",
      ...asked,
      items,
    }).outcome;
  }

  /** One turn of the oldest unfinished action; at most `itemsMax` items. */
  turn(itemsMax = 500): ActionAnswer {
    this.sync();
    const [action] = this.state.correctionActions.values();
    assert(action !== undefined, "there is an unfinished action");
    const from = progressOf(action);
    const { partition } = this.state;
    const places = action.items.slice(from, itemsMax);
    const positions = places.map((place) => ({ partition, ...place }));
    const { worked } = this.projection.corrections;
    const items = worked.waiting(action.order.accountId, positions, 1_000_000);
    const actionId = action.order.id;
    return answerOf(this.apply({ kind: "work-corrections", actionId, from, items }).outcome);
  }

  /** An action from its beginning to its end. */
  act(asked: Asked, ids?: readonly string[]): ActionAnswer {
    let answer = answerOf(this.ask(asked, ids));
    while (answer.state === "running") answer = this.turn();
    this.sync();
    return answer;
  }

  #waiting(): readonly Position[] {
    const ids: Position[] = [];
    for (let skip = 0; ; skip += 100) {
      this.sync();
      const page = { limit: 100, skip };
      const filter = { accountId, state: "waiting" } as const;
      const { items } = this.projection.listCorrections(filter, page);
      if (items.length === 0) return ids;
      for (const { id } of items) ids.push(placeOf(id));
    }
  }
}

function answerOf(outcome: Outcome): ActionAnswer {
  assert(outcome.kind === "correction-action", `an action was taken: ${outcome.kind}`);
  return JSON.parse(outcome.json) as ActionAnswer;
}

function placeOf(id: string): Position {
  const position = readPosition(id);
  assert(position !== undefined && positionText(position) === id, "an item's id");
  return position;
}
