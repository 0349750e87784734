// A usage request's body: from its text to raw records, in each of the forms that it may have. Read
// once on arrival and again at replay, so it is a pure function of the body. It judges form only;
// what a record means, and whether it counts, is usage-record.ts's.
import { type CloudEventParts, readCloudEvent } from "./cloud-event.ts";
import { readJsonFast } from "./json.ts";
import { isSpace } from "./json-codes.ts";
import type { JsonFault } from "./json-reader.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "./json-value.ts";
import { recordsPerRequestMax } from "./limits.ts";
import { assert, fail, invalid, ok, type Problem, type Result } from "./problem.ts";
import { recordFault } from "./record-bounds.ts";
import type { ScanContext } from "./scan-plan.ts";
import { ScannedRecords } from "./scanned-records.ts";
import { elementTexts, lineTexts, type OriginalText, trimmed } from "./usage-originals.ts";
import { scanRows } from "./usage-scan.ts";

export const usageForms = ["json", "ndjson", "cloudevent", "cloudevents"] as const;
export type UsageForm = (typeof usageForms)[number];

/** A usage request's body as it was sent. */
export interface UsageBody {
  readonly form: UsageForm;
  /**
   * UTF-8 text. Whoever decodes the bytes refuses a body that is no UTF-8, but for NDJSON, which is
   * judged line by line: there each line, from one byte 0x0A to the next, is decoded by itself, and
   * a line that is no UTF-8 is written here with one character (U+0000 to U+00FF) for each byte and
   * its number put into `invalidLines`. A byte order mark stays in the text, where it is refused.
   */
  readonly text: string;
  /** NDJSON only: line numbers from 0 (blank lines count) that are no UTF-8, ascending. */
  readonly invalidLines: readonly number[];
  /** The text's UTF-8, where the caller has it: then reading takes less time. Must not change. */
  readonly bytes?: Uint8Array;
}

/** One record of a body: what can be read of it, or why it cannot. */
export interface RawRecord {
  /** Null when there is a fault. */
  readonly fields: JsonObject | null;
  /** Why it cannot be read, a sentence: the detail of INVALID_RECORD. */
  readonly fault: string | null;
  /** The record id where `fields` has none: a CloudEvent's source, a space, and its id. */
  readonly fallbackId: string | null;
  /** A CloudEvent's own attributes: what rules may use where `fields` lacks the name. */
  readonly attributes: JsonObject | null;
}

/** Whether the answer tells of every record, or only of those that were not simply counted. */
export type Detail = "all" | "uncounted";

export interface RawRecords {
  readonly body: UsageBody;
  readonly detail: Detail;
  readonly length: number;
  /** The same records by columns, as far as they are plain; null where they were not read so. */
  readonly scanned: ScannedRecords | null;
  /** One record; of a plain one it is made anew by each call. */
  record(index: number): RawRecord;
  /** A record as sent, without white space around it. The first call reads the body again. */
  original(index: number): OriginalText;
}

/**
 * The records of a body, in the order sent. A problem where the body as a whole cannot be read:
 * `malformed-json` with the byte offset, `empty-body`, `too-many-records`, or `invalid-request` for
 * the wrong kind of JSON value (UB8 to UB12). With the context of the processor that is to count the
 * records they come by columns, where that can be.
 */
export function readUsageBody(
  body: UsageBody,
  detail: Detail = "all",
  context: ScanContext | null = null,
): Result<RawRecords, Problem> {
  if (isBlank(body.text)) {
    const detail = "The body is empty; at least one usage record is expected.";
    return fail({ kind: "invalid-request", code: "empty-body", detail });
  }
  const scanned = context === null ? null : scanBody(body, context);
  if (scanned !== null) return ok(new ScannedBody(body, detail, scanned));
  if (body.form === "ndjson") return readLines(body, detail);
  const read = readJsonFast(body.text);
  if (!read.ok) return fail(malformed(body.text, read.error));
  const elements = elementsOf(body.form, read.value);
  if (!elements.ok) return elements;
  if (elements.value.length > recordsPerRequestMax) return fail(tooMany());
  const toRecord = body.form === "json" ? fromElement : fromEvent;
  return ok(new ReadBody(body, detail, elements.value.map(toRecord)));
}

/** Null for what the quick way is not made for. */
function scanBody(body: UsageBody, context: ScanContext): Scanned | null {
  const { form, text, bytes, invalidLines } = body;
  const isOfForm = form === "json" || form === "ndjson";
  if (bytes === undefined || !isOfForm || invalidLines.length > 0) return null;
  const rows = scanRows(bytes, form === "ndjson", context);
  if (rows === null) return null;
  const records = new ScannedRecords(context.plan, text, rows);
  const others = readOthers(body, records);
  return others === null ? null : { records, others };
}

/** The records that are not plain, by number; null where one makes the whole body unreadable. */
function readOthers(
  { form }: UsageBody,
  scanned: ScannedRecords,
): ReadonlyMap<number, RawRecord> | null {
  const others = new Map<number, RawRecord>();
  for (let index = 0; index < scanned.length; index += 1) {
    if (scanned.isPlain(index)) continue;
    const text = scanned.textOf(index);
    const other = form === "ndjson" ? fromLine(trimmed(text, 0, text.length)) : fromObject(text);
    if (other === null) return null;
    others.set(index, other);
  }
  return others;
}

