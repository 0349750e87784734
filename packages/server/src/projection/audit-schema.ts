// The tables of the usage audit: rows by second, what they add up to by hour, and the reasons of
// both. The names of the figures' columns stand here once; everything else is made from them.
import type { AuditFigures } from "../core/output.ts";

/** Column of each figure. */
const columns = {
  requests: "requests",
  received: "received",
  counted: "counted",
  duplicates: "duplicates",
  rejected: "rejected",
  dropped: "dropped",
  repeated: "repeated",
  superseded: "superseded",
  meteredRecords: "metered",
  thresholdEvents: "thresholds",
  reprocessed: "reprocessed",
} satisfies Record<keyof AuditFigures, string>;

/** In the order of `figureColumns`. */
export const figureNames: readonly (keyof AuditFigures)[] = Object.keys(columns).filter(isFigure);
export const figureColumns: readonly string[] = figureNames.map((name) => columns[name]);

const figures = figureColumns.map((column) => `${column} INTEGER NOT NULL`).join(", ");

/** Kinds are numbers: their places in `auditEvents`. Hours are counted from 1970. */
export const auditStep: string = `
CREATE TABLE audit (
  no INTEGER PRIMARY KEY, partition INTEGER NOT NULL, seq INTEGER NOT NULL, idx INTEGER NOT NULL,
  account INTEGER NOT NULL, key INTEGER NOT NULL, kind INTEGER NOT NULL,
  started_at INTEGER NOT NULL, ended_at INTEGER NOT NULL, ${figures}, discarded TEXT
) STRICT;
CREATE UNIQUE INDEX audit_position ON audit (partition, seq, idx);
CREATE INDEX audit_started ON audit (started_at);
CREATE INDEX audit_account ON audit (account);
CREATE INDEX audit_key ON audit (account, key);
CREATE INDEX audit_kind ON audit (account, kind);
CREATE INDEX audit_key_kind ON audit (account, key, kind);
CREATE TABLE audit_reasons (
  no INTEGER NOT NULL, reason INTEGER NOT NULL, n INTEGER NOT NULL, PRIMARY KEY (no, reason)
) STRICT, WITHOUT ROWID;
CREATE TABLE audit_counts (
  account INTEGER NOT NULL, key INTEGER NOT NULL, kind INTEGER NOT NULL, n INTEGER NOT NULL,
  PRIMARY KEY (account, key, kind)
) STRICT, WITHOUT ROWID;
CREATE TABLE audit_hours (
  account INTEGER NOT NULL, hour INTEGER NOT NULL, key INTEGER NOT NULL, kind INTEGER NOT NULL,
  n INTEGER NOT NULL, ${figures}, PRIMARY KEY (account, hour, key, kind)
) STRICT, WITHOUT ROWID;
CREATE INDEX audit_hours_key ON audit_hours (account, key, hour);
CREATE INDEX audit_hours_hour ON audit_hours (hour);
CREATE TABLE audit_hour_reasons (
  account INTEGER NOT NULL, hour INTEGER NOT NULL, key INTEGER NOT NULL, reason INTEGER NOT NULL,
  n INTEGER NOT NULL, PRIMARY KEY (account, hour, key, reason)
) STRICT, WITHOUT ROWID;
CREATE TABLE pruned (
  list TEXT NOT NULL PRIMARY KEY CHECK (list = 'metered'),
  partition INTEGER NOT NULL, seq INTEGER NOT NULL, idx INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
`;

export const auditTables: readonly string[] = [
  "audit",
  "audit_reasons",
  "audit_counts",
  "audit_hours",
  "audit_hour_reasons",
  "pruned",
];

function isFigure(name: string): name is keyof AuditFigures {
  return Object.hasOwn(columns, name);
}
