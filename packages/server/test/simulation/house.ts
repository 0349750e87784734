// The production engine on simulated stores, from one life to the next: started, stopped, killed,
// cut off from power. Only disk, projection and clock go from a life to the next one; what callers
// were told and what became durable is written down in attempts and a ledger.
import type { Outcome } from "../../src/core/outcome.ts";
import type { CancelSignal, Clock, EpochMs, Zones } from "../../src/core/ports.ts";
import { assert, type Result } from "../../src/core/problem.ts";
import type { State } from "../../src/core/state.ts";
import type { RawRecords } from "../../src/core/usage-body.ts";
import type { GroupEngine } from "../../src/engine/engine.ts";
import { type EngineSettings, type OpenEngine, openEngine } from "../../src/engine/open-engine.ts";
import { IdRuns } from "../../src/ids/id-runs.ts";
import { DiskError } from "../../src/journal/disk.ts";
import { openJournal } from "../../src/journal/open-journal.ts";
import { createSnapshots } from "../../src/journal/snapshot-store.ts";
import { createTemporalZones } from "../../src/runtime/zones.ts";
import { accountId } from "../support/core-world.ts";
import { createSeededRandom, type SeededRandom } from "../support/seeded-random.ts";
import { SimulatedCrash, SimulatedDisk } from "../support/simulated-disk.ts";
import { simulatedPages } from "../support/simulated-pages.ts";
import { VirtualClock } from "../support/virtual-clock.ts";
import { type Attempt, Ledger, sharedWith, type WatchedJournal, watched } from "./ledger.ts";
import { SimulatedOutputs } from "./simulated-outputs.ts";
import { SlowDisk } from "./slow-disk.ts";
import { outcomeTexts } from "./texts.ts";
import type { Trace } from "./trace.ts";

type Command = Parameters<GroupEngine["execute"]>[0];

const zones: Zones = createTemporalZones();
const wrongZones: Zones = {
  get: (name) => zones.get(name === "Asia/Kathmandu" ? "Asia/Calcutta" : name),
};
const journalDirectory = "data/journal";
const snapshotDirectory = "data/snapshots";

/** Faults that no engine could survive: proof that the checks would find them. */
export type Sabotage = "answers before it is durable" | "loses outputs" | "wrong zone rules";

export interface HouseSettings {
  readonly seed: number;
  readonly sabotage?: Sabotage | null;
  readonly segmentBytesMax: number;
  readonly snapshotEveryBytes: number;
  readonly journalKeepMs: number;
  readonly startsAt?: number;
  readonly idsInMemoryMax?: number | null;
}

/** A start's end: how it was refused, and whether the disk went away meanwhile. */
export type Started = { readonly ok: true } | { readonly ok: false; readonly reason: string };

interface Life {
  readonly opened: OpenEngine;
  readonly journal: WatchedJournal;
  readonly clock: LifeClock;
}

export class House {
  readonly random: SeededRandom;
  readonly clock: VirtualClock;
  readonly ledger: Ledger = new Ledger();
  readonly attempts: Attempt[] = [];
  disk: SimulatedDisk;
  outputs: SimulatedOutputs = new SimulatedOutputs();
  /** Why the engine stopped for good; null while it has not. */
  failure: unknown = null;
  /** A setting that is journaled when it changed between two starts (EN17). */
  futureToleranceMs = 300_000;
  /** Turns that a slow disk takes at most. */
  slowTurnsMax = 0;
  readonly totals = { lives: 0, snapshots: 0, delays: 0, replayed: 0, queuedMost: 0 };
  readonly faults: Record<string, number> = {};
  readonly #settings: HouseSettings;
  readonly #trace: Trace;
  #life: Life | null = null;
  #waiting = new Set<Attempt>();

