// Steps "guide" and "count" for one usage entry: every record of the request judged and counted in
// the order sent, all in one step. A request that must not be counted changes nothing at all.
import { keptEvent } from "./correction-change.ts";
import { tellCrossings } from "./crossings.ts";
import { byMeterId } from "./due-index.ts";
import type { Usage } from "./entry.ts";
import { derivedUuid } from "./fingerprint.ts";
import { countGroups } from "./groups.ts";
import { type Guidance, guide } from "./guide.ts";
import type { CompiledRule } from "./guiding-rule.ts";
import { writeJson } from "./json.ts";
import { flushedPerRunMax } from "./limits.ts";
import { addMeter } from "./meter-tables.ts";
import type { CountedMeter, Outcome, RecordResult, RejectionReason } from "./outcome.ts";
import {
  closeDuePeriods,
  closePeriod,
  type Effects,
  flushWaiting,
  nextPosition,
} from "./period.ts";
import type { EpochMs } from "./ports.ts";
import { assert, notFound } from "./problem.ts";
import { ruleValue } from "./record-fields.ts";
import { readUsageRecord } from "./record-reading.ts";
import { waitingAt } from "./settling.ts";
import { type Meter, type Processor, touch } from "./state.ts";
import { abortProblem } from "./suspense.ts";
import type { RawRecord, RawRecords } from "./usage-body.ts";
import type { Rejection, UsageRecord } from "./usage-record.ts";
import { metersOfRecord, readContext, readRecord, type UsageRun } from "./usage-run.ts";
import { standsAt, windowAt } from "./usage-windows.ts";
import { beginWaiting, endWaiting, waitingKey } from "./waiting.ts";

/** Everything that counting one request needs at hand. */
export interface Run extends UsageRun {
  readonly effects: Effects;
}

export function applyUsage(effects: Effects, usage: Usage, raw: RawRecords): Outcome {
  const account = effects.state.accounts.get(usage.accountId);
  const processor = account?.processors.get(usage.meterKey);
  if (account === undefined || processor === undefined) {
    return { kind: "refused", problem: notFound("meter processor") };
  }
  const context = readContext(effects.state, processor, effects.now);
  const bringUpToDate = (owned: readonly Meter[]): void => closeDue(effects, owned);
  const run: Run = { effects, account, processor, raw, context, bringUpToDate };
  const problem = flushProblem(run) ?? abortProblem(run);
  if (problem !== null) return { kind: "refused", problem };
  processor.tally.received += raw.length;
  const results: RecordResult[] = [];
  for (let index = 0; index < raw.length; index += 1) {
    if (index % fetchedAhead === 0) fetchAhead(run, index);
    results.push(countRecord(run, index));
  }
  if (processor.fields.flushType === "ALL_FILES") flushRun(run);
  return tallied(processor, results);
}

/** Records whose meters are fetched from memory together: what they take stays in a cache. */
const fetchedAhead = 64;
/** With fewer there is little to wait for together. */
const fetchedAheadMin = 8;

function fetchAhead({ account, processor, raw }: Run, from: number): void {
  if (raw.scanned === null || raw.length - from < fetchedAheadMin) return;
  const to = Math.min(from + fetchedAhead, raw.length);
  processor.ids.fetchAhead(raw.scanned, from, to);
  account.keys.get(processor.meterKey)?.byUser.fetchAhead(raw.scanned, from, to);
}

function countRecord(run: Run, index: number): RecordResult {
  const { record } = run.context;
  const reading = readRecord(run, index);
  if (reading === "duplicate") return { outcome: "duplicate", id: record.id };
  const counted = reading === "read" ? countRead(run) : reading;
  if ("reason" in counted) return reject(run, index, counted);
  if (run.raw.detail === "uncounted") return simplyCounted;
  const rule = counted.rule.index;
  const meters = counted.meters.map((meter) => countedMeter(meter, record.at));
  return { outcome: "counted", id: record.id, meters, rule };
}

/** What was counted and nobody asked about is all the same. */
const simplyCounted: RecordResult = { outcome: "counted", id: null, meters: [], rule: 0 };

