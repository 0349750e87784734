// One usage record on its way through the core, and what reading it can come to. The record may stand
// in columns or have been read by itself (record-reading.ts); whoever judges it need not know.
import { Amount } from "./amount.ts";
import type { IdWords } from "./id-words.ts";
import type { JsonObject, JsonValue } from "./json-value.ts";
import type { RejectionReason } from "./outcome.ts";
import type { EpochMs } from "./ports.ts";
import type { VisibleFields } from "./record-fields.ts";
import { userIdColumn } from "./scan-plan.ts";
import type { ScannedRecords } from "./scanned-records.ts";
import type { Processor, State } from "./state.ts";

/** One for a whole request: each record is read into it, since there may be very many. */
export class UsageRecord implements VisibleFields {
  /** The columns that hold it, in row `index`; null where it was read by itself. */
  columns: ScannedRecords | null = null;
  index = 0;
  readonly amount: Amount = new Amount();
  /** When the use happened: the timestamp, or the entry's time where there is none. */
  at: EpochMs = 0;
  /** Whether it has a record id that could be read. */
  hasId = false;
  // What follows is made of the columns when it is asked for.
  #fields: JsonObject = {};
  #attributes: JsonObject | null = null;
  #userId = "";
  #id: JsonValue = null;
  #idText: string | null = null;

  /** Becomes a record that was read by itself; user and id are not known yet. */
  begin(fields: JsonObject, attributes: JsonObject | null): void {
    this.columns = null;
    this.#fields = fields;
    this.#attributes = attributes;
  }

  /** Becomes one that has columns. */
  stand(columns: ScannedRecords, index: number): void {
    this.columns = columns;
    this.index = index;
    this.hasId = columns.lengthOf(index, columns.plan.idColumn) > 0;
  }

  get fields(): JsonObject {
    return this.columns === null ? this.#fields : this.columns.fields(this.index);
  }

  get attributes(): JsonObject | null {
    return this.columns === null ? this.#attributes : null;
  }

  get userId(): string {
    return this.columns === null ? this.#userId : this.columns.ownText(this.index, userIdColumn);
  }

  set userId(userId: string) {
    this.#userId = userId;
  }

  /** The record id as it was sent, for the answer; null where there is none. */
  get id(): JsonValue {
    return this.columns === null ? this.#id : this.idText;
  }

  /** The record id as text; null where there is none. */
  get idText(): string | null {
    if (this.columns === null) return this.#idText;
    return this.hasId ? this.columns.ownText(this.index, this.columns.plan.idColumn) : null;
  }

  setId(id: JsonValue, idText: string | null): void {
    this.#id = id;
    this.#idText = idText;
    this.hasId = idText !== null;
  }
}

/** What could be read of a record. */
export interface Known {
  readonly userId: string | null;
  readonly idText: string | null;
}

/** A record that cannot be counted. */
export interface Rejection extends Known {
  readonly reason: RejectionReason;
  /** Nothing that only this record has: data correction is summed up by it (DC31). */
  readonly detail: string;
}

/** What became of reading a record: the context's record holds it, or it does not count. */
export type Reading = "read" | "duplicate" | Rejection;

/** What judging a record needs to know; record and scratch arrays hold what was read last. */
export interface ReadContext {
  readonly state: State;
  readonly processor: Processor;
  /** The entry's time. */
  readonly now: EpochMs;
  readonly record: UsageRecord;
  /** Of the record, where it has an id. */
  readonly id: IdWords;
  /** Ids that a dry run has counted, with their content; null when the memory knows them all. */
  readonly counted: Map<string, string> | null;
  /** Its id was not counted since it was received, so its age does not matter (DC15). */
  readonly isAgeExempt?: boolean;
  /** What is late for its period counts in the open one, whatever its processor says. */
  readonly lateUsage?: "current" | null;
}
