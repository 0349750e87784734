// The tables of the projection's file and the steps that bring an older file to today's format.
// A step, once released, never changes: a new format is a new step at the end. Names (accounts,
// meter keys, meter types, reasons) are stored once and referred to by number, which keeps the
// indexes small; rows are numbered (`no`) in the order of their positions; bodies stand in tables
// of their own, so that a walk over rows does not read them.
import type { DatabaseSync } from "node:sqlite";
import { auditStep, auditTables } from "./audit-schema.ts";
import { ProjectionError } from "./projection-error.ts";
import { settlingStep } from "./settling-periods.ts";
import { thresholdStep, thresholdTables } from "./threshold-schema.ts";
import { usageStep, usageTables } from "./usage-schema.ts";

/** "MHPJ" in ASCII: marks the file as ours, so that nobody else's is written into. */
export const applicationId = 0x4d48504a;

const first = `
CREATE TABLE applied (one INTEGER PRIMARY KEY CHECK (one = 1), seq INTEGER NOT NULL) STRICT;
INSERT INTO applied VALUES (1, 0);
CREATE TABLE names (no INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;

CREATE TABLE meters (
  id TEXT NOT NULL PRIMARY KEY, account INTEGER NOT NULL, key INTEGER NOT NULL,
  type INTEGER NOT NULL, created_at INTEGER NOT NULL, user_id TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX meters_account ON meters (account, created_at, id);
CREATE INDEX meters_key ON meters (account, key, created_at, id, type);
CREATE INDEX meters_type ON meters (account, type, created_at, id, key);
CREATE INDEX meters_user ON meters (account, user_id, created_at, id);
CREATE TABLE meter_counts (
  account INTEGER NOT NULL, key INTEGER NOT NULL, type INTEGER NOT NULL,
  n INTEGER NOT NULL CHECK (n >= 0), PRIMARY KEY (account, key, type)
) STRICT, WITHOUT ROWID;

CREATE TABLE metered (
  no INTEGER PRIMARY KEY, partition INTEGER NOT NULL, seq INTEGER NOT NULL, idx INTEGER NOT NULL,
  account INTEGER NOT NULL, key INTEGER NOT NULL, type INTEGER NOT NULL,
  period_end INTEGER NOT NULL, meter_id TEXT NOT NULL, user_id TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX metered_position ON metered (partition, seq, idx);
CREATE INDEX metered_account ON metered (account);
CREATE INDEX metered_key ON metered (account, key);
CREATE INDEX metered_type ON metered (account, type);
CREATE INDEX metered_meter ON metered (meter_id);
CREATE INDEX metered_user ON metered (account, user_id);
CREATE TABLE metered_json (no INTEGER PRIMARY KEY, json TEXT NOT NULL) STRICT;
CREATE TABLE metered_counts (
  account INTEGER NOT NULL, key INTEGER NOT NULL, type INTEGER NOT NULL,
  n INTEGER NOT NULL, PRIMARY KEY (account, key, type)
) STRICT, WITHOUT ROWID;
CREATE TABLE metered_ends (
  account INTEGER NOT NULL, period_end INTEGER NOT NULL, key INTEGER NOT NULL,
  type INTEGER NOT NULL, n INTEGER NOT NULL, first_no INTEGER NOT NULL, last_no INTEGER NOT NULL,
  PRIMARY KEY (account, period_end, key, type)
) STRICT, WITHOUT ROWID;

CREATE TABLE corrections (
  no INTEGER PRIMARY KEY, partition INTEGER NOT NULL, seq INTEGER NOT NULL, idx INTEGER NOT NULL,
  account INTEGER NOT NULL, key INTEGER NOT NULL, reason INTEGER NOT NULL, state TEXT NOT NULL
    CHECK (state IN ('waiting', 'reprocessed', 'superseded', 'deleted')),
  attempts INTEGER NOT NULL, received_at INTEGER NOT NULL, updated_at INTEGER NOT NULL,
  user_id TEXT, record_id TEXT
) STRICT;
CREATE UNIQUE INDEX corrections_position ON corrections (partition, seq, idx);
CREATE INDEX corrections_account ON corrections (account);
CREATE INDEX corrections_key ON corrections (account, key);
CREATE INDEX corrections_reason ON corrections (account, reason);
CREATE INDEX corrections_state ON corrections (account, state);
CREATE INDEX corrections_received ON corrections (account, received_at);
CREATE INDEX corrections_user ON corrections (account, user_id) WHERE user_id IS NOT NULL;
CREATE INDEX corrections_record ON corrections (account, record_id) WHERE record_id IS NOT NULL;
CREATE TABLE correction_bodies (
  no INTEGER PRIMARY KEY, detail TEXT NOT NULL, original BLOB NOT NULL, record TEXT
) STRICT;
CREATE TABLE correction_counts (
  account INTEGER NOT NULL, key INTEGER NOT NULL, reason INTEGER NOT NULL, state TEXT NOT NULL,
  n INTEGER NOT NULL CHECK (n >= 0), PRIMARY KEY (account, key, reason, state)
) STRICT, WITHOUT ROWID;
`;

