// Runs the engine with a small data set that lives: usage of an AI assistant and of a printing
// service comes in all the time, and periods end every few minutes. Tells in a line every few
// seconds what came in and what it was counted to, and each metered record's meter type as periods
// end. Ctrl-C stops both. Run: npm run demo
import { parseArgs } from "node:util";
import { type Client, connect, type MeterDocument, type UsageAnswer } from "./client.ts";
import { define } from "./demo-definitions.ts";
import { createUsage, type UsageSource } from "./demo-usage.ts";
import { type EngineProcess, startEngine, stopOnSignals } from "./engine-process.ts";

const help = `Runs the engine with usage that comes in all the time: npm run demo -- [options]

  --minutes=<n>   stop after this time (a fraction will do); else Ctrl-C stops it
  --once          send a little usage without waiting, tell about it, and stop
  --help          this text

The settings of the server hold (npm start -- --help). Defaults here: port 8080, data in
./data-demo, which may be deleted at any time.
`;

const seed = 2023;
const tickMs = 700;
const ticksPerReport = 7;
const onceTicks = 60;

try {
  await run();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}

async function run(): Promise<void> {
  const values = readArguments();
  if (values === null) return;
  const engine = await startEngine({ settings: demoSettings() });
  stopOnSignals(engine, () => {
    say("Stopped.");
    process.exit(0);
  });
  void engine.lost.then((reason) => {
    process.stderr.write(`${reason}\n`);
    process.exit(1);
  });
  try {
    await live(engine, values);
    await engine.stop();
    say("Stopped.");
  } catch (error) {
    // Ctrl-C in the midst of a request; the handler above ends the process.
    if (!engine.isStopping) throw error;
  }
}

/** Until the time is up. */
async function live(engine: EngineProcess, { once, minutes }: Values): Promise<void> {
  const client = await connect(engine);
  await define(client);
  introduce(engine);
  const demo = await createDemo(client);
  const end = once ? onceTicks : Math.ceil((minutes * 60_000) / tickMs);
  for (let tick = 1; tick <= end; tick += 1) {
    await demo.send();
    if (tick % ticksPerReport === 0 || tick === end) await demo.report();
    if (!once) await new Promise((resolve) => setTimeout(resolve, tickMs));
  }
}

interface Values {
  readonly once: boolean;
  /** Infinity: until Ctrl-C. */
  readonly minutes: number;
}

