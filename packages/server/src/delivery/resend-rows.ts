// Resends of a time range in deliveries.db: who asked for which range when, how far it has come.
// They stay when they have ended, as the record of who sent what again.
import type { Position } from "../core/output.ts";
import type { EpochMs } from "../core/ports.ts";
import { integer, type Prepared, position, type Row } from "./prepared.ts";

export interface ResendRow {
  readonly no: number;
  readonly lane: number;
  /** Everything up to it goes out again already. */
  readonly cursor: Position;
  /** The last output that belongs to it. */
  readonly upTo: Position;
}

export interface NewResend {
  readonly lane: number;
  readonly by: string;
  readonly now: EpochMs;
  readonly from: EpochMs;
  readonly to: EpochMs;
  readonly after: Position;
  readonly upTo: Position;
  readonly matched: number;
}

/** Ended ones of a destination that are kept: the last. */
const endedKept = 1_000;

export class ResendRows {
  readonly #prepared: Prepared;

  constructor(prepared: Prepared) {
    this.#prepared = prepared;
  }

  add(resend: NewResend): ResendRow {
    const { lane, by, now, from, to, after, upTo, matched } = resend;
    const sql = `INSERT INTO resends (lane, requested_by, requested_at, from_at, to_at,
      partition, seq, idx, to_partition, to_seq, to_idx, matched)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING *`;
    const places = [after, upTo].flatMap((one) => [one.partition, one.seq, one.index]);
    this.#prepared.run(
      `DELETE FROM resends WHERE lane = ? AND no NOT IN
        (SELECT no FROM resends WHERE lane = ? ORDER BY no DESC LIMIT ?)`,
      [lane, lane, endedKept],
    );
    return resendRow(this.#prepared.get(sql, [lane, by, now, from, to, ...places, matched]));
  }

  running(): readonly ResendRow[] {
    const sql = "SELECT * FROM resends WHERE ended_at IS NULL ORDER BY no";
    return this.#prepared.all(sql, []).map(resendRow);
  }

  moveTo(no: number, { partition, seq, index }: Position): void {
    const sql = "UPDATE resends SET partition = ?, seq = ?, idx = ? WHERE no = ?";
    this.#prepared.run(sql, [partition, seq, index, no]);
  }

  end(no: number, now: EpochMs): void {
    this.#prepared.run("UPDATE resends SET ended_at = ? WHERE no = ?", [now, no]);
  }
}

function resendRow(row: Row | undefined): ResendRow {
  return {
    no: integer(row, "no"),
    lane: integer(row, "lane"),
    cursor: position(row),
    upTo: position(row, "to_"),
  };
}
