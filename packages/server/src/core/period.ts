// The end of a period: flush the metered record, or let it wait for late usage first, and open the
// next period. A meter that is due is closed at its exact boundary before anything else is counted
// into it, one metered record for every boundary that passed (FL1 to FL12, SL1 to SL12).
import { Counter } from "./counter.ts";
import type { Flow } from "./figures.ts";
import { releaseGroups } from "./groups.ts";
import { writeJson } from "./json.ts";
import { waitingPeriodsMax } from "./limits.ts";
import { meteredRecordDocument } from "./meter-document.ts";
import { type Output, type Position, positionText } from "./output.ts";
import type { EpochMs } from "./ports.ts";
import { assert } from "./problem.ts";
import type { Settling, WaitingPeriod } from "./settling.ts";
import { type AccountState, type Meter, metersOfUser, type State, touch } from "./state.ts";
import { firstPeriodEnd, nextPeriodEnd } from "./timetable.ts";
import { tellWindow } from "./usage-windows.ts";

/** What an entry has produced so far. */
export interface Effects {
  readonly state: State;
  /** Sequence and time of the entry being applied. */
  readonly seq: number;
  readonly now: EpochMs;
  readonly outputs: Output[];
}

export function nextPosition({ state, seq, outputs }: Effects): Position {
  return { partition: state.partition, seq, index: outputs.length };
}

/** Brings the meter up to date: closes and flushes all that is due by now, in order. */
export function closeDuePeriods(effects: Effects, meter: Meter): void {
  while (!meter.deleted && meter.dueAt <= effects.now) closeNext(effects, meter);
}

/** All that is due of the meter at the next instant: one step of a sweep that goes in chunks. */
export function closeNext(effects: Effects, meter: Meter): void {
  const { dueAt } = meter;
  if (meter.settling !== null) flushWaiting(effects, meter, dueAt);
  if (!meter.deleted && isOpen(meter) && meter.periodEnd <= dueAt) {
    closePeriod(effects, meter, meter.periodEnd);
  }
}

/** Ends the open period: it is flushed, or waits for late usage first; then the next one opens. */
export function closePeriod(effects: Effects, meter: Meter, endedAt: EpochMs): void {
  const { state, now } = effects;
  assert(!meter.deleted && isOpen(meter), "a meter that ended has no period to close");
  touch(state, meter);
  state.due.remove(meter);
  const settlingMs = settlingOf(state, meter);
  if (settlingMs > 0) {
    settle(effects, meter, { counter: meter.counter, flushAt: endedAt + settlingMs });
  } else {
    flushUpTo(effects, meter, Number.POSITIVE_INFINITY);
    flushCounter(effects, meter, { counter: meter.counter, from: "live", periodEnd: endedAt });
  }
  if (meter.deleteOnReset) {
    if (meter.settling === null) removeMeter(effects, meter);
    else {
      meter.settling.isEnding = true;
      state.due.add(meter);
    }
    return;
  }
  const timetable = meter.type.timetables.get(meter.timezone);
  assert(timetable !== undefined, "a meter's zone has a timetable");
  const early = endedAt < meter.periodEnd;
  const end = early ? firstPeriodEnd(timetable, endedAt) : nextPeriodEnd(timetable, endedAt);
  assert(end > endedAt, "a period has a length");
  meter.counter = new Counter(endedAt, end, now);
  state.due.add(meter);
}

/** Flushes the periods that have waited until then; a meter that is ending goes with its last. */
export function flushWaiting(effects: Effects, meter: Meter, until: EpochMs): void {
  touch(effects.state, meter);
  effects.state.due.remove(meter);
  flushUpTo(effects, meter, until);
  if (!meter.deleted) effects.state.due.add(meter);
}

/** False once the last period of a meter has ended: it waits, and nothing follows (SL7). */
export function isOpen({ settling }: Meter): boolean {
  return settling?.isEnding !== true;
}

/** Takes a meter out of all tables (delete, or delete on reset). */
export function removeMeter({ state, outputs }: Effects, meter: Meter): void {
  const account = state.accounts.get(meter.accountId);
  const index = account?.keys.get(meter.meterKey);
  assert(account !== undefined && index !== undefined, "a meter's account and key are known");
  touch(state, meter);
  state.due.remove(meter);
  state.meters.delete(meter.id);
  meter.deleted = true;
  meter.type.numberOfMeters -= 1;
  account.meterCount -= 1;
  removeFromIndex(account, meter);
  outputs.push({ kind: "meter-unlisted", meterId: meter.id });
}

