// The end of a period: flush the metered record, empty the counter, open the next period. A meter
// that is due is closed at its exact boundary before anything else is counted into it, one metered
// record for every boundary that passed (FL1 to FL12).
import { Counter } from "./counter.ts";
import { releaseGroups } from "./groups.ts";
import { writeJson } from "./json.ts";
import { meteredRecordDocument } from "./meter-document.ts";
import { type Output, type Position, positionText } from "./output.ts";
import type { EpochMs } from "./ports.ts";
import { assert } from "./problem.ts";
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

/** Closes every period of the meter that has ended by now, in order. Returns how many. */
export function closeDuePeriods(effects: Effects, meter: Meter): number {
  let closed = 0;
  while (!meter.deleted && meter.periodEnd <= effects.now) {
    closePeriod(effects, meter, meter.periodEnd);
    closed += 1;
  }
  return closed;
}

/** Closes the meter's next due period only: one step of a sweep that goes in chunks. */
export function closePeriod(effects: Effects, meter: Meter, endedAt: EpochMs): void {
  const { state, now } = effects;
  assert(!meter.deleted, "a deleted meter has no period to close");
  touch(state, meter);
  if (isFlushedAt(meter, endedAt)) flush(effects, meter, endedAt);
  state.due.remove(meter);
  if (meter.deleteOnReset) {
    removeMeter(effects, meter);
    return;
  }
  const timetable = meter.type.timetables.get(meter.timezone);
  assert(timetable !== undefined, "a meter's zone has a timetable");
  const early = endedAt < meter.periodEnd;
  const end = early ? firstPeriodEnd(timetable, endedAt) : nextPeriodEnd(timetable, endedAt);
  assert(end > endedAt, "a period has a length");
  releaseGroups(meter.counter, meter.type.groupKeys);
  meter.counter = new Counter(endedAt, end, now);
  state.due.add(meter);
}

/** Takes a meter out of all tables (delete, or delete on reset). */
export function removeMeter({ state, outputs }: Effects, meter: Meter): void {
  const account = state.accounts.get(meter.accountId);
  const index = account?.keys.get(meter.meterKey);
  assert(account !== undefined && index !== undefined, "a meter's account and key are known");
  touch(state, meter);
  state.due.remove(meter);
  state.meters.delete(meter.id);
  releaseGroups(meter.counter, meter.type.groupKeys);
  meter.deleted = true;
  meter.type.numberOfMeters -= 1;
  account.meterCount -= 1;
  removeFromIndex(account, meter);
  outputs.push({ kind: "meter-unlisted", meterId: meter.id });
}

/** Ended and idle: a type past its activeTo flushes only what was updated (D-49). */
function isFlushedAt({ type, counter }: Meter, endedAt: EpochMs): boolean {
  return counter.count > 0 || type.activeTo === null || type.activeTo >= endedAt;
}

function flush(effects: Effects, meter: Meter, periodEnd: EpochMs): void {
  const { state, now, outputs } = effects;
  const position = nextPosition(effects);
  const recordId = positionText(position);
  outputs.push({
    kind: "metered-record",
    position,
    accountId: meter.accountId,
    meterId: meter.id,
    meterTypeId: meter.type.id,
    meterKey: meter.meterKey,
    userId: meter.userId,
    periodEnd,
    json: writeJson(meteredRecordDocument(meter, { recordId, emittedAt: now, periodEnd })),
  });
  tellWindow(effects, { meter, counter: meter.counter }, periodEnd);
  const processor = state.accounts.get(meter.accountId)?.processors.get(meter.meterKey);
  if (processor === undefined) return;
  processor.tally.meteredRecords += 1;
  processor.flow.metered += meter.counter.count;
  processor.flow.live -= meter.counter.count;
  if (meter.type.aggregation === "sum") meter.type.sums.metered += meter.counter.value ?? 0n;
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
