// From a raw record to a usage record, or to the reason why it cannot be counted: user id, record
// id, value and timestamp (JU1 to JU6, JU9). No meter is looked
// at here, and nothing is changed.
import { contentHash } from "./content-hash.ts";
import { type Decimal, type DecimalFault, readDecimal } from "./decimal.ts";
import { fingerprint } from "./fingerprint.ts";
import { ExactNumber, type JsonObject, type JsonValue, member } from "./json-value.ts";
import { recordIdBytesMax, userIdCharactersMax } from "./limits.ts";
import type { RejectionReason } from "./outcome.ts";
import type { EpochMs } from "./ports.ts";
import { scalarText } from "./record-fields.ts";
import type { Processor, State } from "./state.ts";
import { dayMs, formatInstant, readTimestamp } from "./time.ts";
import type { RawRecord } from "./usage-body.ts";

export interface UsageRecord {
  readonly fields: JsonObject;
  readonly attributes: JsonObject | null;
  readonly userId: string;
  /** The record id as text; null where there is none. */
  readonly idText: string | null;
  readonly amount: Decimal;
  /** When the use happened: the timestamp, or the entry's time where there is none. */
  readonly at: EpochMs;
}

/** What could be read of a record. */
interface Known {
  readonly userId: string | null;
  readonly idText: string | null;
}

/** A record that cannot be counted. */
export interface Rejection extends Known {
  readonly reason: RejectionReason;
  readonly detail: string;
}

export type Reading =
  | { readonly kind: "record"; readonly record: UsageRecord }
  | { readonly kind: "duplicate" }
  | { readonly kind: "rejection"; readonly rejection: Rejection };

/** What judging a record needs to know; the scratch arrays hold its fingerprint afterwards. */
export interface ReadContext {
  readonly state: State;
  readonly processor: Processor;
  /** The entry's time. */
  readonly now: EpochMs;
  /** Filled for a record that has an id. */
  readonly fingerprint: Uint32Array;
  readonly content: Uint32Array;
  /** Ids that a dry run has counted, with their content; null when the memory knows them all. */
  readonly counted: Map<string, string> | null;
}

/** Reads one record in the documented order of checks; the first fault is the reason. */
export function readUsageRecord(raw: RawRecord, context: ReadContext): Reading {
  const { fields } = raw;
  if (fields === null) {
    const detail = raw.fault ?? "The record cannot be read.";
    return rejection("INVALID_RECORD", detail, { userId: null, idText: null });
  }
  const rawId = recordId(raw, context.processor);
  const id = readId(rawId);
  const idText = id === undefined ? null : id;
  const userValue = member(fields, "userId");
  if (userValue === undefined || userValue === null || userValue === "") {
    return rejection("MISSING_USER_ID", "userId is missing or empty.", { userId: null, idText });
  }
  const userId = readUserId(userValue);
  if (userId === null) {
    const detail = `userId must be a string or a number of 1 to ${userIdCharactersMax} characters.`;
    return rejection("INVALID_USER_ID", detail, { userId: null, idText });
  }
  if (id === undefined) {
    const name = context.processor.fields.deduplication.field;
    const detail = `${name} must be a string of 1 to ${recordIdBytesMax} bytes, or a number.`;
    return rejection("INVALID_ID", detail, { userId, idText: null });
  }
  const at = readAt(fields, context);
  if (id !== null) {
    const known = judgeId({ fields, userId, id, at }, context);
    if (known !== null) return known;
  }
  const amount = readAmount(member(fields, "value"));
  if (!amount.ok) return rejection(amount.reason, amount.detail, { userId, idText: id });
  if (at.kind === "fault") return rejection(at.reason, at.detail, { userId, idText: id });
  const { attributes } = raw;
  const { value } = amount;
  const record = { fields, attributes, userId, idText: id, amount: value, at: at.instant };
  return { kind: "record", record };
}

/** The record id as it was sent, for the answer; null where there is none. */
export function recordId(raw: RawRecord, processor: Processor): JsonValue {
  if (raw.fields === null) return null;
  const sent = member(raw.fields, processor.fields.deduplication.field);
  if (sent !== undefined && sent !== null && sent !== "") return sent;
  return raw.fallbackId;
}

/** Ids counted since then are known, all of them; those before are forgotten, all of them (JU10). */
export function knownSince({ fields, idsKnownSince }: Processor, now: EpochMs): EpochMs {
  return Math.max(now - fields.deduplication.windowDays * dayMs, idsKnownSince);
}

/** Key of a fingerprint in maps. */
export function fingerprintText(words: Uint32Array): string {
  return words.join(".");
}

