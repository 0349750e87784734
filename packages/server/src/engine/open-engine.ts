// Recovery and life of an engine: snapshot, journal's tail, projections; then periods that ended
// meanwhile, in order, beside ingest. Nothing is repaired by guessing: what does not fit together
// is refused with the reason and what to do.
import { apply, replay } from "../core/apply.ts";
import { assertConserved } from "../core/conservation.ts";
import type { EntryBody } from "../core/entry.ts";
import type { EpochMs, Random } from "../core/ports.ts";
import { AssertionError, assert, fail, NoRoomError, ok, type Result } from "../core/problem.ts";
import type { State } from "../core/state.ts";
import { commandBytes } from "./command.ts";
import { CorrectionRunner } from "./correction-runner.ts";
import { clockLeapMsMax, type EngineParts, GroupEngine } from "./engine.ts";
import { IdSpiller } from "./id-spiller.ts";
import { owedRecords } from "./owed.ts";
import { Planner } from "./planner.ts";
import { restoreState } from "./restore-state.ts";
import { Scheduler } from "./scheduler.ts";
import { Snapshotter } from "./snapshotter.ts";
import type { CorrectionItems, OldIdStore, SnapshotStore } from "./stores.ts";

export interface EngineSettings {
  readonly partition: number;
  readonly futureToleranceMs: number;
  readonly correctionsPerAccountMax: number;
  readonly allowClockLeap: boolean;
  /** Start is refused when more metered records than this are owed. */
  readonly catchUpMax: number;
  readonly journalKeepMs: number;
  /** How long a data-correction item is kept after its last change. */
  readonly correctionKeepMs: number;
  /** Journal bytes after which a snapshot is written. */
  readonly snapshotEveryBytes: number;
  /** Whether usage over time is kept; it is where nothing is said. */
  readonly usageWindows?: boolean;
}

export interface EngineOptions
  extends Omit<EngineParts, "state" | "afterGroup" | "allowClockLeap"> {
  readonly snapshots: SnapshotStore;
  readonly settings: EngineSettings;
  /** Told after each group that was applied and released: outputs and definitions may be new. */
  readonly onReleased?: () => void;
  /** What actions on data correction work on; without it none is carried out. */
  readonly corrections?: CorrectionItems;
  /** Where ids go beyond those that stay in memory; without it all of them stay. */
  readonly ids?: { readonly store: OldIdStore; readonly inMemoryMax: number };
  /** Where the journal ended that a backup held: the sequence goes on far beyond it, once. */
  readonly restoredAt?: number | null;
}

export interface OpenEngine {
  readonly engine: GroupEngine;
  /** Keeps every file of journal and snapshots in place until the result is called. */
  holdFiles(): Promise<() => void>;
  /** Entries that were replayed after the snapshot. */
  readonly replayed: number;
  /** How it stands with snapshots, for whoever shows it. */
  readonly snapshots: Pick<Snapshotter, "failures" | "replayBytes">;
  /** Drains, writes a last snapshot, closes journal and projections. */
  close(): Promise<void>;
}

/** Opens the engine over its stores; an error text names what does not fit and what to do. */
export async function openEngine(options: EngineOptions): Promise<Result<OpenEngine, string>> {
  const { journal, settings, clock } = options;
  const recovered = await orReason(() => recover(options));
  if (!recovered.ok) return recovered;
  const { state, replayed, snapshotSeq, tailBytes, spiller } = recovered.value;
  const now = Math.max(clock.now(), state.time);
  const refusal = refusalAt(state, now, options);
  if (refusal !== null) return fail(refusal);
  const onBroken = (cause: unknown): void => engine.fail(cause);
  const held = { state, snapshotSeq, tailBytes, spiller };
  const snapshotter = new Snapshotter({ ...options, ...held, onBroken });
  const engine: GroupEngine = new GroupEngine({
    ...options,
    state,
    allowClockLeap: settings.allowClockLeap,
    afterGroup: () => {
      snapshotter.afterGroup();
      spiller?.afterGroup();
      options.onReleased?.();
      runner?.wake();
    },
  });
  const runner = runnerOf(engine, options);
  const isRestored = isJumpDue(options);
  if (!isRestored.ok) return isRestored;
  const jumpTo = isRestored.value ? sequenceAfterRestore(state.seq, clock.now()) : null;
  const bodies = startEntries(state, options, { now, isRestored: isRestored.value });
  const written = await orReason(() => appendOwn(state, options, { bodies, jumpTo }));
  if (!written.ok) return written;
  const scheduler = new Scheduler([engine, ...(runner === null ? [] : [runner])], clock);
  scheduler.start();
  return ok({
    engine,
    replayed,
    snapshots: snapshotter,
    holdFiles: () => snapshotter.hold(),
    async close(): Promise<void> {
      await scheduler.stop();
      await runner?.stop();
      await engine.drain();
      await spiller?.rest();
      await snapshotter.close(engine);
      await spiller?.close();
      closeOutputs(options);
      await journal.close();
    },
  });
}

function runnerOf(engine: GroupEngine, options: EngineOptions): CorrectionRunner | null {
  const { corrections: items, clock, log, settings } = options;
  if (items === undefined) return null;
  return new CorrectionRunner({ engine, clock, items, log, keepMs: settings.correctionKeepMs });
}

/** What finds no room at the end comes again from the journal at the next start. */
function closeOutputs({ outputs, log }: EngineOptions): void {
  try {
    outputs.close();
  } catch (error) {
    if (!(error instanceof NoRoomError)) throw error;
    log.warn({ err: error }, "projection not flushed");
  }
}