function countedMeter(meter: Meter, at: EpochMs): CountedMeter {
  const counter = waitingAt(meter, at) ?? meter.counter;
  return { id: meter.id, meterTypeId: meter.type.id, value: counter.value ?? 0n };
}

/** What became of a record that is judged outside its request. */
export type Recounted =
  | { readonly kind: "counted" }
  | { readonly kind: "duplicate" }
  | { readonly kind: "rejected"; readonly reason: RejectionReason; readonly detail: string };

/**
 * Counts one record that was received before: as a fresh one, but that it is not received again and
 * that a rejection changes nothing.
 */
export function recount(run: Omit<Run, "raw">, raw: RawRecord): Recounted {
  const reading = readUsageRecord(raw, run.context);
  if (reading === "duplicate") return { kind: "duplicate" };
  const counted = reading === "read" ? countRead(run) : reading;
  if ("reason" in counted)
    return { kind: "rejected", reason: counted.reason, detail: counted.detail };
  return { kind: "counted" };
}

/** The rule that held, and the meters that the record has changed. */
interface Counted {
  readonly rule: CompiledRule;
  readonly meters: readonly Meter[];
}

/** Counts the record that the context holds, if there are meters for it. */
function countRead(run: Omit<Run, "raw">): Counted | Rejection {
  const { record } = run.context;
  const owned = metersOfRecord(run.account, run.processor.meterKey, record);
  closeDue(run.effects, owned);
  const guidance = guide(record, owned, run);
  if (guidance.kind === "none") {
    const { reason, detail } = guidance;
    return { reason, detail, userId: record.userId, idText: record.idText };
  }
  const { rule } = guidance;
  const meters = metersFor(run, record, guidance);
  for (const meter of meters) count(run, meter, rule);
  if (record.hasId) remember(run);
  return { rule, meters };
}

/** Due periods of the user's meters close before anything else is counted into them. */
function closeDue(effects: Effects, owned: readonly Meter[]): void {
  for (const meter of owned) if (meter.dueAt <= effects.now) closeDuePeriods(effects, meter);
}

function metersFor(
  { effects, account, processor }: Omit<Run, "raw">,
  record: UsageRecord,
  guidance: Extract<Guidance, { kind: "meters" }>,
): readonly Meter[] {
  if (guidance.create.length === 0) return guidance.meters;
  const key = effects.state.fingerprintKey;
  assert(key !== null, "a partition has a fingerprint key");
  const meters = guidance.create.map((type) => {
    const id = derivedUuid(key, effects.seq, effects.outputs.length);
    const { userId } = record;
    const { meterKey } = processor;
    return addMeter(effects, account, { id, userId, meterKey, type, customFields: {} });
  });
  return meters.sort(byMeterId);
}

function count(
  { effects, processor, context }: Omit<Run, "raw">,
  meter: Meter,
  rule: CompiledRule,
): void {
  const { type } = meter;
  const { record } = context;
  const { amount } = record;
  const waiting = meter.settling === null ? null : waitingAt(meter, record.at);
  const counter = waiting ?? meter.counter;
  const { aggregation } = type;
  touch(effects.state, meter);
  counter.take(aggregation, amount, effects.now);
  processor.flow.accepted += 1;
  if (waiting === null) processor.flow.live += 1;
  else processor.flow.settling += 1;
  if (aggregation === "sum") type.sums.accepted.add(amount);
  const { now } = effects;
  const latest = processor.fields.flushType === "ALL_FILES" ? now - 1 : now;
  const last = waiting === null ? latest : waiting.periodEnd - 1;
  const at = standsAt(counter, record.at, { now, last });
  // Nearly every record stands in the quarter-hour of the one before.
  const isOpen = counter.isInWindow(at) && effects.state.settings.usageWindows !== false;
  if (!isOpen) windowAt(effects, { meter, counter }, at);
  if (counter.hasWindow) counter.takeInMinute(at, aggregation, amount);
  if (rule.groupBys.length > 0) {
    const grouping = { type: aggregation, amount, keys: type.groupKeys };
    countGroups(counter, rule.groupBys, { record, grouping });
  }
  for (const { path, first } of rule.carries) {
    const carried = ruleValue(record, path);
    // A record that lacks the field leaves the carried value alone (D-44).
    if (carried === undefined) continue;
    if (first) counter.keepFirst(path.name, carried);
    else counter.keepLast(path.name, carried);
  }
  if (meter.thresholds.length > 0) tellCrossings(effects, processor, { meter, counter });
}

