// Copies the projection's file while a server may be writing to it, and checks a file that nobody
// writes to. Works through SQLite alone, so that a copy is always of one moment; reads only.
import { closeSync, openSync, statSync } from "node:fs";
import { backup, DatabaseSync } from "node:sqlite";
import { pathToFileURL } from "node:url";
import type { Position } from "../core/output.ts";
import { assert } from "../core/problem.ts";
import { ProjectionError } from "./projection-error.ts";
import { applicationId, formatSteps } from "./schema.ts";

export interface ProjectionFacts {
  /** The outputs of every entry up to this one are in it. */
  readonly appliedSeq: number;
  readonly format: number;
}

/** Pages copied in one go; between them the caller is told. */
const pagesAtOnce = 2_048;
const pageBytes = 4_096;

/**
 * Makes `to`, which must not exist and is its owner's alone, as the file is at the time of the call; it is on disk when this
 * resolves, its name need not be. Writers go on; they cannot shorten their log meanwhile.
 */
export async function copyProjection(
  from: string,
  to: string,
  progress: (bytes: number) => void,
): Promise<ProjectionFacts> {
  const source = new DatabaseSync(from, { readOnly: true, timeout: 5_000 });
  try {
    source.exec("BEGIN");
    // Begins the reading: what is committed from now on is not in the copy.
    const facts = factsOf(source);
    closeSync(openSync(to, "wx", 0o600));
    await backup(source, to, {
      rate: pagesAtOnce,
      progress: () => progress(pagesAtOnce * pageBytes),
    });
    makePlain(to);
    return facts;
  } finally {
    source.close();
  }
}

/** A copy is one file alone, which can be read where nobody may write. */
function makePlain(file: string): void {
  const copy = new DatabaseSync(file);
  try {
    copy.exec("PRAGMA journal_mode = DELETE");
  } finally {
    copy.close();
  }
}

/** One metered record or data-correction item as it is stored. */
export interface StoredOutput {
  readonly position: string;
  readonly text: string;
}

export interface CheckedProjection extends ProjectionFacts {
  /** What SQLite's own check says; empty when all is well. */
  readonly faults: readonly string[];
  readonly waitingCorrections: number;
  readonly meters: number;
  /** The last metered record that was kept long enough and removed, with all before it; or null. */
  readonly prunedTo: Position | null;
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
    faults: database
      .prepare("PRAGMA integrity_check(20)")
      .all()
      .map((row) => String(Object.values(row)[0]))
      .filter((text) => text !== "ok"),
    waitingCorrections: count("SELECT count(*) AS n FROM corrections WHERE state = 'waiting'"),
    meters: count("SELECT count(*) AS n FROM meters"),
    prunedTo: prunedTo(database),
    meteredRecords: (afterSeq) =>
      stored(database, {
        sql: "SELECT partition, seq, idx, json AS text FROM metered JOIN metered_json USING (no)",
        afterSeq,
      }),
    corrections: (afterSeq) =>
      stored(database, {
        sql: "SELECT partition, seq, idx, detail AS text FROM corrections JOIN correction_bodies USING (no)",
        afterSeq,
      }),
    close: () => database.close(),
  };
}

/** An older format has no such table, and nothing was ever removed from it. */
function prunedTo(database: DatabaseSync): Position | null {
  const { format } = factsOf(database);
  if (format < formatOfPruning) return null;
  const row = database.prepare("SELECT partition, seq, idx FROM pruned").get();
  if (row === undefined) return null;
  return { partition: Number(row.partition), seq: Number(row.seq), index: Number(row.idx) };
}

const formatOfPruning = 2;

function* stored(
  database: DatabaseSync,
  { sql, afterSeq }: { readonly sql: string; readonly afterSeq: number },
): Generator<StoredOutput> {
  const statement = database.prepare(`${sql} WHERE seq > ? ORDER BY no`);
  for (const row of statement.iterate(afterSeq)) {
    yield { position: `${row.partition}.${row.seq}.${row.idx}`, text: String(row.text) };
  }
}

/** A file without a log beside it is opened so that none is made: nobody writes to it. */
function open(file: string): DatabaseSync {
  const url = pathToFileURL(file);
  const log = statSync(`${file}-wal`, { throwIfNoEntry: false });
  if (log === undefined || log.size === 0) url.searchParams.set("immutable", "1");
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(url, { readOnly: true });
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