/** A store that fails meanwhile, or damage found in it, is refused like damage found while opening. */
async function orReason<T>(work: () => Promise<Result<T, string>>): Promise<Result<T, string>> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof AssertionError || !(error instanceof Error)) throw error;
    if (error instanceof NoRoomError) return fail(`${error.message} Free space and start again.`);
    return fail(error.message);
  }
}

interface Recovered {
  readonly state: State;
  readonly replayed: number;
  /** Sequence of the snapshot that recovery began with; 0 without one. */
  readonly snapshotSeq: number;
  /** Rough bytes of the entries replayed after it. */
  readonly tailBytes: number;
  readonly spiller: IdSpiller | null;
}

async function recover(options: EngineOptions): Promise<Result<Recovered, string>> {
  const { journal, outputs, log, ids } = options;
  for (const repair of journal.repairs) log.warn({ repair }, "repaired");
  const begun = await restoreState(options);
  if (!begun.ok) return begun;
  const state = begun.value;
  const snapshotSeq = state.seq;
  assert(ids !== undefined || state.idRuns.length === 0, "ids on disk have a store");
  const spiller = ids === undefined ? null : new IdSpiller({ ...ids, state, log });
  await spiller?.open();
  let replayed = 0;
  let tailBytes = 0;
  for await (const entries of journal.replay(snapshotSeq)) {
    const produced = entries.flatMap((entry) => [...replay(state, entry)]);
    outputs.store(produced, state.seq);
    replayed += entries.length;
    for (const { body } of entries) tailBytes += commandBytes(body);
    await spiller?.keepUp();
  }
  assert(state.seq === journal.lastSeq, "replay ends where the journal ends");
  assertConserved(state, "meters");
  return ok({ state, replayed, snapshotSeq, tailBytes, spiller });
}

function refusalAt(state: State, now: EpochMs, options: EngineOptions): string | null {
  const { allowClockLeap, catchUpMax } = options.settings;
  if (state.time > 0 && now > state.time + clockLeapMsMax && !allowClockLeap) {
    return (
      "The clock is more than 400 days after the last entry. If that is right, start with " +
      "METERHOUSE_ALLOW_CLOCK_LEAP=true; every period that ended meanwhile is then closed."
    );
  }
  const owed = owedRecords(state, options.zones, { now, most: catchUpMax });
  if (owed.count <= catchUpMax) return null;
  const count = owed.isWhole ? `${owed.count}` : `At least ${owed.count}`;
  return (
    `${count} metered records are owed for periods that ended while the engine was stopped, more ` +
    `than METERHOUSE_CATCH_UP_MAX (${catchUpMax}). Raise the setting to have them all made.`
  );
}

/** Whether the sequence is still to jump; a start may have died after the jump. */
function isJumpDue({ restoredAt, journal }: EngineOptions): Result<boolean, string> {
  if (restoredAt === undefined || restoredAt === null) return ok(false);
  if (journal.lastSeq >= restoredAt) return ok(journal.lastSeq === restoredAt);
  return fail(
    `The data were restored up to entry ${restoredAt}, but the journal ends with entry ` +
      `${journal.lastSeq}: files are missing. Restore the backup again into an empty directory.`,
  );
}

/** So far ahead that no position that was ever told of is used a second time. */
function sequenceAfterRestore(lastSeq: number, now: EpochMs): number {
  return Math.max(lastSeq + 1, now * 1_000);
}

/** What a start journals: the genesis of a new partition, changed settings, changed zone rules. */
function startEntries(
  state: State,
  { settings, random, zones }: EngineOptions,
  { now, isRestored }: { now: EpochMs; isRestored: boolean },
): readonly EntryBody[] {
  const entries: EntryBody[] = [];
  if (state.seq === 0) {
    const { partition } = settings;
    entries.push({ kind: "genesis", partition, fingerprintKey: drawKey(random) });
  }
  const { futureToleranceMs, correctionsPerAccountMax, usageWindows = true } = settings;
  const known = state.settings;
  if (
    state.seq === 0 ||
    isRestored ||
    known.futureToleranceMs !== futureToleranceMs ||
    known.correctionsPerAccountMax !== correctionsPerAccountMax ||
    (known.usageWindows ?? true) !== usageWindows
  ) {
    const judging = { futureToleranceMs, correctionsPerAccountMax };
    entries.push({ kind: "configure", ...judging, ...(usageWindows ? {} : { usageWindows }) });
  }
  return [...entries, ...new Planner(state, zones).replans(now)];
}

/** Journals the engine's own entries before anyone else's; there is nobody yet to answer. */
async function appendOwn(
  state: State,
  { journal, outputs, clock, log }: EngineOptions,
  { bodies, jumpTo }: { bodies: readonly EntryBody[]; jumpTo: number | null },
): Promise<Result<void, string>> {
  if (bodies.length === 0) return ok(undefined);
  const time = Math.max(clock.now(), state.time);
  const first = jumpTo ?? state.seq + 1;
  const entries = bodies.map((body, index) => ({ seq: first + index, time, body }));
  const appended = await journal.append(entries, { allowJump: jumpTo !== null });
  if (appended.outcome !== "durable") return fail(`The journal: ${appended.cause.message}`);
  for (const entry of entries) {
    outputs.store(apply(state, entry).outputs, entry.seq);
    if (entry.body.kind === "replan") {
      log.warn({ meterTypeId: entry.body.meterTypeId }, "zone rules changed, periods re-planned");
    }
  }
  return ok(undefined);
}

function drawKey(random: Random): string {
  return [...random.bytes(16)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
