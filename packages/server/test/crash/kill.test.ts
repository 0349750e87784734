// Real processes, killed with SIGKILL at random moments under load, and a checker over what every
// connection saw. Repeat a failed run with SEED=<seed>; the moments differ, the load does not.
import { afterEach, expect, it } from "vitest";
import { LoadConnection } from "../support/load-connection.ts";
import {
  LoadHistory,
  type ObservedMeter,
  type ObservedPeriod,
  type RecordAnswer,
  type SentRecord,
} from "../support/load-history.ts";
import { createSeededRandom, type SeededRandom, seedOf } from "../support/seeded-random.ts";
import {
  endProcesses,
  newDataDirectory,
  type ServerProcess,
  startServer,
} from "../support/server-process.ts";

const kills = 10;
const connections = 16;
/** Of one user, below the bound of groups of one meter. */
const recordsPerUser = 800;
const clientId = "kill-test";
const clientSecret = "0123456789abcdefghijklmnopqrstuvwxyz-ABCD";
const settings = {
  METERHOUSE_CLIENT_ID: clientId,
  METERHOUSE_CLIENT_SECRET: clientSecret,
  METERHOUSE_SNAPSHOT_MEGABYTES: "1",
};

afterEach(endProcesses);

/** One start of the server: where it listens, and what has happened since. */
interface Life {
  readonly server: ServerProcess;
  readonly baseUrl: string;
  /** Called at each sending and each answer. */
  readonly onEvent: () => void;
  isOver: boolean;
}

/** One caller: its records are numbered, of one user after the other. */
interface Caller {
  readonly name: string;
  readonly random: SeededRandom;
  sent: number;
}

