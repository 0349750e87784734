// Deliveries and their attempts in deliveries.db: made once for each destination and output, due at
// some time until they are delivered or have failed for good. Rows of a destination are only ever
// found through its lane, so that nobody meets another account's.
import { type Position, positionText } from "../core/output.ts";
import type { EpochMs } from "../core/ports.ts";
import type { DeliveredKind, DeliveryAttempt, DeliveryState } from "./ports.ts";
import { integer, integerOrNull, type Prepared, position, type Row, text } from "./prepared.ts";

export type RowKind = DeliveredKind | "test" | "file";

/** A delivery that is to be attempted. */
export interface DueRow {
  readonly no: number;
  readonly messageId: string;
  readonly kind: RowKind;
  /** Of the output; of a file that of its first record. */
  readonly position: Position;
  readonly state: DeliveryState;
  /** Attempts in the present schedule. */
  readonly round: number;
  /** All that were ever made. */
  readonly attempts: number;
  readonly isReplay: boolean;
  readonly createdAt: EpochMs;
}

export interface NewRow {
  readonly lane: number;
  readonly messageId: string;
  readonly kind: RowKind;
  readonly position: Position;
  readonly now: EpochMs;
}

/** Attempts of a delivery that are kept: the last ones. */
const attemptsKept = 20;

export function messageIdOf(output: Position): string {
  return `msg_${positionText(output)}`;
}

const columns = `no, message, kind, partition, seq, idx, state, round, attempts, replay, created_at`;

export class DeliveryRows {
  readonly #prepared: Prepared;

  constructor(prepared: Prepared) {
    this.#prepared = prepared;
  }

  /** Due at once. The number of the row; null when the destination has that message already. */
  add({ lane, messageId, kind, position: at, now }: NewRow): number | null {
    const sql = `INSERT INTO deliveries
      (lane, message, kind, partition, seq, idx, state, due_at, created_at)
      VALUES (?, ?, ?, ?, ?, ?, 'pending', ?, ?) ON CONFLICT DO NOTHING RETURNING no`;
    const values = [lane, messageId, kind, at.partition, at.seq, at.index, now, now];
    const row = this.#prepared.get(sql, values);
    return row === undefined ? null : integer(row, "no");
  }

  /** The longest due first. */
  due(lane: number, now: EpochMs, limit: number): readonly DueRow[] {
    const sql = `SELECT ${columns} FROM deliveries INDEXED BY deliveries_due
      WHERE lane = ? AND state = 'pending' AND due_at <= ? ORDER BY due_at, no LIMIT ?`;
    return this.#prepared.all(sql, [lane, now, limit]).map(dueRow);
  }

  /** When the next one after `now` is due; infinity when none waits. */
  dueNext(lane: number, now: EpochMs): EpochMs {
    const sql = `SELECT due_at FROM deliveries INDEXED BY deliveries_due
      WHERE lane = ? AND state = 'pending' AND due_at > ? ORDER BY due_at LIMIT 1`;
    const row = this.#prepared.get(sql, [lane, now]);
    return row === undefined ? Number.POSITIVE_INFINITY : integer(row, "due_at");
  }

  find(lane: number, messageId: string): DueRow | undefined {
    const sql = `SELECT ${columns} FROM deliveries WHERE lane = ? AND message = ?`;
    const row = this.#prepared.get(sql, [lane, messageId]);
    return row === undefined ? undefined : dueRow(row);
  }

