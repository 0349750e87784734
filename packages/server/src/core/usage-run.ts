// One usage request on its way through the core, and judging its records without counting them:
// what a preview shows, and how a request is found to break its processor's limits beforehand.
import { type Guidance, guide } from "./guide.ts";
import { IdWords } from "./id-words.ts";
import type { EpochMs } from "./ports.ts";
import { readPlainRecord, readUsageRecord } from "./record-reading.ts";
import type { ScanContext } from "./scan-plan.ts";
import {
  type AccountState,
  type Meter,
  metersOfUser,
  type Processor,
  type State,
} from "./state.ts";
import type { RawRecord, RawRecords } from "./usage-body.ts";
import { type ReadContext, type Reading, type Rejection, UsageRecord } from "./usage-record.ts";

export interface UsageRun {
  readonly account: AccountState;
  readonly processor: Processor;
  readonly raw: RawRecords;
  readonly context: ReadContext;
  /** Closes what is due of a user's meters before a record is judged; absent: nothing may change. */
  readonly bringUpToDate?: (owned: readonly Meter[]) => void;
}

export type Judgement =
  | { readonly kind: "duplicate" }
  | { readonly kind: "rejection"; readonly rejection: Rejection }
  | {
      readonly kind: "countable";
      /** The context's: it changes with the next record. */
      readonly record: UsageRecord;
      readonly guidance: Extract<Guidance, { kind: "meters" }>;
    };

/** Reads a record of the request into the context's. */
export function readRecord({ raw, processor, context }: UsageRun, index: number): Reading {
  const { scanned } = raw;
  // A processor that was changed since the body was read has other columns.
  const isPlain = scanned?.isPlain(index) === true && scanned.plan === processor.judging.plan;
  return isPlain
    ? readPlainRecord(scanned, index, context)
    : readUsageRecord(raw.record(index), context);
}

/** What reading a body for a processor needs; null where the partition has no key yet. */
export function scanContext(
  { fingerprintKey }: State,
  processor: Processor | undefined,
): ScanContext | null {
  if (fingerprintKey === null || processor === undefined) return null;
  return { plan: processor.judging.plan, key: fingerprintKey };
}

export function readContext(state: State, processor: Processor, now: EpochMs): ReadContext {
  const scratch = {
    record: new UsageRecord(),
    id: new IdWords(),
  };
  return { state, processor, now, ...scratch, counted: null };
}

/** Judges one record against the present state. Changes nothing but the scratch arrays. */
export function judge(run: UsageRun, index: number): Judgement {
  return judged(run, readRecord(run, index));
}

/** The same for a record of no request. */
export function judgeRecord(run: Omit<UsageRun, "raw">, raw: RawRecord): Judgement {
  return judged(run, readUsageRecord(raw, run.context));
}

function judged(run: Omit<UsageRun, "raw">, reading: Reading): Judgement {
  if (reading === "duplicate") return { kind: "duplicate" };
  if (reading !== "read") return { kind: "rejection", rejection: reading };
  const { record } = run.context;
  const owned = metersOfRecord(run.account, run.processor.meterKey, record);
  run.bringUpToDate?.(owned);
  const guidance = guide(record, owned, run);
  if (guidance.kind === "meters") return { kind: "countable", record, guidance };
  const { reason, detail } = guidance;
  const { userId, idText } = record;
  return { kind: "rejection", rejection: { reason, detail, userId, idText } };
}

/**
 * Judges the whole request in order as counting it would, remembering its ids as it goes. Stops
 * where `visit` returns false.
 */
export function rehearse(run: UsageRun, visit: (judgement: Judgement) => boolean): void {
  const counted = new Map<string, string>();
  const rehearsal: UsageRun = { ...run, context: { ...run.context, counted } };
  for (let index = 0; index < run.raw.length; index += 1) {
    const judgement = judge(rehearsal, index);
    if (judgement.kind === "countable" && judgement.record.hasId) {
      const { fingerprintText, contentText } = rehearsal.context.id;
      counted.set(fingerprintText, contentText);
    }
    if (!visit(judgement)) return;
  }
}

/** The meters of the record's user under a meter key, by id. */
export function metersOfRecord(
  account: AccountState,
  meterKey: string,
  record: UsageRecord,
): readonly Meter[] {
  const { columns } = record;
  if (columns === null) return metersOfUser(account, meterKey, record.userId);
  return account.keys.get(meterKey)?.byUser.getScanned(columns, record.index) ?? noMeters;
}

const noMeters: readonly Meter[] = [];
