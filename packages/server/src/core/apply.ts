// The state machine: one entry in, the state changed, outputs and an outcome out. Total and
// synchronous; it reads no clock, no zone rules and no randomness, so that replaying a journal
// gives the same state and the same outputs, byte for byte.
import { insertAccount } from "./account-tables.ts";
import { applyCorrections } from "./apply-corrections.ts";
import {
  createMeterType,
  createProcessor,
  deleteMeter,
  deleteMeterType,
  deleteProcessor,
  patchMeter,
  patchMeterType,
  patchProcessor,
} from "./apply-definitions.ts";
import { changeDestinations } from "./apply-destinations.ts";
import { applyUsage } from "./apply-usage.ts";
import { auditEntry, auditMark } from "./audit.ts";
import type {
  CreateAccount,
  CreateMeters,
  Entry,
  EntryBody,
  ExtendTimetables,
  PutAccess,
  Replan,
  Usage,
} from "./entry.ts";
import { readFingerprintKey } from "./fingerprint.ts";
import { createMeter } from "./meter-tables.ts";
import type { Outcome } from "./outcome.ts";
import type { Output } from "./output.ts";
import { closeNext, type Effects } from "./period.ts";
import { assert, unreachable } from "./problem.ts";
import { defaultProcessorFields } from "./processor.ts";
import { newProcessor } from "./processor-tables.ts";
import { findProcessor, type State, touch } from "./state.ts";
import { extend, latestVersion, nextPeriodEnd, replaceFuture } from "./timetable.ts";
import { type Detail, type RawRecords, readUsageBody } from "./usage-body.ts";
import { scanContext } from "./usage-run.ts";

export interface Applied {
  readonly outcome: Outcome;
  readonly outputs: readonly Output[];
}

/**
 * Applies the next entry. `raw` is the usage body already read, where the caller has it; it is read
 * again from the entry otherwise, with the same result.
 */
export function apply(state: State, entry: Entry, raw?: RawRecords): Applied {
  assert(entry.seq > state.seq, "entries are applied in order, each once");
  assert(entry.time >= state.time, "time never runs backwards");
  state.seq = entry.seq;
  state.time = entry.time;
  const effects: Effects = { state, seq: entry.seq, now: entry.time, outputs: [] };
  const { body } = entry;
  const mark = auditMark(state, body);
  const outcome = applyBody(effects, body, raw);
  auditEntry(effects, { body, outcome, mark });
  return { outcome, outputs: effects.outputs };
}

/** Applies an entry that was answered long ago: only what it makes for the world is wanted. */
export function replay(state: State, entry: Entry): readonly Output[] {
  const { body } = entry;
  const raw = body.kind === "usage" ? rawRecords(state, body, "uncounted") : undefined;
  return apply(state, entry, raw).outputs;
}

function applyBody(effects: Effects, body: EntryBody, raw: RawRecords | undefined): Outcome {
  switch (body.kind) {
    case "usage":
      return applyUsage(effects, body, raw ?? rawRecords(effects.state, body, "all"));
    case "genesis":
      effects.state.partition = body.partition;
      effects.state.fingerprintKeyHex = body.fingerprintKey;
      effects.state.fingerprintKey = readFingerprintKey(body.fingerprintKey);
      return done;
    case "configure": {
      const { kind: _, ...settings } = body;
      effects.state.settings = settings;
      return done;
    }
    case "create-account":
      return createAccount(effects, body);
    case "put-access":
      return putAccess(effects, body);
    case "create-meter-type":
      return createMeterType(effects, body);
    case "patch-meter-type":
      return patchMeterType(effects, body);
    case "delete-meter-type":
      return deleteMeterType(effects, body);
    case "create-meters":
      return createMeters(effects, body);
    case "patch-meter":
      return patchMeter(effects, body);
    case "delete-meter":
      return deleteMeter(effects, body);
    case "create-processor":
      return createProcessor(effects, body);
    case "patch-processor":
      return patchProcessor(effects, body);
    case "delete-processor":
      return deleteProcessor(effects, body);
    case "create-destination":
    case "patch-destination":
    case "delete-destination":
    case "rotate-destination-secret":
    case "disable-destination":
      return changeDestinations(effects, body);
    case "start-correction-action":
    case "work-corrections":
    case "expire-corrections":
      return applyCorrections(effects, body);
    case "end-periods":
      return endPeriods(effects, body.limit);
    case "extend-timetables":
      return extendTimetables(effects, body);
    case "replan":
      return replan(effects, body);
    default:
      return unreachable(body);
  }
}

