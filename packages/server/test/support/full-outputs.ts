// A projection that can be made to have no room, or to be broken, for as long as a test likes: at
// storing, at flushing or both. Everything else is the projection in memory underneath, which
// checks that no output comes twice; it outlives the engine, as a file does.
import type { Output } from "../../src/core/output.ts";
import { NoRoomError } from "../../src/core/problem.ts";
import type { OutputStore } from "../../src/engine/stores.ts";
import { MemoryOutputs } from "./memory-outputs.ts";

export class FullOutputs implements OutputStore {
  memory: MemoryOutputs = new MemoryOutputs();
  isStoreFull = false;
  isFlushFull = false;
  /** Thrown by every call until it is taken away. */
  fault: Error | null = null;
  /** Thrown by `flush` alone. */
  flushFault: Error | null = null;
  /** Calls of `store` that found no room. */
  refusals = 0;

  get appliedSeq(): number {
    return this.memory.appliedSeq;
  }

  store(outputs: readonly Output[], seq: number): void {
    if (this.fault !== null) throw this.fault;
    if (this.isStoreFull) {
      this.refusals += 1;
      throw new NoRoomError("There is no room to store.");
    }
    this.memory.store(outputs, seq);
  }

  flush(): void {
    const fault = this.fault ?? this.flushFault;
    if (fault !== null) throw fault;
    if (this.isFlushFull) throw new NoRoomError("There is no room to flush.");
    this.memory.flush();
  }

  close(): void {
    this.flush();
  }

  /** The same file, as the next life of the engine opens it. */
  reopened(): this {
    this.memory = this.memory.reopened(null);
    return this;
  }
}
