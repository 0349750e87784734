// The tables of deliveries.db: how far each destination has come, its messages and files, their
// attempts, and resends under way. A step, once released, never changes: a new format is a new step
// at the end. What is delivered itself is not in here: it stays with the outputs.
import { chmodSync, closeSync, existsSync, fsyncSync, openSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { fail, ok, type Result } from "../core/problem.ts";

/** "MHDL" in ASCII: marks the file as ours. */
export const applicationId = 0x4d48444c;

const first = `
CREATE TABLE lanes (
  no INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE,
  partition INTEGER NOT NULL, seq INTEGER NOT NULL, idx INTEGER NOT NULL,
  enabled_at INTEGER NOT NULL, failing_since INTEGER, failed_at INTEGER,
  pending INTEGER NOT NULL DEFAULT 0 CHECK (pending >= 0),
  delivered INTEGER NOT NULL DEFAULT 0 CHECK (delivered >= 0),
  failed INTEGER NOT NULL DEFAULT 0 CHECK (failed >= 0)
) STRICT;

CREATE TABLE deliveries (
  no INTEGER PRIMARY KEY, lane INTEGER NOT NULL, message TEXT NOT NULL, kind TEXT NOT NULL
    CHECK (kind IN ('metered-record', 'threshold-event', 'test', 'file')),
  partition INTEGER NOT NULL, seq INTEGER NOT NULL, idx INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('pending', 'delivered', 'failed')),
  due_at INTEGER NOT NULL, round INTEGER NOT NULL DEFAULT 0, attempts INTEGER NOT NULL DEFAULT 0,
  replay INTEGER NOT NULL DEFAULT 0, created_at INTEGER NOT NULL, finished_at INTEGER
) STRICT;
CREATE UNIQUE INDEX deliveries_message ON deliveries (lane, message);
CREATE INDEX deliveries_lane ON deliveries (lane, no);
CREATE INDEX deliveries_state ON deliveries (lane, state, no);
CREATE INDEX deliveries_due ON deliveries (lane, due_at, no) WHERE state = 'pending';
CREATE INDEX deliveries_finished ON deliveries (finished_at) WHERE finished_at IS NOT NULL;

CREATE TRIGGER deliveries_added AFTER INSERT ON deliveries BEGIN
  UPDATE lanes SET pending = pending + (NEW.state = 'pending'),
    delivered = delivered + (NEW.state = 'delivered'), failed = failed + (NEW.state = 'failed')
  WHERE no = NEW.lane;
END;
CREATE TRIGGER deliveries_moved AFTER UPDATE OF state ON deliveries
WHEN NEW.state <> OLD.state BEGIN
  UPDATE lanes SET pending = pending + (NEW.state = 'pending') - (OLD.state = 'pending'),
    delivered = delivered + (NEW.state = 'delivered') - (OLD.state = 'delivered'),
    failed = failed + (NEW.state = 'failed') - (OLD.state = 'failed')
  WHERE no = NEW.lane;
END;
CREATE TRIGGER deliveries_removed AFTER DELETE ON deliveries BEGIN
  UPDATE lanes SET pending = pending - (OLD.state = 'pending'),
    delivered = delivered - (OLD.state = 'delivered'), failed = failed - (OLD.state = 'failed')
  WHERE no = OLD.lane;
  DELETE FROM attempts WHERE delivery = OLD.no;
  DELETE FROM files WHERE delivery = OLD.no;
END;

CREATE TABLE attempts (
  delivery INTEGER NOT NULL, n INTEGER NOT NULL, at INTEGER NOT NULL, duration INTEGER NOT NULL,
  status INTEGER, answer TEXT, error TEXT, replay INTEGER NOT NULL, PRIMARY KEY (delivery, n)
) STRICT, WITHOUT ROWID;

CREATE TABLE files (
  delivery INTEGER PRIMARY KEY, output TEXT NOT NULL, meter_key TEXT NOT NULL, name TEXT NOT NULL,
  format TEXT NOT NULL, records INTEGER NOT NULL,
  to_partition INTEGER NOT NULL, to_seq INTEGER NOT NULL, to_idx INTEGER NOT NULL,
  begun INTEGER NOT NULL DEFAULT 0, bytes INTEGER, sha256 TEXT
) STRICT;

CREATE TABLE resends (
  no INTEGER PRIMARY KEY, lane INTEGER NOT NULL, requested_by TEXT NOT NULL,
  requested_at INTEGER NOT NULL, from_at INTEGER NOT NULL, to_at INTEGER NOT NULL,
  partition INTEGER NOT NULL, seq INTEGER NOT NULL, idx INTEGER NOT NULL,
  to_partition INTEGER NOT NULL, to_seq INTEGER NOT NULL, to_idx INTEGER NOT NULL,
  matched INTEGER NOT NULL, ended_at INTEGER
) STRICT;
CREATE INDEX resends_lane ON resends (lane);
`;

/** Only another process that writes into the file can make us wait. */
const busyTimeoutMs = 100;

const formatSteps: readonly string[] = [first];

/** Opens or makes the file, for its owner alone. A failure is one sentence. */
export function openDeliveriesFile(path: string): Result<DatabaseSync, string> {
  let database: DatabaseSync | undefined;
  try {
    restrictRights(path);
    database = new DatabaseSync(path, { timeout: busyTimeoutMs });
    const fault = migrate(database);
    if (fault === null) {
      database.exec(`PRAGMA trusted_schema = OFF; PRAGMA journal_mode = WAL;
        PRAGMA synchronous = NORMAL; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -16384`);
      return ok(database);
    }
    database.close();
    return fail(`${path}: ${fault}`);
  } catch (error) {
    database?.close();
    const reason = error instanceof Error ? error.message : String(error);
    return fail(
      `${path} cannot be opened (${reason}). Restore it from a backup; or move it away, and ` +
        "everything since each destination was made goes out again with the same ids.",
    );
  }
}

/** The format written by this version, for backups. */
export const deliveriesFormat: number = formatSteps.length;

/** One step a transaction; what is not ours, or newer, is left as it is and told of. */
function migrate(database: DatabaseSync): string | null {
  const owner = pragma(database, "application_id");
  const format = pragma(database, "user_version");
  const tables = database.prepare("SELECT count(*) AS n FROM sqlite_schema").get()?.n;
  if (owner !== applicationId && (owner !== 0 || format !== 0 || tables !== 0)) {
    return "The file is a database of something else.";
  }
  if (format > formatSteps.length) {
    const known = `this version reads formats up to ${formatSteps.length}`;
    return `The file has format ${format}; ${known}. Start the newer version that wrote it.`;
  }
  for (const [index, step] of formatSteps.entries()) {
    if (index < format) continue;
    const marks = `PRAGMA application_id = ${applicationId}; PRAGMA user_version = ${index + 1};`;
    database.exec(`BEGIN IMMEDIATE; ${step} ${marks} COMMIT`);
  }
  return null;
}

function pragma(database: DatabaseSync, name: "user_version" | "application_id"): number {
  const value = database.prepare(`PRAGMA ${name}`).get()?.[name];
  return typeof value === "number" ? value : 0;
}

function restrictRights(path: string): void {
  const isNew = !existsSync(path);
  closeSync(openSync(path, "a", 0o600));
  for (const part of [path, `${path}-wal`, `${path}-shm`]) {
    if (existsSync(part)) chmodSync(part, 0o600);
  }
  if (!isNew) return;
  const folder = openSync(dirname(path), "r");
  fsyncSync(folder);
  closeSync(folder);
}
