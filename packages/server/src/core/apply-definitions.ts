// Changes of definitions, decided when they are applied: what is in the way of one is judged
// against the state that its place in the journal has, whatever else was on its way.
import { indexNames, insertMeterType, removeMeterType, unindexNames } from "./account-tables.ts";
import { auditDeletedMeter } from "./audit.ts";
import { rearm } from "./crossings.ts";
import type { MeterTypePatch, ProcessorFields } from "./definitions.ts";
import type {
  CreateMeterType,
  CreateProcessor,
  DeleteMeter,
  DeleteMeterType,
  DeleteProcessor,
  PatchMeter,
  PatchMeterType,
  PatchProcessor,
} from "./entry.ts";
import { ExactSum } from "./exact-sum.ts";
import { GroupKeys } from "./group-keys.ts";
import { releaseGroups } from "./groups.ts";
import { prepareJudging } from "./guiding-rule.ts";
import type { Outcome } from "./outcome.ts";
import { closeDuePeriods, type Effects, flushWaiting, isOpen, removeMeter } from "./period.ts";
import { assert, notFound, type Problem } from "./problem.ts";
import { newProcessor } from "./processor-tables.ts";
import { knownSince } from "./record-reading.ts";
import { type AccountState, findMeter, type Meter, type MeterType, touch } from "./state.ts";
import { formatInstant } from "./time.ts";
import { addVersion, newTimetable } from "./timetable.ts";

export function createMeterType(effects: Effects, entry: CreateMeterType): Outcome {
  const { state, now } = effects;
  const account = accountOf(effects, entry.accountId);
  const taken = takenBy(account, entry.fields, null);
  if (taken !== null) return refused(taken);
  const { fields } = entry;
  const meterType: MeterType = {
    ...fields,
    id: entry.id,
    accountId: entry.accountId,
    activeFrom: fields.activeFrom ?? now,
    createdAt: now,
    updatedAt: now,
    numberOfMeters: 0,
    groupKeys: new GroupKeys(),
    sums: { accepted: new ExactSum(), metered: 0n, discarded: 0n },
    timetables: new Map([[fields.timezone, newTimetable(entry.boundaries)]]),
  };
  insertMeterType(state, account, meterType);
  return { kind: "meter-type", meterType };
}

export function patchMeterType(effects: Effects, entry: PatchMeterType): Outcome {
  const account = accountOf(effects, entry.accountId);
  const meterType = account.meterTypes.get(entry.id);
  if (meterType === undefined) return refused(notFound("meter type"));
  const { patch } = entry;
  const merged = { ...meterType, ...patch };
  const problem = takenBy(account, merged, meterType) ?? contradiction(merged, patch);
  if (problem !== null) return refused(problem);
  if (Object.keys(patch).length === 0) return { kind: "meter-type", meterType };
  unindexNames(account, meterType);
  const { activeFrom, ...rest } = patch;
  Object.assign(meterType, rest);
  if (activeFrom !== undefined) meterType.activeFrom = activeFrom ?? effects.now;
  meterType.updatedAt = effects.now;
  indexNames(account, meterType);
  for (const { timezone, boundaries } of entry.timetables) {
    const timetable = meterType.timetables.get(timezone);
    if (timetable === undefined) meterType.timetables.set(timezone, newTimetable(boundaries));
    else if (patch.resetSchedule !== undefined) addVersion(timetable, effects.now, boundaries);
  }
  assert(meterType.timetables.has(meterType.timezone), "the type's own zone has a timetable");
  return { kind: "meter-type", meterType };
}

export function deleteMeterType(effects: Effects, entry: DeleteMeterType): Outcome {
  const account = accountOf(effects, entry.accountId);
  const meterType = account.meterTypes.get(entry.id);
  if (meterType === undefined) return refused(notFound("meter type"));
  if (meterType.numberOfMeters > 0) {
    const count = meterType.numberOfMeters;
    return refused({
      kind: "conflict",
      code: "meter-type-has-meters",
      detail: `The meter type has ${count} meter${count === 1 ? "" : "s"}; delete them first.`,
      existing: { collection: "meter-types", id: meterType.id },
    });
  }
  removeMeterType(effects.state, account, meterType);
  return { kind: "deleted" };
}

