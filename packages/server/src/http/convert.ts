// Definitions, usage results and data-correction items as they go out. Meters and metered records
// have core/meter-document.ts, since the core writes them too. Nothing here judges or reads input.
import { formatDecimal, toJsonNumber } from "../core/decimal.ts";
import type { ProcessorFields, ResetSchedule } from "../core/definitions.ts";
import { readJson, writeJson } from "../core/json.ts";
import { ExactNumber, type JsonValue } from "../core/json-value.ts";
import { type ThresholdDocument, thresholdDocument } from "../core/meter-document.ts";
import type { CountedMeter, RecordResult } from "../core/outcome.ts";
import { assert } from "../core/problem.ts";
import type { MeterType, Processor } from "../core/state.ts";
import { formatInstant } from "../core/time.ts";
import type { CorrectionItem } from "./listings.ts";

type Amount = number | ExactNumber;

export interface MeterTypeWire {
  readonly accountId: string;
  readonly activeFrom: string;
  readonly activeTo: string | null;
  readonly aggregation: { readonly type: string };
  readonly category: string;
  readonly createdAt: string;
  readonly description: string;
  readonly externalRef: string | null;
  readonly id: string;
  readonly name: string;
  readonly numberOfMeters: number;
  readonly resetSchedule: ResetSchedule;
  readonly timezone: string;
  readonly unit: string;
  readonly updatedAt: string;
  readonly capacity: Amount | null;
  readonly thresholds: readonly ThresholdDocument[];
}

/** Members in the order of the published API, then those it came to have later. */
export function toWireMeterType(type: MeterType): MeterTypeWire {
  return {
    accountId: type.accountId,
    activeFrom: formatInstant(type.activeFrom),
    activeTo: type.activeTo === null ? null : formatInstant(type.activeTo),
    aggregation: { type: type.aggregation },
    category: type.category,
    createdAt: formatInstant(type.createdAt),
    description: type.description,
    externalRef: type.externalRef,
    id: type.id,
    name: type.name,
    numberOfMeters: type.numberOfMeters,
    resetSchedule: type.resetSchedule,
    timezone: type.timezone,
    unit: type.unit,
    updatedAt: formatInstant(type.updatedAt),
    capacity: type.capacity === null ? null : toJsonNumber(type.capacity),
    thresholds: type.thresholds.map(thresholdDocument),
  };
}

export interface ProcessorWire extends ProcessorFields {
  readonly meterKey: string;
  readonly createdAt: string;
  readonly updatedAt: string;
}

export function toWireProcessor(processor: Processor): ProcessorWire {
  const { name, ...fields } = processor.fields;
  return {
    meterKey: processor.meterKey,
    name,
    ...fields,
    createdAt: formatInstant(processor.createdAt),
    updatedAt: formatInstant(processor.updatedAt),
  };
}

export type ResultWire =
  | {
      readonly index: number;
      readonly id: JsonValue;
      readonly outcome: "counted";
      readonly rule?: { readonly index: number; readonly customName: string };
      readonly meters: readonly {
        readonly id: string;
        readonly meterTypeId: string;
        readonly value: Amount;
        readonly valueExact: string;
      }[];
    }
  | { readonly index: number; readonly id: JsonValue; readonly outcome: "duplicate" }
  | {
      readonly index: number;
      readonly id: JsonValue;
      readonly outcome: "rejected";
      readonly reason: string;
      readonly detail: string;
    };

/** `index` is the record's place in the request, from 0; `rules` is given where they are shown. */
export function toWireResult(
  result: RecordResult,
  index: number,
  rules: ProcessorFields["guidingRules"] | null,
): ResultWire {
  const id = shownId(result.id);
  switch (result.outcome) {
    case "counted": {
      const customName = rules?.[result.rule]?.customName ?? "";
      const rule = rules === null ? {} : { rule: { index: result.rule, customName } };
      return { index, id, outcome: "counted", ...rule, meters: result.meters.map(toWireCounted) };
    }
    case "duplicate":
      return { index, id, outcome: "duplicate" };
    case "rejected":
      return { index, id, outcome: "rejected", reason: result.reason, detail: result.detail };
  }
}

function toWireCounted({ id, meterTypeId, value }: CountedMeter): {
  readonly id: string;
  readonly meterTypeId: string;
  readonly value: Amount;
  readonly valueExact: string;
} {
  return { id, meterTypeId, value: toJsonNumber(value), valueExact: formatDecimal(value) };
}

/** What cannot be an id is not given back as one. */
function shownId(id: JsonValue): JsonValue {
  const isId = typeof id === "string" || typeof id === "number" || id instanceof ExactNumber;
  return isId ? id : null;
}

/** JSON text of an item; the record in it keeps its digits. */
export function correctionText(item: CorrectionItem): string {
  const { originalBase64 } = item;
  return writeJson({
    id: item.id,
    meterKey: item.meterKey,
    userId: item.userId,
    recordId: item.recordId,
    reason: item.reason,
    detail: item.detail,
    original: item.original,
    ...(originalBase64 === undefined ? {} : { originalBase64 }),
    record: recordOf(item.record),
    state: item.state,
    attempts: item.attempts,
    receivedAt: formatInstant(item.receivedAt),
    updatedAt: formatInstant(item.updatedAt),
  });
}

/** A stored record with its digits. */
export function recordOf(text: string | null): JsonValue {
  if (text === null) return null;
  const read = readJson(text);
  assert(read.ok, "a stored record is JSON");
  return read.value;
}
