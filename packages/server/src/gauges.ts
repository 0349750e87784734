// The figures of the engine that are read when somebody asks for metrics, so that nobody has to keep
// them current. Reads only.
import { type Totals, totalsOf } from "./core/conservation.ts";
import type { GroupEngine } from "./engine/engine.ts";
import type { OpenEngine } from "./engine/open-engine.ts";

/** One look at the engine and its journal. */
export interface EngineGauges {
  readonly queuedCommands: number;
  readonly queuedBytes: number;
  readonly dueMeters: number;
  /** Age of the oldest period end that is due and not yet flushed; 0 when none is. */
  readonly oldestDueAgeMs: number;
  readonly meters: number;
  readonly journalBytes: number;
  /** Since the start. */
  readonly journalBytesWritten: number;
  readonly lastSeq: number;
  /** Snapshots in a row that could not be written, and about what a start would replay. */
  readonly snapshotFailures: number;
  readonly replayBytes: number;
  /** Known record ids in memory, and the files that hold older ones. */
  readonly idsInMemory: number;
  readonly idRuns: number;
  readonly totals: Totals;
  /** Unfinished actions on data correction. */
  readonly correctionActions: number;
}

export function gaugesOf(
  { engine, snapshots }: Pick<OpenEngine, "engine" | "snapshots">,
  journal: { readonly counters: { readonly bytes: number; readonly bytesAppended: number } },
): EngineGauges {
  const { state, queued } = engine;
  const now = engine.clock.now();
  const earliest = state.due.earliest();
  return {
    queuedCommands: queued.commands,
    queuedBytes: queued.bytes,
    dueMeters: state.due.dueCount(now),
    oldestDueAgeMs: earliest === undefined ? 0 : Math.max(0, now - earliest),
    meters: state.meters.size,
    journalBytes: journal.counters.bytes,
    journalBytesWritten: journal.counters.bytesAppended,
    lastSeq: state.seq,
    snapshotFailures: snapshots.failures,
    replayBytes: snapshots.replayBytes,
    idsInMemory: idsInMemory(engine),
    idRuns: state.idRuns.length,
    totals: totalsOf(state),
    correctionActions: state.correctionActions.size,
  };
}

function idsInMemory({ state }: GroupEngine): number {
  let ids = 0;
  for (const { processors } of state.accounts.values()) {
    for (const processor of processors.values()) ids += processor.ids.rows;
  }
  return ids;
}
