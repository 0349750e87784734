// One usage request on its way through the core, and judging its records without counting them:
// what a preview shows, and how a request is found to break its processor's limits beforehand.
import { type Guidance, guide } from "./guide.ts";
import type { EpochMs } from "./ports.ts";
import { assert } from "./problem.ts";
import {
  type AccountState,
  type Meter,
  metersOfUser,
  type Processor,
  type State,
} from "./state.ts";
import type { RawRecord, RawRecords } from "./usage-body.ts";
import {
  fingerprintText,
  type ReadContext,
  type Rejection,
  readUsageRecord,
  UsageRecord,
} from "./usage-record.ts";

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

export function readContext(state: State, processor: Processor, now: EpochMs): ReadContext {
  const scratch = {
    record: new UsageRecord(),
    fingerprint: new Uint32Array(4),
    content: new Uint32Array(2),
  };
  return { state, processor, now, ...scratch, counted: null };
}

/** Judges one record against the present state. Changes nothing but the scratch arrays. */
export function judge(run: UsageRun, index: number): Judgement {
  const raw = run.raw.records[index];
  assert(raw !== undefined, "an index of the request");
  return judgeRecord(run, raw);
}

/** The same for a record of no request. */
export function judgeRecord(run: Omit<UsageRun, "raw">, raw: RawRecord): Judgement {
  const reading = readUsageRecord(raw, run.context);
  if (reading === "duplicate") return { kind: "duplicate" };
  if (reading !== "read") return { kind: "rejection", rejection: reading };
  const { record } = run.context;
  const owned = metersOfUser(run.account, run.processor.meterKey, record.userId);
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
  for (let index = 0; index < run.raw.records.length; index += 1) {
    const judgement = judge(rehearsal, index);
    if (judgement.kind === "countable" && judgement.record.idText !== null) {
      const { fingerprint, content } = rehearsal.context;
      counted.set(fingerprintText(fingerprint), fingerprintText(content));
    }
    if (!visit(judgement)) return;
  }
}
