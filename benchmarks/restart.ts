// From the start of a real server process to its first answer, on a data directory with many meters
// and ids: after a clean stop, and after a kill with half of what is journaled between two snapshots
// still to be replayed, which is what a kill meets on average. Files are in the system's cache.
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { startBenchServer } from "./bench-server.ts";
import { sendAll } from "./load.ts";
import { type Measure, measured, middle } from "./reach.ts";
import type { Scale } from "./scale.ts";
import { createWorkload } from "./workload.ts";

const target = { better: "less", reach: 15, aim: 5 } as const;
const batchRecords = 1_000;
const connections = 8;

/** The engine of `scale` has ended well. */
export async function measureRestart(scale: Scale): Promise<readonly Measure[]> {
  const { rounds } = scale.sizes;
  const snapshot = await snapshotAfterStop(scale.directory);
  const clean = await startTimes(scale.directory, rounds);
  const tail = await leaveTail(scale);
  const killed = await startTimes(scale.directory, rounds);
  const note = `killed with ${Math.round(tail.bytes / 2 ** 20)} MiB of journal after the snapshot`;
  return [
    measured("restart to ready", middle(killed), { unit: "s", target, note }),
    measured("  after a clean stop", middle(clean), { unit: "s", target }),
    measured("  its snapshot", snapshot.bytes / 1e9, { unit: "GB" }),
  ];
}

/** Entries that a start may write by itself. */
const ownEntriesMax = 10;

/** Throws where the clean stop has left none: the starts would replay what they should not. */
async function snapshotAfterStop(directory: string): Promise<{ readonly bytes: number }> {
  const server = await startBenchServer({ directory });
  const lastSeq = await server.metric("meterhouse_journal_last_seq");
  await server.stop("SIGKILL");
  const snapshots = readdirSync(join(directory, "snapshots")).filter((name) => /\d/.test(name));
  const newest = snapshots.toSorted().at(-1) ?? "";
  const seq = Number(newest.match(/\d+/)?.[0] ?? 0);
  if (lastSeq - seq > ownEntriesMax) {
    throw new Error(`The newest snapshot is at entry ${seq} and the journal at ${lastSeq}.`);
  }
  return { bytes: statSync(join(directory, "snapshots", newest)).size };
}

/** Each start is ended by a kill, so that all find the same. */
async function startTimes(directory: string, starts: number): Promise<readonly number[]> {
  const seconds: number[] = [];
  for (let start = 0; start < starts; start += 1) {
    const begun = performance.now();
    const server = await startBenchServer({ directory });
    seconds.push((performance.now() - begun) / 1_000);
    await server.stop("SIGKILL");
  }
  return seconds;
}

/** Counts until enough is journaled after the last snapshot, and kills the server. */
async function leaveTail({ sizes, directory }: Scale): Promise<{ readonly bytes: number }> {
  const server = await startBenchServer({ directory });
  try {
    const workload = createWorkload(sizes.meters, 20_231_121);
    const metric = "meterhouse_journal_bytes_written_total";
    const before = await server.metric(metric);
    for (let bytes = 0; bytes < sizes.tailBytes; bytes = (await server.metric(metric)) - before) {
      const batches = Array.from({ length: sizes.batchesAtOnce }, () =>
        workload.batch(batchRecords),
      );
      await sendAll(
        server.target,
        batches.map(({ body }) => body),
        connections,
      );
    }
    if ((await server.metric("meterhouse_snapshots_written_total")) > 0) {
      throw new Error("A snapshot was written meanwhile: there is no tail to replay.");
    }
    return { bytes: (await server.metric(metric)) - before };
  } finally {
    await server.stop("SIGKILL");
  }
}
