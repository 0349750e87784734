// Has the log of the projection's file moved into it by a thread, so that no commit has to wait for
// all of it. What the thread leaves, or cannot do, the commit does that finds the log too long. Must
// never let a failed sync pass: what the system shows after one need not be on disk.
import { Worker } from "node:worker_threads";
import type { CheckpointAnswer } from "./checkpoint-thread.ts";
import { isSyncFailure } from "./projection-error.ts";

/** Outputs, about 2.5 kB of log each, after which the thread is set to work: some 10 MB. */
const outputsPerCheckpoint = 4_096;

/** The thread as it is used here. */
export interface CheckpointThread {
  postMessage(path: string): void;
  on(event: "message", listener: (answer: CheckpointAnswer) => void): unknown;
  on(event: "error", listener: () => void): unknown;
  terminate(): unknown;
}

export class Checkpoints {
  readonly #path: string;
  readonly #open: () => CheckpointThread;
  #thread: CheckpointThread | null = null;
  #outputs = 0;
  /** At work, or not to be asked any more. */
  #isAway = false;
  #failure: Error | null = null;

  constructor(path: string, open: () => CheckpointThread = openThread) {
    this.#path = path;
    this.#open = open;
  }

  /** Throws the failed sync of the thread, once there was one: nothing may be built upon the file. */
  check(): void {
    if (this.#failure !== null) throw this.#failure;
  }

  /** So many outputs were committed. */
  wrote(outputs: number): void {
    this.#outputs += outputs;
    if (this.#outputs < outputsPerCheckpoint || this.#isAway) return;
    this.#outputs = 0;
    this.#isAway = true;
    this.#thread ??= this.#start();
    this.#thread.postMessage(this.#path);
  }

  /** A checkpoint that is going on may end later; it is no different from none. */
  close(): void {
    this.#isAway = true;
    void this.#thread?.terminate();
    this.#thread = null;
  }

  /** One that dies leaves its work to the commits. */
  #start(): CheckpointThread {
    const thread = this.#open();
    thread.on("message", (answer) => {
      if (answer !== null && isSyncFailure(answer.errcode)) {
        this.#failure = Object.assign(new Error(answer.message), { errcode: answer.errcode });
      }
      this.#isAway = this.#thread === null;
    });
    thread.on("error", () => {
      this.#isAway = true;
    });
    return thread;
  }
}

/** It keeps no process alive. */
function openThread(): CheckpointThread {
  const thread = new Worker(new URL("./checkpoint-thread.ts", import.meta.url), { execArgv: [] });
  thread.unref();
  return thread;
}