/** Null: there is nothing to run. */
function readArguments(): Values | null {
  const { values } = parseArgs({
    options: {
      minutes: { type: "string" },
      once: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) {
    process.stdout.write(help);
    return null;
  }
  const minutes = values.minutes === undefined ? Number.POSITIVE_INFINITY : Number(values.minutes);
  if (!(minutes > 0)) throw new Error("--minutes must be a number greater than 0.");
  return { once: values.once, minutes };
}

/** What the environment says, over the demo's own defaults. */
function demoSettings(): Record<string, string | undefined> {
  const given = Object.entries(process.env).filter(([name]) => /^METERHOUSE_/i.test(name));
  return {
    METERHOUSE_PORT: "8080",
    METERHOUSE_DATA_DIR: "./data-demo",
    ...Object.fromEntries(given),
  };
}

function introduce({ baseUrl, clientId, clientSecret }: EngineProcess): void {
  process.stdout.write(`
Meterhouse runs on ${baseUrl} and usage comes in. Have a look from another shell:

BASE=${baseUrl}
TOKEN=$(curl -sS "$BASE/oauth/token" -d grant_type=client_credentials \\
  -d audience="$BASE" -d client_id=${clientId} -d client_secret=${clientSecret} |
  sed -n 's/.*"access_token":"\\([^"]*\\)".*/\\1/p')
curl -sS "$BASE/meters?userId=ada" -H "Authorization: Bearer $TOKEN"; echo
curl -sS "$BASE/metered-records?limit=5&sortOrder=DESC" -H "Authorization: Bearer $TOKEN"; echo
curl -sS "$BASE/data-correction/records?limit=5" -H "Authorization: Bearer $TOKEN"; echo

Client id ${clientId}, client secret ${clientSecret}. Ctrl-C stops.

`);
}

interface Demo {
  send(): Promise<void>;
  report(): Promise<void>;
}

async function createDemo(client: Client): Promise<Demo> {
  const usage: UsageSource = createUsage(seed, Date.now().toString(36));
  let sums = { received: 0, counted: 0, duplicates: 0, rejected: 0 };
  let reasons: string[] = [];
  let last = (await newestRecords(client))[0]?.recordId ?? "";
  return {
    async send() {
      for (const { meterKey, records } of usage.next()) {
        const path = `/meter-processors/${meterKey}/usage-records`;
        const answer = await client.post<UsageAnswer>(path, records);
        sums = {
          received: sums.received + answer.received,
          counted: sums.counted + answer.counted,
          duplicates: sums.duplicates + answer.duplicates,
          rejected: sums.rejected + answer.rejected,
        };
        reasons.push(...answer.results.flatMap(({ reason }) => reason ?? []));
      }
    },
    async report() {
      const { received, counted, duplicates, rejected } = sums;
      const why = reasons.length === 0 ? "" : ` (${[...new Set(reasons)].join(", ")})`;
      const totals = `${received} records: ${counted} counted, ${duplicates} duplicates`;
      say(`${totals}, ${rejected} rejected${why}  |  ${await liveValues(client)}`);
      reasons = [];
      const news = await recordsSince(client, last);
      last = news[0]?.recordId ?? last;
      for (const line of endedPeriods(news)) say(line);
    },
  };
}

/** One user of each service, with what the open periods hold. */
async function liveValues(client: Client): Promise<string> {
  const ofUser = async (userId: string, names: readonly string[]): Promise<string> => {
    const path = `/meters?userId=${userId}`;
    const { meters } = await client.get<{ readonly meters: readonly MeterDocument[] }>(path);
    const values = names.flatMap((name) => {
      const meter = meters.find(({ meterTypeName }) => meterTypeName === name);
      return meter === undefined ? [] : [`${amount(meter.valueExact)} ${name}`];
    });
    return `${userId}: ${values.length === 0 ? "nothing yet" : values.join(", ")}`;
  };
  const assistant = await ofUser("ada", ["AI calls", "AI tokens in", "AI tokens out"]);
  return `${assistant}; ${await ofUser("mats", ["Printed pages"])}`;
}

interface MeteredRecord extends MeterDocument {
  readonly recordId: string;
}

/** Newest first; more than a boundary makes. */
async function newestRecords(client: Client): Promise<readonly MeteredRecord[]> {
  const path = "/metered-records?sortOrder=DESC&limit=100";
  const answer = await client.get<{ readonly meteredRecords: readonly MeteredRecord[] }>(path);
  return answer.meteredRecords;
}

async function recordsSince(client: Client, last: string): Promise<readonly MeteredRecord[]> {
  const newest = await newestRecords(client);
  const known = newest.findIndex(({ recordId }) => recordId === last);
  return known === -1 ? newest : newest.slice(0, known);
}

/** A line for each meter type and period end, with the highest of the users. */
function endedPeriods(records: readonly MeteredRecord[]): readonly string[] {
  const groups = Map.groupBy(records, (one) => `${one.periodEnd} ${one.meterTypeName}`);
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    const highest = group.reduce((a, b) => (BigInt(b.valueExact) > BigInt(a.valueExact) ? b : a));
    const most = `highest ${highest.userId} with ${amount(highest.valueExact)} ${highest.unit}`;
    const end = first.periodEnd.slice(11, 16);
    return [`  period to ${end} ended: ${first.meterTypeName}, ${group.length} metered, ${most}`];
  });
}

function amount(exact: string): string {
  return exact.replace(/\B(?=(\d{3})+$)/g, ",");
}

function say(text: string): void {
  process.stdout.write(`${new Date().toISOString().slice(11, 19)}  ${text}\n`);
}