/** Null: there is none. Undefined: it cannot be one. */
function readId(value: JsonValue): string | null | undefined {
  if (value === null) return null;
  if (typeof value === "string") return utf8Length(value) <= recordIdBytesMax ? value : undefined;
  if (typeof value === "number" || value instanceof ExactNumber) {
    const text = scalarText(value);
    return text !== null && text.length <= recordIdBytesMax ? text : undefined;
  }
  return undefined;
}

function readUserId(value: JsonValue): string | null {
  if (typeof value === "boolean") return null;
  const text = scalarText(value);
  if (text === null) return null;
  if (text.length <= userIdCharactersMax) return text;
  return [...text].length <= userIdCharactersMax ? text : null;
}

type At =
  | { readonly kind: "instant"; readonly instant: EpochMs }
  | { readonly kind: "fault"; readonly reason: RejectionReason; readonly detail: string };

function readAt(fields: JsonObject, { state, now }: ReadContext): At {
  const value = member(fields, "timestamp");
  if (value === undefined || value === null || value === "")
    return { kind: "instant", instant: now };
  const instant = readTimestamp(value);
  if (instant === undefined) {
    const detail =
      "timestamp must be an ISO 8601 date-time with Z or an offset, such as " +
      "2026-03-01T12:00:00.000Z, or milliseconds since 1970.";
    return { kind: "fault", reason: "INVALID_TIMESTAMP", detail };
  }
  if (instant <= now) return { kind: "instant", instant };
  const tolerance = state.settings.futureToleranceMs;
  if (instant <= now + tolerance) return { kind: "instant", instant: now };
  const detail =
    `timestamp ${formatInstant(instant)} lies more than ${tolerance / 1000} s after ` +
    `the time of receipt, ${formatInstant(now)}.`;
  return { kind: "fault", reason: "TIMESTAMP_IN_FUTURE", detail };
}

/** Looks the id up, then asks whether the record is younger than the memory of ids. */
function judgeId(
  { fields, userId, id, at }: { fields: JsonObject; userId: string; id: string; at: At },
  context: ReadContext,
): Reading | null {
  const { state, processor, now } = context;
  const key = state.fingerprintKey;
  if (key === null) return null;
  fingerprint(key, userId, id, context.fingerprint);
  contentHash(key, fields, context.content);
  const oldest = knownSince(processor, now);
  const known = lookUp(context, oldest);
  if (known === "same") return { kind: "duplicate" };
  if (known === "conflict") {
    const detail = `The id ${JSON.stringify(id)} was counted before with other content.`;
    return rejection("ID_CONFLICT", detail, { userId, idText: id });
  }
  if (at.kind !== "instant" || at.instant >= oldest) return null;
  const detail =
    `timestamp ${formatInstant(at.instant)} is older than the ids that are still known, ` +
    `those since ${formatInstant(oldest)}: it cannot be told whether it was counted before.`;
  return rejection("OLDER_THAN_ID_WINDOW", detail, { userId, idText: id });
}

function lookUp(context: ReadContext, since: EpochMs): "unknown" | "same" | "conflict" {
  const { counted, content } = context;
  const known = context.processor.ids.lookup(context.fingerprint, content, since);
  if (known !== "unknown" || counted === null) return known;
  const earlier = counted.get(fingerprintText(context.fingerprint));
  if (earlier === undefined) return "unknown";
  return earlier === fingerprintText(content) ? "same" : "conflict";
}

const amountFaults: Record<DecimalFault, { reason: RejectionReason; detail: string }> = {
  "not-a-number": {
    reason: "INVALID_VALUE",
    detail: "value must be a JSON number, or a string that holds one.",
  },
  "out-of-range": {
    reason: "VALUE_OUT_OF_RANGE",
    detail: "value may have at most 20 digits before the decimal point.",
  },
  "too-precise": {
    reason: "VALUE_TOO_PRECISE",
    detail: "value may have at most 18 digits after the decimal point; it is never rounded.",
  },
};

type Amount =
  | { readonly ok: true; readonly value: Decimal }
  | { readonly ok: false; readonly reason: RejectionReason; readonly detail: string };

function readAmount(value: JsonValue | undefined): Amount {
  if (value === undefined || value === null || value === "") {
    return { ok: false, reason: "MISSING_VALUE", detail: "value is missing or empty." };
  }
  const read = readDecimal(value);
  if (read.ok) return read;
  return { ok: false, ...amountFaults[read.error] };
}

function rejection(reason: RejectionReason, detail: string, known: Known): Reading {
  return { kind: "rejection", rejection: { reason, detail, ...known } };
}

function utf8Length(text: string): number {
  let length = text.length;
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at);
    if (unit < 0x80) continue;
    // A surrogate pair is four bytes: two for each of its units.
    length += unit < 0x800 || (unit >= 0xd800 && unit <= 0xdfff) ? 1 : 2;
  }
  return length;
}
