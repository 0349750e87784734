// Reading large bodies in a thread: the same records as reading them at once, whatever becomes of the
// thread, and small bodies never wait for it.
import { Buffer } from "node:buffer";
import { afterEach, describe, expect, it } from "vitest";
import { readFingerprintKey } from "../../src/core/fingerprint.ts";
import type { Problem, Result } from "../../src/core/problem.ts";
import { ScanColumns, type ScanContext } from "../../src/core/scan-plan.ts";
import { type RawRecords, readUsageBody, type UsageForm } from "../../src/core/usage-body.ts";
import {
  BodyReader,
  largeBodyBytesMin,
  type ReadingThread,
} from "../../src/reading/body-reader.ts";
import {
  plansMax,
  type ReadingAnswer,
  type ReadingCall,
} from "../../src/reading/reading-messages.ts";
import { sentBody } from "../support/sent-body.ts";

const key = readFingerprintKey("00112233445566778899aabbccddeeff");

function contextOf(field: string): ScanContext {
  const columns = new ScanColumns();
  columns.of(field);
  return { plan: columns.plan("id"), key };
}

function largeText(count = 1_000): string {
  const records = Array.from({ length: count }, (_, at) => ({
    id: `record-${at}`,
    userId: `user-${at}@example.com`,
    value: at / 8,
    region: at % 7 === 0 ? "Österreich" : "eu",
  }));
  return JSON.stringify(records);
}

function told(read: Result<RawRecords, Problem>): unknown {
  if (!read.ok) return read.error;
  const raw = read.value;
  return {
    text: raw.body.text,
    bytes: raw.body.bytes === undefined ? null : Buffer.from(raw.body.bytes),
    words: raw.scanned?.words,
    records: Array.from({ length: raw.length }, (_, index) => raw.record(index)),
  };
}

/** A thread that does as it is told, and keeps what it was sent. */
class FakeThread implements ReadingThread {
  readonly calls: ReadingCall[] = [];
  readonly #listeners = new Map<string, (answer: ReadingAnswer) => void>();

  postMessage(call: ReadingCall): void {
    this.calls.push(call);
  }

  on(event: string, listener: (answer: ReadingAnswer) => void): void {
    this.#listeners.set(event, listener);
  }

  emit(event: "message" | "error" | "exit", answer?: ReadingAnswer): void {
    this.#listeners.get(event)?.(answer as ReadingAnswer);
  }

  terminate(): void {
    this.emit("exit");
  }
}

const open: BodyReader[] = [];
afterEach(() => {
  for (const reader of open.splice(0)) reader.close();
});

function readerWith(thread: (() => ReadingThread) | null): BodyReader {
  const reader = new BodyReader(thread);
  open.push(reader);
  return reader;
}

describe("a thread that reads bodies", () => {
  it.each<[string, UsageForm, string]>([
    ["an array", "json", largeText()],
    [
      "lines",
      "ndjson",
      (JSON.parse(largeText()) as unknown[]).map((each) => JSON.stringify(each)).join("\n"),
    ],
    ["lines with faults", "ndjson", `${"x".repeat(100)}\n{"userId":1}\n`.repeat(400)],
    ["a text that is no JSON", "json", `${largeText()}]`],
    ["no records", "json", `[${" ".repeat(40_000)}]`],
    ["many records too many", "json", largeText(10_001)],
  ])("[UB7] makes of %s what reading it at once does", async (_, form, text) => {
    const reader = new BodyReader();
    open.push(reader);
    for (const field of ["region", "other"]) {
      const context = contextOf(field);
      const there = await reader.read(sentBody(text, form), "all", context);
      expect(told(there)).toEqual(told(readUsageBody(sentBody(text, form), "all", context)));
    }
  });

  it("[UB7] is not asked for what is small, of another form, or read without a processor", () => {
    const thread = new FakeThread();
    const reader = readerWith(() => thread);
    const context = contextOf("region");
    const small = sentBody(largeText(10));
    const event = sentBody(`{"data":"${"x".repeat(largeBodyBytesMin)}"}`, "cloudevent");
    for (const [body, scan] of [
      [small, context],
      [event, context],
      [sentBody(largeText()), null],
    ] as const) {
      expect(reader.read(body, "all", scan)).not.toBeInstanceOf(Promise);
    }
    expect(thread.calls).toEqual([]);
  });

  it.each(["error", "exit"] as const)(
    "[UB7] that ends with %s leaves what it had to be read here",
    async (end) => {
      const thread = new FakeThread();
      const reader = readerWith(() => thread);
      const context = contextOf("region");
      const waiting = [1, 2].map(() => reader.read(sentBody(largeText()), "all", context));
      expect(thread.calls).toHaveLength(2);
      thread.emit(end);
      const plain = { form: "json", text: largeText(), invalidLines: [] } as const;
      for (const read of waiting) expect(told(await read)).toEqual(told(readUsageBody(plain)));
      expect(reader.bytes).toBe(0);
      expect(reader.read(sentBody(largeText()), "all", context)).not.toBeInstanceOf(Promise);
      expect(thread.calls).toHaveLength(2);
    },
  );

  it("[UB7] learns each plan once, and all anew after so many", async () => {
    const thread = new FakeThread();
    const reader = readerWith(() => thread);
    const contexts = Array.from({ length: plansMax + 1 }, (_, at) => contextOf(`field-${at}`));
    const read = (context: ScanContext | undefined): void => {
      void reader.read(sentBody(largeText()), "all", context ?? null);
    };
    for (const context of [contexts[0], contexts[0], ...contexts.slice(1), contexts[0]])
      read(context);
    const learnt = thread.calls.map(({ plan }) => plan !== null);
    expect(learnt.slice(0, 3)).toEqual([true, false, true]);
    expect(learnt.at(-1)).toBe(true);
    thread.emit("exit");
  });

  it("[UB7] is not opened where there is one processor only", () => {
    const reader = readerWith(null);
    const read = reader.read(sentBody(largeText()), "all", contextOf("region"));
    expect(read).not.toBeInstanceOf(Promise);
  });
});
