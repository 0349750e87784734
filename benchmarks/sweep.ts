// Many meters due at one minute, under load: how long until the last of their metered records is
// durable, and what batches wait meanwhile. A real server whose clock can be moved to the boundary.
// In the end metered records and open meters must add up to everything that was acknowledged.
import { fileURLToPath } from "node:url";
import type { MeterDocument } from "../examples/client.ts";
import { type BenchServer, makeMeters, startBenchServer } from "./bench-server.ts";
import { Ledger, type MeterReading } from "./ledger.ts";
import { sendAll } from "./load.ts";
import { type Sample, startPacedLoad } from "./paced-load.ts";
import { type Measure, measured, middle, percentileOf } from "./reach.ts";
import { touch } from "./touch.ts";
import { createWorkload, meterType, userIdOf, type Workload } from "./workload.ts";

export interface SweepSizes {
  readonly users: number;
  readonly rounds: number;
  readonly batchesPerSecond: number;
  readonly batchRecords: number;
  readonly secondsBefore: number;
}

interface Swept {
  readonly seconds: number;
  readonly p99Ms: number;
  readonly p99BeforeMs: number;
  readonly longestMs: number;
  /** Processor time of the server, all threads, while the meters were closed. */
  readonly cpuSeconds: number;
}

const clock = new URL("./moved-clock.ts", import.meta.url);
const everyTenMinutes = { minute: "*/10", hour: "*", day: "*", month: "*", weekday: "*" };
const released = ["meterhouse_outputs_released_total", 'kind="metered-record"'] as const;
const cpu = "process_cpu_seconds_total";
const lookMs = 20;
const sweepMs = 120_000;
const touchBatch = 1_000;
const touchConnections = 8;

export async function measureSweep(
  sizes: SweepSizes,
  directory: string,
): Promise<readonly Measure[]> {
  const server = await startBenchServer({
    directory,
    nodeOptions: ["--import", fileURLToPath(clock)],
  });
  try {
    await makeMeters(server.client, sizes.users, { ...meterType, resetSchedule: everyTenMinutes });
    const run = { sizes, server, workload: createWorkload(sizes.users, 3) };
    const ledger = new Ledger(sizes.users);
    const sweeps: Swept[] = [];
    for (let round = 0; round < sizes.rounds; round += 1) {
      sweeps.push(await sweepOnce(run, ledger, round));
    }
    await check(run, ledger);
    return figures(sizes, sweeps);
  } finally {
    await server.stop();
  }
}

interface Run {
  readonly sizes: SweepSizes;
  readonly server: BenchServer;
  readonly workload: Workload;
}

async function sweepOnce(run: Run, ledger: Ledger, round: number): Promise<Swept> {
  const { sizes, server, workload } = run;
  await touchAll(run, ledger, round);
  const before = await server.metric(...released);
  const load = startPacedLoad(server.target, {
    perSecond: sizes.batchesPerSecond,
    make: () => workload.batch(sizes.batchRecords),
  });
  await sleep(sizes.secondsBefore * 1_000);
  const cpuBefore = await server.metric(cpu);
  const movedAt = performance.now();
  process.kill(server.pid, "SIGUSR2");
  let made = 0;
  while (made < sizes.users) {
    if (performance.now() > movedAt + sweepMs) throw new Error(`Only ${made} metered records.`);
    await sleep(lookMs);
    made = (await server.metric(...released)) - before;
  }
  const doneAt = performance.now();
  const cpuSeconds = (await server.metric(cpu)) - cpuBefore;
  const samples = await load.stop();
  for (const { batch, counted } of samples) ledger.acknowledge(batch, counted ?? 0);
  const within = (from: number, to: number): readonly number[] =>
    samples.filter(({ dueAt }) => dueAt >= from && dueAt < to).map(latencyOf);
  const during = within(movedAt, doneAt);
  return {
    seconds: (doneAt - movedAt) / 1_000,
    p99Ms: percentileOf(during, 0.99),
    // The first half warms up the connections.
    p99BeforeMs: percentileOf(within(movedAt - sizes.secondsBefore * 500, movedAt), 0.99),
    longestMs: Math.max(...during),
    cpuSeconds,
  };
}

function latencyOf({ latencyMs }: Sample): number {
  return latencyMs;
}

