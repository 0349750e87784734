// The usage audit: what every entry did to a processor's figures, told as outputs, so that a replay
// tells the same. Reads what applying has produced and changes nothing; it must never judge a record
// itself, or the audit and the counters could differ.
import { formatDecimal } from "./decimal.ts";
import type { EntryBody } from "./entry.ts";
import type { Tally } from "./figures.ts";
import { type Outcome, rejectedByReason, type UsageOutcome } from "./outcome.ts";
import type { AuditEvent, AuditFigures, AuditOutput, Output } from "./output.ts";
import { type Effects, nextPosition } from "./period.ts";
import type { Meter, Processor, State } from "./state.ts";

/** Counters of the processors whose items are about to be worked on, as they stood before. */
export type AuditMark = readonly {
  readonly processor: Processor;
  readonly tally: Readonly<Tally>;
}[];

/** To be taken before an entry is applied; only items of data correction need one. */
export function auditMark({ accounts, correctionActions }: State, body: EntryBody): AuditMark {
  if (body.kind !== "work-corrections") return noMark;
  const order = correctionActions.get(body.actionId)?.order;
  const processors = order === undefined ? undefined : accounts.get(order.accountId)?.processors;
  const keys = new Set(body.items.flatMap((item) => (item === null ? [] : [item.meterKey])));
  return [...keys].flatMap((key) => {
    const processor = processors?.get(key);
    return processor === undefined ? [] : [{ processor, tally: { ...processor.tally } }];
  });
}

const noMark: AuditMark = [];

/**
 * Adds the audit facts of the entry that was just applied: one for a usage request that was taken,
 * for each processor whose items were reprocessed, and for each whose meters were flushed (UA1, UA2).
 */
export function auditEntry(
  effects: Effects,
  { body, outcome, mark }: { body: EntryBody; outcome: Outcome; mark: AuditMark },
): void {
  const made = effects.outputs.length;
  if (body.kind === "usage" && outcome.kind === "usage") auditUsage(effects, body, outcome);
  for (const { processor, tally } of mark) auditReprocessing(effects, processor, tally);
  if (made > 0) auditFlushes(effects, made);
}

/** The open period of a deleted meter, which no metered record will tell of (UA3). */
export function auditDeletedMeter(effects: Effects, meter: Meter): void {
  const { accountId, meterKey, counter } = meter;
  const discarded = {
    meterId: meter.id,
    userId: meter.userId,
    meterTypeId: meter.type.id,
    periodStart: meter.periodStart,
    records: counter.count,
    value: formatDecimal(counter.value ?? 0n),
  };
  const fact = factOf(effects, { accountId, meterKey }, "delete-meter");
  effects.outputs.push({ ...fact, discarded });
}

interface Place {
  readonly accountId: string;
  readonly meterKey: string;
}

const noReasons: AuditOutput["rejectedByReason"] = new Map();

const nothing: AuditFigures = {
  requests: 0,
  received: 0,
  counted: 0,
  duplicates: 0,
  rejected: 0,
  dropped: 0,
  repeated: 0,
  superseded: 0,
  meteredRecords: 0,
  thresholdEvents: 0,
  reprocessed: 0,
};

function factOf(effects: Effects, { accountId, meterKey }: Place, event: AuditEvent): AuditOutput {
  return {
    kind: "audit",
    position: nextPosition(effects),
    accountId,
    meterKey,
    event,
    at: effects.now,
    figures: nothing,
    rejectedByReason: noReasons,
    discarded: null,
  };
}

function auditUsage(effects: Effects, place: Place, outcome: UsageOutcome): void {
  const { received, counted, duplicates, rejected } = outcome;
  const kept = rejected === 0 ? 0 : countOf(effects.outputs, "correction");
  const superseded = countOf(effects.outputs, "correction-superseded");
  const thresholdEvents = countOf(effects.outputs, "threshold-event");
  const isStoring = isSuspending(effects, place);
  const fact = factOf(effects, place, "ingest");
  effects.outputs.push({
    ...fact,
    figures: {
      ...nothing,
      requests: 1,
      received,
      counted,
      duplicates,
      rejected,
      dropped: isStoring ? 0 : rejected,
      repeated: isStoring ? rejected - kept : 0,
      superseded,
      thresholdEvents,
    },
    rejectedByReason: rejectedByReason(outcome),
  });
}

/** Nothing where none of the items has left data correction by it. */
function auditReprocessing(
  effects: Effects,
  { accountId, meterKey, tally }: Processor,
  before: Readonly<Tally>,
): void {
  const reprocessed = tally.reprocessed - before.reprocessed;
  const superseded = tally.superseded - before.superseded;
  if (reprocessed + superseded === 0) return;
  const thresholdEvents = tally.thresholdEvents - before.thresholdEvents;
  const fact = factOf(effects, { accountId, meterKey }, "reprocess");
  const figures = { ...nothing, reprocessed, superseded, thresholdEvents };
  effects.outputs.push({ ...fact, figures });
}

/** Whether rejected records of the processor are kept at all (DC1). */
function isSuspending({ state }: Effects, { accountId, meterKey }: Place): boolean {
  const processor = state.accounts.get(accountId)?.processors.get(meterKey);
  return processor?.fields.suspenseManagement.enabled ?? true;
}

function countOf(outputs: readonly Output[], kind: Output["kind"]): number {
  let count = 0;
  for (const output of outputs) if (output.kind === kind) count += 1;
  return count;
}

/** One fact for each processor, in the order of its first metered record. */
function auditFlushes(effects: Effects, made: number): void {
  const byPlace = new Map<string, { readonly place: Place; count: number }>();
  for (let index = 0; index < made; index += 1) {
    const output = effects.outputs[index];
    if (output?.kind !== "metered-record") continue;
    const name = `${output.accountId} ${output.meterKey}`;
    const counted = byPlace.get(name);
    if (counted === undefined) byPlace.set(name, { place: output, count: 1 });
    else counted.count += 1;
  }
  for (const { place, count } of byPlace.values()) {
    const fact = factOf(effects, place, "flush");
    effects.outputs.push({ ...fact, figures: { ...nothing, meteredRecords: count } });
  }
}
