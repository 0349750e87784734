// Counting by hand in Postgres, the ways that people choose: arrays unnested into one statement,
// COPY into a staging table, and sums made in the client first. Each body is one transaction, each
// way has its own tables, and a deadlock is tried again.
import pg from "pg";
import type { MeterReading } from "../ledger.ts";
import { decimalText, type PeerRecord, parseBody, sumByUser } from "./peer-record.ts";
import { type CountBody, countOver, type Side } from "./peer-side.ts";
import type { Postgres } from "./postgres.ts";
import * as sql from "./postgres-sql.ts";

interface Design {
  readonly name: string;
  prepare(client: pg.Client): Promise<void>;
  /** One transaction; gives how many records were new. */
  count(client: pg.Client, records: readonly PeerRecord[]): Promise<number>;
}

const designs: readonly Design[] = [
  { name: "unnest", prepare: async () => undefined, count: countWithArrays },
  {
    name: "COPY",
    prepare: async (client) => void (await client.query(sql.makeStaging)),
    count: countWithCopy,
  },
  { name: "sums in the client", prepare: async () => undefined, count: countWithSums },
];

/** Every design with every number of connections. */
export async function postgresSides(
  postgres: Postgres,
  users: number,
  connectionCounts: readonly number[],
): Promise<readonly Side[]> {
  const sides: Side[] = [];
  for (const [index, design] of designs.entries()) {
    for (const connections of connectionCounts) {
      const schema = `design_${index}_${connections}`;
      sides.push(await openSide({ postgres, design, users, schema, connections }));
    }
  }
  return sides;
}

async function openSide(options: {
  readonly postgres: Postgres;
  readonly design: Design;
  readonly users: number;
  readonly schema: string;
  readonly connections: number;
}): Promise<Side> {
  const { postgres, design, users, schema, connections } = options;
  const clients: pg.Client[] = [];
  for (let made = 0; made < connections; made += 1) {
    const client = await postgres.connect();
    await client.query(made === 0 ? sql.makeTables(schema, users) : `SET search_path TO ${schema}`);
    await design.prepare(client);
    clients.push(client);
  }
  const [first] = clients;
  const counters = clients.map(
    (client): CountBody =>
      (body) =>
        countOnce(design, client, parseBody(body)),
  );
  return {
    name: `Postgres, ${design.name}, ${connections} connection${connections === 1 ? "" : "s"}`,
    countAll: (bodies) => countOver(counters, bodies),
    readMeters: async () => (first === undefined ? [] : readMeters(first)),
    serverCpuSeconds: () => postgres.cpuSeconds(),
  };
}

const attemptsMax = 20;
const deadlock = "40P01";

async function countOnce(
  design: Design,
  client: pg.Client,
  records: readonly PeerRecord[],
): Promise<number> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await design.count(client, records);
    } catch (error) {
      await client.query("ROLLBACK");
      const isDeadlock = error instanceof pg.DatabaseError && error.code === deadlock;
      if (!isDeadlock || attempt === attemptsMax) throw error;
    }
  }
}

async function countWithArrays(client: pg.Client, records: readonly PeerRecord[]): Promise<number> {
  const values = [
    arrayText(records.map(({ id }) => id)),
    arrayText(records.map(({ userId }) => userId)),
    arrayText(records.map(({ value }) => String(value))),
    arrayText(records.map(({ model }) => model)),
    arrayText(records.map(({ region }) => region)),
    arrayText(records.map(({ session }) => session)),
  ];
  const config = { name: "count-arrays", text: sql.countArrays, values };
  const { rows } = await client.query<{ counted: number }>(config);
  return rows[0]?.counted ?? 0;
}

async function countWithCopy(client: pg.Client, records: readonly PeerRecord[]): Promise<number> {
  const lines = records.map(
    ({ id, userId, value, model, region, session }, index) =>
      `${index}\t${id}\t${userId}\t${value}\t${model}\t${region}\t${session}\n`,
  );
  await client.query("BEGIN");
  await copyIn(client, sql.copyToStaging, Buffer.from(lines.join("")));
  const config = { name: "count-staging", text: sql.countStaging };
  const { rows } = await client.query<{ counted: number }>(config);
  await client.query("COMMIT");
  return rows[0]?.counted ?? 0;
}

