// Deliveries as they are listed: newest first, each with its last attempts and, where it is one,
// its file. Reads only.
import { positionText } from "../core/output.ts";
import { type DueRow, dueRow } from "./delivery-rows.ts";
import type { FileRows } from "./file-rows.ts";
import { messageTypes } from "./message.ts";
import type { Delivery, DeliveryAttempt, DeliveryQuery, DeliveryType } from "./ports.ts";
import { integer, integerOrNull, type Prepared, type Row, textOrNull } from "./prepared.ts";

const order = "ORDER BY no DESC LIMIT ? OFFSET ?";

export class DeliveryList {
  readonly #prepared: Prepared;
  readonly #files: FileRows;

  constructor(prepared: Prepared, files: FileRows) {
    this.#prepared = prepared;
    this.#files = files;
  }

  page(lane: number, { state, limit, skip }: DeliveryQuery): readonly Delivery[] {
    const rows =
      state === undefined
        ? this.#prepared.all(
            `SELECT * FROM deliveries INDEXED BY deliveries_lane WHERE lane = ? ${order}`,
            [lane, limit, skip],
          )
        : this.#prepared.all(
            `SELECT * FROM deliveries INDEXED BY deliveries_state
              WHERE lane = ? AND state = ? ${order}`,
            [lane, state, limit, skip],
          );
    return rows.map((row) => this.#shown(row));
  }

  find(lane: number, messageId: string): Delivery | undefined {
    const sql = "SELECT * FROM deliveries WHERE lane = ? AND message = ?";
    const row = this.#prepared.get(sql, [lane, messageId]);
    return row === undefined ? undefined : this.#shown(row);
  }

  #shown(row: Row): Delivery {
    const known = dueRow(row);
    const finishedAt = integerOrNull(row, "finished_at");
    return {
      id: known.messageId,
      type: typeOf(known),
      recordId: isOutput(known) ? positionText(known.position) : null,
      state: known.state,
      createdAt: known.createdAt,
      deliveredAt: known.state === "delivered" ? finishedAt : null,
      nextAttemptAt: known.state === "pending" ? integer(row, "due_at") : null,
      attemptCount: known.attempts,
      attempts: this.#attempts(known.no),
      file: known.kind === "file" ? this.#files.shown(known.no) : null,
    };
  }

  #attempts(delivery: number): readonly DeliveryAttempt[] {
    const sql = "SELECT * FROM attempts WHERE delivery = ? ORDER BY n";
    return this.#prepared.all(sql, [delivery]).map((row) => ({
      at: integer(row, "at"),
      durationMs: integer(row, "duration"),
      status: integerOrNull(row, "status"),
      answer: textOrNull(row, "answer"),
      error: textOrNull(row, "error"),
      replay: integer(row, "replay") === 1,
    }));
  }
}

function isOutput({ kind }: DueRow): boolean {
  return kind !== "test" && kind !== "file";
}

function typeOf({ kind }: DueRow): DeliveryType {
  return kind === "test" || kind === "file" ? kind : messageTypes[kind];
}
