// From a raw record to a usage record, or to the reason why it cannot be counted: user id, record
// id, value and timestamp (JU1 to JU6, JU9). No meter is looked
// at here, and nothing is changed.

import { Amount } from "./amount.ts";
import { contentHash } from "./content-hash.ts";
import type { DecimalFault } from "./decimal.ts";
import { fingerprint } from "./fingerprint.ts";
import { ExactNumber, type JsonObject, type JsonValue, memberOfRead } from "./json-value.ts";
import { recordIdBytesMax, userIdCharactersMax } from "./limits.ts";
import type { RejectionReason } from "./outcome.ts";
import type { EpochMs } from "./ports.ts";
import { scalarText, type VisibleFields } from "./record-fields.ts";
import type { Processor, State } from "./state.ts";
import { dayMs, readTimestamp } from "./time.ts";
import type { RawRecord } from "./usage-body.ts";

/** One for a whole request: each record is read into it, since there may be very many. */
export class UsageRecord implements VisibleFields {
  fields: JsonObject = {};
  attributes: JsonObject | null = null;
  userId = "";
  /** The record id as it was sent, for the answer; null where there is none. */
  id: JsonValue = null;
  /** The record id as text; null where there is none. */
  idText: string | null = null;
  readonly amount: Amount = new Amount();
  /** When the use happened: the timestamp, or the entry's time where there is none. */
  at: EpochMs = 0;
}

/** What could be read of a record. */
interface Known {
  readonly userId: string | null;
  readonly idText: string | null;
}

/** A record that cannot be counted. */
export interface Rejection extends Known {
  readonly reason: RejectionReason;
  /** Nothing that only this record has: data correction is summed up by it (DC31). */
  readonly detail: string;
}

/** What became of reading a record: the context's record holds it, or it does not count. */
export type Reading = "read" | "duplicate" | Rejection;

/** What judging a record needs to know; record and scratch arrays hold what was read last. */
export interface ReadContext {
  readonly state: State;
  readonly processor: Processor;
  /** The entry's time. */
  readonly now: EpochMs;
  readonly record: UsageRecord;
  /** Filled for a record that has an id. */
  readonly fingerprint: Uint32Array;
  readonly content: Uint32Array;
  /** Ids that a dry run has counted, with their content; null when the memory knows them all. */
  readonly counted: Map<string, string> | null;
  /** Its id was not counted since it was received, so its age does not matter (DC15). */
  readonly isAgeExempt?: boolean;
  /** What is late for its period counts in the open one, whatever its processor says. */
  readonly lateUsage?: "current" | null;
}

/**
 * Reads one record into the context's, in the documented order of checks; the first fault is the
 * reason. `userId`, `id` and `idText` of a record that does not count stand as far as they are known.
 */
export function readUsageRecord(raw: RawRecord, context: ReadContext): Reading {
  const { record, processor } = context;
  const { fields } = raw;
  if (fields === null) {
    record.id = null;
    const detail = raw.fault ?? "The record cannot be read.";
    return rejection("INVALID_RECORD", detail, { userId: null, idText: null });
  }
  record.fields = fields;
  record.attributes = raw.attributes;
  record.id = recordId(fields, raw.fallbackId, processor);
  const id = readId(record.id);
  record.idText = id === undefined ? null : id;
  const userId = readUserId(memberOfRead(fields, "userId"));
  if (typeof userId !== "string") {
    return rejection(userId.reason, userId.detail, { userId: null, idText: record.idText });
  }
  record.userId = userId;
  if (id === undefined) {
    const name = processor.fields.deduplication.field;
    const detail = `${name} must be a string of 1 to ${recordIdBytesMax} bytes, or a number.`;
    return rejection("INVALID_ID", detail, { userId, idText: null });
  }
  const fault = readAt(fields, context);
  if (id !== null) {
    const known = judgeId(id, fault, context);
    if (known !== null) return known;
  }
  return (
    readAmount(memberOfRead(fields, "value"), context) ??
    (fault === null ? "read" : rejected(fault, record))
  );
}

/** Whose record it is, as far as it can be read. */
export function readIdentity(
  { fields, fallbackId }: RawRecord,
  processor: Processor,
): { readonly userId: string | null; readonly recordId: string | null } {
  if (fields === null) return { userId: null, recordId: null };
  const userId = readUserId(memberOfRead(fields, "userId"));
  return {
    userId: typeof userId === "string" ? userId : null,
    recordId: readId(recordId(fields, fallbackId, processor)) ?? null,
  };
}