/**
 * Working on data correction: items stand in groups of one error, closed ones too, until they go; `n`
 * of a group wait. Actions are kept as they go out.
 */
const workedCorrections = `
ALTER TABLE corrections ADD COLUMN grp INTEGER NOT NULL DEFAULT 0;
ALTER TABLE corrections ADD COLUMN rekeyed INTEGER NOT NULL DEFAULT 0;
ALTER TABLE correction_bodies ADD COLUMN event TEXT;
ALTER TABLE correction_bodies ADD COLUMN refused_id TEXT;
CREATE TABLE correction_groups (
  no INTEGER PRIMARY KEY, account INTEGER NOT NULL, key INTEGER NOT NULL, reason INTEGER NOT NULL,
  detail TEXT NOT NULL, n INTEGER NOT NULL CHECK (n >= 0), items INTEGER NOT NULL CHECK (items >= n),
  first_at INTEGER NOT NULL, last_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX correction_groups_name ON correction_groups (account, detail, key, reason);
INSERT INTO correction_groups (account, key, reason, detail, n, items, first_at, last_at)
  SELECT account, key, reason, detail, sum(state = 'waiting'), count(*), min(received_at),
    max(received_at)
  FROM corrections JOIN correction_bodies USING (no) GROUP BY account, key, reason, detail;
UPDATE corrections SET grp = (SELECT g.no FROM correction_groups g, correction_bodies b
  WHERE b.no = corrections.no AND g.account = corrections.account AND g.key = corrections.key
    AND g.reason = corrections.reason AND g.detail = b.detail);
UPDATE correction_bodies SET refused_id = (SELECT record_id FROM corrections c, names r
  WHERE c.no = correction_bodies.no AND r.no = c.reason
    AND r.name IN ('ID_CONFLICT', 'OLDER_THAN_ID_WINDOW'));
CREATE INDEX correction_groups_size ON correction_groups (account, n DESC, no) WHERE n > 0;
CREATE INDEX corrections_group ON corrections (grp);
CREATE INDEX corrections_updated ON corrections (updated_at);
CREATE TABLE correction_actions (
  no INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, account INTEGER NOT NULL, json TEXT NOT NULL,
  finished_at INTEGER
) STRICT;
CREATE INDEX correction_actions_account ON correction_actions (account);
CREATE INDEX correction_actions_finished ON correction_actions (finished_at)
  WHERE finished_at IS NOT NULL;
`;

/** Step i brings format i to format i + 1; the number of steps is today's format. */
export const formatSteps: readonly string[] = [
  first,
  auditStep,
  workedCorrections,
  usageStep,
  thresholdStep,
  settlingStep,
];

/** Everything but `applied`, which keeps its row. */
const filledTables = [
  "names",
  "meters",
  "meter_counts",
  "metered",
  "metered_json",
  "metered_counts",
  "metered_ends",
  "corrections",
  "correction_bodies",
  "correction_counts",
  "correction_groups",
  "correction_actions",
  ...auditTables,
  ...thresholdTables,
  "settling",
  ...usageTables,
];

/**
 * Brings the file to the format of the last step, one transaction a step, so that a stop in
 * between leaves a whole older format. Throws ProjectionError and changes nothing when the file
 * is newer or not ours.
 */
export function migrate(database: DatabaseSync, steps: readonly string[] = formatSteps): void {
  const format = pragma(database, "user_version");
  const owner = pragma(database, "application_id");
  const tables = database.prepare("SELECT count(*) AS n FROM sqlite_schema").get()?.n;
  if (owner !== applicationId && (owner !== 0 || format !== 0 || tables !== 0)) {
    throw new ProjectionError("not-a-projection", "The file is a database of something else.");
  }
  if (format > steps.length) {
    throw new ProjectionError(
      "newer-format",
      `The file has format ${format}; this version reads formats up to ${steps.length}. ` +
        "Start the newer version that wrote it, or restore a backup.",
    );
  }
  for (const [index, step] of steps.entries()) {
    if (index < format) continue;
    const marks = `PRAGMA application_id = ${applicationId}; PRAGMA user_version = ${index + 1};`;
    database.exec("BEGIN IMMEDIATE");
    try {
      database.exec(step);
      database.exec(`${marks} COMMIT`);
    } catch (error) {
      if (database.isTransaction) database.exec("ROLLBACK");
      throw error;
    }
  }
}

/** Deletes every row within the caller's transaction. */
export function emptyTables(database: DatabaseSync): void {
  for (const table of filledTables) database.exec(`DELETE FROM ${table}`);
  database.exec("UPDATE applied SET seq = 0");
}

function pragma(database: DatabaseSync, name: "user_version" | "application_id"): number {
  const value = database.prepare(`PRAGMA ${name}`).get()?.[name];
  return typeof value === "number" ? value : 0;
}