  constructor(settings: HouseSettings, trace: Trace) {
    this.#settings = settings;
    this.#trace = trace;
    this.clock = new VirtualClock(settings.startsAt ?? 1_769_817_600_000);
    this.random = createSeededRandom(settings.seed);
    this.disk = new SimulatedDisk(this.#draw());
  }

  get isRunning(): boolean {
    return this.#life !== null;
  }

  get engine(): GroupEngine {
    assert(this.#life !== null, "the engine runs");
    return this.#life.opened.engine;
  }

  get state(): State {
    return this.engine.state;
  }

  get journal(): WatchedJournal {
    assert(this.#life !== null, "the engine runs");
    return this.#life.journal;
  }

  /** Opens the engine on what the disk holds. A broken promise of ours throws. */
  async start(): Promise<Started> {
    assert(this.#life === null, "the engine is stopped");
    const clock = new LifeClock(this.clock);
    try {
      const started = await this.#open(clock);
      this.#trace.note(`start ${started.ok ? "" : started.reason}`);
      if (!started.ok) clock.end();
      return started;
    } catch (error) {
      clock.end();
      if (!isInjected(error)) throw error;
      this.#trace.note(`start ends: ${String(error)}`);
      return { ok: false, reason: error instanceof Error ? error.message : String(error) };
    }
  }

  /** Drains, writes a snapshot, closes; a store that fails meanwhile makes it a kill. */
  async stop(): Promise<void> {
    assert(this.#life !== null, "the engine runs");
    this.#trace.note("stop");
    try {
      await this.#life.opened.close();
    } catch (error) {
      if (!isInjected(error)) throw error;
    }
    if (this.failure !== null && !isInjected(this.failure)) throw this.failure;
    this.#end(this.disk.restart(this.#draw()), 0);
  }

  /** The process is gone, the system is not. */
  kill(): void {
    this.#trace.note("kill");
    this.#end(this.disk.restart(this.#draw()), 0);
  }

  /** The machine is gone: of what was not synced, the seed decides. */
  powerCut(): void {
    this.#trace.note("power cut");
    const found = this.disk.crash(this.#draw());
    this.disk.restart(0);
    this.#end(found, this.random.fraction());
  }

  execute(label: string, command: Command): Attempt {
    const attempt = this.#attempt(label, command);
    void this.engine.execute(command).then((result) => this.#hear(attempt, result));
    return attempt;
  }

  count(label: string, meterKey: string, raw: RawRecords): Attempt {
    const attempt = this.#attempt(label, raw);
    const counting = this.engine.count(accountId, meterKey, raw);
    void counting.then((result) => this.#hear(attempt, result));
    return attempt;
  }

  /** Sets the clock at once, as an operator would. */
  setClock(instant: EpochMs): void {
    const isBack = instant < this.clock.now();
    this.#trace.note(`clock ${isBack ? "back" : "ahead"} to ${instant}`);
    this.clock.set(instant);
    if (isBack) this.#life?.clock.notice();
  }

  turn(): Promise<void> {
    return new Promise((resolve) => setImmediate(resolve));
  }

  /** Lets time and engine go on until nothing waits; false when that takes more than so many turns. */
  async settle(turnsMax: number): Promise<boolean> {
    for (let turns = 0; turns < turnsMax; turns += 1) {
      await this.turn();
      if (this.failure !== null || this.disk.isGone) return true;
      if (!this.#isBusy) {
        if ((this.state.due.earliest() ?? Number.POSITIVE_INFINITY) > this.clock.now()) return true;
        await this.clock.advanceBy(500);
      } else if (turns % 8 === 7) await this.clock.advanceBy(500);
    }
    return false;
  }

  get #isBusy(): boolean {
    const { engine, journal } = this;
    const { queued } = engine;
    this.totals.queuedMost = Math.max(this.totals.queuedMost, queued.commands);
    return journal.appending || queued.commands > 0 || engine.isHolding || this.#waiting.size > 0;
  }

  async #open(clock: LifeClock): Promise<Started> {
    const { segmentBytesMax, snapshotEveryBytes, journalKeepMs } = this.#settings;
    const slow = new SlowDisk(this.disk, () => {
      if (this.slowTurnsMax === 0) return 0;
      this.totals.delays += 1;
      return this.random.integer(0, this.slowTurnsMax);
    });
    const place = { disk: slow, directory: journalDirectory, partition: 0, segmentBytesMax };
    const found = await openJournal(place);
    if (!found.ok) return { ok: false, reason: found.error.message };
    const fault = await this.ledger.recover(found.value);
    assert(fault === null, `acknowledged work is lost: ${fault}`);
    const { sabotage } = this.#settings;
    const journal = watched(found.value, this.ledger);
    journal.isHasty = sabotage === "answers before it is durable";
    this.outputs.isForgetful = sabotage === "loses outputs";
    const { disk, outputs, random } = this;
    const { futureToleranceMs } = this;
    const own = { snapshotEveryBytes, journalKeepMs, futureToleranceMs };
    const settings: EngineSettings = { ...engineSettings, ...own };
    const opened = await openEngine({
      clock,
      random,
      zones: sabotage === "wrong zone rules" ? wrongZones : zones,
      settings,
      journal,
      outputs,
      ...this.#ids(slow),
      snapshots: createSnapshots(slow, { directory: snapshotDirectory, partition: 0 }),
      log: { info: () => {}, warn: () => {}, error: () => {} },
      telemetry: {
        recordsJudged: () => {},
        groupCommitted: () => {},
        outputsReleased: () => {},
        snapshotWritten: () => {
          this.totals.snapshots += 1;
        },
      },
      onFailed: (cause) => {
        if (this.disk === disk) this.failure ??= cause;
      },
    });
    if (!opened.ok) {
      journal.isWatched = false;
      return { ok: false, reason: opened.error };
    }
    this.totals.lives += 1;
    this.totals.replayed += opened.value.replayed;
    this.#life = { opened: opened.value, journal, clock };
    return { ok: true };
  }

  #ids(disk: SlowDisk): Pick<Parameters<typeof openEngine>[0], "ids"> {
    const { idsInMemoryMax = null } = this.#settings;
    if (idsInMemoryMax === null) return {};
    const openPages = simulatedPages(this.disk);
    const store = new IdRuns({ disk, openPages, directory: "data/ids", partition: 0 });
    return { ids: { store, inMemoryMax: idsInMemoryMax } };
  }

  #attempt(label: string, shared: object): Attempt {
    const attempt: Attempt = { label, seq: null, state: "waiting", outcome: null, problem: null };
    for (const one of sharedWith(shared)) this.ledger.expect(one, attempt);
    this.attempts.push(attempt);
    this.#waiting.add(attempt);
    this.#trace.note(label);
    return attempt;
  }

  #hear(attempt: Attempt, result: Result<Outcome>): void {
    if (!this.#waiting.delete(attempt)) return;
    attempt.state = "answered";
    if (result.ok) attempt.outcome = outcomeTexts(result.value);
    else attempt.problem = result.error.code;
    this.#trace.note(`  ${attempt.label}: ${attempt.problem ?? attempt.outcome?.join(", ")}`);
  }

  #end(disk: SimulatedDisk, lost: number): void {
    for (const attempt of this.#waiting) attempt.state = "lost";
    this.#waiting = new Set();
    for (const [kind, count] of Object.entries(this.disk.injected)) {
      this.faults[kind] = (this.faults[kind] ?? 0) + count;
    }
    for (const [kind, count] of Object.entries(this.outputs.met)) {
      this.faults[`outputs ${kind}`] = (this.faults[`outputs ${kind}`] ?? 0) + count;
    }
    this.disk = disk;
    this.outputs = this.outputs.reopened(lost);
    if (this.#life !== null) {
      this.#life.journal.isWatched = false;
      this.#life.clock.end();
    }
    this.#life = null;
    this.failure = null;
  }

  #draw(): number {
    return this.random.integer(0, 2 ** 31);
  }
}

const engineSettings: EngineSettings = {
  partition: 0,
  futureToleranceMs: 300_000,
  correctionsPerAccountMax: 1_000_000,
  correctionKeepMs: 183 * 86_400_000,
  allowClockLeap: false,
  catchUpMax: 10_000_000,
  journalKeepMs: 0,
  snapshotEveryBytes: 0,
};

/** What the simulated stores throw; anything else is a broken promise of ours. */
export function isInjected(error: unknown): boolean {
  return (
    error instanceof SimulatedCrash ||
    error instanceof DiskError ||
    (error instanceof Error && error.message === "the simulated projection is broken")
  );
}

/** Why a nap ends early. Without a reason each would make an error with its stack. */
const woken = "woken";

/** The clock as one life of the engine sees it: nobody is woken after its end. */
class LifeClock implements Clock {
  readonly #clock: VirtualClock;
  readonly #naps = new Set<AbortController>();
  #isOver = false;

  constructor(clock: VirtualClock) {
    this.#clock = clock;
  }

  now(): EpochMs {
    return this.#clock.now();
  }

  monotonic(): number {
    return this.#clock.monotonic();
  }

  async sleepUntil(instant: EpochMs, signal?: CancelSignal): Promise<void> {
    const nap = new AbortController();
    const wake = (): void => nap.abort(woken);
    this.#naps.add(nap);
    signal?.addEventListener("abort", wake, { once: true });
    if (signal?.aborted) wake();
    await this.#clock.sleepUntil(instant, nap.signal);
    signal?.removeEventListener("abort", wake);
    this.#naps.delete(nap);
    if (this.#isOver) await new Promise(() => {});
  }

  /** The clock was set back: like the real one, it wakes everyone early (RU11). */
  notice(): void {
    for (const nap of [...this.#naps]) nap.abort(woken);
  }

  end(): void {
    this.#isOver = true;
    this.notice();
  }
}
