// Step "guide": which rule holds, and which of the user's meters the record changes
// (GR1, GR6, GR7, JU7, JU8). Nothing is changed here.
import { type CompiledRule, holds } from "./guiding-rule.ts";
import type { RejectionReason } from "./outcome.ts";
import type { EpochMs } from "./ports.ts";
import { type Moment, placeOf } from "./settling.ts";
import type { AccountState, Meter, MeterType, Processor } from "./state.ts";
import { formatInstant } from "./time.ts";
import type { UsageRecord } from "./usage-record.ts";

export type Guidance =
  | {
      readonly kind: "meters";
      readonly rule: CompiledRule;
      /** By id. Empty where `create` is not. */
      readonly meters: readonly Meter[];
      /** Meter types of which the user gets a meter first (`createMeters`). */
      readonly create: readonly MeterType[];
    }
  | { readonly kind: "none"; readonly reason: RejectionReason; readonly detail: string };

/** Where a record is guided. */
export interface GuideContext {
  readonly account: AccountState;
  readonly processor: Processor;
  readonly context: {
    readonly now: EpochMs;
    /** The one that is guided. */
    readonly record: UsageRecord;
    /** In place of the processor's. */
    readonly lateUsage?: "current" | null;
  };
}

/**
 * Rules in order; a rule without a meter of the user in its category is passed over. `owned` are the
 * user's meters under the processor's key.
 */
export function guide(
  record: UsageRecord,
  owned: readonly Meter[],
  guided: GuideContext,
): Guidance {
  const { account, processor, context } = guided;
  const { now } = context;
  let held: CompiledRule | null = null;
  for (const rule of processor.judging.rules) {
    if (!holds(rule, record)) continue;
    held = rule;
    const meters = inCategory(owned, rule.matchCategory, guided);
    if (meters.length > 0) return onTime(activeMeters(rule, meters, record.at), guided);
    if (!processor.fields.createMeters) continue;
    const types = activeTypes(account, rule.matchCategory, { at: record.at, now });
    const create = types.filter((type) => !isTaken(owned, type, guided));
    if (create.length > 0) return { kind: "meters", rule, meters: [], create };
  }
  return held === null ? noRule(processor) : noMeter(held, processor.meterKey);
}

function inCategory(
  owned: readonly Meter[],
  category: string,
  guided: GuideContext,
): readonly Meter[] {
  for (const meter of owned) {
    if (isCountable(meter, category, guided)) continue;
    return owned.filter((each) => isCountable(each, category, guided));
  }
  // Nearly every user has meters of one category only: then nothing new is needed.
  return owned;
}

/** A meter that goes with its ended period takes nothing but usage of the time before (SL7). */
function isCountable(meter: Meter, category: string, guided: GuideContext): boolean {
  if (meter.type.category !== category || meter.deleted) return false;
  const { now, record } = guided.context;
  if (!meter.deleteOnReset || meter.periodEnd > now) return true;
  return placeOf(meter, record.at, momentOf(guided)) !== null;
}

/** A meter of the type that is ending stands in the way of another one until it is gone. */
function isTaken(owned: readonly Meter[], type: MeterType, guided: GuideContext): boolean {
  const { now, settlingMs } = momentOf(guided);
  return owned.some(
    (meter) =>
      meter.type === type &&
      !meter.deleted &&
      (meter.settling !== null || meter.periodEnd + settlingMs > now),
  );
}

/** With `lateUsage: "correct"` a record that is late for any meter changes none (SL8). */
function onTime(guidance: Guidance, guided: GuideContext): Guidance {
  const { processor, context } = guided;
  const lateUsage = context.lateUsage ?? processor.fields.lateUsage;
  if (guidance.kind === "none" || lateUsage === "current") return guidance;
  const { at } = context.record;
  const moment = momentOf(guided);
  const late = guidance.meters.find((meter) => placeOf(meter, at, moment)?.isLate === true);
  if (late === undefined) return guidance;
  return {
    kind: "none",
    reason: "PERIOD_CLOSED",
    detail: `The record lies in a period of meter type ${late.type.id} that was closed before.`,
  };
}

function momentOf({ processor, context: { now } }: GuideContext): Moment {
  return { now, settlingMs: processor.fields.settlingSeconds * 1_000 };
}

/** Shared, so that the usual case allocates nothing for it. */
const none: readonly MeterType[] = [];

function activeMeters(rule: CompiledRule, meters: readonly Meter[], at: EpochMs): Guidance {
  const active = activeOf(meters, at);
  if (active.length > 0) return { kind: "meters", rule, meters: active, create: none };
  const type = meters[0]?.type;
  if (type !== undefined && at < type.activeFrom) {
    return {
      kind: "none",
      reason: "TIMESTAMP_BEFORE_ACTIVE_FROM",
      detail: `The record lies before activeFrom ${formatInstant(type.activeFrom)} of meter type ${type.id}.`,
    };
  }
  const activeTo = type?.activeTo ?? at;
  return {
    kind: "none",
    reason: "TIMESTAMP_AFTER_ACTIVE_TO",
    detail: `The record lies after activeTo ${formatInstant(activeTo)} of meter type ${type?.id ?? ""}.`,
  };
}

function activeOf(meters: readonly Meter[], at: EpochMs): readonly Meter[] {
  for (const { type } of meters) {
    if (!isActive(type, at)) return meters.filter((meter) => isActive(meter.type, at));
  }
  return meters;
}

/** Both bounds belong to the active window (D-18). */
function isActive(type: MeterType, at: EpochMs): boolean {
  return type.activeFrom <= at && (type.activeTo === null || at <= type.activeTo);
}

function activeTypes(
  account: AccountState,
  category: string,
  { at, now }: { at: EpochMs; now: EpochMs },
): MeterType[] {
  const types: MeterType[] = [];
  for (const type of account.meterTypes.values()) {
    if (type.category === category && isActive(type, at) && isActive(type, now)) types.push(type);
  }
  return types;
}

function noRule(processor: Processor): Guidance {
  const count = processor.judging.rules.length;
  const rules =
    count === 1 ? "The guiding rule does not hold" : `None of the ${count} guiding rules holds`;
  return { kind: "none", reason: "NO_MATCHING_RULE", detail: `${rules} for the record.` };
}

function noMeter(rule: CompiledRule, meterKey: string): Guidance {
  const category = JSON.stringify(rule.matchCategory);
  const detail = `The user has no meter with meter key ${meterKey} in category ${category}.`;
  return { kind: "none", reason: "NO_METER", detail };
}
