// Files of file destinations in deliveries.db: which records belong to one is decided once, before
// it is written, so that writing it again gives the same name and the same bytes.
import type { FileFormat } from "../core/destination.ts";
import type { Position } from "../core/output.ts";
import type { DeliveredFile, DeliveredKind } from "./ports.ts";
import { integer, integerOrNull, type Prepared, position, text, textOrNull } from "./prepared.ts";

/** What is to be written. */
export interface FilePlan {
  readonly kind: DeliveredKind;
  readonly meterKey: string;
  readonly name: string;
  readonly format: FileFormat;
  readonly records: number;
  readonly first: Position;
  readonly last: Position;
}

export interface PlannedFile extends FilePlan {
  /** A writing has begun before: the manifest may have the file already. */
  readonly wasBegun: boolean;
}

export class FileRows {
  readonly #prepared: Prepared;

  constructor(prepared: Prepared) {
    this.#prepared = prepared;
  }

  add(delivery: number, plan: FilePlan): void {
    const { kind, meterKey, name, format, records, last } = plan;
    this.#prepared.run(
      `INSERT INTO files (delivery, output, meter_key, name, format, records,
        to_partition, to_seq, to_idx) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      [delivery, kind, meterKey, name, format, records, last.partition, last.seq, last.index],
    );
  }

  /** `first` stands in the row of the delivery. */
  find(delivery: number, first: Position): PlannedFile {
    const row = this.#prepared.get("SELECT * FROM files WHERE delivery = ?", [delivery]);
    return {
      kind: text(row, "output") as DeliveredKind,
      meterKey: text(row, "meter_key"),
      name: text(row, "name"),
      format: text(row, "format") as FileFormat,
      records: integer(row, "records"),
      first,
      last: position(row, "to_"),
      wasBegun: integer(row, "begun") === 1,
    };
  }

  /** Of a listed delivery; null where it is no file. */
  shown(delivery: number): DeliveredFile | null {
    const row = this.#prepared.get("SELECT * FROM files WHERE delivery = ?", [delivery]);
    if (row === undefined) return null;
    return {
      name: text(row, "name"),
      meterKey: text(row, "meter_key"),
      records: integer(row, "records"),
      bytes: integerOrNull(row, "bytes"),
      sha256: textOrNull(row, "sha256"),
    };
  }

  /** Before the first byte is written. */
  begin(delivery: number): void {
    this.#prepared.run("UPDATE files SET begun = 1 WHERE delivery = ?", [delivery]);
  }

  written(delivery: number, bytes: number, sha256: string): void {
    const sql = "UPDATE files SET bytes = ?, sha256 = ? WHERE delivery = ?";
    this.#prepared.run(sql, [bytes, sha256, delivery]);
  }
}