async function connect(baseUrl: string): Promise<LoadConnection> {
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

/** A type whose periods end every minute; meters come with their first record. */
async function setUp(baseUrl: string): Promise<string> {
  const connection = await connect(baseUrl);
  const resetSchedule = { minute: "*", hour: "*", day: "*", month: "*", weekday: "*" };
  const aggregation = { type: "sum" };
  await connection.ask("POST", "/meter-types", {
    name: "Calls",
    unit: "calls",
    timezone: "Etc/UTC",
    aggregation,
    resetSchedule,
  });
  const listed = await connection.ask("GET", "/meter-processors");
  const [processor] = listed.meterProcessors as { meterKey: string; guidingRules: object[] }[];
  if (processor === undefined) throw new Error("there is a processor");
  const { meterKey } = processor;
  const guidingRules = processor.guidingRules.map((rule) => ({
    ...rule,
    groupBy: [{ fields: ["id"] }],
  }));
  const patch = { guidingRules, createMeters: true };
  await connection.ask("PATCH", `/meter-processors/${meterKey}`, patch);
  connection.close();
  return meterKey;
}

function nextRequest(caller: Caller): readonly SentRecord[] {
  const user = Math.floor(caller.sent / recordsPerUser);
  const room = recordsPerUser - (caller.sent % recordsPerUser);
  const count = Math.min(room, caller.random.pick([1, 1, 1, 5, 50]));
  // Written as null, which is rejected.
  const isFaulty = caller.random.chance(0.03);
  return Array.from({ length: count }, () => {
    caller.sent += 1;
    const id = `${caller.name}.${caller.sent}`;
    const value = isFaulty ? Number.NaN : caller.random.integer(1, 1_000_000);
    return { id, userId: `${caller.name}-${user}`, value };
  });
}

async function sendOne(
  connection: LoadConnection,
  path: string,
  { records, history, life }: { records: readonly SentRecord[]; history: LoadHistory; life: Life },
): Promise<boolean> {
  const attempt = history.invoke(records);
  life.onEvent();
  try {
    const { status, text } = await connection.send("POST", path, { body: records });
    if (status === 200) {
      const { results } = JSON.parse(text) as { results: Results };
      attempt.answered(results.map(answerOf));
    } else if (status === 503 && !/store-(?:failed|late)/.test(text)) attempt.refused();
    else throw new Error(`${status} ${text}`);
    life.onEvent();
    return true;
  } catch (error) {
    attempt.lost();
    if (!life.isOver) throw error;
    return false;
  }
}

type Results = readonly { outcome: RecordAnswer["outcome"]; meters?: readonly { id: string }[] }[];

function answerOf({ outcome, meters = [] }: Results[number]): RecordAnswer {
  return { outcome, meters: meters.map(({ id }) => id) };
}

/** Sends what is open first, some known ones again, then new ones until the life is over. */
async function load(
  life: Life,
  path: string,
  { caller, history }: { caller: Caller; history: LoadHistory },
): Promise<void> {
  const own = ([first]: readonly SentRecord[]): boolean =>
    first?.id.startsWith(`${caller.name}.`) === true;
  const open = history.unanswered.filter(own);
  const connection = await connect(life.baseUrl).catch(() => null);
  while (connection !== null && !life.isOver) {
    const records = open.shift() ?? nextRequest(caller);
    if (!(await sendOne(connection, path, { records, history, life }))) break;
    const isAgain = caller.random.chance(0.05) && !life.isOver;
    if (isAgain && !(await sendOne(connection, path, { records, history, life }))) break;
  }
  connection?.close();
}

/** A start that does not get far. */
async function killEarly(directory: string, random: SeededRandom): Promise<void> {
  const server = startServer(directory, settings);
  await server.logged(random.pick(["settings read", "state recovered"]));
  server.signal("SIGKILL");
  await server.exited;
}

/** Starts the server; `endAt` events later it gets the signal, in the midst of whatever it does. */
async function begin(
  directory: string,
  endAt: number,
  signal: "SIGKILL" | "SIGTERM" = "SIGKILL",
): Promise<Life> {
  const server = startServer(directory, settings);
  const baseUrl = await server.started;
  let events = 0;
  const life: Life = {
    server,
    baseUrl,
    isOver: false,
    onEvent: () => {
      events += 1;
      if (events !== endAt) return;
      life.isOver = true;
      server.signal(signal);
    },
  };
  return life;
}

async function observe(baseUrl: string): Promise<readonly ObservedMeter[]> {
  const connection = await connect(baseUrl);
  const records = await connection.send("GET", "/metered-records", {
    accept: "application/x-ndjson",
  });
  const flushed = Map.groupBy(
    linesOf(records.text).map((line) => JSON.parse(line) as ObservedPeriod & { id: string }),
    ({ id }) => id,
  );
  const observed: ObservedMeter[] = [];
  for (let skip = 0; ; skip += 100) {
    const page = await connection.ask("GET", `/meters?limit=100&skip=${skip}`);
    const meters = page.meters as readonly (ObservedPeriod & { id: string; createdAt: string })[];
    for (const meter of meters) {
      const { id, createdAt } = meter;
      const periods = [...(flushed.get(id) ?? []), meter];
      observed.push({ id, createdAt, periods, isWhole: true });
    }
    if (meters.length < 100) break;
  }
  connection.close();
  return observed;
}

function linesOf(text: string): readonly string[] {
  return text.split("\n").filter((line) => line !== "");
}

const seed = seedOf(Math.floor(performance.timeOrigin % 1_000_000));

it(`[EN8] acknowledged once, unknown at most once, rejected never, ${kills} kills (SEED=${seed})`, async () => {
  const random = createSeededRandom(seed);
  const directory = newDataDirectory();
  const history = new LoadHistory();
  const callers = Array.from({ length: connections }, (_, index): Caller => {
    return { name: `c${index}`, random: createSeededRandom(seed + index), sent: 0 };
  });
  let path = "";
  // The last round under load ends with a stop in good order.
  for (let round = 0; round <= kills; round += 1) {
    if (random.chance(0.3)) await killEarly(directory, random);
    const signal = round < kills ? "SIGKILL" : "SIGTERM";
    const life = await begin(directory, random.integer(1, 600), signal);
    if (path === "") {
      path = `/meter-processors/${await setUp(life.baseUrl)}/usage-records?detail=all`;
    }
    await Promise.all(callers.map((caller) => load(life, path, { caller, history })));
    expect((await life.server.exited).code).toBe(signal === "SIGKILL" ? null : 0);
  }
  expect(history.totals.lost).toBeGreaterThan(0);
  const last = await begin(directory, -1);
  const connection = await connect(last.baseUrl);
  for (const records of history.unanswered) {
    await sendOne(connection, path, { records, history, life: last });
  }
  connection.close();
  expect(history.faults(await observe(last.baseUrl)).slice(0, 10)).toEqual([]);
  last.server.signal("SIGTERM");
  expect((await last.server.exited).code).toBe(0);
  const again = await begin(directory, -1);
  expect(history.faults(await observe(again.baseUrl)).slice(0, 10)).toEqual([]);
  expect(history.acknowledged.length).toBeGreaterThan(100);
}, 180_000);
