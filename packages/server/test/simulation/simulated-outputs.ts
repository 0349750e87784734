// A projection in memory for thousands of worlds: groups of outputs in order, durable at a flush, of
// which a power cut leaves a prefix. It can have no room, or break, and checks that nothing is
// stored twice. It keeps the contract of the engine's OutputStore and nothing more.
import type { Output } from "../../src/core/output.ts";
import { assert, NoRoomError } from "../../src/core/problem.ts";
import type { OutputStore } from "../../src/engine/stores.ts";
import { outputText } from "./texts.ts";

interface Group {
  readonly seq: number;
  readonly texts: readonly string[];
}

export type OutputsFault = "full" | "broken" | null;

export class SimulatedOutputs implements OutputStore {
  /** What `store` and `flush` meet until it is taken away. */
  fault: OutputsFault = null;
  /** Calls that met a fault. */
  readonly met: { full: number; broken: number } = { full: 0, broken: 0 };
  readonly #groups: Group[];
  #durable: number;

  constructor(groups: readonly Group[] = []) {
    this.#groups = [...groups];
    this.#durable = groups.length;
  }

  get appliedSeq(): number {
    return this.#groups.at(-1)?.seq ?? 0;
  }

  /** Everything stored, in order. */
  get texts(): readonly string[] {
    return this.#groups.flatMap(({ texts }) => texts);
  }

  store(outputs: readonly Output[], seq: number): void {
    this.#meet();
    const { appliedSeq } = this;
    if (seq <= appliedSeq) return;
    for (const output of outputs) {
      if ("position" in output) assert(output.position.seq <= seq, "an output is of its group");
    }
    const fresh = outputs.filter(
      (output) => !("position" in output) || output.position.seq > appliedSeq,
    );
    this.#groups.push({ seq, texts: fresh.map(outputText) });
  }

  flush(): void {
    this.#meet();
    this.#durable = this.#groups.length;
  }

  close(): void {
    this.flush();
  }

  /** As the next life finds it: whole, or after a power cut with `lost` of 1 shares gone. */
  reopened(lost: number): SimulatedOutputs {
    const pending = this.#groups.length - this.#durable;
    return new SimulatedOutputs(
      this.#groups.slice(0, this.#groups.length - Math.ceil(pending * lost)),
    );
  }

  #meet(): void {
    if (this.fault === null) return;
    this.met[this.fault] += 1;
    if (this.fault === "full") throw new NoRoomError("the simulated projection has no room");
    throw new Error("the simulated projection is broken");
  }
}
