// A meter as the outside sees it: the same members in answers, metered records and threshold
// events, in one order (API page; D-12, D-13, D-25, D-26). Only writing happens here.
import { type Carried, carriedEntries } from "./carried-fields.ts";
import type { Counter } from "./counter.ts";
import { type Decimal, formatDecimal, toJsonNumber } from "./decimal.ts";
import type { Threshold } from "./definitions.ts";
import { listGroups, overflowKey } from "./groups.ts";
import type { ExactNumber, JsonObject, JsonValue } from "./json-value.ts";
import type { EpochMs } from "./ports.ts";
import type { WaitingPeriod } from "./settling.ts";
import type { Meter } from "./state.ts";
import { formatInstant } from "./time.ts";

export interface GroupDocument {
  readonly key: string;
  readonly fields: readonly string[];
  readonly value: number | ExactNumber;
  readonly valueExact: string;
}

export interface ThresholdDocument {
  readonly name: string;
  readonly capacityPercentage?: number | ExactNumber;
  readonly absoluteValue?: number | ExactNumber;
  readonly customFields?: JsonObject;
}

/** Written with `writeJson`; every amount carries all its digits. */
export interface MeterDocument {
  readonly carryFirst: Record<string, JsonValue>;
  readonly carryLast: Record<string, JsonValue>;
  readonly createdAt: string;
  readonly deleteOnReset: boolean;
  readonly groups: readonly GroupDocument[];
  readonly id: string;
  readonly meterKey: string;
  readonly meterMetaData: {
    readonly count: number;
    readonly firstEvent: string | null;
    readonly lastEvent: string | null;
  };
  readonly meterTypeId: string;
  readonly meterTypeName: string;
  readonly periodEnd: string;
  readonly periodStart: string;
  readonly timezone: string;
  readonly unit: string;
  readonly updatedAt: string;
  readonly userId: string;
  readonly value: number | ExactNumber;
  readonly valueExact: string;
  readonly customFields: JsonObject;
  readonly capacity: number | ExactNumber | null;
  readonly thresholds: readonly ThresholdDocument[];
}

/** The meter in its open period. */
export function meterDocument(meter: Meter): MeterDocument {
  return periodDocument(meter, meter.counter);
}

/** The meter in one of its periods. */
function periodDocument(meter: Meter, counter: Counter): MeterDocument {
  const value = counter.value ?? 0n;
  return {
    carryFirst: carriedDocument(counter.carryFirst),
    carryLast: carriedDocument(counter.carryLast),
    createdAt: formatInstant(meter.createdAt),
    // Said of the last period only: another one of the meter follows on a period that waited.
    deleteOnReset: meter.deleteOnReset && counter === meter.counter,
    groups: groupDocuments(meter, counter),
    id: meter.id,
    meterKey: meter.meterKey,
    meterMetaData: {
      count: counter.count,
      firstEvent: counter.count === 0 ? null : formatInstant(counter.firstAt),
      lastEvent: counter.count === 0 ? null : formatInstant(counter.lastAt),
    },
    meterTypeId: meter.type.id,
    meterTypeName: meter.type.name,
    periodEnd: formatInstant(counter.periodEnd),
    periodStart: formatInstant(counter.periodStart),
    timezone: meter.timezone,
    unit: meter.unit,
    updatedAt: formatInstant(counter.updatedAt),
    userId: meter.userId,
    value: toJsonNumber(value),
    valueExact: formatDecimal(value),
    customFields: meter.customFields,
    capacity: meter.capacity === null ? null : toJsonNumber(meter.capacity),
    thresholds: meter.thresholds.map(thresholdDocument),
  };
}

/** A flushed period: the meter as it stood, which period it was, and when it went out. */
export interface MeteredRecordDocument extends MeterDocument {
  /** The record's position: the same at every delivery and replay. */
  readonly recordId: string;
  readonly emittedAt: string;
}

export function meteredRecordDocument(
  meter: Meter,
  counter: Counter,
  { recordId, emittedAt, periodEnd }: { recordId: string; emittedAt: EpochMs; periodEnd: EpochMs },
): MeteredRecordDocument {
  return {
    ...periodDocument(meter, counter),
    periodEnd: formatInstant(periodEnd),
    recordId,
    emittedAt: formatInstant(emittedAt),
  };
}

/** A period that has ended and waits for late usage: what its metered record is going to be. */
export interface SettlingDocument extends MeterDocument {
  readonly recordId: null;
  readonly emittedAt: null;
  /** When it is flushed at the latest. */
  readonly flushAt: string;
}

export function settlingDocument(meter: Meter, waiting: WaitingPeriod): SettlingDocument {
  return {
    ...periodDocument(meter, waiting.counter),
    recordId: null,
    emittedAt: null,
    flushAt: formatInstant(waiting.flushAt),
  };
}

/** The meter as it stands after the record that reached a threshold (7.7, D-52). */
export interface ThresholdEventDocument extends MeterDocument {
  readonly thresholdReached: ThresholdDocument;
  /** The event's position: the same at every delivery and replay. */
  readonly eventId: string;
  readonly emittedAt: string;
}

export function thresholdEventDocument(
  meter: Meter,
  counter: Counter,
  event: { readonly threshold: Threshold; readonly eventId: string; readonly emittedAt: EpochMs },
): ThresholdEventDocument {
  return {
    ...periodDocument(meter, counter),
    thresholdReached: thresholdDocument(event.threshold),
    eventId: event.eventId,
    emittedAt: formatInstant(event.emittedAt),
  };
}

export function thresholdDocument(threshold: Threshold): ThresholdDocument {
  return {
    name: threshold.name,
    ...amountMember("capacityPercentage", threshold.capacityPercentage),
    ...amountMember("absoluteValue", threshold.absoluteValue),
    ...(threshold.customFields === null ? {} : { customFields: threshold.customFields }),
  };
}

function amountMember(
  name: "capacityPercentage" | "absoluteValue",
  amount: Decimal | null,
): { readonly [name: string]: number | ExactNumber } {
  return amount === null ? {} : { [name]: toJsonNumber(amount) };
}

function groupDocuments({ type }: Meter, counter: Counter): GroupDocument[] {
  return listGroups(counter, type.groupKeys).map(({ group: { fields, key }, value }) =>
    key === null ? groupDocument(overflowKey, [], value) : groupDocument(key, fields, value),
  );
}

function groupDocument(key: string, fields: readonly string[], value: Decimal): GroupDocument {
  return { key, fields, value: toJsonNumber(value), valueExact: formatDecimal(value) };
}

/** `Object.fromEntries` defines own members, so a field called `__proto__` is only a name. */
function carriedDocument(carried: Carried): Record<string, JsonValue> {
  return Object.fromEntries(carriedEntries(carried));
}
