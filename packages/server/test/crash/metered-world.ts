// What the load is counted into, and how it is read back: one type whose periods end every minute,
// one whose period lasts a month, groups by record id. Knows the API, not the load.
import { LoadConnection } from "../support/load-connection.ts";
import type { ObservedMeter, ObservedPeriod } from "../support/load-history.ts";

export const clientId = "crash-test";
export const clientSecret = "0123456789abcdefghijklmnopqrstuvwxyz-ABCD";

/** Names of the two meter types. */
const minutely = "Calls";
const monthly = "All calls";
const everyMinute = { minute: "*", hour: "*", day: "*", month: "*", weekday: "*" };
const everyMonth = { minute: "0", hour: "0", day: "1", month: "*", weekday: "*" };
const everyOtherMinute = { ...everyMinute, minute: "*/2" };

/** Ids that the load needs. */
export interface World {
  /** Meter types that each record is counted for. */
  readonly types: number;
  readonly usagePath: string;
  readonly minutelyPath: string;
}

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

/**
 * Makes what is missing; may be called after any crash of itself. Without the monthly type nothing
 * stays but what is metered and the ids.
 */
export async function setUp(baseUrl: string, hasMonthly = true): Promise<World> {
  const connection = await connect(baseUrl);
  const ids = new Map<string, string>();
  const listed = await connection.ask("GET", "/meter-types?limit=100");
  for (const { name, id } of listed.meterTypes as { name: string; id: string }[]) ids.set(name, id);
  const wanted = new Map([[minutely, everyMinute]]);
  if (hasMonthly) wanted.set(monthly, everyMonth);
  for (const [name, resetSchedule] of wanted) {
    if (ids.has(name)) continue;
    const type = { name, unit: "calls", timezone: "Etc/UTC", aggregation: { type: "sum" } };
    const made = await connection.ask("POST", "/meter-types", { ...type, resetSchedule });
    ids.set(name, String(made.id));
  }
  const usagePath = await setUpProcessor(connection);
  connection.close();
  return { types: wanted.size, usagePath, minutelyPath: `/meter-types/${ids.get(minutely)}` };
}

async function setUpProcessor(connection: LoadConnection): Promise<string> {
  const listed = await connection.ask("GET", "/meter-processors");
  const [processor] = listed.meterProcessors as { meterKey: string; guidingRules: object[] }[];
  if (processor === undefined) throw new Error("there is a processor");
  const { meterKey } = processor;
  const guidingRules = processor.guidingRules.map((rule) => ({
    ...rule,
    groupBy: [{ fields: ["id"] }],
  }));
  const path = `/meter-processors/${meterKey}`;
  await connection.ask("PATCH", path, { guidingRules, createMeters: true });
  return `${path}/usage-records?detail=all`;
}

/** Every other call sets the schedule that the call before did not. */
export async function changeSchedule(
  connection: LoadConnection,
  { minutelyPath }: World,
  isEvery: boolean,
): Promise<void> {
  const resetSchedule = isEvery ? everyMinute : everyOtherMinute;
  await connection.send("PATCH", minutelyPath, { body: { resetSchedule } });
}

type Listed = ObservedPeriod & { readonly id: string; readonly createdAt: string };

/** All meters with their metered records. Periods may end meanwhile: read while none is due. */
export async function observe(baseUrl: string): Promise<readonly ObservedMeter[]> {
  for (;;) {
    const before = await readOnce(baseUrl);
    if (before !== null) return before;
  }
}

/** Null when periods ended while it read, so that the parts do not belong together. */
async function readOnce(baseUrl: string): Promise<readonly ObservedMeter[] | null> {
  const connection = await connect(baseUrl);
  const accept = "application/x-ndjson";
  const countBefore = await flushedCount(connection);
  const records = await connection.send("GET", "/metered-records", { accept });
  const lines = records.text.split("\n").filter((line) => line !== "");
  records.text = "";
  const flushed = Map.groupBy(lines.map(lineOf), ({ id }) => id);
  const observed: ObservedMeter[] = [];
  for (let skip = 0; ; skip += 100) {
    const page = await connection.ask("GET", `/meters?limit=100&skip=${skip}`);
    const meters = page.meters as readonly Listed[];
    for (const meter of meters.map(thinned)) {
      const { id, createdAt } = meter;
      observed.push({ id, createdAt, periods: [...(flushed.get(id) ?? []), meter], isWhole: true });
    }
    if (meters.length < 100) break;
  }
  const countAfter = await flushedCount(connection);
  connection.close();
  return countBefore === countAfter ? observed : null;
}

function lineOf(line: string): Listed {
  return thinned(JSON.parse(line) as Listed);
}

/** Only what is judged: there are millions of groups. */
function thinned({ id, createdAt, periodStart, periodEnd, valueExact, groups }: Listed): Listed {
  const thin = groups.map(({ key, valueExact: value }) => ({ key, valueExact: value }));
  return { id, createdAt, periodStart, periodEnd, valueExact, groups: thin };
}

async function flushedCount(connection: LoadConnection): Promise<number> {
  return (await conservationOf(connection)).get("metered periods") ?? 0;
}

/** The server's own books: records by part, and outputs that were stored. */
export async function conservationOf(
  connection: LoadConnection,
): Promise<ReadonlyMap<string, number>> {
  const { text } = await connection.send("GET", "/metrics", { accept: "*/*" });
  const parts = new Map<string, number>();
  for (const [, part = "", value] of text.matchAll(
    /^meterhouse_conservation_records\{part="(\w+)"\} (\d+)$/gm,
  )) {
    parts.set(part, Number(value));
  }
  const outputs = /^meterhouse_outputs_released_total\{kind="metered-record"\} (\d+)$/m.exec(text);
  parts.set("metered periods", Number(outputs?.[1] ?? 0));
  return parts;
}
