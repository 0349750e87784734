// The conservation law: what came in is somewhere. Sums up the counters that counting keeps as it
// goes, compares them with each other and with the meters, and names the first place where they do
// not agree. It changes nothing; whoever asks stops the engine on a break.
import { broken, Census, partsOf } from "./census.ts";
import { assert } from "./problem.ts";
import type { Processor, State } from "./state.ts";

/** Everything that was counted since the partition began, over all accounts; for metrics. */
export interface Totals {
  readonly received: number;
  readonly counted: number;
  readonly duplicates: number;
  readonly rejected: number;
  readonly waiting: number;
  readonly superseded: number;
  readonly reprocessed: number;
  readonly deleted: number;
  readonly expired: number;
  readonly dropped: number;
  readonly repeated: number;
  readonly accepted: number;
  readonly metered: number;
  readonly settling: number;
  readonly live: number;
  readonly discarded: number;
}

/**
 * Throws where the law does not hold (CO5). `counters` compares the counters of every processor
 * (CO1 to CO3), which takes time for each processor; `meters` also adds up every meter (CO3, CO4).
 */
export function assertConserved(state: State, depth: "counters" | "meters"): void {
  const fault = depth === "meters" ? conservationFault(state) : counterFault(state);
  assert(fault === null, fault ?? "");
}

/** The first break, as a sentence with its account, its processor and the figures; or null. */
export function conservationFault(state: State): string | null {
  return counterFault(state) ?? meterFault(state);
}

export function totalsOf(state: State): Totals {
  const totals = {
    received: 0,
    counted: 0,
    duplicates: 0,
    rejected: 0,
    waiting: 0,
    superseded: 0,
    reprocessed: 0,
    deleted: 0,
    expired: 0,
    dropped: 0,
    repeated: 0,
    accepted: 0,
    metered: 0,
    settling: 0,
    live: 0,
    discarded: 0,
  };
  for (const account of state.accounts.values()) {
    for (const { tally, flow, waitingCorrections } of account.processors.values()) {
      totals.received += tally.received;
      totals.counted += tally.counted;
      totals.duplicates += tally.duplicates;
      totals.rejected += tally.rejected;
      totals.waiting += waitingCorrections;
      totals.superseded += tally.superseded;
      totals.reprocessed += tally.reprocessed;
      totals.deleted += tally.deleted;
      totals.expired += tally.expired;
      totals.dropped += tally.dropped;
      totals.repeated += tally.repeated;
      totals.accepted += flow.accepted;
      totals.metered += flow.metered;
      totals.settling += flow.settling;
      totals.live += flow.live;
      totals.discarded += flow.discarded;
    }
  }
  return totals;
}

function counterFault(state: State): string | null {
  for (const account of state.accounts.values()) {
    let waiting = 0;
    for (const processor of account.processors.values()) {
      waiting += processor.waitingCorrections;
      const fault = processorFault(processor);
      if (fault !== null) return broken(state.seq, placeOf(processor), fault);
    }
    if (waiting !== account.waitingCorrections) {
      const fault = `waiting ${account.waitingCorrections}, but its processors have ${waiting}`;
      return broken(state.seq, `account ${account.account.id}`, fault);
    }
  }
  return null;
}

function processorFault({ tally, flow, waitingCorrections: waiting }: Processor): string | null {
  const { received, counted, duplicates, rejected, superseded, dropped, repeated } = tally;
  const { reprocessed, deleted, expired } = tally;
  if (received !== counted + duplicates + rejected) {
    return `received ${received}, but counted ${counted} + duplicates ${duplicates} + rejected ${rejected}`;
  }
  const closed = superseded + reprocessed + deleted + expired;
  if (rejected !== waiting + closed + dropped + repeated) {
    return `rejected ${rejected}, but waiting ${waiting} + superseded ${superseded} + reprocessed ${reprocessed} + deleted ${deleted} + expired ${expired} + dropped ${dropped} + repeated ${repeated}`;
  }
  if (flow.accepted !== flow.metered + flow.settling + flow.live + flow.discarded) {
    return `accepted ${flow.accepted} records into meters, but ${partsOf(flow)}`;
  }
  // Every counted record changed one meter at least.
  if (flow.accepted < counted + reprocessed) {
    return `counted ${counted} and reprocessed ${reprocessed}, but accepted only ${flow.accepted} records into meters`;
  }
  return null;
}

/** Adds up the meters, each once. */
function meterFault(state: State): string | null {
  const census = new Census(state);
  for (const meter of state.meters.values()) census.add(meter);
  return census.fault();
}

function placeOf({ accountId, meterKey }: Processor): string {
  return `account ${accountId}, meter processor ${meterKey}`;
}
