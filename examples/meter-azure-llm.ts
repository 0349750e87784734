// Meters a file of real calls to a language model: per user the context tokens, the generated
// tokens, the calls and the largest context. Prints a table, checks every total against plain
// addition, then posts the file again and shows that nothing changed. Ends with 1 when anything
// differs. Run: npm run example:azure -- <path to code.csv>
import { parseArgs } from "node:util";
import { differences, table } from "./azure-report.ts";
import { measures, readCalls, recordsOf, type Totals, totalsOf } from "./azure-usage.ts";
import {
  type Client,
  connect,
  type MeterDocument,
  type ServerAccess,
  type UsageAnswer,
} from "./client.ts";
import { startEngine, stopOnSignals, temporaryDirectory } from "./engine-process.ts";

const meterKey = "azure-llm";
const batchRecords = 1_000;

const help = `Meters calls to a language model: npm run example:azure -- [options] <path to code.csv>

The file has the columns TIMESTAMP,ContextTokens,GeneratedTokens, as in the Azure LLM inference
trace 2023 (github.com/Azure/AzurePublicDataset).

  --start                  start an engine for this run, with a data directory that is removed
                           afterwards; so it is too when no client id is given
  --url <base URL>         a running server (METERHOUSE_BASE_URL; else http://localhost:8080)
  --client-id <id>         its application access (METERHOUSE_CLIENT_ID)
  --client-secret <secret> (METERHOUSE_CLIENT_SECRET)
  --help                   this text
`;

/** What each measure is as a meter type; the guiding rules choose by category. */
const meterTypes = {
  calls: { name: "LLM calls", unit: "calls", category: "llm-context", type: "increment" },
  contextTokens: {
    name: "LLM context tokens",
    unit: "tokens",
    category: "llm-context",
    type: "sum",
  },
  generatedTokens: {
    name: "LLM generated tokens",
    unit: "tokens",
    category: "llm-generated",
    type: "sum",
  },
  largestContext: {
    name: "LLM largest context",
    unit: "tokens",
    category: "llm-context",
    type: "max",
  },
} satisfies Record<(typeof measures)[number], Record<string, string>>;

const processor = {
  meterKey,
  name: "Azure LLM calls",
  // A user who is met for the first time gets the meters of the matched category.
  createMeters: true,
  guidingRules: (["context", "generated"] as const).map((kind) => ({
    conditions: [{ field: "kind", value: kind, type: "string" }],
    matchCategory: `llm-${kind}`,
  })),
};

try {
  process.exitCode = await run();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}

async function run(): Promise<number> {
  const { values, positionals } = readArguments();
  if (values.help) {
    process.stdout.write(help);
    return 0;
  }
  const [path] = positionals;
  if (path === undefined || positionals.length > 1) {
    process.stderr.write(`Exactly one path of a CSV file is expected.\n\n${help}`);
    return 2;
  }
  const calls = readCalls(path);
  const access = accessOf(values);
  if (access !== null) return meter(await connect(access), calls);
  process.stdout.write("Starting an engine for this run…\n");
  const engine = await startEngine({ settings: { METERHOUSE_DATA_DIR: temporaryDirectory() } });
  stopOnSignals(engine, () => process.exit(130));
  try {
    return await meter(await connect(engine), calls);
  } finally {
    await engine.stop();
  }
}

function readArguments(): ReturnType<typeof parse> {
  try {
    return parse();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    process.stderr.write(`${reason}\n\n${help}`);
    process.exit(2);
  }
}

function parse() {
  return parseArgs({
    allowPositionals: true,
    options: {
      help: { type: "boolean", short: "h", default: false },
      start: { type: "boolean", default: false },
      url: { type: "string" },
      "client-id": { type: "string" },
      "client-secret": { type: "string" },
    },
  });
}

