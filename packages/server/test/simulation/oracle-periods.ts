// How the oracle tells periods: which one takes a record, when each is flushed, and which thresholds
// a value reaches. Everything is recomputed from the records of a period whenever it is asked for.
import type { Threshold } from "../../src/core/definitions.ts";
import { combined, type OracleMeter, type OraclePeriod } from "./oracle-tables.ts";

/** When something of the meter is due next: a period that waited long enough, or a boundary. */
export function dueOf({ waiting, open, isEnding }: OracleMeter): number {
  const instants = waiting.map(({ flushAt }) => flushAt);
  if (!isEnding) instants.push(open.end);
  return Math.min(...instants);
}

/** The period of that time; `late`: it is flushed, `gone`: the meter has ended. */
export function periodAt(meter: OracleMeter, at: number): OraclePeriod | "late" | "gone" {
  const all = meter.isEnding ? meter.waiting : [...meter.waiting, meter.open];
  const last = all.at(-1);
  const found = all.find(
    (period) =>
      (at < period.end || (period === last && !meter.isEnding)) &&
      (at >= period.start || period.start === meter.createdAt),
  );
  return found ?? (meter.isEnding ? "gone" : "late");
}

const unit = 10n ** 18n;

/** Names of the thresholds that the period's value has reached now for the first time, in order. */
export function newlyReached(meter: OracleMeter, period: OraclePeriod): readonly string[] {
  const value = combined(meter.type.aggregation, period.taken) * unit * 100n;
  const reached = meter.thresholds
    .map((threshold) => ({ name: threshold.name, needed: hundredfold(threshold, meter.capacity) }))
    .filter(({ name, needed }) => needed <= value && !period.told.has(`${name} ${needed}`))
    .sort((a, b) => Number(a.needed > b.needed) - Number(a.needed < b.needed));
  for (const { name, needed } of reached) period.told.add(`${name} ${needed}`);
  return reached.map(({ name }) => name);
}

/** What was told of thresholds that are there no more is forgotten. */
export function forgetOthers(meter: OracleMeter): void {
  const marks = new Set(
    meter.thresholds.map((one) => `${one.name} ${hundredfold(one, meter.capacity)}`),
  );
  for (const { told } of [meter.open, ...meter.waiting]) {
    for (const mark of told) if (!marks.has(mark)) told.delete(mark);
  }
}

/** A hundred times the amount that must be reached, times 10^36. */
function hundredfold(
  { absoluteValue, capacityPercentage }: Threshold,
  capacity: bigint | null,
): bigint {
  if (absoluteValue !== null) return absoluteValue * unit * 100n;
  return (capacity ?? 0n) * (capacityPercentage ?? 0n);
}
