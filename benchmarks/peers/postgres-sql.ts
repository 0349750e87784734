// The statements of counting by hand in Postgres. Two layouts: groups as rows, added up by the
// database; and groups as one document a meter, added up by the client. Ids stand in a table with a
// unique key in both. Everything is sorted by user, so that concurrent writers lock in one order.

/** Tables of one design, in a schema of its own, with a meter for each user. */
export function makeTables(schema: string, users: number): string {
  return `
    CREATE SCHEMA ${schema};
    SET search_path TO ${schema};
    CREATE TABLE ids (id text PRIMARY KEY);
    CREATE TABLE meters (
      user_id text PRIMARY KEY,
      value numeric NOT NULL DEFAULT 0,
      records bigint NOT NULL DEFAULT 0,
      session text,
      groups text NOT NULL DEFAULT '{}'
    ) WITH (fillfactor = 70);
    CREATE TABLE groups (
      user_id text, name text, value numeric NOT NULL, PRIMARY KEY (user_id, name)
    ) WITH (fillfactor = 70);
    INSERT INTO meters (user_id)
      SELECT 'user-' || lpad(n::text, 6, '0') || '@example.com'
      FROM generate_series(0, ${users} - 1) n;
    ANALYZE meters;`;
}

/** Counts the rows of `records (ord, id, user_id, value, model, region, session)`. */
function countRows(records: string): string {
  return `
    WITH fresh AS (
      INSERT INTO ids SELECT id FROM (${records}) r ON CONFLICT DO NOTHING RETURNING id
    ), new AS MATERIALIZED (
      SELECT DISTINCT ON (id) r.* FROM (${records}) r JOIN fresh USING (id) ORDER BY id, ord
    ), grouped AS (
      INSERT INTO groups AS g
      SELECT user_id, name, sum(value) FROM (
        SELECT user_id, 'm:' || model AS name, value FROM new
        UNION ALL SELECT user_id, 'r:' || region, value FROM new
      ) each GROUP BY user_id, name ORDER BY user_id, name
      ON CONFLICT (user_id, name) DO UPDATE SET value = g.value + excluded.value
    ), metered AS (
      INSERT INTO meters AS m (user_id, value, records, session)
      SELECT user_id, sum(value), count(*), (array_agg(session ORDER BY ord DESC))[1]
      FROM new GROUP BY user_id ORDER BY user_id
      ON CONFLICT (user_id) DO UPDATE SET value = m.value + excluded.value,
        records = m.records + excluded.records, session = excluded.session
    )
    SELECT count(*)::int AS counted FROM fresh`;
}

/** One statement, one round trip; a column of the batch in each parameter. */
export const countArrays: string = countRows(`
  SELECT * FROM unnest($1::text[], $2::text[], $3::numeric[], $4::text[], $5::text[], $6::text[])
    WITH ORDINALITY AS r (id, user_id, value, model, region, session, ord)`);

export const makeStaging = `
  CREATE TEMPORARY TABLE staging (
    ord int, id text, user_id text, value numeric, model text, region text, session text
  ) ON COMMIT DELETE ROWS`;

export const copyToStaging = "COPY staging FROM STDIN";

export const countStaging: string = countRows("SELECT * FROM staging");

/** The new ones of a batch's ids. */
export const rememberIds =
  "INSERT INTO ids SELECT unnest($1::text[]) ON CONFLICT DO NOTHING RETURNING id";

export const lockMeters =
  "SELECT user_id, groups FROM meters WHERE user_id = ANY($1::text[]) ORDER BY user_id FOR UPDATE";

/** Adds sums made by the client; the groups' documents replace the old ones. */
export const addSums = `
  UPDATE meters AS m SET value = m.value + s.value, records = m.records + s.records,
    session = s.session, groups = s.groups
  FROM unnest($1::text[], $2::numeric[], $3::bigint[], $4::text[], $5::text[])
    AS s (user_id, value, records, session, groups)
  WHERE m.user_id = s.user_id`;

/** Meters, and whether the rows of each dimension's groups add up to them; null without rows. */
export const readMeters = `
  SELECT user_id, trim_scale(value)::text AS value, records::int AS records, groups,
    g.model = value AND g.region = value AS agrees
  FROM meters LEFT JOIN (
    SELECT user_id, sum(value) FILTER (WHERE name LIKE 'm:%') AS model,
      sum(value) FILTER (WHERE name LIKE 'r:%') AS region
    FROM groups GROUP BY user_id
  ) g USING (user_id)`;
