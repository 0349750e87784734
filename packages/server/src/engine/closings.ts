// How many periods a command would itself have to close before it can be applied: a meter that gets
// a record, or is changed, is brought up to date first. After a long stop that may be more than one
// entry should make, and then the command waits for the sweeps. An estimate, never too low.
import type { WorkCorrections } from "../core/entry.ts";
import { member } from "../core/json-value.ts";
import type { EpochMs } from "../core/ports.ts";
import { scalarText } from "../core/record-fields.ts";
import { userIdColumn } from "../core/scan-plan.ts";
import { type AccountState, type Meter, metersOfUser, type State } from "../core/state.ts";
import type { ZoneTimetable } from "../core/timetable.ts";
import type { RawRecords } from "../core/usage-body.ts";
import type { Queued } from "./command-queue.ts";

/** Periods of the meters that the command touches whose ends are not after `now`. */
export function closingsOf({ command, raw }: Queued, state: State, now: EpochMs): number {
  // Nearly always nothing is due, and then no record needs to be looked at.
  const earliest = state.due.earliest();
  if (earliest === undefined || earliest > now) return 0;
  if (command.kind === "patch-meter" || command.kind === "delete-meter") {
    const meter = state.meters.get(command.id);
    return meter === undefined ? 0 : closingsOfMeter(meter, now);
  }
  if (command.kind === "work-corrections") return closingsOfItems(command, state, now);
  if (command.kind !== "usage") return 0;
  const account = state.accounts.get(command.accountId);
  const byUser = account?.keys.get(command.meterKey)?.byUser;
  if (account === undefined || byUser === undefined) return 0;
  const users = isFlushingAll(account, command.meterKey) ? byUser.userIds() : usersOf(raw);
  let closings = 0;
  for (const user of users) {
    for (const meter of metersOfUser(account, command.meterKey, user)) {
      closings += closingsOfMeter(meter, now);
    }
  }
  return closings;
}

/** As if every item were reprocessed; each may be of another meter key. */
function closingsOfItems({ actionId, items }: WorkCorrections, state: State, now: EpochMs): number {
  const { accountId = "" } = state.correctionActions.get(actionId)?.order ?? {};
  const account = state.accounts.get(accountId);
  if (account === undefined) return 0;
  const touched = new Set<Meter>();
  for (const item of items) {
    if (item?.userId === undefined || item.userId === null) continue;
    for (const meter of metersOfUser(account, item.meterKey, item.userId)) touched.add(meter);
  }
  let closings = 0;
  for (const meter of touched) closings += closingsOfMeter(meter, now);
  return closings;
}

function isFlushingAll(account: AccountState, meterKey: string): boolean {
  return account.processors.get(meterKey)?.fields.flushType === "ALL_FILES";
}

function usersOf(raw: RawRecords | null): ReadonlySet<string> {
  const users = new Set<string>();
  for (let index = 0; raw !== null && index < raw.length; index += 1) {
    const user = userOf(raw, index);
    if (user !== null) users.add(user);
  }
  return users;
}

function userOf(raw: RawRecords, index: number): string | null {
  const { scanned } = raw;
  if (scanned?.isPlain(index) === true) return scanned.ownText(index, userIdColumn);
  const { fields } = raw.record(index);
  return fields === null ? null : scalarText(member(fields, "userId"));
}

function closingsOfMeter(meter: Meter, now: EpochMs): number {
  if (meter.dueAt > now) return 0;
  const { periodEnd, type, timezone, deleteOnReset, settling } = meter;
  const waiting = settling?.periods.length ?? 0;
  if (periodEnd > now || settling?.isEnding === true) return waiting;
  const timetable = type.timetables.get(timezone);
  const ends =
    deleteOnReset || timetable === undefined ? 1 : boundariesIn(timetable, periodEnd, now);
  return waiting + ends;
}

/** Boundaries of all versions from `first` to `last`: at least those that a meter goes through. */
function boundariesIn({ versions }: ZoneTimetable, first: EpochMs, last: EpochMs): number {
  let count = 1;
  for (const { boundaries } of versions) {
    count += countUntil(boundaries, last) - countUntil(boundaries, first - 1);
  }
  return count;
}

/** How many of the ascending boundaries are not after the instant. */
function countUntil(boundaries: readonly EpochMs[], instant: EpochMs): number {
  let low = 0;
  let high = boundaries.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((boundaries[middle] ?? 0) <= instant) low = middle + 1;
    else high = middle;
  }
  return low;
}
