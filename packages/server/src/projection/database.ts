// The projection: everything that is listed and searched, in one SQLite file. It is made from the
// journal's outputs and stores the sequence it has applied; no transaction spans both. It never
// decides anything, and never answers what a success has not told of.
import { resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { Output } from "../core/output.ts";
import type { EpochMs, Zones } from "../core/ports.ts";
import { assert, type Fault, type Result, unreachable } from "../core/problem.ts";
import { AuditReader } from "./audit-reader.ts";
import { AuditWriter } from "./audit-writer.ts";
import { Checkpoints } from "./checkpoints.ts";
import type { CorrectionFilter } from "./correction-query.ts";
import { CorrectionTables } from "./correction-tables.ts";
import type { CorrectionPage, CorrectionPageQuery } from "./corrections.ts";
import type { SortOrder } from "./cursor.ts";
import { CursorList, type CursorPageQuery } from "./cursor-list.ts";
import { MeteredRecordWriter } from "./metered-record-writer.ts";
import {
  type MeteredRecordFilter,
  type MeteredRecordPage,
  MeteredRecordRows,
  meteredRecordPage,
} from "./metered-records.ts";
import { MeterList, type MeterListQuery, type MeterPage } from "./meters.ts";
import { Names } from "./names.ts";
import { OutputReader } from "./output-reader.ts";
import { openingFault, ProjectionError, roomFault } from "./projection-error.ts";
import { migrateAndTune, type ProjectionOptions, restrictRights } from "./projection-file.ts";
import { type PrunedList, Pruner } from "./pruner.ts";
import { emptyTables } from "./schema.ts";
import { SettlingPeriods } from "./settling-periods.ts";
import { Statements } from "./statements.ts";
import { ThresholdEvents } from "./threshold-event-reader.ts";
import { UsageTables } from "./usage-tables.ts";

/** Only another process that looks into the file can make us wait. */
const busyTimeoutMs = 500;

/**
 * Opens or makes the file with owner-only rights, and brings an older format up to date. Throws
 * ProjectionError `newer-format`, `not-a-projection`, `no-room` or `unreadable`, and leaves what the
 * file holds.
 */
export function openProjection(file: string, options: ProjectionOptions = {}): Projection {
  const path = resolve(file);
  let database: DatabaseSync | undefined;
  try {
    restrictRights(path);
    database = new DatabaseSync(path, { timeout: busyTimeoutMs });
    migrateAndTune(database, options);
    return new Projection(database, new Checkpoints(path), options.zones);
  } catch (error) {
    database?.close();
    throw openingFault(path, error);
  }
}

export class Projection {
  /** For whoever delivers outputs. */
  readonly deliverable: OutputReader;
  readonly #database: DatabaseSync;
  readonly #checkpoints: Checkpoints;
  readonly #statements: Statements;
  readonly #names: Names;
  readonly #meters: MeterList;
  readonly #metered: MeteredRecordWriter;
  readonly #meteredList: CursorList<MeteredRecordFilter, string>;
  /** Only this class stores into it. */
  readonly corrections: CorrectionTables;
  readonly #audit: AuditWriter;
  readonly audit: AuditReader;
  readonly thresholdEvents: ThresholdEvents;
  readonly settling: SettlingPeriods;
  readonly usage: UsageTables;
  readonly #pruner: Pruner;
  #appliedSeq: number;
  /** Counts resets, so that a stream notices one. */
  #generation = 0;

  constructor(database: DatabaseSync, checkpoints: Checkpoints, zones: Zones | null = null) {
    this.#database = database;
    this.#checkpoints = checkpoints;
    this.#statements = new Statements(database);
    this.#names = new Names(this.#statements);
    this.deliverable = new OutputReader(this.#statements, this.#names);
    this.#meters = new MeterList(this.#statements, this.#names);
    this.#metered = new MeteredRecordWriter(this.#statements, this.#names);
    this.#meteredList = new CursorList(new MeteredRecordRows(this.#statements, this.#names));
    this.corrections = new CorrectionTables(this.#statements, this.#names);
    this.#audit = new AuditWriter(this.#statements, this.#names);
    const check = (): (() => void) => this.#sameGeneration();
    this.audit = new AuditReader({
      statements: this.#statements,
      names: this.#names,
      writeWaiting: () => this.#writeWaiting(),
      check,
    });
    this.usage = new UsageTables(this.#statements, zones);
    this.thresholdEvents = new ThresholdEvents(this.#statements, this.#names, check);
    this.settling = new SettlingPeriods(this.#statements, this.#names);
    this.#pruner = new Pruner(this.#statements, this.usage, this.thresholdEvents.writer);
    this.#appliedSeq = this.#statements.integer("SELECT seq FROM applied", []);
  }

  /** The outputs of every entry up to this one are stored; 0 when there is nothing. */
  get appliedSeq(): number {
    return this.#appliedSeq;
  }

  /**
   * Stores the outputs of the entries after `appliedSeq` up to `seq`, in the order they were made,
   * as one transaction; what stands already is left as it is, so the same outputs may come again.
   * Visible to every list on return; durable at the next `flush`. When it throws (disk full),
   * nothing of the group is stored and the same call may be made again; `NoRoomError` where only
   * room or an answer of the disk is missing.
   */
  store(outputs: readonly Output[], seq: number): void {
    assert(Number.isSafeInteger(seq) && seq >= 0, "seq is a natural number");
    if (seq <= this.#appliedSeq) return;
    if (!this.#audit.defer(outputs, this.#appliedSeq)) this.#write(outputs, seq);
    this.#appliedSeq = seq;
  }

  /** On return everything up to `appliedSeq` survives a power cut. Throws like `store`. */
  flush(): void {
    this.#writeWaiting();
    try {
      if (!this.#emptyLog()) this.#syncLog();
    } catch (error) {
      throw roomFault(error);
    }
  }

  /** Empties the projection for a rebuild; `appliedSeq` is 0 again. Streams being read end. */
  reset(): void {
    this.#transaction(() => emptyTables(this.#database));
    this.#generation += 1;
    this.#appliedSeq = 0;
    this.#audit.written();
    this.#forget();
  }

  /** Everything stored is durable afterwards, unless it throws like `flush`. Only once. */
  close(): void {
    try {
      this.flush();
    } finally {
      this.#checkpoints.close();
      this.#database.close();
    }
  }

  listMeters(query: MeterListQuery): MeterPage {
    return this.#meters.list(query);
  }

  /** A cursor that is not one of this list is a fault of the parameter `cursor`. */
  listMeteredRecords(
    filter: MeteredRecordFilter,
    page: CursorPageQuery,
  ): Result<MeteredRecordPage, Fault> {
    return meteredRecordPage(this.#meteredList.list(filter, page));
  }

  /**
   * All JSON texts that match at the time of the call, in bounded chunks, for exports of millions.
   * Reading may take as long as it likes and holds nothing open. Throws ProjectionError `emptied`
   * when the projection was reset meanwhile: an export cut short must not look whole.
   */
  streamMeteredRecords(
    filter: MeteredRecordFilter,
    sortOrder: SortOrder,
  ): Iterable<readonly string[]> {
    return this.#meteredList.stream(filter, sortOrder, this.#sameGeneration());
  }

  listCorrections(filter: CorrectionFilter, page: CorrectionPageQuery): CorrectionPage {
    return this.corrections.lists.list(filter, page);
  }

  /** Removes so many of a list's rows older than `before` at most; how many. Throws like `store`. */
  prune(list: PrunedList, before: EpochMs, rowsMax: number): number {
    let removed = 0;
    this.#transaction(() => {
      removed = this.#pruner.prune(list, before, rowsMax);
    });
    return removed;
  }

  /** A check that throws once the projection was reset. */
  #sameGeneration(): () => void {
    const generation = this.#generation;
    return () => {
      if (generation === this.#generation) return;
      throw new ProjectionError("emptied", "The projection was emptied while it was read.");
    };
  }

  /** Audit facts that wait for others are written, so that lists and the disk have them. */
  #writeWaiting(): void {
    if (this.#audit.isWaiting) this.#write([], this.#appliedSeq);
  }

  #write(outputs: readonly Output[], seq: number): void {
    this.#transaction(() => {
      for (const output of outputs) this.#storeOne(output, seq);
      this.#meters.finishGroup();
      this.#metered.finishGroup();
      this.thresholdEvents.writer.finishGroup();
      this.corrections.finishGroup();
      this.#audit.finishGroup();
      this.usage.finishGroup();
      this.#statements.prepare("UPDATE applied SET seq = ?").run(seq);
    });
    this.#checkpoints.wrote(outputs.length);
    this.#audit.written();
  }

  /** False when another process reads the file; it is not waited for. */
  #emptyLog(): boolean {
    this.#database.exec("PRAGMA busy_timeout = 0");
    try {
      return this.#database.prepare("PRAGMA wal_checkpoint(TRUNCATE)").get()?.busy === 0;
    } finally {
      this.#database.exec(`PRAGMA busy_timeout = ${busyTimeoutMs}`);
    }
  }

  /** A commit that waits for the disk makes the log durable, and with it every commit before. */
  #syncLog(): void {
    this.#database.exec("PRAGMA synchronous = FULL");
    try {
      this.#database.exec("BEGIN IMMEDIATE; UPDATE applied SET seq = seq; COMMIT");
    } finally {
      if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
      this.#database.exec("PRAGMA synchronous = NORMAL");
    }
  }

  #storeOne(output: Output, seq: number): void {
    switch (output.kind) {
      case "metered-record":
      case "threshold-event":
      case "correction":
      case "correction-changed":
      case "correction-expired":
      case "correction-action":
      case "usage-window":
      case "audit":
        assert(output.position.seq <= seq, "an output belongs to an entry of its group");
        if (output.position.seq <= this.#appliedSeq) return;
        if (output.kind === "metered-record") this.#metered.add(output);
        else if (output.kind === "threshold-event") this.thresholdEvents.writer.add(output);
        else if (output.kind === "audit") this.#audit.add(output);
        else if (output.kind === "usage-window") this.usage.add(output);
        else this.corrections.store(output);
        return;
      case "correction-superseded":
        this.corrections.store(output);
        return;
      case "period-waiting":
      case "period-settled":
        this.settling.store(output);
        return;
      case "meter-listed":
        this.#meters.add(output);
        return;
      case "meter-unlisted":
        this.#meters.remove(output.meterId);
        this.usage.meterGone(output.meterId);
        return;
      default:
        unreachable(output);
    }
  }

  #transaction(work: () => void): void {
    this.#checkpoints.check();
    try {
      this.#database.exec("BEGIN IMMEDIATE");
      work();
      this.#database.exec("COMMIT");
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
      this.#forget();
      throw roomFault(error);
    }
  }

  #forget(): void {
    this.#names.forget();
    this.#meters.forget();
    this.#metered.forget();
    this.thresholdEvents.writer.forget();
    this.corrections.forget();
    this.#audit.forget();
    this.usage.forget();
    this.#pruner.forget();
  }
}
