// Measures Meterhouse as a process of its own beside a server that only parses and answers, in
// turns, and the engine without HTTP beside bare appends of the same bytes. Then compares every meter
// with what was acknowledged, and ends with 1 when one differs. Run: npm run bench
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { stopOnSignals, temporaryDirectory } from "../examples/engine-process.ts";
import { appendAll, openCoreSide } from "./core-side.ts";
import { Ledger, type Verdict } from "./ledger.ts";
import { type LoadResult, sendAll } from "./load.ts";
import { type Comparison, compare, type Round, type RoundPair } from "./measurement.ts";
import { machine, toText } from "./report.ts";
import { openSides, type Sides } from "./sides.ts";
import { type Batch, createWorkload, type Workload } from "./workload.ts";

const help = `Measures Meterhouse on this machine: npm run bench -- [options]

  --seconds=<n>   about so long a round (3)
  --rounds=<n>    rounds of each measurement, both sides taking turns (5)
  --meters=<n>    users with a meter each (100000)
  --json          figures as JSON
  --quick         tiny sizes, the same at every run: shows that it works, measures nothing
  --profile=<dir> the engine writes a CPU profile there when it ends
  --help          this text
`;

interface Sizes {
  readonly users: number;
  readonly rounds: number;
  /** Null: as many requests as are told. */
  readonly secondsPerRound: number | null;
  readonly batchRecords: number;
  /** Requests of the round that warms up, and of every round where no seconds are told. */
  readonly warmUp: { readonly batches: number; readonly singles: number };
}

const seed = 20_231_116;
const batchConnections = 8;
const singleConnections = 64;
/** Bounds of what is prepared for one round, in memory. */
const batchesMax = 1_500;
const singlesMax = 200_000;

try {
  process.exitCode = await run();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}

async function run(): Promise<number> {
  const values = readArguments();
  if (values.help) {
    process.stdout.write(help);
    return 0;
  }
  const sizes = sizesOf(values);
  const before = machine();
  const directory = temporaryDirectory();
  const overHttp = await measureServer(sizes, join(directory, "server"), values.profile ?? null);
  const core = await measureCore(sizes, join(directory, "core"));
  const result = {
    machine: before,
    comparisons: [...overHttp.comparisons, core.comparison],
    checks: [overHttp.verdict, core.verdict],
  };
  process.stdout.write(values.json ? `${JSON.stringify(result, null, 2)}\n` : toText(result));
  return result.checks.every(({ faults }) => faults.length === 0) ? 0 : 1;
}

function readArguments() {
  return parseArgs({
    options: {
      seconds: { type: "string", default: "3" },
      rounds: { type: "string", default: "5" },
      meters: { type: "string", default: "100000" },
      json: { type: "boolean", default: false },
      quick: { type: "boolean", default: false },
      profile: { type: "string" },
      help: { type: "boolean", short: "h", default: false },
    },
  }).values;
}

function sizesOf(values: ReturnType<typeof readArguments>): Sizes {
  if (values.quick) {
    const warmUp = { batches: 10, singles: 100 };
    return { users: 200, rounds: 2, secondsPerRound: null, batchRecords: 50, warmUp };
  }
  const wholeNumber = (name: "seconds" | "rounds" | "meters", max: number): number => {
    const value = Number(values[name]);
    if (Number.isInteger(value) && value >= 1 && value <= max) return value;
    throw new Error(`--${name} must be a whole number from 1 to ${max}.`);
  };
  return {
    users: wholeNumber("meters", 1_000_000),
    rounds: wholeNumber("rounds", 100),
    secondsPerRound: wholeNumber("seconds", 60),
    batchRecords: 1_000,
    warmUp: { batches: 200, singles: 20_000 },
  };
}

async function measureServer(
  sizes: Sizes,
  dataDirectory: string,
  profileDirectory: string | null,
): Promise<{ readonly comparisons: readonly Comparison[]; readonly verdict: Verdict }> {
  const { users, warmUp, batchRecords } = sizes;
  const workload = createWorkload(users, seed);
  const ledger = new Ledger(users);
  const sides = await openSides({ users, dataDirectory, profileDirectory });
  stopOnSignals(sides.engine, () => process.exit(130));
  try {
    const batches = await measure(sizes, {
      name: `batches of ${batchRecords}, ${batchConnections} connections`,
      beside: "parses and answers",
      ...overHttp(sides, batchConnections),
      make: () => workload.batch(batchRecords),
      ledger,
      warmUp: warmUp.batches,
      max: batchesMax,
    });
    const singles = await measure(sizes, {
      name: `single records, ${singleConnections} connections`,
      beside: "parses and answers",
      ...overHttp(sides, singleConnections),
      make: () => workload.single(),
      ledger,
      warmUp: warmUp.singles,
      max: singlesMax,
    });
    const verdict = ledger.compare(await sides.readMeters());
    return { comparisons: [batches, singles], verdict };
  } finally {
    await sides.stop();
  }
}

