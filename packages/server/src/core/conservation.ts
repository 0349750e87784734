// The conservation law: what came in is somewhere. Sums up the counters that counting keeps as it
// goes, compares them with each other and with the meters, and names the first place where they do
// not agree. It changes nothing; whoever asks stops the engine on a break.
import { formatDecimal } from "./decimal.ts";
import { assert } from "./problem.ts";
import type { AccountState, Flow, Processor, State } from "./state.ts";

/** Everything that was counted since the partition began, over all accounts; for metrics. */
export interface Totals {
  readonly received: number;
  readonly counted: number;
  readonly duplicates: number;
  readonly rejected: number;
  readonly waiting: number;
  readonly superseded: number;
  readonly dropped: number;
  readonly repeated: number;
  readonly accepted: number;
  readonly metered: number;
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
    dropped: 0,
    repeated: 0,
    accepted: 0,
    metered: 0,
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
      totals.dropped += tally.dropped;
      totals.repeated += tally.repeated;
      totals.accepted += flow.accepted;
      totals.metered += flow.metered;
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
      if (fault !== null) return broken(state, placeOf(processor), fault);
    }
    if (waiting !== account.waitingCorrections) {
      const fault = `waiting ${account.waitingCorrections}, but its processors have ${waiting}`;
      return broken(state, `account ${account.account.id}`, fault);
    }
  }
  return null;
}

function processorFault({ tally, flow, waitingCorrections: waiting }: Processor): string | null {
  const { received, counted, duplicates, rejected, superseded, dropped, repeated } = tally;
  if (received !== counted + duplicates + rejected) {
    return `received ${received}, but counted ${counted} + duplicates ${duplicates} + rejected ${rejected}`;
  }
  if (rejected !== waiting + superseded + dropped + repeated) {
    return `rejected ${rejected}, but waiting ${waiting} + superseded ${superseded} + dropped ${dropped} + repeated ${repeated}`;
  }
  if (flow.accepted !== flow.metered + flow.live + flow.discarded) {
    return `accepted ${flow.accepted} records into meters, but ${partsOf(flow)}`;
  }
  // Every counted record changed one meter at least.
  if (flow.accepted < counted) {
    return `counted ${counted}, but accepted only ${flow.accepted} records into meters`;
  }
  return null;
}

function partsOf({ metered, live, discarded }: Flow): string {
  return `metered ${metered} + live ${live} + discarded ${discarded}`;
}

/** Adds up the meters, each once. */
function meterFault(state: State): string | null {
  for (const account of state.accounts.values()) {
    const fault = keysFault(state, account) ?? typesFault(state, account);
    if (fault !== null) return fault;
  }
  return null;
}

function keysFault(state: State, account: AccountState): string | null {
  const records = new Map<string, number>();
  for (const [meterKey, index] of account.keys) {
    let live = 0;
    for (const owned of index.byUser.values()) {
      if (!("length" in owned)) live += owned.counter.count;
      else for (const meter of owned) live += meter.counter.count;
    }
    records.set(meterKey, live);
  }
  for (const processor of account.processors.values()) {
    const { flow, meterKey } = processor;
    const live = records.get(meterKey) ?? 0;
    if (live === flow.live) continue;
    const fault = `accepted ${flow.accepted} records into meters and ${partsOf(flow)}, but its meters hold ${live}`;
    return broken(state, placeOf(processor), fault);
  }
  return null;
}

function typesFault(state: State, account: AccountState): string | null {
  const amounts = new Map<object, bigint>();
  for (const index of account.keys.values()) {
    for (const owned of index.byUser.values()) {
      for (const { type, counter } of "length" in owned ? owned : [owned]) {
        if (type.aggregation !== "sum" || counter.value === null) continue;
        amounts.set(type, (amounts.get(type) ?? 0n) + counter.value);
      }
    }
  }
  for (const type of account.meterTypes.values()) {
    const { accepted, metered, discarded } = type.sums;
    const live = amounts.get(type) ?? 0n;
    if (type.aggregation !== "sum" || accepted === metered + live + discarded) continue;
    const parts = { metered, live, discarded };
    const texts = Object.entries(parts).map(([name, part]) => `${name} ${formatDecimal(part)}`);
    const place = `account ${account.account.id}, meter type ${type.id}`;
    return broken(state, place, `accepted ${formatDecimal(accepted)}, but ${texts.join(" + ")}`);
  }
  return null;
}

function placeOf({ accountId, meterKey }: Processor): string {
  return `account ${accountId}, meter processor ${meterKey}`;
}

function broken({ seq }: State, place: string, figures: string): string {
  return `The conservation law is broken at entry ${seq}, ${place}: ${figures}.`;
}
