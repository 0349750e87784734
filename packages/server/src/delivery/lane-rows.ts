// What is durable of each destination's progress: the cursor up to which outputs became deliveries,
// since when its receiver fails, and how many deliveries stand in each state. A row is made when a
// destination is first seen and goes, in pieces, when it is deleted.
import type { Destination } from "../core/destination.ts";
import type { Position } from "../core/output.ts";
import type { EpochMs } from "../core/ports.ts";
import type { DeliveryState } from "./ports.ts";
import { integer, integerOrNull, type Prepared, position, type Row, text } from "./prepared.ts";

export interface LaneRow {
  readonly no: number;
  readonly id: string;
  readonly cursor: Position;
  /** Pending deliveries were made due when it was enabled then. */
  readonly enabledAt: EpochMs;
  /** The first failed attempt since the last success; null: none. */
  readonly failingSince: EpochMs | null;
  readonly failedAt: EpochMs | null;
}

export type DeliveryCounts = Readonly<Record<DeliveryState, number>>;

/** After every output of an entry: no entry has as many. */
const lastIndex: number = 2 ** 52;

export class LaneRows {
  readonly #prepared: Prepared;

  constructor(prepared: Prepared) {
    this.#prepared = prepared;
  }

  all(): readonly LaneRow[] {
    return this.#prepared.all("SELECT * FROM lanes ORDER BY no", []).map(laneRow);
  }

  /** A new one begins after the entry that made the destination. */
  add(destination: Destination, partition: number): LaneRow {
    const { id, createdSeq, enabledAt } = destination;
    const sql = `INSERT INTO lanes (id, partition, seq, idx, enabled_at)
      VALUES (?, ?, ?, ?, ?) RETURNING *`;
    const values = [id, partition, createdSeq, lastIndex, enabledAt];
    return laneRow(this.#prepared.get(sql, values));
  }

  moveCursor(lane: number, { partition, seq, index }: Position): void {
    const sql = "UPDATE lanes SET partition = ?, seq = ?, idx = ? WHERE no = ?";
    this.#prepared.run(sql, [partition, seq, index, lane]);
  }

  setFailing(lane: number, since: EpochMs | null, at: EpochMs | null): void {
    const sql = "UPDATE lanes SET failing_since = ?, failed_at = ? WHERE no = ?";
    this.#prepared.run(sql, [since, at, lane]);
  }

  setEnabledAt(lane: number, at: EpochMs): void {
    this.#prepared.run("UPDATE lanes SET enabled_at = ? WHERE no = ?", [at, lane]);
  }

  counts(lane: number): DeliveryCounts {
    const sql = "SELECT pending, delivered, failed FROM lanes WHERE no = ?";
    return countsOf(this.#prepared.get(sql, [lane]));
  }

  totals(): DeliveryCounts {
    const sql = `SELECT coalesce(sum(pending), 0) AS pending,
      coalesce(sum(delivered), 0) AS delivered, coalesce(sum(failed), 0) AS failed FROM lanes`;
    return countsOf(this.#prepared.get(sql, []));
  }

  /** Removes up to `most` deliveries of a lane; false: nothing was left, the lane is gone too. */
  removeSome(lane: number, most: number): boolean {
    const sql = `DELETE FROM deliveries WHERE no IN
      (SELECT no FROM deliveries WHERE lane = ? ORDER BY no LIMIT ?)`;
    if (this.#prepared.run(sql, [lane, most]) > 0) return true;
    this.#prepared.run("DELETE FROM resends WHERE lane = ?", [lane]);
    this.#prepared.run("DELETE FROM lanes WHERE no = ?", [lane]);
    return false;
  }
}

function laneRow(row: Row | undefined): LaneRow {
  return {
    no: integer(row, "no"),
    id: text(row, "id"),
    cursor: position(row),
    enabledAt: integer(row, "enabled_at"),
    failingSince: integerOrNull(row, "failing_since"),
    failedAt: integerOrNull(row, "failed_at"),
  };
}

function countsOf(row: Row | undefined): DeliveryCounts {
  return {
    pending: integer(row, "pending"),
    delivered: integer(row, "delivered"),
    failed: integer(row, "failed"),
  };
}
