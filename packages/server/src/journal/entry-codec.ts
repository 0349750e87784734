// Entries as bytes and back, exactly: `decodeBody(encodeBody(x))` equals x whatever callers put into
// it. Usage has a small binary head and its text as UTF-8, because there is so much of it; all other
// kinds are tagged JSON (exact-json.ts). The bytes of a kind never change within a codec version.
import { Buffer } from "node:buffer";
import type { EntryBody, Usage } from "../core/entry.ts";
import { parseExactJson, writeExactJson } from "../core/exact-json.ts";
import { assert, fail, ok, type Result } from "../core/problem.ts";
import type { UsageForm } from "../core/usage-body.ts";
import { bufferOf, decodeUtf8 } from "./bytes.ts";

/** First byte of every encoded body. A change of meaning needs a new one. */
const codecVersion = 1;

/** A body that is about to be encoded: how many bytes it takes, and putting them in their place. */
export interface EncodedBody {
  readonly length: number;
  /** Writes `length` bytes from `offset` on. */
  writeTo(bytes: Buffer, offset: number): void;
}

/** Never rejects a body that the core made; deterministic. The body must not change until written. */
export function encodeBody(body: EntryBody): EncodedBody {
  if (body.kind === "usage") return new EncodedUsage(body);
  assert(jsonKinds[body.kind], `entry kind ${body.kind} has no codec`);
  const text = writeExactJson(body);
  return {
    length: 2 + Buffer.byteLength(text),
    writeTo: (bytes, offset) => {
      bytes[offset] = codecVersion;
      bytes[offset + 1] = asJson;
      bytes.write(text, offset + 2, "utf8");
    },
  };
}

/** The error says what is unknown: a version, a kind, or a form of a later release. */
export function decodeBody(bytes: Uint8Array): Result<EntryBody, string> {
  if (bytes[0] !== codecVersion) return fail(`an entry has the unknown version ${bytes[0]}`);
  if (bytes[1] === asUsage) return decodeUsage(bufferOf(bytes));
  if (bytes[1] !== asJson) return fail(`an entry has the unknown form ${bytes[1]}`);
  const text = decodeUtf8(bytes.subarray(2));
  const value = text === null ? undefined : parseExactJson(text);
  const kind = kindOf(value);
  if (kind === null) return fail("an entry is no JSON object with a kind");
  if (!Object.hasOwn(jsonKinds, kind)) return fail(`an entry has the unknown kind "${kind}"`);
  return ok(value as EntryBody);
}

const asJson = 0;
const asUsage = 1;

/** Kinds written as JSON. The type makes the list complete. */
const jsonKinds: Readonly<Record<Exclude<EntryBody["kind"], "usage">, true>> = {
  genesis: true,
  configure: true,
  "create-account": true,
  "put-access": true,
  "create-meter-type": true,
  "patch-meter-type": true,
  "delete-meter-type": true,
  "create-meters": true,
  "patch-meter": true,
  "delete-meter": true,
  "create-processor": true,
  "patch-processor": true,
  "delete-processor": true,
  "create-destination": true,
  "patch-destination": true,
  "delete-destination": true,
  "rotate-destination-secret": true,
  "disable-destination": true,
  "start-correction-action": true,
  "work-corrections": true,
  "expire-corrections": true,
  "end-periods": true,
  "extend-timetables": true,
  replan: true,
};

/** Codes never change and are never used again. */
const formCodes: Readonly<Record<UsageForm, number>> = {
  json: 1,
  ndjson: 2,
  cloudevent: 3,
  cloudevents: 4,
};
const formsByCode: ReadonlyMap<number, UsageForm> = new Map(
  (Object.keys(formCodes) as UsageForm[]).map((form) => [formCodes[form], form]),
);

const usageHeadBytes = 12;
const textPlain = 0;
const textEscaped = 1;

/**
 * Version, form of the entry, form of the usage, how the text is written, bytes of the account id
 * and of the meter key (16 bits each), count of invalid lines (32 bits); then the line numbers (32
 * bits each), account id, meter key and text. Lines with one character per byte need no care: they
 * are characters like any others, and come back as they were.
 */
