// Which thresholds a period has reached, and the event of each: told once in a period, in the same
// entry as the count that reached it (TH1 to TH9). Meters are mostly far below their next threshold,
// so one comparison of doubles must be enough then; whether one is reached is judged exactly.
import type { Counter } from "./counter.ts";
import type { Decimal } from "./decimal.ts";
import type { Threshold } from "./definitions.ts";
import { writeJson } from "./json.ts";
import { thresholdEventDocument } from "./meter-document.ts";
import { positionText } from "./output.ts";
import { type Effects, nextPosition } from "./period.ts";
import { assert } from "./problem.ts";
import type { Meter, Processor } from "./state.ts";
import { ThresholdWatch } from "./threshold-watch.ts";

/** Tells of the thresholds that the record just counted has reached. */
export function tellCrossings(
  effects: Effects,
  processor: Processor,
  { meter, counter }: { readonly meter: Meter; readonly counter: Counter },
): void {
  counter.watch ??= new ThresholdWatch();
  const { watch } = counter;
  if (counter.approximate < watch.near) return;
  const value = scaled(counter.value ?? 0n);
  const armed = armedIn(meter, watch);
  for (const { threshold, effective, mark } of armed) {
    if (effective > value) break;
    watch.fired = [...watch.fired, mark];
    tell(effects, { meter, counter, threshold });
    processor.tally.thresholdEvents += 1;
  }
  const next = armed.find(({ effective }) => effective > value);
  watch.near = next === undefined ? Number.POSITIVE_INFINITY : slightlyBelow(next.effective);
}

/**
 * After a change of the meter's capacity or thresholds: marks of what is no threshold any more are
 * forgotten, and the next record is judged against those that are there now (D-20, TH5, TH6).
 */
export function rearm(meter: Meter, counter: Counter): void {
  const { watch } = counter;
  if (watch === null) return;
  const marks = new Set(armedIn(meter, new ThresholdWatch()).map(({ mark }) => mark));
  watch.fired = watch.fired.filter((mark) => marks.has(mark));
  watch.near = Number.NEGATIVE_INFINITY;
}

interface Armed {
  readonly threshold: Threshold;
  readonly effective: Effective;
  readonly mark: string;
}

/** An effective value times 10^38: a percentage of an amount has at most so many decimal places. */
type Effective = bigint;

const effectiveOne = 10n ** 38n;
const decimalOne = 10n ** 18n;

function scaled(amount: Decimal): Effective {
  return amount * (effectiveOne / decimalOne);
}

/** Ascending by effective value, then as the meter has them. */
function armedIn(meter: Meter, { fired }: ThresholdWatch): readonly Armed[] {
  return meter.thresholds
    .map((threshold): Armed => {
      const effective = effectiveValue(threshold, meter.capacity);
      return { threshold, effective, mark: markOf(threshold, effective) };
    })
    .filter(({ mark }) => !fired.includes(mark))
    .sort((a, b) => (a.effective < b.effective ? -1 : a.effective > b.effective ? 1 : 0));
}

function effectiveValue(
  { absoluteValue, capacityPercentage }: Threshold,
  capacity: Decimal | null,
): Effective {
  if (absoluteValue !== null) return scaled(absoluteValue);
  assert(capacity !== null && capacityPercentage !== null, "a percentage is of a capacity");
  // Each has 18 places, and the hundredth of their product two more.
  return capacity * capacityPercentage;
}

/** A mark belongs to a threshold's name and effective value. */
function markOf({ name }: Threshold, effective: Effective): string {
  return `${effective} ${name}`;
}

/** Far enough below for the rounding of doubles, and still so near that it seldom matters. */
function slightlyBelow(effective: Effective): number {
  return (Number(effective) / Number(effectiveOne)) * (1 - 1e-9);
}

function tell(
  effects: Effects,
  { meter, counter, threshold }: { meter: Meter; counter: Counter; threshold: Threshold },
): void {
  const position = nextPosition(effects);
  const event = { eventId: positionText(position), emittedAt: effects.now, threshold };
  effects.outputs.push({
    kind: "threshold-event",
    position,
    accountId: meter.accountId,
    meterId: meter.id,
    meterTypeId: meter.type.id,
    meterKey: meter.meterKey,
    userId: meter.userId,
    emittedAt: effects.now,
    json: writeJson(thresholdEventDocument(meter, counter, event)),
  });
}
