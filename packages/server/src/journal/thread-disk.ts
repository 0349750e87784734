// The real disk: hands every call to a thread of its own (disk-thread.ts) and matches the answers.
// One message each way for a group commit; bytes are moved, never copied. When the thread dies,
// every call fails: the journal then accepts nothing more.
import { Worker } from "node:worker_threads";
import { assert } from "../core/problem.ts";
import { type Disk, DiskError, type DiskFile } from "./disk.ts";
import type { DiskAnswer, DiskReplies, DiskRequest } from "./disk-messages.ts";

/**
 * Starts the thread. It keeps the process alive until `close`. Use one for the journal and another
 * for snapshots, so that a large write of the one never stands before a commit of the other.
 */
export function openThreadDisk(): Disk {
  const thread = new DiskThread();
  const call = <O extends DiskRequest["operation"]>(
    request: Extract<DiskRequest, { readonly operation: O }>,
  ): Promise<DiskReplies[O]> => thread.call(request);
  const file = async (operation: "open" | "create", path: string): Promise<DiskFile> => {
    const { handle, size } = await thread.call({ operation, path });
    return {
      path,
      size,
      writeDurably: async (position, bytes) => {
        await call({ operation: "write", path, handle, position, bytes });
      },
      truncateDurably: async (cut) => {
        await call({ operation: "truncate", path, handle, size: cut });
      },
      close: async () => {
        await call({ operation: "close", path, handle });
      },
    };
  };
  return {
    makeDirectory: async (path) => void (await call({ operation: "make directory", path })),
    list: (path) => call({ operation: "list", path }),
    size: (path) => call({ operation: "size", path }),
    read: (path, position, length) => call({ operation: "read", path, position, length }),
    open: (path) => file("open", path),
    create: (path) => file("create", path),
    rename: async (path, to) => void (await call({ operation: "rename", path, to })),
    remove: async (path) => void (await call({ operation: "remove", path })),
    syncDirectory: async (path) => void (await call({ operation: "sync directory", path })),
    close: () => thread.close(),
  };
}

interface Waiting {
  readonly request: DiskRequest;
  readonly resolve: (value: never) => void;
  readonly reject: (error: DiskError) => void;
}

class DiskThread {
  readonly #worker = new Worker(new URL("./disk-thread.ts", import.meta.url), { execArgv: [] });
  readonly #waiting = new Map<number, Waiting>();
  #calls = 0;
  /** Why no call is possible any more. */
  #ended: string | null = null;

  constructor() {
    this.#worker.on("message", (answer: DiskAnswer) => this.#settle(answer));
    this.#worker.on("error", (error) => this.#end(String(error)));
    this.#worker.on("exit", (code) => this.#end(`THREAD-EXIT-${code}`));
  }

  call<O extends DiskRequest["operation"]>(
    request: Extract<DiskRequest, { readonly operation: O }>,
  ): Promise<DiskReplies[O]> {
    if (this.#ended !== null) return Promise.reject(failed(request, this.#ended));
    this.#calls += 1;
    const id = this.#calls;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { request, resolve, reject });
      this.#worker.postMessage({ id, request }, "bytes" in request ? [request.bytes.buffer] : []);
    });
  }

  async close(): Promise<void> {
    this.#ended ??= "CLOSED";
    assert(this.#waiting.size === 0, "a disk is closed when its calls have been answered");
    await this.#worker.terminate();
  }

  #settle(answer: DiskAnswer): void {
    const waiting = this.#waiting.get(answer.id);
    assert(waiting !== undefined, "the disk thread answers each call once");
    this.#waiting.delete(answer.id);
    if ("value" in answer) {
      // The thread answers each operation with its own reply (DiskReplies).
      waiting.resolve(answer.value as never);
      return;
    }
    const { operation, path } = waiting.request;
    const { kind, code } = answer.fault;
    waiting.reject(new DiskError(kind, { code, operation, path }));
  }

  #end(reason: string): void {
    this.#ended ??= reason;
    for (const { request, reject } of this.#waiting.values()) reject(failed(request, reason));
    this.#waiting.clear();
  }
}

function failed({ operation, path }: DiskRequest, code: string): DiskError {
  return new DiskError("failed", { code, operation, path });
}
