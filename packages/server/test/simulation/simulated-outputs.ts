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

/** A fault at one call of `store` or `flush`, counted from 0, and perhaps at all later ones. */
export interface OutputsPlan {
  readonly at: number;
  readonly fault: "full" | "broken";
  readonly forever: boolean;
}

export class SimulatedOutputs implements OutputStore {
  /** What `store` and `flush` meet until it is taken away. */
  fault: OutputsFault = null;
  /** Sabotage: of every tenth group nothing is kept. */
  isForgetful = false;
  /** Calls that met a fault. */
  readonly met: { full: number; broken: number } = { full: 0, broken: 0 };
  /** Calls of `store` and `flush` since the plan was made. */
  calls = 0;
  readonly #groups: Group[];
  #durable: number;
  #plan: OutputsPlan | null = null;

  constructor(groups: readonly Group[] = []) {
    this.#groups = [...groups];
    this.#durable = groups.length;
  }

  /** Counts calls from 0 again and fails as planned. */
  plan(plan: OutputsPlan | null): void {
    this.calls = 0;
    this.#plan = plan;
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
    const isForgotten = this.isForgetful && this.#groups.length % 10 === 9;
    this.#groups.push({ seq, texts: isForgotten ? [] : fresh.map(outputText) });
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
    const call = this.calls;
    this.calls += 1;
    const plan = this.#plan;
    const isPlanned = plan !== null && (plan.forever ? call >= plan.at : call === plan.at);
    const fault = isPlanned ? plan.fault : this.fault;
    if (fault === null) return;
    this.met[fault] += 1;
    if (fault === "full") throw new NoRoomError("the simulated projection has no room");
    throw new Error("the simulated projection is broken");
  }
}
