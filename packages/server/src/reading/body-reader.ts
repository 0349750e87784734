// Reads usage bodies: small ones at once, large ones in a thread of their own, so that one can be read
// while another is counted. What the thread cannot do, or leaves undone when it dies, is done here; the
// result is the same either way.
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import type { Problem, Result } from "../core/problem.ts";
import type { ScanContext, ScanPlan } from "../core/scan-plan.ts";
import {
  type Detail,
  isScannable,
  type RawRecords,
  readScannedBody,
  readUsageBody,
  type UsageBody,
} from "../core/usage-body.ts";
import { plansMax, type ReadingAnswer, type ReadingCall } from "./reading-messages.ts";

/** Smaller bodies take less time to read than to be sent to and fro. */
export const largeBodyBytesMin: number = 32 * 1024;

/** The thread as it is used here. */
export interface ReadingThread {
  postMessage(call: ReadingCall, moved: readonly ArrayBuffer[]): void;
  on(event: "message", listener: (answer: ReadingAnswer) => void): unknown;
  on(event: "error" | "exit", listener: () => void): unknown;
  terminate(): unknown;
}

type ReadBody = Result<RawRecords, Problem>;
type Settle = (answer: ReadingAnswer | null) => void;

export class BodyReader {
  readonly #open: (() => ReadingThread) | null;
  #thread: ReadingThread | null = null;
  #isEnded = false;
  readonly #waiting = new Map<number, Settle>();
  readonly #planNumbers = new Map<ScanPlan, number>();
  #bytes = 0;
  #calls = 0;
  #plans = 0;

  /** Without a thread everything is read at once. The first large body opens it. */
  constructor(open: (() => ReadingThread) | null = openThread()) {
    this.#open = open;
  }

  /** Bytes of the bodies that are in the thread. */
  get bytes(): number {
    return this.#bytes;
  }

  /** As `readUsageBody`. The body's bytes may be moved away: only what comes back has them. */
  read(body: UsageBody, detail: Detail, context: ScanContext | null): ReadBody | Promise<ReadBody> {
    const { bytes } = body;
    const isLarge = bytes !== undefined && bytes.length >= largeBodyBytesMin;
    if (!isLarge || context === null || !isScannable(body))
      return readUsageBody(body, detail, context);
    const thread = this.#threadOrNull();
    if (thread === null) return readUsageBody(body, detail, context);
    return this.#readThere(thread, { body, bytes, detail, context });
  }

  close(): void {
    this.#end();
    void this.#thread?.terminate();
    this.#thread = null;
  }

  async #readThere(
    thread: ReadingThread,
    {
      body,
      bytes,
      detail,
      context,
    }: {
      readonly body: UsageBody;
      readonly bytes: Uint8Array;
      readonly detail: Detail;
      readonly context: ScanContext;
    },
  ): Promise<ReadBody> {
    this.#calls += 1;
    const id = this.#calls;
    const moved = movable(bytes);
    const isLines = body.form === "ndjson";
    const call = { id, isLines, bytes: moved, ...this.#planOf(context) };
    const { length } = bytes;
    this.#bytes += length;
    const answer = await new Promise<ReadingAnswer | null>((settle) => {
      this.#waiting.set(id, settle);
      thread.postMessage(call, [moved.buffer]);
    });
    this.#bytes -= length;
    const { form, text, invalidLines } = body;
    // A thread that died has the bytes; the text says the same.
    if (answer === null) return readUsageBody({ form, text, invalidLines }, detail, null);
    const back = { form, text, invalidLines, bytes: answer.bytes };
    return readScannedBody(back, detail, { plan: context.plan, rows: answer.rows });
  }

  #planOf({ plan, key }: ScanContext): Pick<ReadingCall, "plan" | "planNumber"> {
    const known = this.#planNumbers.get(plan);
    if (known !== undefined) return { planNumber: known, plan: null };
    if (this.#planNumbers.size === plansMax) this.#planNumbers.clear();
    this.#plans += 1;
    this.#planNumbers.set(plan, this.#plans);
    const columns = [...plan.columns];
    return { planNumber: this.#plans, plan: { columns, idField: plan.idField, key } };
  }

  #threadOrNull(): ReadingThread | null {
    if (this.#isEnded || this.#open === null) return null;
    if (this.#thread !== null) return this.#thread;
    const thread = this.#open();
    thread.on("message", (answer) => {
      this.#waiting.get(answer.id)?.(answer);
      this.#waiting.delete(answer.id);
    });
    thread.on("error", () => this.#end());
    thread.on("exit", () => this.#end());
    this.#thread = thread;
    return thread;
  }

  #end(): void {
    this.#isEnded = true;
    for (const settle of this.#waiting.values()) settle(null);
    this.#waiting.clear();
  }
}

/** The bytes as an array that owns its memory alone, so that it can be moved. */
function movable(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const { buffer, byteLength } = bytes;
  const isAlone = buffer instanceof ArrayBuffer && buffer.byteLength === byteLength;
  return isAlone ? new Uint8Array(buffer) : Uint8Array.from(bytes);
}

/** On one processor a thread would only take the time of the other. It keeps no process alive. */
function openThread(): (() => ReadingThread) | null {
  if (availableParallelism() < 2) return null;
  return () => {
    const thread = new Worker(new URL("./reading-thread.ts", import.meta.url), { execArgv: [] });
    thread.unref();
    return thread;
  };
}