export function patchMeter(effects: Effects, entry: PatchMeter): Outcome {
  const meter = findMeter(effects.state, entry.accountId, entry.id);
  if (meter !== undefined) closeDuePeriods(effects, meter);
  if (meter === undefined || meter.deleted) return refused(notFound("meter"));
  if (!isOpen(meter)) return refused(endedMeter(meter));
  const { capacity = meter.capacity, thresholds = meter.thresholds } = entry.patch;
  const problem = contradiction({ capacity, thresholds, activeFrom: null, activeTo: null }, {});
  if (problem !== null) return refused(problem);
  if (Object.keys(entry.patch).length > 0) {
    touch(effects.state, meter);
    meter.terms = { ...meter.terms, ...entry.patch };
    rearm(meter, meter.counter);
    for (const { counter } of meter.settling?.periods ?? []) rearm(meter, counter);
    meter.counter.updatedAt = effects.now;
  }
  return { kind: "meter", meter };
}

/** Immediate and without a metered record of the open period (D-35). */
export function deleteMeter(effects: Effects, entry: DeleteMeter): Outcome {
  const meter = findMeter(effects.state, entry.accountId, entry.id);
  if (meter !== undefined) closeDuePeriods(effects, meter);
  if (meter === undefined || meter.deleted) return refused(notFound("meter"));
  flushWaiting(effects, meter, Number.POSITIVE_INFINITY);
  // A meter that was ending is gone with its last period, and there was nothing to discard.
  if (meter.deleted) return { kind: "deleted" };
  auditDeletedMeter(effects, meter);
  discard(effects, meter);
  removeMeter(effects, meter);
  return { kind: "deleted" };
}

function endedMeter(meter: Meter): Problem {
  const endedAt = formatInstant(meter.periodEnd);
  const detail = `The meter ended at ${endedAt} (deleteOnReset) and waits for late usage until ${formatInstant(meter.dueAt)}; it cannot be changed any more.`;
  return {
    kind: "conflict",
    code: "meter-ended",
    detail,
    existing: { collection: "meters", id: meter.id },
  };
}

function discard({ state }: Effects, { accountId, meterKey, type, counter }: Meter): void {
  releaseGroups(counter, type.groupKeys);
  const flow = state.accounts.get(accountId)?.processors.get(meterKey)?.flow;
  if (flow === undefined) return;
  flow.discarded += counter.count;
  flow.live -= counter.count;
  if (type.aggregation === "sum") type.sums.discarded += counter.value ?? 0n;
}

/** A change was read against a processor that another one has changed since. */
function settlingProblem({ flushType, settlingSeconds }: ProcessorFields): Problem | null {
  if (flushType !== "ALL_FILES" || settlingSeconds === 0) return null;
  return {
    kind: "conflict",
    code: "changed-meanwhile",
    detail: "Another change came first, and flushType ALL_FILES leaves no time to settle; retry.",
  };
}

export function createProcessor(effects: Effects, entry: CreateProcessor): Outcome {
  const account = accountOf(effects, entry.accountId);
  if (account.processors.has(entry.meterKey)) {
    return refused({
      kind: "conflict",
      code: "meter-key-taken",
      detail: `Another meter processor has the meter key ${entry.meterKey}.`,
      existing: { collection: "meter-processors", id: entry.meterKey },
    });
  }
  const { accountId, meterKey, fields } = entry;
  const processor = newProcessor({ accountId, meterKey, fields, createdAt: effects.now });
  account.processors.set(meterKey, processor);
  return { kind: "processor", processor };
}