async function countWithSums(client: pg.Client, records: readonly PeerRecord[]): Promise<number> {
  await client.query("BEGIN");
  const ids = arrayText(records.map(({ id }) => id));
  const known = { name: "remember-ids", text: sql.rememberIds, values: [ids] };
  const fresh = new Set((await client.query<{ id: string }>(known)).rows.map(({ id }) => id));
  const sums = sumByUser(records.filter(({ id }) => fresh.delete(id)));
  const users = [...sums.keys()];
  const locking = { name: "lock-meters", text: sql.lockMeters, values: [arrayText(users)] };
  const locked = await client.query<{ user_id: string; groups: string }>(locking);
  const documents = locked.rows.map(({ user_id, groups }) => {
    const document: Record<string, number> = JSON.parse(groups);
    for (const [name, thousandths] of sums.get(user_id)?.groups ?? []) {
      document[name] = (document[name] ?? 0) + thousandths;
    }
    return JSON.stringify(document);
  });
  const all = [...sums.values()];
  const values = [
    arrayText(users),
    arrayText(all.map(({ thousandths }) => decimalText(thousandths))),
    arrayText(all.map((sum) => String(sum.records))),
    arrayText(all.map(({ session }) => session)),
    arrayText(documents),
  ];
  await client.query({ name: "add-sums", text: sql.addSums, values });
  await client.query("COMMIT");
  return all.reduce((total, sum) => total + sum.records, 0);
}

/** A Postgres array as text, which the client would otherwise make element by element. */
function arrayText(items: readonly string[]): string {
  const quoted = items.map((item) => (/["\\]/.test(item) ? item.replace(/["\\]/g, "\\$&") : item));
  return items.length === 0 ? "{}" : `{"${quoted.join('","')}"}`;
}

/** What the client offers a query while a COPY waits for its data, beyond its types. */
interface CopyConnection {
  sendCopyFromChunk(chunk: Buffer): void;
  endCopyFrom(): void;
}

/** A query that answers the server's wish for data. */
class CopyQuery extends pg.Query {
  readonly #data: Buffer;

  constructor(text: string, data: Buffer, done: (error: Error | undefined) => void) {
    super(text, done);
    this.#data = data;
  }

  handleCopyInResponse(connection: CopyConnection): void {
    connection.sendCopyFromChunk(this.#data);
    connection.endCopyFrom();
  }
}

function copyIn(client: pg.Client, text: string, data: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    client.query(new CopyQuery(text, data, (error) => (error ? reject(error) : resolve())));
  });
}

interface MeterRow {
  readonly user_id: string;
  readonly value: string;
  readonly records: number;
  readonly groups: string;
  /** Whether rows of groups add up; null where the layout has none. */
  readonly agrees: boolean | null;
}

async function readMeters(client: pg.Client): Promise<readonly MeterReading[]> {
  const { rows } = await client.query<MeterRow>(sql.readMeters);
  for (const row of rows) {
    if (groupsAgree(row)) continue;
    throw new Error(`Postgres: the groups of ${row.user_id} do not add up to its value.`);
  }
  return rows.map(({ user_id, value, records }) => ({
    userId: user_id,
    valueExact: value,
    meterMetaData: { count: records },
  }));
}

function groupsAgree({ groups, value, agrees }: MeterRow): boolean {
  if (agrees !== null) return agrees;
  const document: Record<string, number> = JSON.parse(groups);
  const total = (prefix: string): string =>
    decimalText(
      Object.entries(document).reduce(
        (sum, [name, amount]) => sum + (name.startsWith(prefix) ? amount : 0),
        0,
      ),
    );
  return total("m:") === value && total("r:") === value;
}
