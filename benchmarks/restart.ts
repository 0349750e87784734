// From the start of a real server process to its first answer, on a data directory with many meters
// and ids: after a clean stop, and after a kill with half of what is journaled between two snapshots
// still to be replayed, which is what a kill meets on average. Files are in the system's cache.
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
  const clean = await startTimes(scale.directory, rounds);
  const tail = await leaveTail(scale);
  const killed = await startTimes(scale.directory, rounds);
  const note = `killed with ${Math.round(tail.bytes / 2 ** 20)} MiB of journal after the snapshot`;
  return [
    measured("restart to ready", middle(killed), { unit: "s", target, note }),
    measured("  after a clean stop", middle(clean), { unit: "s", target }),
  ];
}

/** Each start is ended by a kill, so that all find the same. */
async function startTimes(directory: string, starts: number): Promise<readonly number[]> {
  const seconds: number[] = [];
  for (let start = 0; start < starts; start += 1) {
    const begun = performance.now();
    const { engine } = await startBenchServer({ directory });
    seconds.push((performance.now() - begun) / 1_000);
    await engine.stop("SIGKILL");
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
    await server.engine.stop("SIGKILL");
  }
}