function fromObject(text: string): RawRecord | null {
  const read = readJsonFast(text);
  return read.ok ? fromElement(read.value) : null;
}

class ReadBody implements RawRecords {
  readonly body: UsageBody;
  readonly detail: Detail;
  readonly scanned = null;
  readonly #records: readonly RawRecord[];
  readonly #originals: Originals;

  constructor(body: UsageBody, detail: Detail, records: readonly RawRecord[]) {
    this.body = body;
    this.detail = detail;
    this.#records = records;
    this.#originals = new Originals(body);
  }

  get length(): number {
    return this.#records.length;
  }

  record(index: number): RawRecord {
    const record = this.#records[index];
    assert(record !== undefined, "an index of the request");
    return record;
  }

  original(index: number): OriginalText {
    return this.#originals.at(index);
  }
}

interface Scanned {
  readonly records: ScannedRecords;
  /** The records that are not plain, by number. */
  readonly others: ReadonlyMap<number, RawRecord>;
}

class ScannedBody implements RawRecords {
  readonly body: UsageBody;
  readonly detail: Detail;
  readonly scanned: ScannedRecords;
  readonly #others: Scanned["others"];
  readonly #originals: Originals;

  constructor(body: UsageBody, detail: Detail, { records, others }: Scanned) {
    this.body = body;
    this.detail = detail;
    this.scanned = records;
    this.#others = others;
    this.#originals = new Originals(body);
  }

  get length(): number {
    return this.scanned.length;
  }

  record(index: number): RawRecord {
    const other = this.#others.get(index);
    return other ?? fromElement(this.scanned.fields(index));
  }

  original(index: number): OriginalText {
    return this.#originals.at(index);
  }
}

/** The records of a body as sent, found when the first is asked for. */
class Originals {
  readonly #body: UsageBody;
  #texts: readonly OriginalText[] | null = null;

  constructor(body: UsageBody) {
    this.#body = body;
  }

  at(index: number): OriginalText {
    const { form, text } = this.#body;
    this.#texts ??= form === "ndjson" ? [...lineTexts(this.#body)] : elementTexts(text);
    return this.#texts[index] ?? { text: "", isBytes: false };
  }
}

function readLines(body: UsageBody, detail: Detail): Result<RawRecords, Problem> {
  const records: RawRecord[] = [];
  for (const line of lineTexts(body)) {
    if (records.length === recordsPerRequestMax) return fail(tooMany());
    records.push(line.isBytes ? faulty("The line is not valid UTF-8.") : fromLine(line.text));
  }
  return ok(new ReadBody(body, detail, records));
}

function fromLine(line: string): RawRecord {
  const read = readJsonFast(line);
  if (read.ok) return fromElement(read.value);
  const offset = utf8Length(line, read.error.offset);
  return faulty(`The line is not JSON: at byte ${offset}, ${read.error.detail}.`);
}

function fromElement(value: JsonValue): RawRecord {
  const fault = recordFault(value);
  if (fault !== null) return faulty(fault);
  return isJsonObject(value)
    ? { fields: value, fault: null, fallbackId: null, attributes: null }
    : faulty("A usage record must be a JSON object.");
}

function fromEvent(value: JsonValue): RawRecord {
  const fault = recordFault(value);
  if (fault !== null) return faulty(fault);
  const event: Result<CloudEventParts, string> = readCloudEvent(value);
  return event.ok ? { ...event.value, fault: null } : faulty(event.error);
}

function faulty(fault: string): RawRecord {
  return { fields: null, fault, fallbackId: null, attributes: null };
}

function elementsOf(form: UsageForm, value: JsonValue): Result<readonly JsonValue[], Problem> {
  if (form !== "cloudevent" && Array.isArray(value)) return ok(value);
  if (form !== "cloudevents" && isJsonObject(value)) return ok([value]);
  const expected = {
    json: "a usage record, which is a JSON object, or an array of them, was expected",
    ndjson: "lines were expected",
    cloudevent: "one CloudEvent, which is a JSON object, was expected",
    cloudevents: "an array of CloudEvents was expected",
  }[form];
  return fail(invalid([{ pointer: "", detail: `${expected}.` }]));
}

function malformed(text: string, { offset, detail }: JsonFault): Problem {
  const where = `not JSON that can be read: at byte ${utf8Length(text, offset)}, ${detail}.`;
  return invalid([{ pointer: "", detail: where }], "malformed-json");
}

function tooMany(): Problem {
  const detail = `A request carries at most ${recordsPerRequestMax} usage records; send several.`;
  return { kind: "invalid-request", code: "too-many-records", detail };
}

function isBlank(text: string): boolean {
  let at = 0;
  while (isSpace(text.charCodeAt(at))) at += 1;
  return at === text.length;
}

/** Bytes that the first `end` UTF-16 units take in UTF-8. */
function utf8Length(text: string, end: number): number {
  let bytes = end;
  for (let at = 0; at < end; at += 1) {
    const unit = text.charCodeAt(at);
    // A surrogate pair takes four bytes: two for each of its units.
    if (unit >= 0x80) bytes += unit < 0x800 || (unit & 0xf800) === 0xd800 ? 1 : 2;
  }
  return bytes;
}
