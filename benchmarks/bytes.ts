// Bytes that a real server writes to disk for each record of 150 bytes, as the kernel counts them
// for its process: journal, projections, and the snapshot that so much journal asks for. The counting
// goes from one snapshot to the next. Beside it what the files have grown by.
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { type BenchServer, makeMeters, startBenchServer } from "./bench-server.ts";
import { sendAll } from "./load.ts";
import { type Measure, measured } from "./reach.ts";
import { type Batch, createWorkload, meterType, type Workload } from "./workload.ts";

export interface ByteSizes {
  readonly users: number;
  /** METERHOUSE_SNAPSHOT_MEGABYTES; null: as it comes. */
  readonly snapshotMegabytes: number | null;
  readonly singles: number;
  /** Sent between two looks for a snapshot. */
  readonly batchesAtOnce: number;
}

const recordBytes = 150;
const batchRecords = 1_000;
const batchConnections = 8;
const singleConnections = 64;
/** A snapshot that does not come within so many rounds never will. */
const roundsMax = 200;

export async function measureBytes(
  sizes: ByteSizes,
  directory: string,
): Promise<readonly Measure[]> {
  const { users, snapshotMegabytes } = sizes;
  const settings =
    snapshotMegabytes === null ? {} : { METERHOUSE_SNAPSHOT_MEGABYTES: `${snapshotMegabytes}` };
  const server = await startBenchServer({ directory, settings });
  try {
    await makeMeters(server.client, users, meterType);
    const workload = createWorkload(users, 4);
    const cycle = (): Promise<number> => untilSnapshot(server, workload, sizes.batchesAtOnce);
    await cycle();
    const batches = await written(server, directory, cycle);
    const singles = await written(server, directory, async () => {
      const bodies = Array.from({ length: sizes.singles }, () => padded(workload.single()));
      await sendAll(server.target, bodies, singleConnections);
      return bodies.length;
    });
    const target = { better: "less", reach: 450, aim: 150 } as const;
    const note = `batches of ${batchRecords}, from one snapshot to the next, ${batches.records} records`;
    return [
      measured(`written per record of ${recordBytes} bytes`, batches.perRecord, {
        unit: "B",
        target,
        note,
      }),
      measured("  of it what files have grown by", batches.grownPerRecord, { unit: "B" }),
      measured(`  single records, ${singleConnections} connections`, singles.perRecord, {
        unit: "B",
        note: "without a snapshot",
      }),
    ];
  } finally {
    await server.stop();
  }
}

interface Written {
  readonly records: number;
  readonly perRecord: number;
  readonly grownPerRecord: number;
}

async function written(
  server: BenchServer,
  directory: string,
  send: () => Promise<number>,
): Promise<Written> {
  const before = { disk: bytesWritten(server.pid), files: bytesOf(directory) };
  const records = await send();
  return {
    records,
    perRecord: (bytesWritten(server.pid) - before.disk) / records,
    grownPerRecord: (bytesOf(directory) - before.files) / records,
  };
}

/** Counts until the next snapshot is written; gives how many records that took. */
async function untilSnapshot(
  server: BenchServer,
  workload: Workload,
  batchesAtOnce: number,
): Promise<number> {
  const snapshots = (): Promise<number> => server.metric("meterhouse_snapshots_written_total");
  const before = await snapshots();
  for (let round = 1; round <= roundsMax; round += 1) {
    const bodies = Array.from({ length: batchesAtOnce }, () =>
      padded(workload.batch(batchRecords)),
    );
    await sendAll(server.target, bodies, batchConnections);
    if ((await snapshots()) > before) return round * batchesAtOnce * batchRecords;
  }
  throw new Error("No snapshot was written: the bytes of a whole cycle are not known.");
}

/** The batch's body with every record as long as the measure says. */
function padded({ body }: Batch): Buffer {
  const text = body.toString("latin1").replace(/\{[^}]*\}/g, (record) => {
    const missing = "0".repeat(Math.max(0, recordBytes - record.length));
    return record.replace('"session":"s-', `"session":"s-${missing}`);
  });
  return Buffer.from(text, "latin1");
}

/** What the process has had written to disk since its start. */
function bytesWritten(pid: number): number {
  const text = readFileSync(`/proc/${pid}/io`, "utf8").match(/^write_bytes: (\d+)$/m)?.[1];
  if (text === undefined) throw new Error("The kernel does not tell what a process writes.");
  return Number(text);
}

function bytesOf(directory: string): number {
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0);
}
