// Many worlds on all cores: worker threads take seeds one by one until none are left or the time is
// up. Tallies are added up; what failed is kept whole, a few of it.
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import type { Tally, WorldReport } from "./world.ts";

export type Failure = Extract<WorldReport, { readonly ok: false }>;

export interface FleetReport {
  readonly worlds: number;
  readonly failures: readonly Failure[];
  /** Sums over all worlds; `queuedMost` is a maximum. */
  readonly tally: Tally;
}

/** Failures after which no further world is begun. */
const failuresMax = 5;

export interface FleetOrders {
  /** Seeds in the order in which they are begun; may be endless. */
  readonly seeds: Iterable<number>;
  readonly operations: number;
  /** False ends the taking of seeds. */
  readonly goesOn?: () => boolean;
}

export async function runFleet({
  seeds,
  operations,
  goesOn = () => true,
}: FleetOrders): Promise<FleetReport> {
  const next = seeds[Symbol.iterator]();
  const failures: Failure[] = [];
  const tally: Record<string, number> = {};
  let worlds = 0;
  const take = (): number | null => {
    if (failures.length >= failuresMax || !goesOn()) return null;
    const drawn = next.next();
    return drawn.done === true ? null : drawn.value;
  };
  const hear = (report: WorldReport): void => {
    worlds += 1;
    if (!report.ok) failures.push(report);
    else add(tally, report.tally);
  };
  const crews = Array.from({ length: availableParallelism() }, () =>
    crew({ operations, take, hear }),
  );
  await Promise.all(crews);
  return { worlds, failures, tally };
}

/** One worker thread and its seeds. */
function crew({
  operations,
  take,
  hear,
}: {
  readonly operations: number;
  readonly take: () => number | null;
  readonly hear: (report: WorldReport) => void;
}): Promise<void> {
  // A large nursery: a world's garbage seldom outlives it.
  const resourceLimits = { maxYoungGenerationSizeMb: 96 };
  const worker = new Worker(new URL("./fleet-thread.ts", import.meta.url), { resourceLimits });
  return new Promise((resolve, reject) => {
    const order = (): void => {
      const seed = take();
      if (seed === null) void worker.terminate().then(() => resolve());
      else worker.postMessage({ seed, operations });
    };
    worker.on("error", reject);
    worker.on("message", (report: WorldReport) => {
      hear(report);
      order();
    });
    order();
  });
}

function add(sum: Record<string, number>, part: Tally): void {
  for (const [name, count] of Object.entries(part)) {
    sum[name] = name === "queuedMost" ? Math.max(sum[name] ?? 0, count) : (sum[name] ?? 0) + count;
  }
}
