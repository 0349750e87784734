// deliveries.db as the service works with it: its tables behind one transaction each. Commits
// survive a killed process; a power cut may lose the last ones, after which the same messages go
// out again with the same ids.
import type { DatabaseSync } from "node:sqlite";
import { DeliveryList } from "./delivery-list.ts";
import { DeliveryRows } from "./delivery-rows.ts";
import { FileRows } from "./file-rows.ts";
import { LaneRows } from "./lane-rows.ts";
import { Prepared } from "./prepared.ts";
import { ResendRows } from "./resend-rows.ts";

export class DeliveryStore {
  readonly lanes: LaneRows;
  readonly rows: DeliveryRows;
  readonly files: FileRows;
  readonly resends: ResendRows;
  readonly list: DeliveryList;
  readonly #database: DatabaseSync;
  readonly #prepared: Prepared;

  constructor(database: DatabaseSync) {
    this.#database = database;
    this.#prepared = new Prepared(database);
    this.lanes = new LaneRows(this.#prepared);
    this.rows = new DeliveryRows(this.#prepared);
    this.files = new FileRows(this.#prepared);
    this.resends = new ResendRows(this.#prepared);
    this.list = new DeliveryList(this.#prepared, this.files);
  }

  /** All or nothing; only one at a time. */
  transaction(work: () => void): void {
    this.#prepared.transaction(work);
  }

  close(): void {
    this.#database.close();
  }
}
