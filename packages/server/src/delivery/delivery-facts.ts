// What a backup and a check have to know of deliveries.db. Reads only, and never while a transaction
// of somebody else is half done: the caller gives an open file.
import type { DatabaseSync } from "node:sqlite";
import { applicationId, deliveriesFormat } from "./delivery-tables.ts";

export interface DeliveryFacts {
  readonly format: number;
  /** The last entry whose outputs some destination has been queued; 0 without any. */
  readonly cursorSeq: number;
  readonly destinations: number;
  readonly pending: number;
}

/** Throws an error of one sentence when the file is none of ours, or newer. */
export function deliveryFacts(database: DatabaseSync): DeliveryFacts {
  const owner = database.prepare("PRAGMA application_id").get()?.application_id;
  const format = Number(database.prepare("PRAGMA user_version").get()?.user_version);
  if (owner !== applicationId) throw fault("The file is a database of something else.");
  if (format > deliveriesFormat) {
    const known = `this version reads formats up to ${deliveriesFormat}`;
    throw fault(`The file has format ${format}; ${known}.`);
  }
  const sql = "SELECT count(*) AS n, max(seq) AS seq, sum(pending) AS pending FROM lanes";
  const row = database.prepare(sql).get();
  return {
    format,
    cursorSeq: Number(row?.seq ?? 0),
    destinations: Number(row?.n ?? 0),
    pending: Number(row?.pending ?? 0),
  };
}

/** Told to the operator like an error of the disk. */
function fault(detail: string): Error {
  return Object.assign(new Error(`deliveries.db: ${detail}`), { code: "ERR_DELIVERIES" });
}
