// Carries out actions on data correction: reads the next items from the projection, hands them to the
// engine as an entry of its own among everyone else's, and goes on from where the state says. So a long
// action never holds counting up, and a stop in the middle loses and repeats nothing. It also lets
// items go that nobody has touched for as long as they are kept. Decides nothing about any item.
import { type CorrectionAction, progressOf } from "../core/correction-action.ts";
import { correctionItemsPerEntryMax, correctionUnitsPerEntryMax } from "../core/limits.ts";
import type { Clock, EpochMs } from "../core/ports.ts";
import type { State } from "../core/state.ts";
import type { Engine } from "./engine.ts";
import type { CorrectionItems, EngineLog } from "./stores.ts";

export interface CorrectionRunnerParts {
  readonly engine: Pick<Engine, "state" | "execute">;
  readonly clock: Pick<Clock, "now">;
  readonly items: CorrectionItems;
  /** How long an item is kept after its last change. */
  readonly keepMs: number;
  readonly log: EngineLog;
}

/** Between two looks for items whose time is over, when the last one found no more. */
const expireEveryMs = 60_000;
/** After a fault of the projection: long enough not to fill the log. */
const pauseMs = 10_000;

export class CorrectionRunner {
  readonly #parts: CorrectionRunnerParts;
  #running: Promise<void> | null = null;
  #isStopped = false;
  /** Whose action had the last turn: accounts take turns. */
  #lastAccount = "";
  #expireAt: EpochMs = Number.NEGATIVE_INFINITY;
  #pausedUntil: EpochMs = Number.NEGATIVE_INFINITY;

  constructor(parts: CorrectionRunnerParts) {
    this.#parts = parts;
  }

  /** Begins to work when there is something to do. Called after each group and twice a second. */
  wake(): void {
    if (this.#running !== null || this.#isStopped) return;
    const { engine, clock, log } = this.#parts;
    const now = clock.now();
    const isExpiring = engine.state.seq > 0 && now >= this.#expireAt;
    if (engine.state.correctionActions.size === 0 && !isExpiring) return;
    if (now < this.#pausedUntil) return;
    this.#running = this.#run()
      .catch((err: unknown) => {
        this.#pausedUntil = now + pauseMs;
        log.warn({ err }, "data correction waits");
      })
      .finally(() => {
        this.#running = null;
      });
  }

  /** Begins nothing more; resolves when the entry in flight is done. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    while (this.#running !== null) await this.#running;
  }

  /** Until nothing is left to do, or the engine takes nothing now: then the next call goes on. */
  async #run(): Promise<void> {
    while (!this.#isStopped) {
      const action = this.#next(this.#parts.engine.state);
      const isGoingOn = action === null ? await this.#expire() : await this.#work(action);
      if (!isGoingOn) return;
    }
  }

  /** The oldest action of the next account that has one. */
  #next({ correctionActions }: State): CorrectionAction | null {
    let first: CorrectionAction | null = null;
    let next: CorrectionAction | null = null;
    for (const action of correctionActions.values()) {
      const { accountId } = action.order;
      if (first === null || accountId < first.order.accountId) first = action;
      const isLater = accountId > this.#lastAccount;
      if (isLater && (next === null || accountId < next.order.accountId)) next = action;
    }
    return next ?? first;
  }

  /** One entry's worth; false when the engine does not take it now. */
  async #work(action: CorrectionAction): Promise<boolean> {
    const { engine, items: source } = this.#parts;
    const { accountId, id: actionId } = action.order;
    const { partition } = engine.state;
    const from = progressOf(action);
    const places = action.items.slice(from, correctionItemsPerEntryMax);
    const positions = places.map((place) => ({ partition, ...place }));
    const items = source.waiting(accountId, positions, correctionUnitsPerEntryMax);
    this.#lastAccount = accountId;
    const worked = await engine.execute({ kind: "work-corrections", actionId, from, items });
    return worked.ok;
  }

  async #expire(): Promise<boolean> {
    const { engine, clock, items: source, keepMs } = this.#parts;
    const now = clock.now();
    if (now < this.#expireAt) return false;
    // A clock that leapt ahead must not end what nobody had the time to look at.
    const before = Math.min(now, engine.state.time) - keepMs;
    const items = source.stale(before, correctionItemsPerEntryMax);
    const isLast = items.length < correctionItemsPerEntryMax;
    if (items.length > 0) {
      const expired = await engine.execute({ kind: "expire-corrections", items });
      if (!expired.ok) return false;
    }
    if (isLast) this.#expireAt = now + expireEveryMs;
    return !isLast;
  }
}