  /** Keeps an attempt; the oldest beyond `attemptsKept` goes. */
  addAttempt(delivery: number, attempts: number, attempt: DeliveryAttempt): void {
    const { at, durationMs, status, answer, error, replay } = attempt;
    this.#prepared.run(
      `INSERT INTO attempts (delivery, n, at, duration, status, answer, error, replay)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
      [delivery, attempts, at, Math.round(durationMs), status, answer, error, replay ? 1 : 0],
    );
    const oldest = attempts - attemptsKept;
    if (oldest < 1) return;
    this.#prepared.run("DELETE FROM attempts WHERE delivery = ? AND n <= ?", [delivery, oldest]);
  }

  /** Waits for its next attempt. */
  postpone(delivery: number, dueAt: EpochMs): void {
    const sql = `UPDATE deliveries SET due_at = ?, round = round + 1, attempts = attempts + 1
      WHERE no = ?`;
    this.#prepared.run(sql, [dueAt, delivery]);
  }

  finish(delivery: number, state: "delivered" | "failed", now: EpochMs): void {
    const sql = `UPDATE deliveries SET state = ?, finished_at = ?, round = round + 1,
      attempts = attempts + 1 WHERE no = ?`;
    this.#prepared.run(sql, [state, now, delivery]);
  }

  /** An attempt that decides nothing: the delivery was resent meanwhile. */
  countAttempt(delivery: number): void {
    this.#prepared.run("UPDATE deliveries SET attempts = attempts + 1 WHERE no = ?", [delivery]);
  }

  /** Due now, with its schedule before it; its attempts are replays from now on. */
  resend(delivery: number, now: EpochMs): void {
    const sql = `UPDATE deliveries SET state = 'pending', due_at = ?, round = 0, replay = 1,
      finished_at = NULL WHERE no = ?`;
    this.#prepared.run(sql, [now, delivery]);
  }

  /**
   * Makes up to `most` pending ones after the row `after` due now. The last row that it came to;
   * null: none was left.
   */
  hasten(
    lane: number,
    after: number,
    { now, most }: { now: EpochMs; most: number },
  ): number | null {
    const sql = `SELECT max(no) AS last FROM (SELECT no FROM deliveries INDEXED BY deliveries_state
      WHERE lane = ? AND state = 'pending' AND no > ? ORDER BY no LIMIT ?)`;
    const last = integerOrNull(this.#prepared.get(sql, [lane, after, most]), "last");
    if (last === null) return null;
    const update = `UPDATE deliveries SET due_at = min(due_at, ?)
      WHERE lane = ? AND state = 'pending' AND no > ? AND no <= ?`;
    this.#prepared.run(update, [now, lane, after, last]);
    return last;
  }

  /** Makes every file that has records of the range, and is not pending, due again; how many records. */
  resendFiles(lane: number, now: EpochMs, range: { after: Position; upTo: Position }): number {
    const { after, upTo } = range;
    const where = `lane = ? AND kind = 'file' AND state <> 'pending'
      AND (partition, seq, idx) <= (?, ?, ?) AND no IN (SELECT delivery FROM files
        WHERE (to_partition, to_seq, to_idx) > (?, ?, ?))`;
    const places = [upTo, after].flatMap((one) => [one.partition, one.seq, one.index]);
    const sum = `SELECT coalesce(sum(records), 0) AS records FROM files
      WHERE delivery IN (SELECT no FROM deliveries WHERE ${where})`;
    const records = integer(this.#prepared.get(sum, [lane, ...places]), "records");
    const update = `UPDATE deliveries SET state = 'pending', due_at = ?, round = 0, replay = 1,
      finished_at = NULL WHERE ${where}`;
    this.#prepared.run(update, [now, lane, ...places]);
    return records;
  }

  /** Removes up to `most` that were finished before; false: none was left. */
  prune(before: EpochMs, most: number): boolean {
    const sql = `DELETE FROM deliveries WHERE no IN
      (SELECT no FROM deliveries INDEXED BY deliveries_finished
        WHERE finished_at IS NOT NULL AND finished_at < ? ORDER BY finished_at LIMIT ?)`;
    return this.#prepared.run(sql, [before, most]) > 0;
  }
}

export function dueRow(row: Row): DueRow {
  return {
    no: integer(row, "no"),
    messageId: text(row, "message"),
    kind: text(row, "kind") as RowKind,
    position: position(row),
    state: text(row, "state") as DeliveryState,
    round: integer(row, "round"),
    attempts: integer(row, "attempts"),
    isReplay: integer(row, "replay") === 1,
    createdAt: integer(row, "created_at"),
  };
}