function overHttp(
  { meterhouse, ceiling, meterhouseCpu, ceilingCpu }: Sides,
  connections: number,
): Pick<Measured, "send" | "cpu" | "sendBeside" | "cpuBeside"> {
  return {
    cpu: meterhouseCpu,
    cpuBeside: ceilingCpu,
    send: (bodies) => sendAll(meterhouse, bodies, connections),
    sendBeside: (bodies) => sendAll(ceiling, bodies, connections),
  };
}

async function measureCore(
  sizes: Sizes,
  dataDirectory: string,
): Promise<{ readonly comparison: Comparison; readonly verdict: Verdict }> {
  const { users, warmUp, batchRecords } = sizes;
  const workload: Workload = createWorkload(users, seed + 1);
  const ledger = new Ledger(users);
  mkdirSync(dataDirectory, { recursive: true });
  const core = await openCoreSide(users, dataDirectory);
  try {
    const comparison = await measure(sizes, {
      name: `without HTTP: batches of ${batchRecords}, ${batchConnections} in flight`,
      beside: "append and fdatasync",
      send: (bodies) => core.countAll(bodies, batchConnections),
      cpu: ownCpu,
      cpuBeside: ownCpu,
      sendBeside: async (bodies) => appendAll(dataDirectory, bodies, batchConnections),
      make: () => workload.batch(batchRecords),
      ledger,
      warmUp: warmUp.batches,
      max: batchesMax,
    });
    return { comparison, verdict: ledger.compare(core.readMeters()) };
  } finally {
    await core.close();
  }
}

type Timing = Pick<LoadResult, "seconds" | "latenciesMs">;

interface Measured {
  readonly name: string;
  /** What it is compared with. */
  readonly beside: string;
  readonly send: (bodies: readonly Buffer[]) => Promise<LoadResult>;
  readonly sendBeside: (bodies: readonly Buffer[]) => Promise<Timing>;
  /** Seconds of processor time that each side's process has taken so far. */
  readonly cpu: () => Promise<number>;
  readonly cpuBeside: () => Promise<number>;
  readonly make: () => Batch;
  readonly ledger: Ledger;
  readonly warmUp: number;
  /** Most bodies of a round. */
  readonly max: number;
}

/** A round to warm up, which also tells how many bodies a round takes; then the rounds that count. */
async function measure(sizes: Sizes, measured: Measured): Promise<Comparison> {
  const warm = await playRound(measured, measured.warmUp, true);
  const { secondsPerRound } = sizes;
  const perSecond = measured.warmUp / warm.meterhouse.seconds;
  const wanted = secondsPerRound === null ? measured.warmUp : perSecond * secondsPerRound;
  const bodies = Math.max(1, Math.min(Math.round(wanted), measured.max));
  const pairs: RoundPair[] = [];
  for (let round = 0; round < sizes.rounds; round += 1) {
    pairs.push(await playRound(measured, bodies, round % 2 === 0));
  }
  return compare(measured, pairs);
}

/** Both sides get the same new bodies, one after the other. */
async function playRound(
  measured: Measured,
  bodyCount: number,
  meterhouseFirst: boolean,
): Promise<RoundPair> {
  const batches = Array.from({ length: bodyCount }, measured.make);
  const records = batches.reduce((sum, batch) => sum + batch.users.length, 0);
  const bodies = batches.map(({ body }) => body);
  const timed = async <T extends Timing>(
    send: () => Promise<T>,
    cpu: () => Promise<number>,
  ): Promise<Round & T> => {
    const cpuBefore = await cpu();
    const timing = await send();
    return { ...timing, records, cpuSeconds: (await cpu()) - cpuBefore };
  };
  const beside = (): Promise<Round> => timed(() => measured.sendBeside(bodies), measured.cpuBeside);
  const early = meterhouseFirst ? null : await beside();
  const meterhouse = await timed(() => measured.send(bodies), measured.cpu);
  for (const [index, batch] of batches.entries()) {
    measured.ledger.acknowledge(batch, meterhouse.counted[index] ?? 0);
  }
  return { meterhouse, beside: early ?? (await beside()) };
}

/** The core runs in this process. */
async function ownCpu(): Promise<number> {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}
