// The measurements that take long or need other programs: peers, growth, memory, restart, sweep,
// overload, bytes, windows. Each gives its figures beside what they should be. A measurement that could not be made
// ends with 1 and the reason; a figure that misses its mark is told, not hidden, and is no error.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { temporaryDirectory } from "../examples/engine-process.ts";
import { type ByteSizes, measureBytes } from "./bytes.ts";
import { measureGrowth } from "./growth.ts";
import { measureMemory, memoryOfChild } from "./memory.ts";
import { measureOverload, type OverloadSizes } from "./overload.ts";
import { measurePeers, type PeerSizes } from "./peers/peers.ts";
import { type Measure, measuresText, verdictOf } from "./reach.ts";
import { type Machine, machine } from "./report.ts";
import { measureRestart } from "./restart.ts";
import { openScale, type ScaleSizes } from "./scale.ts";
import { measureSweep, type SweepSizes } from "./sweep.ts";
import { measureWindows, type WindowSizes } from "./windows.ts";

const names = [
  "peers",
  "growth",
  "memory",
  "restart",
  "sweep",
  "overload",
  "bytes",
  "windows",
] as const;
type Name = (typeof names)[number];

const help = `Measures what takes long or needs other programs: npm run bench:more -- [options]

  --only=<names>  of ${names.join(", ")}, with commas (all)
  --rounds=<n>    rounds of each, whose median is told (5)
  --json          figures as JSON
  --quick         tiny sizes: shows that it works, measures nothing
  --help          this text

peers installs Debian's packages postgresql and redis-tools where they are missing (as root), starts
servers of its own on free loopback ports, and stops them. growth, memory and restart share one
engine with 1,000,000 meters and 10,000,000 ids, which takes minutes and some gigabytes to make.
`;

interface Sizes {
  readonly peers: PeerSizes;
  readonly scale: ScaleSizes;
  readonly sweep: SweepSizes;
  readonly overload: OverloadSizes;
  readonly bytes: ByteSizes;
  readonly windows: WindowSizes;
}

// Servers that were started end with this process, which a signal alone would not see to.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.once(signal, () => process.exit(130));
}
try {
  await run();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}

async function run(): Promise<void> {
  const { values } = parseArgs({
    options: {
      only: { type: "string", default: names.join(",") },
      rounds: { type: "string", default: "5" },
      json: { type: "boolean", default: false },
      quick: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) {
    process.stdout.write(help);
    return;
  }
  const wanted = new Set(values.only.split(",").map(nameOf));
  const rounds = Number(values.rounds);
  if (!Number.isInteger(rounds) || rounds < 1 || rounds > 100) {
    throw new Error("--rounds must be a whole number from 1 to 100.");
  }
  const before = machine();
  const sizes = values.quick ? quickSizes() : fullSizes(rounds);
  if (!values.json) process.stdout.write(machineText(before));
  const measures: Measure[] = [];
  // Each as soon as it is there: what comes later takes minutes, and may fail.
  for await (const some of measureAll(wanted, sizes, temporaryDirectory())) {
    measures.push(...some);
    if (!values.json) process.stdout.write(`\n${measuresText(some)}`);
  }
  if (!values.json) return;
  const judged = measures.map((one) => ({ ...one, verdict: verdictOf(one) }));
  process.stdout.write(`${JSON.stringify({ machine: before, measures: judged }, null, 2)}\n`);
}

function machineText(on: Machine): string {
  const { cores, processor, memoryGiB, node, loadBefore, warning } = on;
  const hardware = `${cores} cores of ${processor}, ${memoryGiB} GiB, Node ${node}`;
  const lines = [`${hardware}, load before ${loadBefore.toFixed(2)}`, warning ?? ""];
  return lines.map((line) => (line === "" ? "" : `${line}\n`)).join("");
}

function nameOf(text: string): Name {
  const name = names.find((each) => each === text);
  if (name === undefined) throw new Error(`--only knows ${names.join(", ")}, and not ${text}.`);
  return name;
}

async function* measureAll(
  wanted: ReadonlySet<Name>,
  sizes: Sizes,
  directory: string,
): AsyncGenerator<readonly Measure[]> {
  const place = (name: string): string => {
    const path = join(directory, name);
    mkdirSync(path, { recursive: true });
    return path;
  };
  if (wanted.has("peers")) yield measurePeers(sizes.peers, place("peers"));
  if (wanted.has("sweep")) yield measureSweep(sizes.sweep, place("sweep"));
  if (wanted.has("overload")) yield measureOverload(sizes.overload, place("overload"));
  if (wanted.has("bytes")) yield measureBytes(sizes.bytes, place("bytes"));
  if (wanted.has("windows")) yield measureWindows(sizes.windows, place("windows"));
  if (wanted.has("growth") || wanted.has("memory") || wanted.has("restart")) {
    yield* measureScale(wanted, sizes.scale, place("scale"));
  }
}

/** Growth needs the engine that made everything; the others what it leaves. */
async function* measureScale(
  wanted: ReadonlySet<Name>,
  sizes: ScaleSizes,
  directory: string,
): AsyncGenerator<readonly Measure[]> {
  const scale = await openScale(sizes, join(directory, "full"));
  try {
    const child = await memoryOfChild(scale);
    if (wanted.has("growth")) yield measureGrowth(scale, directory);
    await scale.child.perform({ kind: "close" });
    if (wanted.has("memory")) yield measureMemory(scale, child);
    if (wanted.has("restart")) yield measureRestart(scale);
  } finally {
    await scale.child.kill();
  }
}

function fullSizes(rounds: number): Sizes {
  return {
    peers: {
      users: 100_000,
      batchRecords: 1_000,
      rounds,
      secondsPerRound: 1.5,
      warmUpBatches: 30,
    },
    scale: {
      smallMeters: 1_000,
      meters: 1_000_000,
      ids: 10_000_000,
      rounds,
      batchesPerRound: 100,
      tailBytes: 128 * 2 ** 20,
      batchesAtOnce: 100,
    },
    sweep: {
      users: 100_000,
      rounds,
      batchesPerSecond: 100,
      batchRecords: 100,
      secondsBefore: 4,
    },
    overload: {
      users: 10_000,
      singlesPerSecond: 500,
      seconds: 10,
      connections: 64,
      largeRecords: 10_000,
    },
    bytes: { users: 100_000, snapshotMegabytes: null, singles: 20_000, batchesAtOnce: 100 },
    windows: { users: 100_000, rounds, batchesPerRound: 300 },
  };
}

function quickSizes(): Sizes {
  return {
    peers: { users: 200, batchRecords: 50, rounds: 2, secondsPerRound: null, warmUpBatches: 10 },
    scale: {
      smallMeters: 10,
      meters: 2_000,
      ids: 12_000,
      rounds: 1,
      batchesPerRound: 2,
      tailBytes: 1_000,
      batchesAtOnce: 2,
    },
    overload: {
      users: 200,
      singlesPerSecond: 100,
      seconds: 0.5,
      connections: 8,
      largeRecords: 2_000,
    },
    sweep: { users: 200, rounds: 1, batchesPerSecond: 50, batchRecords: 10, secondsBefore: 0.2 },
    bytes: { users: 200, snapshotMegabytes: 1, singles: 64, batchesAtOnce: 4 },
    windows: { users: 200, rounds: 1, batchesPerRound: 2 },
  };
}