/** The record id as it was sent, for the answer; null where there is none. */
function recordId(fields: JsonObject, fallbackId: string | null, processor: Processor): JsonValue {
  const sent = memberOfRead(fields, processor.fields.deduplication.field);
  return sent !== undefined && sent !== null && sent !== "" ? sent : fallbackId;
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

/** Why a record does not count, without what is known of it. */
interface Fault {
  readonly reason: RejectionReason;
  readonly detail: string;
}

const noUserId: Fault = { reason: "MISSING_USER_ID", detail: "userId is missing or empty." };
const noSuchUserId: Fault = {
  reason: "INVALID_USER_ID",
  detail: `userId must be a string or a number of 1 to ${userIdCharactersMax} characters.`,
};

function readUserId(value: JsonValue | undefined): string | Fault {
  if (value === undefined || value === null || value === "") return noUserId;
  if (typeof value === "boolean") return noSuchUserId;
  const text = scalarText(value);
  if (text === null) return noSuchUserId;
  const isShort = text.length <= userIdCharactersMax || [...text].length <= userIdCharactersMax;
  return isShort ? text : noSuchUserId;
}

/** Writes the record's time; a fault leaves it as it was. */
function readAt(fields: JsonObject, { state, now, record }: ReadContext): Fault | null {
  const value = memberOfRead(fields, "timestamp");
  if (value === undefined || value === null || value === "") {
    record.at = now;
    return null;
  }
  const instant = readTimestamp(value);
  if (instant === undefined) {
    const detail =
      "timestamp must be an ISO 8601 date-time with Z or an offset, such as " +
      "2026-03-01T12:00:00.000Z, or milliseconds since 1970.";
    return { reason: "INVALID_TIMESTAMP", detail };
  }
  const tolerance = state.settings.futureToleranceMs;
  if (instant <= now + tolerance) {
    record.at = Math.min(instant, now);
    return null;
  }
  const detail = `timestamp lies more than ${tolerance / 1000} s after the time of receipt.`;
  return { reason: "TIMESTAMP_IN_FUTURE", detail };
}

/** Looks the id up, then asks whether the record is younger than the memory of ids. */
function judgeId(id: string, atFault: Fault | null, context: ReadContext): Reading | null {
  const { state, processor, now, record } = context;
  const key = state.fingerprintKey;
  if (key === null) return null;
  fingerprint(key, record.userId, id, context.fingerprint);
  contentHash(key, record.fields, context.content);
  const oldest = knownSince(processor, now);
  const known = lookUp(context, oldest);
  if (known === "same") return "duplicate";
  if (known === "conflict") {
    const detail = "A record with this id was counted before with other content.";
    return rejected({ reason: "ID_CONFLICT", detail }, record);
  }
  if (context.isAgeExempt === true || atFault !== null || record.at >= oldest) return null;
  const detail =
    "timestamp is older than the ids that are still known: it cannot be told whether the record " +
    "was counted before.";
  return rejected({ reason: "OLDER_THAN_ID_WINDOW", detail }, record);
}

function lookUp(context: ReadContext, since: EpochMs): "unknown" | "same" | "conflict" {
  const { counted, content } = context;
  const known = context.processor.ids.lookup(context.fingerprint, content, since);
  if (known !== "unknown" || counted === null) return known;
  const earlier = counted.get(fingerprintText(context.fingerprint));
  if (earlier === undefined) return "unknown";
  return earlier === fingerprintText(content) ? "same" : "conflict";
}

const amountFaults: Record<DecimalFault, Fault> = {
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

function readAmount(value: JsonValue | undefined, { record }: ReadContext): Rejection | null {
  if (value === undefined || value === null || value === "") {
    const detail = "value is missing or empty.";
    return rejected({ reason: "MISSING_VALUE", detail }, record);
  }
  const fault = record.amount.read(value);
  return fault === null ? null : rejected(amountFaults[fault], record);
}

function rejected({ reason, detail }: Fault, { userId, idText }: UsageRecord): Rejection {
  return { reason, detail, userId, idText };
}

function rejection(reason: RejectionReason, detail: string, known: Known): Rejection {
  return { reason, detail, ...known };
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
