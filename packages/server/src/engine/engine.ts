// The engine: takes commands, gives them sequence and time in groups, makes each group durable,
// applies it, stores its outputs and answers. One group is in flight at a time, and the next one is
// formed from the applied state, so nothing that is not durable is ever seen or built upon.
//
// Modes: ready ──drain()──► draining ──queue empty──► closed
//        ready, draining ──store broken, promise broken──► failed (everything is answered 503)
// In every mode but failed, outputs that found no room may be held (release.ts): no group is formed.
import { apply } from "../core/apply.ts";
import { assertConserved } from "../core/conservation.ts";
import type { Entry } from "../core/entry.ts";
import type { Outcome, UsageOutcome } from "../core/outcome.ts";
import type { Output } from "../core/output.ts";
import type { Clock, EpochMs, Random, Zones } from "../core/ports.ts";
import { preview } from "../core/preview.ts";
import { assert, fail, notFound, ok, type Problem, type Result } from "../core/problem.ts";
import type { State } from "../core/state.ts";
import type { RawRecords } from "../core/usage-body.ts";
import { type Command, commandBytes, isBarrier } from "./command.ts";
import { CommandQueue, type Queued } from "./command-queue.ts";
import { formGroup } from "./group.ts";
import { Planner } from "./planner.ts";
import { Release } from "./release.ts";
import type { EngineLog, EngineTelemetry, JournalStore, OutputStore } from "./stores.ts";
import { clockLeapt, overloaded, stopping, storeFailed, storeFull } from "./unavailable.ts";

/** What the HTTP edge may ask. */
export interface Engine {
  /** The applied, durable state. Read only. */
  readonly state: State;
  readonly clock: Clock;
  readonly random: Random;
  readonly zones: Zones;
  /** False during drain and after a fault. */
  readonly ready: boolean;
  /** What was counted last is not in the projection yet, for it has no room. */
  readonly isHolding: boolean;
  /**
   * Journals the command, applies it once it is durable, and gives its outcome. Never rejects: a
   * full queue, a stop or a broken store is the problem `unavailable`; an outcome "refused" comes
   * back as its problem, and then nothing has changed.
   */
  execute(command: Exclude<Command, { kind: "usage" }>): Promise<Result<Outcome>>;
  /** The same for a usage body that has been read already. */
  count(accountId: string, meterKey: string, raw: RawRecords): Promise<Result<UsageOutcome>>;
  /**
   * What a usage body of so many bytes would be told now without being read: that there is no room
   * for it, or that nothing is taken. Null: it is worth reading.
   */
  refusalOf(bodyBytes: number): Problem | null;
  /** Judges each record alone against the present state; nothing changes. */
  preview(accountId: string, meterKey: string, raw: RawRecords): Result<UsageOutcome>;
}

export interface EngineParts {
  readonly state: State;
  readonly clock: Clock;
  readonly random: Random;
  readonly zones: Zones;
  readonly journal: JournalStore;
  readonly outputs: OutputStore;
  readonly telemetry: EngineTelemetry;
  readonly log: EngineLog;
  /** Whether a leap of the clock over `clockLeapMsMax` is taken (FL14). */
  readonly allowClockLeap: boolean;
  /** Told after each applied group, between groups: the place for snapshots. */
  readonly afterGroup: () => void;
  /** The engine has stopped for good; the process should end and start again. */
  readonly onFailed: (cause: unknown) => void;
}

/** How much each commit counts against those before it, in what a commit is thought to take. */
const commitShare = 0.2;

export const clockLeapMsMax: number = 400 * 86_400_000;

export class GroupEngine implements Engine {
  readonly state: State;
  readonly clock: Clock;
  readonly random: Random;
  readonly zones: Zones;
  readonly #parts: EngineParts;
  readonly #planner: Planner;
  readonly #release: Release;
  readonly #queue = new CommandQueue();
  #inFlight: readonly Queued[] = [];
  /** What a commit takes, going by the last ones. */
  #commitMs = 0;
  /** When the group in flight was formed; null when there is none. */
  #formedAt: number | null = null;
  #mode: "ready" | "draining" | "failed" = "ready";
  #pumping: Promise<void> | null = null;

