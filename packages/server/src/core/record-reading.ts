// From a raw record to a usage record, or to the reason why it cannot be counted: user id, record
// id, value and timestamp (JU1 to JU6, JU9). No meter is looked
// at here, and nothing is changed.

import type { DecimalFault } from "./decimal.ts";
import { ExactNumber, type JsonObject, type JsonValue, memberOfRead } from "./json-value.ts";
import { recordIdBytesMax, userIdCharactersMax } from "./limits.ts";
import type { RejectionReason } from "./outcome.ts";
import type { EpochMs } from "./ports.ts";
import { scalarText } from "./record-fields.ts";
import { timestampColumn } from "./scan-plan.ts";
import type { ScannedRecords } from "./scanned-records.ts";
import type { Processor } from "./state.ts";
import { dayMs, readTimestamp } from "./time.ts";
import type { RawRecord } from "./usage-body.ts";
import type { Known, ReadContext, Reading, Rejection, UsageRecord } from "./usage-record.ts";

/**
 * Reads one record into the context's, in the documented order of checks; the first fault is the
 * reason. `userId`, `id` and `idText` of a record that does not count stand as far as they are known.
 */
export function readUsageRecord(raw: RawRecord, context: ReadContext): Reading {
  const { record, processor } = context;
  const { fields } = raw;
  if (fields === null) {
    record.begin({}, null);
    record.setId(null, null);
    const detail = raw.fault ?? "The record cannot be read.";
    return rejection("INVALID_RECORD", detail, { userId: null, idText: null });
  }
  record.begin(fields, raw.attributes);
  const sentId = recordId(fields, raw.fallbackId, processor);
  const id = readId(sentId);
  record.setId(sentId, id ?? null);
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
  const fault = readAt(memberOfRead(fields, "timestamp"), context);
  if (id !== null && hashId(id, context)) {
    const known = judgeId(fault, context);
    if (known !== null) return known;
  }
  return (
    readAmount(memberOfRead(fields, "value"), context) ??
    (fault === null ? "read" : rejected(fault, record))
  );
}

/** The same for a plain record of a scanned body: user id, record id and value are in order. */
export function readPlainRecord(
  columns: ScannedRecords,
  index: number,
  context: ReadContext,
): Reading {
  const { record } = context;
  record.stand(columns, index);
  const fault = readAt(columns.member(index, timestampColumn), context);
  if (record.hasId) {
    context.id.stand(columns.words, columns.idWordsAt(index));
    const known = judgeId(fault, context);
    if (known !== null) return known;
  }
  const amountFault = readAmount(columns.value(index), context);
  return amountFault ?? (fault === null ? "read" : rejected(fault, record));
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
function readAt(value: JsonValue | undefined, { state, now, record }: ReadContext): Fault | null {
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

/** False where the partition has no key yet. */
function hashId(id: string, { state, record, id: words }: ReadContext): boolean {
  const key = state.fingerprintKey;
  if (key === null) return false;
  words.hash(key, { userId: record.userId, id }, record.fields);
  return true;
}

/** Looks the id up, then asks whether the record is younger than the memory of ids. */
function judgeId(atFault: Fault | null, context: ReadContext): Reading | null {
  const { processor, now, record } = context;
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
  const { counted, id } = context;
  const known = context.processor.ids.lookupAt(id.words, id.at, since);
  if (known !== "unknown" || counted === null) return known;
  const earlier = counted.get(id.fingerprintText);
  if (earlier === undefined) return "unknown";
  return earlier === id.contentText ? "same" : "conflict";
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