/** No meter is empty when it is due. */
async function touchAll({ sizes, server }: Run, ledger: Ledger, round: number): Promise<void> {
  const firsts = Array.from(
    { length: Math.ceil(sizes.users / touchBatch) },
    (_, index) => index * touchBatch,
  );
  const batches = firsts.map((first) =>
    touch(`touch-${round}`, first, Math.min(touchBatch, sizes.users - first)),
  );
  const bodies = batches.map(({ body }) => body);
  const sent = await sendAll(server.target, bodies, touchConnections);
  for (const [index, batch] of batches.entries()) {
    ledger.acknowledge(batch, sent.counted[index] ?? 0);
  }
}

function figures(sizes: SweepSizes, sweeps: readonly Swept[]): readonly Measure[] {
  const { users, batchesPerSecond, batchRecords } = sizes;
  const load = `${(batchesPerSecond * batchRecords).toLocaleString("en")} records/s`;
  const note = `beside ${load} in batches of ${batchRecords}, due at fixed times`;
  const of = (pick: (swept: Swept) => number): number => middle(sweeps.map(pick));
  const due = `${users.toLocaleString("en")} meters due at once`;
  return [
    measured(
      `${due}: all durable`,
      of(({ seconds }) => seconds),
      { unit: "s", target: { better: "less", reach: 10, aim: 3 }, note },
    ),
    measured(
      `${due}: p99 of ingest meanwhile`,
      of(({ p99Ms }) => p99Ms),
      { unit: "ms", target: { better: "less", reach: 250, aim: 100 }, note },
    ),
    measured(
      "  longest wait meanwhile",
      of(({ longestMs }) => longestMs),
      { unit: "ms" },
    ),
    measured(
      "  processor time of the server meanwhile",
      of(({ cpuSeconds }) => cpuSeconds),
      { unit: "s" },
    ),
    measured(
      "  p99 before",
      of(({ p99BeforeMs }) => p99BeforeMs),
      { unit: "ms" },
    ),
  ];
}

/** Adds up metered records and open meters by user. */
async function check({ sizes, server }: Run, ledger: Ledger): Promise<void> {
  const numbers = new Map(Array.from({ length: sizes.users }, (_, user) => [userIdOf(user), user]));
  const thousandths = new BigInt64Array(sizes.users);
  const counts = new Float64Array(sizes.users);
  const add = ({ userId, valueExact, meterMetaData }: MeterReading): void => {
    const user = numbers.get(userId) ?? -1;
    thousandths[user] = (thousandths[user] ?? 0n) + thousandthsOf(valueExact);
    counts[user] = (counts[user] ?? 0) + meterMetaData.count;
  };
  let meteredRecords = 0;
  for await (const record of meteredRecordsOf(server)) {
    add(record);
    meteredRecords += 1;
  }
  if (meteredRecords !== sizes.users * sizes.rounds) {
    throw new Error(`There are ${meteredRecords} metered records.`);
  }
  for (const meter of await server.client.list<MeterDocument>("/meters", "meters")) add(meter);
  const totals = [...numbers].map(([userId, user]) => ({
    userId,
    valueExact: decimalOf(thousandths[user] ?? 0n),
    meterMetaData: { count: counts[user] ?? 0 },
  }));
  const { faults } = ledger.compare(totals);
  if (faults.length > 0) throw new Error(`The sweep lost or made usage: ${faults.join(" ")}`);
}

/** As a stream: together they may be longer than a string can be. */
async function* meteredRecordsOf({ engine, client }: BenchServer): AsyncGenerator<MeterReading> {
  const headers = { authorization: `Bearer ${client.token()}`, accept: "application/x-ndjson" };
  const response = await fetch(`${engine.baseUrl}/metered-records`, { headers });
  if (!response.ok || response.body === null) {
    throw new Error(`Metered records were answered with ${response.status}.`);
  }
  let rest = "";
  for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) yield JSON.parse(line);
  }
}

function thousandthsOf(text: string): bigint {
  const [whole = "", fraction = ""] = text.split(".");
  return BigInt(whole + fraction.padEnd(3, "0"));
}

function decimalOf(thousandths: bigint): string {
  const text = thousandths.toString().padStart(4, "0");
  return `${text.slice(0, -3)}.${text.slice(-3)}`.replace(/\.?0+$/, "");
}

function sleep(durationMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, durationMs));
}
