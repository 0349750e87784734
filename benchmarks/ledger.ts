// What the engine has acknowledged, by user, and the comparison with what its meters say. Made from
// the bodies that were sent, without any of the engine's code.
import { createHash } from "node:crypto";
import { type Batch, userIdOf } from "./workload.ts";

/** A meter as far as it is compared. */
export interface MeterReading {
  readonly userId: string;
  readonly valueExact: string;
  readonly meterMetaData: { readonly count: number };
}

export interface Verdict {
  readonly records: number;
  /** Sum of all meters, as an exact decimal. */
  readonly sum: string;
  /** SHA-256 over all meters, by user: the same seed and sizes give the same. */
  readonly hash: string;
  /** Sentences; empty when every meter is right. */
  readonly faults: readonly string[];
}

const faultsShown = 5;

export class Ledger {
  readonly #counts: Float64Array;
  readonly #thousandths: BigInt64Array;
  readonly #faults: string[] = [];

  constructor(users: number) {
    this.#counts = new Float64Array(users);
    this.#thousandths = new BigInt64Array(users);
  }

  /** A body was answered; ids are new, so every record of it must have been counted. */
  acknowledge(batch: Batch, counted: number): void {
    if (counted !== batch.users.length) {
      this.#faults.push(`Of ${batch.users.length} new records ${counted} were counted.`);
    }
    for (const [index, user] of batch.users.entries()) {
      this.#counts[user] = (this.#counts[user] ?? 0) + 1;
      const before = this.#thousandths[user] ?? 0n;
      this.#thousandths[user] = before + BigInt(batch.thousandths[index] ?? 0);
    }
  }

  /** `meters` has one for each user. */
  compare(meters: readonly MeterReading[]): Verdict {
    const byUser = new Map(meters.map((meter) => [meter.userId, meter]));
    const faults = [...this.#faults];
    if (meters.length !== this.#counts.length) {
      faults.push(`There are ${meters.length} meters instead of ${this.#counts.length}.`);
    }
    const hash = createHash("sha256");
    let [records, sum] = [0, 0n];
    for (const [user, count] of this.#counts.entries()) {
      const userId = userIdOf(user);
      const expected = `${decimal(this.#thousandths[user] ?? 0n)} of ${count} records`;
      const meter = byUser.get(userId);
      const found = `${meter?.valueExact} of ${meter?.meterMetaData.count} records`;
      if (found !== expected) faults.push(`${userId} has ${found} instead of ${expected}.`);
      hash.update(`${userId} ${found}\n`);
      records += count;
      sum += this.#thousandths[user] ?? 0n;
    }
    const omitted = faults.length - faultsShown;
    if (omitted > 0) faults.splice(faultsShown, omitted, `And ${omitted} more.`);
    return { records, sum: decimal(sum), hash: hash.digest("hex"), faults };
  }
}

/** As the API writes amounts: no zeros at the end. */
function decimal(thousandths: bigint): string {
  const text = thousandths.toString().padStart(4, "0");
  return `${text.slice(0, -3)}.${text.slice(-3)}`.replace(/\.?0+$/, "");
}
