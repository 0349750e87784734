// Usage over time in the projection: writing, reading and retention of its tables behind one name.
// It decides nothing itself, and begins no transaction.
import type { UsageWindowOutput } from "../core/output.ts";
import type { EpochMs, Zone, Zones } from "../core/ports.ts";
import type { UsagePiece } from "../core/usage-answer.ts";
import type { Statements } from "./statements.ts";
import { UsagePruner } from "./usage-pruner.ts";
import { type UsagePieceQuery, UsageReader } from "./usage-reader.ts";
import { UsageWriter } from "./usage-writer.ts";

export const usageLists = ["usage-gone", "usage-minutes", "usage-quarters", "usage-days"] as const;
export type UsageList = (typeof usageLists)[number];

export class UsageTables {
  readonly #writer: UsageWriter;
  readonly #reader: UsageReader;
  readonly #pruner: UsagePruner;

  /** Without zones all days are those of UTC. */
  constructor(statements: Statements, zones: Zones | null) {
    this.#writer = new UsageWriter(statements);
    this.#reader = new UsageReader(statements);
    this.#pruner = new UsagePruner(statements, zones ?? everywhereUtc);
  }

  add(output: UsageWindowOutput): void {
    this.#writer.add(output);
  }

  meterGone(meterId: string): void {
    this.#writer.meterGone(meterId);
  }

  finishGroup(): void {
    this.#writer.finishGroup();
  }

  forget(): void {
    this.#writer.forget();
  }

  /** What a meter has counted, but for what is open; null when there is more than one may read. */
  pieces(query: UsagePieceQuery): readonly UsagePiece[] | null {
    return this.#reader.pieces(query);
  }

  /** Within a transaction; returns how many rows it met, and less than `rowsMax` at the end. */
  prune(list: UsageList, before: EpochMs, rowsMax: number): number {
    const pruner = this.#pruner;
    switch (list) {
      case "usage-gone":
        return pruner.gone(rowsMax);
      case "usage-minutes":
        return pruner.minutes(before, rowsMax);
      case "usage-quarters":
        return pruner.quarters(before, rowsMax);
      case "usage-days":
        return pruner.days(before, rowsMax);
    }
  }
}

const always = {
  start: Number.NEGATIVE_INFINITY,
  end: Number.POSITIVE_INFINITY,
  offsetMs: 0,
};
const utc: Zone = { id: "Etc/UTC", spanAt: () => always };
const everywhereUtc: Zones = { get: () => utc };
