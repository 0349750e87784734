// The disk thread: carries out one file operation after the other with synchronous calls, so that a
// slow sync never holds up the thread that answers requests. Faults go back as values with the
// system's code. It decides nothing and keeps nothing but open handles.
import {
  closeSync,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  statSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { dirname, resolve } from "node:path";
import { parentPort } from "node:worker_threads";
import { assert } from "../core/problem.ts";
import type { DiskErrorKind } from "./disk.ts";
import type { DiskAnswer, DiskCall, DiskFault, DiskReplies, DiskRequest } from "./disk-messages.ts";

const port = parentPort;
assert(port !== null, "disk-thread.ts runs as a worker thread");
port.on("message", ({ id, request }: DiskCall) => {
  const answer = answerTo(id, request);
  const bytes = "value" in answer && answer.value instanceof Uint8Array ? answer.value : null;
  port.postMessage(answer, bytes === null ? [] : [bytes.buffer]);
});

function answerTo(id: number, request: DiskRequest): DiskAnswer {
  try {
    return { id, value: carryOut(request) };
  } catch (error) {
    if (error instanceof ShortWrite) return { id, fault: { kind: "full", code: "SHORT" } };
    if (error instanceof SyncFailure) {
      return { id, fault: { kind: "failed", code: codeOf(error.cause) } };
    }
    return { id, fault: faultOf(codeOf(error)) };
  }
}

class ShortWrite extends Error {}

class SyncFailure extends Error {}

function carryOut(request: DiskRequest): DiskReplies[keyof DiskReplies] {
  switch (request.operation) {
    case "make directory":
      return makeDirectory(resolve(request.path));
    case "list":
      return readdirSync(request.path).sort();
    case "size":
      return statSync(request.path).size;
    case "read":
      return read(request.path, request.position, request.length);
    case "open":
      return opened(request.path, "r+");
    case "create":
      return opened(request.path, "wx+");
    case "rename":
      renameSync(request.path, request.to);
      return null;
    case "remove":
      unlinkSync(request.path);
      return null;
    case "sync directory":
      return syncDirectory(request.path);
    case "write": {
      const { handle, position, bytes } = request;
      const isShort = writeSync(handle, bytes, 0, bytes.length, position) < bytes.length;
      // Given back at once: this thread makes so little else that it hardly ever collects garbage.
      bytes.buffer.transfer(0);
      if (isShort) throw new ShortWrite();
      return sync(() => fdatasyncSync(handle));
    }
    case "truncate":
      ftruncateSync(request.handle, request.size);
      return sync(() => fdatasyncSync(request.handle));
    case "close":
      closeSync(request.handle);
      return null;
  }
}

function opened(path: string, flags: string): DiskReplies["open"] {
  const handle = openSync(path, flags, 0o600);
  return { handle, size: fstatSync(handle).size };
}

function read(path: string, position: number, length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  const handle = openSync(path, "r");
  try {
    let done = 0;
    while (done < length) {
      const count = readSync(handle, bytes, done, length - done, position + done);
      if (count === 0) break;
      done += count;
    }
    return bytes.subarray(0, done);
  } finally {
    closeSync(handle);
  }
}

/** Every level that was made is synced into the one above it. */
function makeDirectory(path: string): null {
  const first = mkdirSync(path, { recursive: true, mode: 0o700 });
  if (first === undefined) return null;
  for (let made = path; made.length >= first.length; made = dirname(made)) {
    syncDirectory(dirname(made));
  }
  return null;
}

function syncDirectory(path: string): null {
  const handle = openSync(path, "r");
  try {
    return sync(() => fsyncSync(handle));
  } finally {
    closeSync(handle);
  }
}

function sync(call: () => void): null {
  try {
    call();
    return null;
  } catch (cause) {
    throw new SyncFailure("sync failed", { cause });
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error && typeof error.code === "string"
    ? error.code
    : String(error);
}

function faultOf(code: string): DiskFault {
  return { kind: kinds.get(code) ?? "failed", code };
}

const kinds: ReadonlyMap<string, DiskErrorKind> = new Map([
  ["ENOSPC", "full"],
  ["EDQUOT", "full"],
  ["EFBIG", "full"],
  ["EMFILE", "full"],
  ["ENFILE", "full"],
  ["ENOENT", "missing"],
  ["EEXIST", "exists"],
]);
