// What a request would do: each record judged alone against the present state, with the value that
// its meters would have after it. Nothing changes.
import { aggregate } from "./aggregation.ts";
import type { CountedMeter, RecordResult, UsageOutcome } from "./outcome.ts";
import type { EpochMs } from "./ports.ts";
import { assert, unreachable } from "./problem.ts";
import { type Moment, placeOf } from "./settling.ts";
import type { State } from "./state.ts";
import type { RawRecords } from "./usage-body.ts";
import { type Judgement, judge, readContext, type UsageRun } from "./usage-run.ts";

export function preview(
  state: State,
  { accountId, meterKey, now }: { accountId: string; meterKey: string; now: EpochMs },
  raw: RawRecords,
): UsageOutcome | undefined {
  const account = state.accounts.get(accountId);
  const processor = account?.processors.get(meterKey);
  if (account === undefined || processor === undefined) return undefined;
  const run: UsageRun = { account, processor, raw, context: readContext(state, processor, now) };
  const totals = { received: raw.length, counted: 0, duplicates: 0, rejected: 0 };
  const settlingMs = processor.fields.settlingSeconds * 1_000;
  const results = Array.from({ length: raw.length }, (_, index): RecordResult => {
    const judgement = judge(run, index);
    const { id } = run.context.record;
    switch (judgement.kind) {
      case "duplicate":
        totals.duplicates += 1;
        return { outcome: "duplicate", id };
      case "rejection": {
        totals.rejected += 1;
        const { reason, detail } = judgement.rejection;
        return { outcome: "rejected", id, reason, detail };
      }
      case "countable":
        totals.counted += 1;
        return { outcome: "counted", id, ...changes(judgement, { now, settlingMs }) };
      default:
        return unreachable(judgement);
    }
  });
  assert(results.length === raw.length, "every record has a result");
  return { kind: "usage", ...totals, results };
}

function changes(
  { record, guidance }: Extract<Judgement, { kind: "countable" }>,
  moment: Moment,
): { rule: number; meters: readonly CountedMeter[] } {
  const meters = guidance.meters.map((meter) => {
    const { id, type } = meter;
    const current = placeOf(meter, record.at, moment)?.counter?.value ?? null;
    const value = aggregate(type.aggregation, current, record.amount.decimal);
    return { id, meterTypeId: type.id, value };
  });
  // A meter that counting would make first has no id yet, and so none is shown.
  return { rule: guidance.rule.index, meters };
}
