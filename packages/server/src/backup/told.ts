// What replaying a journal tells the lists, summed up: numbers and checksums of metered records in
// their order and of data-correction items, to be compared with those of a projection. Of an item only
// what was sent is compared, since actions change the rest, and those that expired are left out.
import { createHash, type Hash } from "node:crypto";
import { totalsOf } from "../core/conservation.ts";
import { type CorrectionOutput, type Output, type Position, positionText } from "../core/output.ts";
import type { State } from "../core/state.ts";
import type { PrunedTo, StoredOutput } from "../projection/copy-projection.ts";

/** What replay tells the lists, of the entries that they have. */
export class Told {
  readonly from: number;
  readonly meteredRecords: Digest = new Digest();
  readonly thresholdEvents: Digest = new Digest();
  readonly items: ItemDigest = new ItemDigest();
  /** What the state had when the lists were written; null while they are of another time. */
  state: { readonly meters: number; readonly settling: number; readonly waiting: number } | null =
    null;
  readonly #itemSums = new Map<string, bigint>();
  readonly #upTo: number;
  readonly #prunedTo: PrunedTo;

  /** What was up to `prunedTo` is not in the lists any more. */
  constructor(from: number, upTo: number, prunedTo: PrunedTo | null) {
    this.from = from;
    this.#upTo = upTo;
    this.#prunedTo = prunedTo ?? { meteredRecords: null, thresholdEvents: null };
  }

  /** To be called after each group; the lists are always of the end of one. */
  look(state: State): void {
    if (state.seq !== this.#upTo) return;
    const settling = waitingPeriods(state);
    this.state = { meters: state.meters.size, settling, waiting: totalsOf(state).waiting };
  }

  take(outputs: readonly Output[]): void {
    for (const output of outputs) {
      if (!("position" in output) || output.position.seq > this.#upTo) continue;
      const position = positionText(output.position);
      if (output.kind === "metered-record") {
        const isPruned = isUpTo(output.position, this.#prunedTo.meteredRecords);
        if (!isPruned) this.meteredRecords.add(position, output.json);
      } else if (output.kind === "threshold-event") {
        const isPruned = isUpTo(output.position, this.#prunedTo.thresholdEvents);
        if (!isPruned) this.thresholdEvents.add(position, output.json);
      } else if (output.kind === "correction") {
        this.#addItem(position, output);
      } else if (output.kind === "correction-expired") {
        this.#removeItem(positionText(output.item));
      }
    }
  }

  #addItem(position: string, { original, originalIsBytes }: CorrectionOutput): void {
    const bytes = Buffer.from(original, originalIsBytes ? "latin1" : "utf8");
    const sum = itemSum({ position, text: bytes.toString("hex").toUpperCase() });
    this.#itemSums.set(position, sum);
    this.items.add(sum);
  }

  /** An item of before the entries that are replayed was never added. */
  #removeItem(position: string): void {
    const sum = this.#itemSums.get(position);
    if (sum !== undefined) this.items.remove(sum);
    this.#itemSums.delete(position);
  }
}

function isUpTo({ seq, index }: Position, last: Position | null): boolean {
  return last !== null && (seq < last.seq || (seq === last.seq && index <= last.index));
}

function waitingPeriods({ meters }: State): number {
  let periods = 0;
  for (const { settling } of meters.values()) periods += settling?.periods.length ?? 0;
  return periods;
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

/** Number of items and a checksum that does not depend on their order, so that one can go again. */
class ItemDigest {
  #rows = 0;
  #sum = 0n;

  add(sum: bigint): void {
    this.#rows += 1;
    this.#sum += sum;
  }

  remove(sum: bigint): void {
    this.#rows -= 1;
    this.#sum -= sum;
  }

  get text(): string {
    return `${this.#rows} (${BigInt.asUintN(64, this.#sum).toString(16)})`;
  }
}

/** `text` is the record as sent, in hexadecimal digits. */
function itemSum({ position, text }: StoredOutput): bigint {
  return createHash("sha256").update(`${position} ${text}`).digest().readBigUInt64BE();
}

/** The same of items as a projection has them. */
export function itemDigest(rows: Iterable<StoredOutput>): string {
  const sum = new ItemDigest();
  for (const row of rows) sum.add(itemSum(row));
  return sum.text;
}

export function digest(rows: Iterable<StoredOutput>): string {
  const sum = new Digest();
  for (const { position, text } of rows) sum.add(position, text);
  return sum.text;
}
