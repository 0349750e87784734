// What replaying a journal tells the lists, summed up: numbers and checksums of metered records and
// data-correction items in their order, to be compared with those of a projection.
import { createHash, type Hash } from "node:crypto";
import { totalsOf } from "../core/conservation.ts";
import { type Output, type Position, positionText } from "../core/output.ts";
import type { State } from "../core/state.ts";
import type { StoredOutput } from "../projection/copy-projection.ts";

/** What replay tells the lists, of the entries that they have. */
export class Told {
  readonly from: number;
  readonly meteredRecords: Digest = new Digest();
  readonly items: Digest = new Digest();
  /** What the state had when the lists were written; null while they are of another time. */
  state: { readonly meters: number; readonly waiting: number } | null = null;
  readonly #upTo: number;
  readonly #prunedTo: Position | null;

  /** Metered records up to `prunedTo` are not in the lists any more. */
  constructor(from: number, upTo: number, prunedTo: Position | null) {
    this.from = from;
    this.#upTo = upTo;
    this.#prunedTo = prunedTo;
  }

  /** To be called after each group; the lists are always of the end of one. */
  look(state: State): void {
    if (state.seq !== this.#upTo) return;
    this.state = { meters: state.meters.size, waiting: totalsOf(state).waiting };
  }

  take(outputs: readonly Output[]): void {
    for (const output of outputs) {
      if (output.kind !== "metered-record" && output.kind !== "correction") continue;
      if (output.position.seq > this.#upTo) continue;
      const position = positionText(output.position);
      if (output.kind === "metered-record") {
        if (!this.#isPruned(output.position)) this.meteredRecords.add(position, output.json);
      } else this.items.add(position, output.detail);
    }
  }

  #isPruned({ seq, index }: Position): boolean {
    const last = this.#prunedTo;
    return last !== null && (seq < last.seq || (seq === last.seq && index <= last.index));
  }
}

/** Number and checksum of rows in their order. */
class Digest {
  #rows = 0;
  readonly #hash: Hash = createHash("sha256");

  add(position: string, text: string): void {
    this.#rows += 1;
    this.#hash.update(`${position} ${text}\n`);
  }

  get text(): string {
    return `${this.#rows} (${this.#hash.copy().digest("hex").slice(0, 16)})`;
  }
}

export function digest(rows: Iterable<StoredOutput>): string {
  const sum = new Digest();
  for (const { position, text } of rows) sum.add(position, text);
  return sum.text;
}