/** Null: an engine is to be started. */
function accessOf(values: ReturnType<typeof parse>["values"]): ServerAccess | null {
  const { env } = process;
  const clientId = values["client-id"] ?? env.METERHOUSE_CLIENT_ID;
  const clientSecret = values["client-secret"] ?? env.METERHOUSE_CLIENT_SECRET;
  const url = values.url ?? env.METERHOUSE_BASE_URL;
  if (values.start) return null;
  if (clientId !== undefined && clientSecret !== undefined) {
    const baseUrl = (url ?? "http://localhost:8080").replace(/\/+$/, "");
    return { baseUrl, clientId, clientSecret };
  }
  if (clientId === undefined && clientSecret === undefined && url === undefined) return null;
  throw new Error(
    "A running server needs --client-id and --client-secret (or METERHOUSE_CLIENT_ID and " +
      "METERHOUSE_CLIENT_SECRET); without any of them, an engine is started for this run.",
  );
}

async function meter(client: Client, calls: ReturnType<typeof readCalls>): Promise<number> {
  await define(client);
  const records = recordsOf(calls);
  process.stdout.write(`\n${calls.length} calls, ${records.length} records.\n`);
  const first = await post(client, records);
  process.stdout.write(`Posted: ${sentence(first)}\n`);
  const meters = await readMeters(client);
  const counted = totalsIn(meters);
  process.stdout.write(`\n${table(counted)}\n`);
  const wrong = differences(totalsOf(calls), counted);
  process.stdout.write(
    wrong.length === 0
      ? `All ${counted.size * measures.length} totals are those of the file.\n`
      : `Wrong totals:\n${wrong.map((line) => `  ${line}\n`).join("")}`,
  );
  const second = await post(client, records);
  process.stdout.write(`\nPosted again: ${sentence(second)}\n`);
  const isSame = JSON.stringify(await readMeters(client)) === JSON.stringify(meters);
  process.stdout.write(isSame ? "No meter changed.\n" : "The meters changed!\n");
  const isKnown = second.duplicates === records.length;
  return wrong.length === 0 && first.rejected === 0 && isSame && isKnown ? 0 : 1;
}

/** Finds what an earlier run has made. */
async function define(client: Client): Promise<void> {
  for (const { name, unit, category, type } of Object.values(meterTypes)) {
    await client.ensure("/meter-types", {
      name,
      unit,
      category,
      aggregation: { type },
      timezone: "Etc/UTC",
      resetSchedule: { minute: "0", hour: "0", day: "1", month: "1", weekday: "*" },
    });
  }
  await client.ensure("/meter-processors", processor);
}

interface Posted {
  readonly counted: number;
  readonly duplicates: number;
  readonly rejected: number;
  /** Of the first record that was rejected. */
  readonly detail: string;
}

async function post(client: Client, records: readonly unknown[]): Promise<Posted> {
  let posted = { counted: 0, duplicates: 0, rejected: 0, detail: "" };
  for (let at = 0; at < records.length; at += batchRecords) {
    const path = `/meter-processors/${meterKey}/usage-records`;
    const answer = await client.postLines<UsageAnswer>(path, records.slice(at, at + batchRecords));
    const rejected = answer.results.find((result) => result.outcome === "rejected");
    posted = {
      counted: posted.counted + answer.counted,
      duplicates: posted.duplicates + answer.duplicates,
      rejected: posted.rejected + answer.rejected,
      detail: posted.detail || (rejected?.detail ?? ""),
    };
  }
  return posted;
}

function sentence({ counted, duplicates, rejected, detail }: Posted): string {
  const reason = rejected === 0 ? "" : ` (the first: ${detail})`;
  return `${counted} counted, ${duplicates} duplicates, ${rejected} rejected${reason}.`;
}

function readMeters(client: Client): Promise<readonly MeterDocument[]> {
  return client.list<MeterDocument>(`/meters?meterKey=${meterKey}`, "meters");
}

function totalsIn(meters: readonly MeterDocument[]): ReadonlyMap<string, Totals> {
  const totals = new Map<string, Totals>();
  for (const { userId, meterTypeName, valueExact } of meters) {
    const measure = measures.find((name) => meterTypes[name].name === meterTypeName);
    if (measure === undefined) continue;
    const none = { calls: 0n, contextTokens: 0n, generatedTokens: 0n, largestContext: 0n };
    const value = BigInt(valueExact);
    totals.set(userId, { ...none, ...totals.get(userId), [measure]: value });
  }
  return new Map([...totals].sort(([a], [b]) => (a < b ? -1 : 1)));
}
