// The figures of the engine that are read when somebody asks for metrics, so that nobody has to keep
// them current. Reads only.
import { type Totals, totalsOf } from "./core/conservation.ts";
import type { GroupEngine } from "./engine/engine.ts";

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
  readonly totals: Totals;
}

export function gaugesOf(
  engine: GroupEngine,
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
    totals: totalsOf(state),
  };
}
