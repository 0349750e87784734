// Copies the projection's file while a server may be writing to it, and tells what stands in a file
// that nobody writes to. Reads only.
import type { DatabaseSync } from "node:sqlite";
import type { Position } from "../core/output.ts";
import { assert } from "../core/problem.ts";
import { copyDatabase, integrityFaults, openUnwritten } from "./copy-database.ts";
import { ProjectionError } from "./projection-error.ts";
import { applicationId, formatSteps } from "./schema.ts";

export interface ProjectionFacts {
  /** The outputs of every entry up to this one are in it. */
  readonly appliedSeq: number;
  readonly format: number;
}

/**
 * Makes `to`, which must not exist and is its owner's alone, as the file is at the time of the call;
 * it is on disk when this resolves, its name need not be.
 */
export function copyProjection(
  from: string,
  to: string,
  progress: (bytes: number) => void,
): Promise<ProjectionFacts> {
  return copyDatabase({ from, to, progress }, factsOf);
}

/** One metered record or data-correction item as it is stored. */
export interface StoredOutput {
  readonly position: string;
  readonly text: string;
}

/** What was kept long enough and removed: the last of each list, with all before it; or null. */
export interface PrunedTo {
  readonly meteredRecords: Position | null;
  readonly thresholdEvents: Position | null;
}

export interface CheckedProjection extends ProjectionFacts {
  /** What SQLite's own check says; empty when all is well. */
  readonly faults: readonly string[];
  readonly waitingCorrections: number;
  readonly meters: number;
  /** Ended periods that wait for late usage. */
  readonly settling: number;
  readonly prunedTo: PrunedTo;
  /** Threshold events of entries after `afterSeq`, in the order of their positions. */
  thresholdEvents(afterSeq: number): Iterable<StoredOutput>;
  /** Metered records of entries after `afterSeq`, in the order of their positions. */
  meteredRecords(afterSeq: number): Iterable<StoredOutput>;
  /** Data-correction items, likewise. */
  corrections(afterSeq: number): Iterable<StoredOutput>;
  close(): void;
}

/** Opens a file that nobody writes to. Throws `ProjectionError` when it is none of ours. */
export function checkProjection(file: string): CheckedProjection {
  const database = open(file);
  const count = (sql: string): number => Number(database.prepare(sql).get()?.n ?? 0);
  return {
    ...factsOf(database),
    faults: integrityFaults(database),
    waitingCorrections: count("SELECT count(*) AS n FROM corrections WHERE state = 'waiting'"),
    meters: count("SELECT count(*) AS n FROM meters"),
    settling: has(database, "settling") ? count("SELECT count(*) AS n FROM settling") : 0,
    prunedTo: {
      meteredRecords: positionIn(database, "pruned"),
      thresholdEvents: positionIn(database, "threshold_pruned"),
    },
    thresholdEvents: (afterSeq) =>
      has(database, "threshold_events")
        ? stored(database, {
            sql: "SELECT partition, seq, idx, json AS text FROM threshold_events JOIN threshold_events_json USING (no)",
            afterSeq,
          })
        : [],
    meteredRecords: (afterSeq) =>
      stored(database, {
        sql: "SELECT partition, seq, idx, json AS text FROM metered JOIN metered_json USING (no)",
        afterSeq,
      }),
    corrections: (afterSeq) =>
      stored(database, {
        sql: "SELECT partition, seq, idx, hex(original) AS text FROM corrections JOIN correction_bodies USING (no)",
        afterSeq,
      }),
    close: () => database.close(),
  };
}

/** The position that a table with one row holds; an older format lacks it, and nothing was removed. */
function positionIn(database: DatabaseSync, table: "pruned" | "threshold_pruned"): Position | null {
  if (!has(database, table)) return null;
  const row = database.prepare(`SELECT partition, seq, idx FROM ${table}`).get();
  if (row === undefined) return null;
  return { partition: Number(row.partition), seq: Number(row.seq), index: Number(row.idx) };
}

function has(database: DatabaseSync, table: string): boolean {
  const sql = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?";
  return database.prepare(sql).get(table) !== undefined;
}

function* stored(
  database: DatabaseSync,
  { sql, afterSeq }: { readonly sql: string; readonly afterSeq: number },
): Generator<StoredOutput> {
  const statement = database.prepare(`${sql} WHERE seq > ? ORDER BY no`);
  for (const row of statement.iterate(afterSeq)) {
    yield { position: `${row.partition}.${row.seq}.${row.idx}`, text: String(row.text) };
  }
}

function open(file: string): DatabaseSync {
  let database: DatabaseSync | undefined;
  try {
    database = openUnwritten(file);
    const { format } = factsOf(database);
    if (format <= formatSteps.length) return database;
    const known = `this version reads formats up to ${formatSteps.length}`;
    throw new ProjectionError("newer-format", `${file}: It has format ${format}; ${known}.`);
  } catch (error) {
    database?.close();
    if (error instanceof ProjectionError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new ProjectionError("unreadable", `${file}: The file cannot be read (${reason}).`);
  }
}

function factsOf(database: DatabaseSync): ProjectionFacts {
  const owner = database.prepare("PRAGMA application_id").get()?.application_id;
  if (owner !== applicationId) {
    throw new ProjectionError("not-a-projection", "The file is a database of something else.");
  }
  const format = database.prepare("PRAGMA user_version").get()?.user_version;
  const appliedSeq = database.prepare("SELECT seq FROM applied").get()?.seq;
  assert(typeof format === "number" && typeof appliedSeq === "number", "the projection has both");
  return { appliedSeq, format };
}