const done: Outcome = { kind: "done" };

function rawRecords(
  state: State,
  { accountId, meterKey, body }: Usage,
  detail: Detail,
): RawRecords {
  const context = scanContext(state, findProcessor(state, accountId, meterKey));
  const read = readUsageBody(body, detail, context);
  assert(read.ok, "a journaled usage body was read before it was journaled");
  return read.value;
}

function createAccount({ state, now }: Effects, entry: CreateAccount): Outcome {
  const { accountId, name, meterKey } = entry;
  assert(!state.accounts.has(accountId), "an account id is used once");
  const account = { id: accountId, name, createdAt: now };
  const fields = defaultProcessorFields("Default");
  const processor = newProcessor({ accountId, meterKey, fields, createdAt: now });
  insertAccount(state, account).processors.set(meterKey, processor);
  return { kind: "account", account };
}

function putAccess({ state, now }: Effects, entry: PutAccess): Outcome {
  assert(state.accounts.has(entry.accountId), "an access belongs to an account");
  const { kind: _, ...fields } = entry;
  const createdAt = state.accesses.get(entry.clientId)?.createdAt ?? now;
  const access = { ...fields, createdAt };
  state.accesses.set(entry.clientId, access);
  return { kind: "access", access };
}

function createMeters(effects: Effects, entry: CreateMeters): Outcome {
  const account = effects.state.accounts.get(entry.accountId);
  assert(account !== undefined, "a token's account exists");
  const results = entry.meters.map((meter) => createMeter(effects, account, meter));
  return { kind: "meters", results };
}

/** Closes and flushes what is due, earliest first and within an instant by meter id (D-50). */
function endPeriods(effects: Effects, limit: number): Outcome {
  const { state, now } = effects;
  let count = 0;
  while (count < limit) {
    const meter = state.due.nextDue(now);
    if (meter === undefined) break;
    closeNext(effects, meter);
    count += 1;
  }
  return { kind: "periods-ended", count };
}

function extendTimetables({ state }: Effects, entry: ExtendTimetables): Outcome {
  const oldestOpenEnd = Math.min(state.due.earliest() ?? state.time, state.time);
  for (const { meterTypeId, timezone, boundaries } of entry.timetables) {
    // The meter type may have been deleted in the same group.
    const timetable = state.meterTypes.get(meterTypeId)?.timetables.get(timezone);
    if (timetable !== undefined) extend(timetable, boundaries, oldestOpenEnd);
  }
  return done;
}

/** New zone rules move only ends that lie in the future (C12). */
function replan({ state, now }: Effects, entry: Replan): Outcome {
  const type = state.meterTypes.get(entry.meterTypeId);
  if (type === undefined) return done;
  for (const { timezone, boundaries } of entry.timetables) {
    const timetable = type.timetables.get(timezone);
    if (timetable !== undefined) replaceFuture(timetable, now, boundaries);
  }
  const zones = new Set(entry.timetables.map(({ timezone }) => timezone));
  for (const meter of state.meters.values()) {
    if (meter.type !== type || !zones.has(meter.timezone) || meter.periodEnd <= now) continue;
    const timetable = type.timetables.get(meter.timezone);
    assert(timetable !== undefined, "a meter's zone has a timetable");
    // A period that opened under an earlier schedule keeps its end; the next one is under this.
    if (meter.periodStart < latestVersion(timetable).since) continue;
    touch(state, meter);
    state.due.remove(meter);
    meter.counter.periodEnd = nextPeriodEnd(timetable, Math.max(now, meter.periodStart));
    state.due.add(meter);
  }
  return done;
}
