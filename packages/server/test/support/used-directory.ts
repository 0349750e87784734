// A data directory that a real server has filled: metered records, live values, data-correction items
// and a snapshot, or a journal's tail without one. And a caller of a running server that counts what
// it was answered. For tests of backup, restore and verify.
import { LoadConnection } from "./load-connection.ts";
import { newDataDirectory, startServer } from "./server-process.ts";

const clientId = "backup-test";
const clientSecret = "0123456789abcdefghijklmnopqrstuvwxyz-ABCD";

export const fixedClient: Readonly<Record<string, string>> = {
  METERHOUSE_CLIENT_ID: clientId,
  METERHOUSE_CLIENT_SECRET: clientSecret,
};

export async function connect(baseUrl: string): Promise<LoadConnection> {
  const connection = new LoadConnection(baseUrl);
  const answer = await connection.ask("POST", "/oauth/token", {
    grant_type: "client_credentials",
    client_id: clientId,
    client_secret: clientSecret,
    audience: baseUrl,
  });
  connection.token = String(answer.access_token);
  return connection;
}

/** A sum type whose meters come with their first record; gives the key of the processor. */
export async function setUp(connection: LoadConnection): Promise<string> {
  await connection.ask("POST", "/meter-types", {
    name: "Calls",
    unit: "calls",
    timezone: "Etc/UTC",
    aggregation: { type: "sum" },
    resetSchedule: { minute: "0", hour: "0", day: "1", month: "1", weekday: "*" },
  });
  const listed = await connection.ask("GET", "/meter-processors");
  const [processor] = listed.meterProcessors as { meterKey: string }[];
  if (processor === undefined) throw new Error("there is a processor");
  const { meterKey } = processor;
  await connection.ask("PATCH", `/meter-processors/${meterKey}`, { createMeters: true });
  return meterKey;
}

/** Values of all meters by user. */
export async function liveValues(connection: LoadConnection): Promise<ReadonlyMap<string, number>> {
  const listed = await connection.ask("GET", "/meters?limit=100");
  const meters = listed.meters as { userId: string; value: number }[];
  return new Map(meters.map(({ userId, value }) => [userId, value]));
}

/** Ids of all metered records, in order. */
export async function meteredIds(connection: LoadConnection): Promise<readonly string[]> {
  const answer = await connection.send("GET", "/metered-records", {
    accept: "application/x-ndjson",
  });
  const lines = answer.text.split("\n").filter((line) => line !== "");
  return lines.map((line) => (JSON.parse(line) as { recordId: string }).recordId);
}

/** Three requests of which each flushes two meters, then live values; ended as told. */
export async function usedDirectory(end: "SIGTERM" | "SIGKILL"): Promise<string> {
  const directory = newDataDirectory();
  const server = startServer(directory, fixedClient);
  const connection = await connect(await server.started);
  const meterKey = await setUp(connection);
  const path = `/meter-processors/${meterKey}`;
  const records = (name: string): readonly object[] => [
    { userId: "ann", value: 1.5, id: `${name}-1` },
    { userId: "bob", value: 2, id: `${name}-2` },
    { userId: "bob", id: `${name}-3` },
  ];
  await connection.ask("PATCH", path, { flushType: "ALL_FILES" });
  for (const name of ["a", "b", "c"]) {
    await connection.ask("POST", `${path}/usage-records`, records(name));
  }
  await connection.ask("PATCH", path, { flushType: "TIMEOUT" });
  await connection.ask("POST", `${path}/usage-records`, records("d"));
  connection.close();
  server.signal(end);
  await server.exited;
  return directory;
}