class EncodedUsage implements EncodedBody {
  readonly length: number;
  readonly #usage: Usage;
  readonly #isEscaped: boolean;
  /** Null where the body's own bytes are written. */
  readonly #text: string | null;
  readonly #accountBytes: number;
  readonly #keyBytes: number;

  constructor(usage: Usage) {
    const { accountId, meterKey, body } = usage;
    this.#usage = usage;
    this.#isEscaped = body.bytes === undefined && !body.text.isWellFormed();
    const text = this.#isEscaped ? writeExactJson(body.text) : body.text;
    this.#text = body.bytes === undefined ? text : null;
    this.#accountBytes = Buffer.byteLength(accountId);
    this.#keyBytes = Buffer.byteLength(meterKey);
    assert(accountId.isWellFormed() && meterKey.isWellFormed(), "an id has a lone surrogate");
    const longest = Math.max(this.#accountBytes, this.#keyBytes);
    assert(longest <= 0xffff, "an id is longer than 65,535 bytes");
    const head = usageHeadBytes + 4 * body.invalidLines.length;
    const textBytes = body.bytes?.length ?? Buffer.byteLength(text);
    this.length = head + this.#accountBytes + this.#keyBytes + textBytes;
  }

  writeTo(bytes: Buffer, offset: number): void {
    const { accountId, meterKey, body } = this.#usage;
    bytes[offset] = codecVersion;
    bytes[offset + 1] = asUsage;
    bytes[offset + 2] = formCodes[body.form];
    bytes[offset + 3] = this.#isEscaped ? textEscaped : textPlain;
    bytes.writeUInt16BE(this.#accountBytes, offset + 4);
    bytes.writeUInt16BE(this.#keyBytes, offset + 6);
    bytes.writeUInt32BE(body.invalidLines.length, offset + 8);
    let at = offset + usageHeadBytes;
    for (const line of body.invalidLines) at = bytes.writeUInt32BE(line, at);
    at += bytes.write(accountId, at, "utf8");
    at += bytes.write(meterKey, at, "utf8");
    if (this.#text !== null) bytes.write(this.#text, at, "utf8");
    else if (body.bytes !== undefined) bytes.set(body.bytes, at);
  }
}

function decodeUsage(bytes: Buffer): Result<Usage, string> {
  if (bytes.length < usageHeadBytes) return fail("a usage entry is too short");
  const form = formsByCode.get(bytes.readUInt8(2));
  if (form === undefined) return fail(`a usage entry has the unknown form ${bytes[2]}`);
  const lineCount = bytes.readUInt32BE(8);
  const linesEnd = usageHeadBytes + 4 * lineCount;
  const keyStart = linesEnd + bytes.readUInt16BE(4);
  const textStart = keyStart + bytes.readUInt16BE(6);
  if (textStart > bytes.length) return fail("a usage entry is too short");
  const accountId = decodeUtf8(bytes.subarray(linesEnd, keyStart));
  const meterKey = decodeUtf8(bytes.subarray(keyStart, textStart));
  const written = decodeUtf8(bytes.subarray(textStart));
  const text = written !== null && bytes[3] === textEscaped ? unescaped(written) : written;
  if (
    accountId === null ||
    meterKey === null ||
    text === null ||
    bytes.readUInt8(3) > textEscaped
  ) {
    return fail("a usage entry holds no text");
  }
  const invalidLines: number[] = [];
  for (let index = 0; index < lineCount; index += 1) {
    invalidLines.push(bytes.readUInt32BE(usageHeadBytes + 4 * index));
  }
  const isPlain = bytes[3] === textPlain;
  const body = { form, text, invalidLines };
  const whole = isPlain ? { ...body, bytes: bytes.subarray(textStart) } : body;
  return ok({ kind: "usage", accountId, meterKey, body: whole });
}

function unescaped(text: string): string | null {
  const value = parseExactJson(text);
  return typeof value === "string" ? value : null;
}

function kindOf(value: unknown): string | null {
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, "kind")) return null;
  const { kind } = value as { readonly kind: unknown };
  return typeof kind === "string" ? kind : null;
}
