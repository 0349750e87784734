// More than the server can take: single records at a steady pace, alone and beside floods of large
// requests, of batches and of single ones. What is accepted must not wait much longer, and what is
// not is refused with Retry-After. In the end all that was acknowledged must be counted.
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { type BenchServer, makeMeters, startBenchServer } from "./bench-server.ts";
import type { Flood, Flooded } from "./flood-thread.ts";
import { startPacedLoad } from "./paced-load.ts";
import { type Measure, measured, percentileOf } from "./reach.ts";
import { createWorkload, meterType, userIdOf, type Workload } from "./workload.ts";

export interface OverloadSizes {
  readonly users: number;
  readonly singlesPerSecond: number;
  /** Of each of the eight parts. */
  readonly seconds: number;
  /** Of the floods of large requests and of batches; ten times as many of single records. */
  readonly connections: number;
  /** Records of one large request; a batch has a tenth. */
  readonly largeRecords: number;
}

interface Run {
  readonly sizes: OverloadSizes;
  readonly server: BenchServer;
  readonly workload: Workload;
}

interface Side {
  readonly name: string;
  /** Of single records that were accepted. */
  readonly p99Ms: number;
  readonly singles: number;
  readonly refusedSingles: number;
  readonly flooded: Flooded;
}

const noFlood: Flooded = { requests: 0, refused: 0, counted: 0, p99Ms: 0, fault: null };
/** Large requests come near to the bound of a body; each connection sends these in turns. */
const largeRecordBytes = 400;
const distinctBodies = 8;
/** So many that the steady ones wait for the server and not for each other. */
const steadySockets = 1_024;

export async function measureOverload(
  sizes: OverloadSizes,
  directory: string,
): Promise<readonly Measure[]> {
  const { users, connections, largeRecords } = sizes;
  const server = await startBenchServer({ directory });
  try {
    await makeMeters(server.client, users, meterType);
    const run = { sizes, server, workload: createWorkload(users, 11) };
    const warmUp = await sideOf(run, "warm-up", null);
    const alone = await sideOf(run, "alone", null);
    const kinds: readonly (readonly [string, number, number])[] = [
      [`requests of ${largeRecords.toLocaleString("en")}`, connections, largeRecords],
      [`requests of ${(largeRecords / 10).toLocaleString("en")}`, connections, largeRecords / 10],
      ["single records", 10 * connections, 1],
    ];
    const measures = [
      measured(`${sizes.singlesPerSecond} single records/s alone: p99`, alone.p99Ms, {
        unit: "ms",
      }),
    ];
    const sides = [warmUp, alone];
    for (const [name, callers, records] of kinds) {
      const bodies = bodiesOf(users, records);
      const few = Math.ceil(callers / 10);
      const normal = await sideOf(run, `${few} × ${name}`, { connections: few, bodies });
      const flood = await sideOf(run, `${callers} × ${name}`, { connections: callers, bodies });
      sides.push(normal, flood);
      measures.push(...figures(normal, flood));
    }
    await check(server, sides);
    return measures;
  } finally {
    await server.stop();
  }
}

async function sideOf(
  { sizes, server, workload }: Run,
  name: string,
  flood: Pick<Flood, "bodies" | "connections"> | null,
): Promise<Side> {
  const thread =
    flood === null
      ? null
      : new Worker(new URL("./flood-thread.ts", import.meta.url), {
          workerData: { ...flood, target: server.target } satisfies Flood,
        });
  // The flood is there before it is measured.
  if (thread !== null) await sleep(sizes.seconds * 100);
  const load = startPacedLoad(server.target, {
    perSecond: sizes.singlesPerSecond,
    make: () => workload.single(),
    mayBeRefused: true,
    socketsMax: steadySockets,
  });
  await sleep(sizes.seconds * 1_000);
  const samples = await load.stop();
  const accepted = samples.filter(({ counted }) => counted !== null);
  return {
    name,
    p99Ms: percentileOf(
      accepted.map(({ latencyMs }) => latencyMs),
      0.99,
    ),
    singles: accepted.length,
    refusedSingles: samples.length - accepted.length,
    flooded: thread === null ? noFlood : await ended(thread),
  };
}

async function ended(thread: Worker): Promise<Flooded> {
  const told = once(thread, "message");
  thread.postMessage("stop");
  const [flooded]: Flooded[] = await told;
  if (flooded === undefined || flooded.fault !== null) {
    throw new Error(`The flood was answered wrongly: ${flooded?.fault}`);
  }
  return flooded;
}

/** Records without ids, so that each time they come they count. */
function bodiesOf(users: number, records: number): readonly string[] {
  return Array.from({ length: distinctBodies }, (_, body) => {
    const texts = Array.from({ length: records }, (__, index) => {
      const user = (body * records + index) % users;
      const text = `{"userId":"${userIdOf(user)}","value":1.5,"model":"model-${user % 8}"`;
      const filling = records < 1_000 ? "" : `,"note":"${"-".repeat(largeRecordBytes - 100)}"`;
      return `${text}${filling}}`;
    });
    return `[${texts.join(",")}]`;
  });
}

async function check(server: BenchServer, sides: readonly Side[]): Promise<void> {
  const counted = await server.metric("meterhouse_usage_records_judged_total", '"counted"');
  const acknowledged = sides.reduce((sum, one) => sum + one.singles + one.flooded.counted, 0);
  if (counted === acknowledged) return;
  throw new Error(`${acknowledged} records were acknowledged, and ${counted} were counted.`);
}

/** What ten times as many callers do to those who are accepted. */
function figures(normal: Side, flood: Side): readonly Measure[] {
  const target = { better: "less", reach: 2, aim: 1.5 } as const;
  const told = { unit: "ms" };
  return [
    measured(`beside ${normal.name}: p99 of the steady ones`, normal.p99Ms, told),
    measured("  p99 of theirs", normal.flooded.p99Ms, { ...told, note: noteOf(normal) }),
    measured(`beside ${flood.name}: p99 of the steady ones`, flood.p99Ms, told),
    measured("  p99 of theirs", flood.flooded.p99Ms, { ...told, note: noteOf(flood) }),
    measured("  growth of the steady ones' p99", flood.p99Ms / normal.p99Ms, {
      unit: "times",
      target,
    }),
  ];
}

function noteOf({ flooded, singles, refusedSingles }: Side): string {
  return (
    `${flooded.requests - flooded.refused} accepted with ${flooded.counted.toLocaleString("en")} ` +
    `records, ${flooded.refused} refused; of the steady ones ${singles} accepted, ` +
    `${refusedSingles} refused`
  );
}

function sleep(durationMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, durationMs));
}
