// The tables of threshold events: rows numbered by position, bodies apart, counts beside them. Times
// ascend with positions, so a range of time is a range of rows.
export const thresholdStep: string = `
CREATE TABLE threshold_events (
  no INTEGER PRIMARY KEY, partition INTEGER NOT NULL, seq INTEGER NOT NULL, idx INTEGER NOT NULL,
  account INTEGER NOT NULL, key INTEGER NOT NULL, type INTEGER NOT NULL,
  emitted_at INTEGER NOT NULL, meter_id TEXT NOT NULL, user_id TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX threshold_events_position ON threshold_events (partition, seq, idx);
CREATE INDEX threshold_events_emitted ON threshold_events (emitted_at);
CREATE INDEX threshold_events_account ON threshold_events (account);
CREATE INDEX threshold_events_key ON threshold_events (account, key);
CREATE INDEX threshold_events_type ON threshold_events (account, type);
CREATE INDEX threshold_events_meter ON threshold_events (meter_id);
CREATE INDEX threshold_events_user ON threshold_events (account, user_id);
CREATE TABLE threshold_events_json (no INTEGER PRIMARY KEY, json TEXT NOT NULL) STRICT;
CREATE TABLE threshold_counts (
  account INTEGER NOT NULL, key INTEGER NOT NULL, type INTEGER NOT NULL,
  n INTEGER NOT NULL, PRIMARY KEY (account, key, type)
) STRICT, WITHOUT ROWID;
CREATE TABLE threshold_pruned (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  partition INTEGER NOT NULL, seq INTEGER NOT NULL, idx INTEGER NOT NULL
) STRICT;
`;

export const thresholdTables: readonly string[] = [
  "threshold_events",
  "threshold_events_json",
  "threshold_counts",
  "threshold_pruned",
];