/** Milliseconds that the processor lets an ended period wait; without a processor none. */
function settlingOf({ accounts }: State, { accountId, meterKey }: Meter): number {
  const fields = accounts.get(accountId)?.processors.get(meterKey)?.fields;
  return (fields?.settlingSeconds ?? 0) * 1_000;
}

/** Lets an ended period wait. None waits longer than one that ended after it (SL5). */
function settle(effects: Effects, meter: Meter, waiting: WaitingPeriod): void {
  const { counter, flushAt } = waiting;
  const flow = flowOf(effects.state, meter);
  if (flow !== undefined) {
    flow.live -= counter.count;
    flow.settling += counter.count;
  }
  meter.settling ??= { periods: [], isEnding: false };
  for (const older of meter.settling.periods) older.flushAt = Math.min(older.flushAt, flushAt);
  meter.settling.periods.push(waiting);
  const { periodStart, periodEnd } = counter;
  const { accountId, id: meterId, meterKey, userId, type } = meter;
  const names = { accountId, meterId, meterKey, userId, meterTypeId: type.id };
  effects.outputs.push({ kind: "period-waiting", ...names, periodStart, periodEnd });
  if (meter.settling.periods.length > waitingPeriodsMax)
    flushOldest(effects, meter, meter.settling);
}

/** The caller takes care of the index of what is due. */
function flushUpTo(effects: Effects, meter: Meter, until: EpochMs): void {
  for (;;) {
    const { settling } = meter;
    const oldest = settling?.periods[0];
    if (settling === null || oldest === undefined || oldest.flushAt > until) return;
    flushOldest(effects, meter, settling);
  }
}

function flushOldest(effects: Effects, meter: Meter, settling: Settling): void {
  const oldest = settling.periods.shift();
  assert(oldest !== undefined, "a meter that is settling has a period that waits");
  const { counter } = oldest;
  const { periodEnd } = counter;
  flushCounter(effects, meter, { counter, from: "settling", periodEnd });
  effects.outputs.push({ kind: "period-settled", meterId: meter.id, periodEnd });
  if (settling.periods.length > 0) return;
  meter.settling = null;
  if (settling.isEnding) removeMeter(effects, meter);
}

/** Ended and idle: a type past its activeTo flushes only what was updated (D-49). */
function isFlushedAt({ type }: Meter, { count }: Counter, endedAt: EpochMs): boolean {
  return count > 0 || type.activeTo === null || type.activeTo >= endedAt;
}

interface Ended {
  readonly counter: Counter;
  /** Where its records stand until now. */
  readonly from: "live" | "settling";
  readonly periodEnd: EpochMs;
}

/** The counter is counted into no more. */
function flushCounter(effects: Effects, meter: Meter, ended: Ended): void {
  const { counter, periodEnd } = ended;
  if (isFlushedAt(meter, counter, periodEnd)) flush(effects, meter, ended);
  releaseGroups(counter, meter.type.groupKeys);
}

function flush(effects: Effects, meter: Meter, { counter, from, periodEnd }: Ended): void {
  const { state, now, outputs } = effects;
  const position = nextPosition(effects);
  const told = { recordId: positionText(position), emittedAt: now, periodEnd };
  outputs.push({
    kind: "metered-record",
    position,
    accountId: meter.accountId,
    meterId: meter.id,
    meterTypeId: meter.type.id,
    meterKey: meter.meterKey,
    userId: meter.userId,
    periodEnd,
    json: writeJson(meteredRecordDocument(meter, counter, told)),
  });
  tellWindow(effects, { meter, counter }, periodEnd);
  const processor = state.accounts.get(meter.accountId)?.processors.get(meter.meterKey);
  if (processor === undefined) return;
  processor.tally.meteredRecords += 1;
  processor.flow.metered += counter.count;
  processor.flow[from] -= counter.count;
  if (meter.type.aggregation === "sum") meter.type.sums.metered += counter.value ?? 0n;
}

function flowOf({ accounts }: State, { accountId, meterKey }: Meter): Flow | undefined {
  return accounts.get(accountId)?.processors.get(meterKey)?.flow;
}

function removeFromIndex(account: AccountState, meter: Meter): void {
  const index = account.keys.get(meter.meterKey);
  const siblings = metersOfUser(account, meter.meterKey, meter.userId);
  assert(index !== undefined && siblings.includes(meter), "a meter stands in its indexes");
  index.count -= 1;
  // A new array, since a caller may be walking the old one.
  const left = siblings.filter((sibling) => sibling !== meter);
  if (left.length === 0) index.byUser.delete(meter.userId);
  else index.byUser.set(meter.userId, left);
  if (index.count === 0) account.keys.delete(meter.meterKey);
}
