// Loaded into the server before its own code: makes one kind of call of the disk thread fail, end the
// process, or write less, at an exact call. The twin of strace, for machines without it. What it
// did it writes to stderr first, so that nobody takes a run without a fault for one with.
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import threads from "node:worker_threads";

/** In the variable CRASH_FAULT as JSON. */
export interface TwinFault {
  readonly call: "fdatasyncSync" | "fsyncSync" | "writeSync" | "renameSync" | "unlinkSync";
  /** The call that it is done at, the first is 1; 0 is every one while the file is there. */
  readonly when: number;
  readonly file?: string;
  readonly action: "kill before" | "kill after" | "EIO" | "ENOSPC" | "short" | "slow";
}

/** Of a slow disk. */
const slowSeconds = "0.025";

const fault = JSON.parse(process.env.CRASH_FAULT ?? "null") as TwinFault | null;
const { Worker } = threads;
/** As it was before anything is changed. */
const { writeSync, existsSync } = fs;

if (fault !== null && threads.isMainThread) {
  // The server starts its disk thread without any arguments of its own.
  threads.Worker = class extends Worker {
    constructor(file: string | URL, options: threads.WorkerOptions = {}) {
      super(file, { ...options, execArgv: ["--import", import.meta.url] });
    }
  };
  syncBuiltinESMExports();
} else if (fault !== null) {
  patch(fault);
  syncBuiltinESMExports();
}

type Anything = (...given: unknown[]) => unknown;

function patch({ call, when, file, action }: TwinFault): void {
  const faces = fs as unknown as Record<string, Anything>;
  const original = faces[call] as Anything;
  let calls = 0;
  faces[call] = (...given) => {
    calls += 1;
    const isNow = when === 0 ? existsSync(file ?? "") : calls === when;
    if (!isNow) return original(...given);
    if (action === "slow") {
      spawnSync("sleep", [slowSeconds]);
      return original(...given);
    }
    writeSync(2, `injected: ${call} ${calls} ${action}\n`);
    if (action === "short") return original(...shortened(given));
    if (action === "EIO" || action === "ENOSPC") {
      throw Object.assign(new Error(`${action}: injected`), { code: action });
    }
    if (action === "kill after") original(...given);
    process.kill(process.pid, "SIGKILL");
    return original(...given);
  };
}

/** `writeSync(handle, bytes, offset, length, position)`, but half as long. */
function shortened([handle, bytes, offset, length, position]: unknown[]): unknown[] {
  return [handle, bytes, offset, Math.floor(Number(length) / 2), position];
}