  constructor(parts: EngineParts) {
    this.#parts = parts;
    this.state = parts.state;
    this.clock = parts.clock;
    this.random = parts.random;
    this.zones = parts.zones;
    this.#planner = new Planner(parts.state, parts.zones);
    this.#release = new Release(parts);
  }

  get ready(): boolean {
    return this.#mode === "ready";
  }

  /** The store or a promise of ours broke; the state must not be saved any more. */
  get failed(): boolean {
    return this.#mode === "failed";
  }

  /** Outputs wait for room; a snapshot taken now would pass them. */
  get isHolding(): boolean {
    return this.#release.isHolding;
  }

  get queued(): { readonly commands: number; readonly bytes: number } {
    return { commands: this.#queue.commands, bytes: this.#queue.bytes };
  }

  execute(command: Exclude<Command, { kind: "usage" }>): Promise<Result<Outcome>> {
    return this.#enqueue(command, null);
  }

  async count(accountId: string, meterKey: string, raw: RawRecords): Promise<Result<UsageOutcome>> {
    if (!this.state.accounts.get(accountId)?.processors.has(meterKey)) {
      return fail(notFound("meter processor"));
    }
    const result = await this.#enqueue({ kind: "usage", accountId, meterKey, body: raw.body }, raw);
    if (!result.ok) return result;
    assert(result.value.kind === "usage", "usage has a usage outcome");
    return ok(result.value);
  }

  refusalOf(bodyBytes: number): Problem | null {
    return this.#refusal({ bytes: bodyBytes, isBarrier: false });
  }

  preview(accountId: string, meterKey: string, raw: RawRecords): Result<UsageOutcome> {
    const now = Math.max(this.clock.now(), this.state.time);
    const outcome = preview(this.state, { accountId, meterKey, now }, raw);
    return outcome === undefined ? fail(notFound("meter processor")) : ok(outcome);
  }

  /**
   * Called by the scheduler twice a second: tries again to store outputs that found no room, and
   * closes periods that are due without waiting for a writer.
   */
  wake(): void {
    try {
      if (this.#mode === "failed" || !this.#release.retry()) return;
    } catch (cause) {
      this.fail(cause);
      return;
    }
    const earliest = this.state.due.earliest();
    if (earliest !== undefined && earliest <= this.clock.now()) this.#pump();
  }

  /** Accepts nothing more and finishes what is queued. */
  async drain(): Promise<void> {
    if (this.#mode === "ready") this.#mode = "draining";
    while (this.#pumping !== null) await this.#pumping;
    if (this.#mode !== "failed") this.#release.close();
  }

  #enqueue(command: Command, raw: RawRecords | null): Promise<Result<Outcome>> {
    const bytes = commandBytes(command);
    const refusal = this.#refusal({ bytes, isBarrier: isBarrier(command) });
    if (refusal !== null) return Promise.resolve(fail(refusal));
    return new Promise((resolve) => {
      this.#queue.push({ command, raw, bytes, resolve });
      this.#pump();
    });
  }

  #refusal(command: { readonly bytes: number; readonly isBarrier: boolean }): Problem | null {
    if (this.#mode !== "ready") return stopping;
    if (this.#release.isHolding) return storeFull;
    const elapsedMs = this.#formedAt === null ? 0 : this.clock.monotonic() - this.#formedAt;
    return this.#queue.isFull(command, elapsedMs) ? overloaded : null;
  }

  #pump(): void {
    if (this.#pumping !== null || this.#mode === "failed" || this.#release.isHolding) return;
    this.#pumping = this.#run().catch((cause: unknown) => this.fail(cause));
    void this.#pumping.finally(() => {
      this.#pumping = null;
      if (this.#queue.commands > 0) this.#pump();
    });
  }

  async #run(): Promise<void> {
    // Lets requests that arrived together form one group.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#mode !== "failed") {
      // Periods that are due can wait for the next start; whoever stops the process cannot.
      if (this.#mode === "draining" && this.#queue.commands === 0) return;
      const now = this.#time();
      if (now === null) return;
      const formedAt = this.clock.monotonic();
      const { state } = this;
      const [planner, commitMs] = [this.#planner, this.#commitMs];
      const group = formGroup(this.#queue, { now, state, planner, commitMs });
      if (group.entries.length === 0) return;
      this.#formedAt = formedAt;
      const isCommitted = await this.#commit(group.entries, group.taken);
      this.#formedAt = null;
      if (!isCommitted) return;
      this.#queue.committed(group.taken, this.clock.monotonic() - formedAt);
      this.#parts.afterGroup();
    }
  }

  /** The time of the next entries: never back, and no leap that nobody has allowed. */
  #time(): EpochMs | null {
    const now = this.clock.now();
    const last = this.state.time;
    if (last > 0 && now > last + clockLeapMsMax && !this.#parts.allowClockLeap) {
      this.#parts.log.error({ last, now }, "clock leapt over 400 days");
      this.#answerAll(clockLeapt);
      return null;
    }
    return Math.max(now, last);
  }

  /** False: no group can be taken now. The next command or look of the scheduler tries again. */
  async #commit(entries: readonly Entry[], taken: readonly Queued[]): Promise<boolean> {
    const startedAt = this.clock.monotonic();
    this.#inFlight = taken;
    const appended = await this.#parts.journal.append(entries);
    if (appended.outcome === "refused") {
      this.#parts.log.warn({ err: appended.cause }, "journal refused");
      for (const { resolve } of taken) resolve(fail(storeFull));
      // What must stand before any command found no room: none can be taken, none should wait.
      if (taken.length === 0) this.#answerAll(storeFull);
      return false;
    }
    if (appended.outcome === "broken") {
      this.fail(appended.cause);
      return false;
    }
    const bytes = taken.reduce((sum, queued) => sum + queued.bytes, 0);
    const durationMs = this.clock.monotonic() - startedAt;
    this.#commitMs += (durationMs - this.#commitMs) * commitShare;
    this.#parts.telemetry.groupCommitted({ entries: entries.length, bytes, durationMs });
    if (this.#apply(entries, taken)) return true;
    this.#answerAll(storeFull);
    return false;
  }

  /**
   * Applies what is durable, stores the outputs, then answers: reads never run behind. False when
   * the outputs found no room: then nothing more is taken until they have.
   */
  #apply(entries: readonly Entry[], taken: readonly Queued[]): boolean {
    const outputs: Output[] = [];
    const answers: Outcome[] = [];
    const own = entries.length - taken.length;
    for (const [index, entry] of entries.entries()) {
      const queued = taken[index - own];
      const applied = apply(this.state, entry, queued?.raw ?? undefined);
      for (const output of applied.outputs) outputs.push(output);
      if (queued !== undefined) answers.push(applied.outcome);
      if (entry.body.kind !== "usage" && entry.body.kind !== "end-periods") this.#planner.forget();
    }
    const isFlush = outputs.some(({ kind }) => kind === "metered-record");
    if (isFlush) assertConserved(this.state, "counters");
    return this.#release.release({ seq: this.state.seq, outputs, answers, taken });
  }

  /** Stops for good: the state must not be saved any more. */
  fail(cause: unknown): void {
    this.#mode = "failed";
    this.#parts.log.error({ err: cause }, "engine failed");
    // Unknown whether the group in flight is on disk: retries are safe with record ids.
    for (const { resolve } of this.#inFlight) resolve(fail(storeFailed));
    this.#answerAll(storeFailed);
    this.#parts.onFailed(cause);
  }

  #answerAll(problem: Problem): void {
    for (const { resolve } of this.#queue.takeAll()) resolve(fail(problem));
  }
}