export function patchProcessor(effects: Effects, entry: PatchProcessor): Outcome {
  const account = accountOf(effects, entry.accountId);
  const processor = account.processors.get(entry.meterKey);
  if (processor === undefined) return refused(notFound("meter processor"));
  if (Object.keys(entry.patch).length === 0) return { kind: "processor", processor };
  const known = knownSince(processor, effects.now);
  const { fields } = processor;
  const merged = {
    ...fields,
    ...entry.patch,
    suspenseManagement: { ...fields.suspenseManagement, ...entry.patch.suspenseManagement },
    deduplication: { ...fields.deduplication, ...entry.patch.deduplication },
  };
  const problem = settlingProblem(merged);
  if (problem !== null) return refused(problem);
  processor.fields = merged;
  processor.judging = prepareJudging(merged);
  processor.updatedAt = effects.now;
  // Ids older than the shorter window may be forgotten already (JU10).
  const isLonger = processor.fields.deduplication.windowDays > fields.deduplication.windowDays;
  if (isLonger) processor.idsKnownSince = known;
  return { kind: "processor", processor };
}

export function deleteProcessor(effects: Effects, entry: DeleteProcessor): Outcome {
  const account = accountOf(effects, entry.accountId);
  const processor = account.processors.get(entry.meterKey);
  if (processor === undefined) return refused(notFound("meter processor"));
  const meters = account.keys.get(entry.meterKey)?.count ?? 0;
  const waiting = processor.waitingCorrections;
  if (meters > 0 || waiting > 0) {
    return refused({
      kind: "conflict",
      code: "meter-processor-in-use",
      detail: `The meter processor is in use: ${meters} meters name its key and ${waiting} records wait in data correction.`,
      existing: { collection: "meter-processors", id: entry.meterKey },
    });
  }
  account.processors.delete(entry.meterKey);
  return { kind: "deleted" };
}

function accountOf({ state }: Effects, accountId: string): AccountState {
  const account = state.accounts.get(accountId);
  assert(account !== undefined, "a token's account exists");
  return account;
}

function refused(problem: Problem): Outcome {
  return { kind: "refused", problem };
}

/** Names and external references are unique in an account, compared exactly (D-22). */
function takenBy(
  account: AccountState,
  { name, externalRef }: { name: string; externalRef: string | null },
  self: MeterType | null,
): Problem | null {
  const named = account.meterTypesByName.get(name);
  if (named !== undefined && named !== self) {
    const detail = `Another meter type is named ${JSON.stringify(name)}.`;
    return {
      kind: "conflict",
      code: "meter-type-name-taken",
      detail,
      existing: meterTypeAt(named),
    };
  }
  const referred = externalRef === null ? null : account.meterTypesByExternalRef.get(externalRef);
  if (referred === null || referred === undefined || referred === self) return null;
  const detail = `Another meter type has the externalRef ${JSON.stringify(externalRef)}.`;
  return { kind: "conflict", code: "external-ref-taken", detail, existing: meterTypeAt(referred) };
}

function meterTypeAt({ id }: MeterType): { readonly collection: string; readonly id: string } {
  return { collection: "meter-types", id };
}

/** A patch was read against a state that another one has changed since. */
function contradiction(
  {
    capacity,
    thresholds,
    activeFrom,
    activeTo,
  }: Pick<MeterType, "capacity" | "thresholds" | "activeTo"> & { activeFrom: number | null },
  patch: MeterTypePatch,
): Problem | null {
  const needsCapacity = thresholds.some((threshold) => threshold.capacityPercentage !== null);
  const isWindowPatched = patch.activeFrom !== undefined || patch.activeTo !== undefined;
  const hasWindow =
    !isWindowPatched || activeFrom === null || activeTo === null || activeFrom < activeTo;
  if ((capacity !== null || !needsCapacity) && hasWindow) return null;
  return {
    kind: "conflict",
    code: "changed-meanwhile",
    detail: "Another change came first and the two contradict each other; read it again and retry.",
  };
}