/** The id of a counted record: known from now on, and no longer waiting in data correction. */
function remember({ effects, account, processor, context }: Omit<Run, "raw">): void {
  const { id, now } = context;
  processor.ids.addAt(id.words, id.at, now);
  if (processor.waitingByFingerprint.size === 0) return;
  const key = id.fingerprintText;
  const item = processor.waitingByFingerprint.get(key);
  if (item === undefined) return;
  endWaiting(account, processor, { position: item, key });
  processor.tally.superseded += 1;
  effects.outputs.push({ kind: "correction-superseded", item, updatedAt: now });
}

/** Keeps the record in data correction, once for each id; nothing is dropped in silence. */
function reject(run: Run, index: number, rejection: Rejection): RecordResult {
  const { processor, effects, account } = run;
  const { reason, detail } = rejection;
  const { id } = run.context.record;
  const result: RecordResult = { outcome: "rejected", id, reason, detail };
  if (!processor.fields.suspenseManagement.enabled) {
    processor.tally.dropped += 1;
    return result;
  }
  const { userId, idText: recordId } = rejection;
  const key = waitingKey(effects.state, { userId, recordId });
  if (key !== null && processor.waitingByFingerprint.has(key)) {
    processor.tally.repeated += 1;
    return result;
  }
  const position = nextPosition(effects);
  beginWaiting(account, processor, { position, key });
  const original = run.raw.original(index);
  const raw = run.raw.record(index);
  effects.outputs.push({
    kind: "correction",
    position,
    accountId: processor.accountId,
    meterKey: processor.meterKey,
    userId: rejection.userId,
    recordId: rejection.idText,
    reason,
    detail,
    original: original.text,
    originalIsBytes: original.isBytes,
    record: raw.fields === null ? null : writeJson(raw.fields),
    event: keptEvent(raw),
    receivedAt: effects.now,
  });
  return result;
}

function flushProblem({ account, processor }: Run): ReturnType<typeof abortProblem> {
  if (processor.fields.flushType !== "ALL_FILES") return null;
  const meters = account.keys.get(processor.meterKey)?.count ?? 0;
  if (meters <= flushedPerRunMax) return null;
  return {
    kind: "conflict",
    code: "too-many-meters-to-flush",
    detail:
      `flushType ALL_FILES flushes every meter after each request, up to ${flushedPerRunMax}; ` +
      `this meter key has ${meters}. Use flushType TIMEOUT.`,
  };
}

/** flushType ALL_FILES: one request is one run, after which every meter is flushed (FL11). */
function flushRun({ effects, account, processor }: Run): void {
  const index = account.keys.get(processor.meterKey);
  if (index === undefined) return;
  const meters = [...index.byUser.meters()].sort(byMeterId);
  for (const meter of meters) {
    closeDuePeriods(effects, meter);
    if (!meter.deleted && meter.settling !== null)
      flushWaiting(effects, meter, Number.POSITIVE_INFINITY);
    if (!meter.deleted && meter.periodStart < effects.now) closePeriod(effects, meter, effects.now);
  }
}

function tallied({ tally }: Processor, results: readonly RecordResult[]): Outcome {
  const outcome = { received: results.length, counted: 0, duplicates: 0, rejected: 0 };
  for (const result of results) {
    if (result.outcome === "counted") outcome.counted += 1;
    else if (result.outcome === "duplicate") outcome.duplicates += 1;
    else outcome.rejected += 1;
  }
  tally.counted += outcome.counted;
  tally.duplicates += outcome.duplicates;
  tally.rejected += outcome.rejected;
  return { kind: "usage", ...outcome, results };
}
