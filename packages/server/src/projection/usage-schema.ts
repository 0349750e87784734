// The tables of usage over time. Rows stand in the order of time, so that what is counted now is
// written close together and what is old goes from one end. Amounts are whole numbers of 10^-places
// as text, never SQL's numbers; minutes and groups are JSON, as core/output.ts describes them.

const columns = `
  start INTEGER NOT NULL, meter INTEGER NOT NULL, period INTEGER NOT NULL,
  period_end INTEGER NOT NULL, places INTEGER NOT NULL, total TEXT NOT NULL`;

/** `gone_from`: the meter was deleted, and its quarter-hours before then are gone already. */
export const usageStep: string = `
CREATE TABLE usage_meters (
  no INTEGER PRIMARY KEY, meter_id TEXT NOT NULL UNIQUE, zone TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  aggregation TEXT NOT NULL CHECK (aggregation IN ('sum', 'increment', 'max', 'min')),
  gone_from INTEGER
) STRICT;
CREATE INDEX usage_meters_gone ON usage_meters (no) WHERE gone_from IS NOT NULL;
CREATE TABLE usage_quarters (
  ${columns}, minutes TEXT, groups TEXT, PRIMARY KEY (start, meter, period)
) STRICT, WITHOUT ROWID;
CREATE TABLE usage_days (
  ${columns}, groups TEXT, PRIMARY KEY (meter, start, period)
) STRICT, WITHOUT ROWID;
CREATE INDEX usage_days_start ON usage_days (start);
CREATE TABLE usage_cleared (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  start INTEGER NOT NULL, meter INTEGER NOT NULL, period INTEGER NOT NULL
) STRICT;
`;

export const usageTables: readonly string[] = [
  "usage_meters",
  "usage_quarters",
  "usage_days",
  "usage_cleared",
];
