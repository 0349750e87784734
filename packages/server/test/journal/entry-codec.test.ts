// Entries as bytes: exact round trips of hostile values, and the refusal of unknown bytes.
import { Buffer } from "node:buffer";
import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { EntryBody } from "../../src/core/entry.ts";
import { blockMagic } from "../../src/journal/blocks.ts";
import { decodeBody, encodeBody } from "../../src/journal/entry-codec.ts";
import { anyEntryBody } from "../support/journal-entries.ts";
import { sentBody } from "../support/sent-body.ts";

const seed = 20_261;

/** Written behind other bytes, as in a block, and before others: it takes no more than it says. */
function bytesOf(body: EntryBody): Buffer {
  const encoded = encodeBody(body);
  const bytes = Buffer.alloc(encoded.length + 8, 0xee);
  encoded.writeTo(bytes, 5);
  expect(bytes.subarray(0, 5)).toEqual(Buffer.alloc(5, 0xee));
  expect(bytes.subarray(5 + encoded.length)).toEqual(Buffer.alloc(3, 0xee));
  return bytes.subarray(5, 5 + encoded.length);
}

function usageOf(text: string, invalidLines: readonly number[] = []): EntryBody {
  const body = sentBody(text, "ndjson", invalidLines);
  return { kind: "usage", accountId: "a", meterKey: "k", body };
}

describe("entries as bytes", () => {
  it(`[JN4] decode(encode(x)) is x for entries of every kind (seed ${seed})`, () => {
    fc.assert(
      fc.property(anyEntryBody, (body) => {
        const decoded = decodeBody(bytesOf(body));
        // Not toStrictEqual, which takes an own member "constructor" for the class.
        return decoded.ok && isDeepStrictEqual(decoded.value, body);
      }),
      { seed, numRuns: 2_000 },
    );
  });

  it("[JN4] an own member called __proto__ stays a member beside an amount", () => {
    const fields: unknown = JSON.parse('{"__proto__":{"x":1},"constructor":"$d7"}');
    const body = { kind: "create-meters", meters: [{ capacity: 5n, fields }] };
    const decoded = decodeBody(bytesOf(body as unknown as EntryBody));
    const meters = decoded.ok && decoded.value.kind === "create-meters" ? decoded.value.meters : [];
    expect(Object.keys(meters[0]?.fields ?? {})).toEqual(["__proto__", "constructor"]);
    expect(decoded.ok && decoded.value).toStrictEqual(body);
  });

  it("[JN4] lines that hold one character per byte come back beside others", () => {
    const everyByte = Array.from({ length: 256 }, (_, code) => String.fromCharCode(code)).join("");
    const body = usageOf(`{"a":"\u00e9\u{1f600}"}\n${everyByte}\n\ufeff{}`, [1]);
    const decoded = decodeBody(bytesOf(body));
    expect(decoded.ok && decoded.value).toStrictEqual(body);
  });

  it("[JN13] no text of a caller holds the bytes that begin a block", () => {
    const magic = Array.from(blockMagic, (byte) => String.fromCharCode(byte)).join("");
    const texts = [
      magic,
      blockMagic.toString("utf16le"),
      blockMagic.toString("utf8"),
      "\udcdc\udcdc",
    ];
    for (const text of texts) {
      const bytes = bytesOf(usageOf(text.repeat(3), [0]));
      expect(bytes.indexOf(blockMagic.subarray(0, 2))).toBe(-1);
    }
  });

  it.each([
    ["an empty body", []],
    ["another version", [2, 0, 0x7b, 0x7d]],
    ["another form", [1, 9, 0x7b, 0x7d]],
    ["no JSON", [1, 0, 0x7b]],
    ["no UTF-8", [1, 0, 0xff]],
    ["no object", [1, 0, 0x31]],
    ["an unknown kind", [1, 0, ...Buffer.from('{"kind":"grant"}')]],
    ["a kind of Object.prototype", [1, 0, ...Buffer.from('{"kind":"constructor"}')]],
    ["usage written as JSON", [1, 0, ...Buffer.from('{"kind":"usage"}')]],
    ["an unknown tag", [1, 0, ...Buffer.from('{"kind":"genesis","partition":"$q1"}')]],
    ["an amount that is none", [1, 0, ...Buffer.from('{"kind":"genesis","partition":"$dx"}')]],
    ["a usage head cut short", [1, 1, 1, 0, 0]],
    ["an unknown usage form", [1, 1, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0]],
    ["an unknown way of text", [1, 1, 1, 7, 0, 0, 0, 0, 0, 0, 0, 0]],
    ["a usage entry cut short", [1, 1, 1, 0, 0, 9, 0, 0, 0, 0, 0, 0]],
    ["more lines than bytes", [1, 1, 1, 0, 0, 0, 0, 0, 255, 255, 255, 255]],
  ])("[JN12] refused: %s", (_what, bytes) => {
    expect(decodeBody(Uint8Array.from(bytes))).toMatchObject({ ok: false });
  });

  it.each([
    ["undefined", undefined],
    ["NaN", Number.NaN],
    ["a function", () => 1],
  ])("[JN4] a value that cannot come back is a broken promise: %s", (_what, value) => {
    const body = { kind: "patch-meter", patch: { name: value } } as unknown as EntryBody;
    expect(() => encodeBody(body)).toThrow(/journaled/u);
  });
});
