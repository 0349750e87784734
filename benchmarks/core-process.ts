// The engine without HTTP as a process of its own, with its own load: for figures that depend on
// what a process has counted before. Driven by messages, one task at a time; ends with its parent.
import { openCoreSide } from "./core-side.ts";
import { touch } from "./touch.ts";
import { type Batch, createWorkload } from "./workload.ts";

export type Task =
  /** One record for each meter, so that every one has counted. */
  | { readonly kind: "touch" }
  /** The clock goes on by `laterMs` first. */
  | { readonly kind: "count"; readonly batches: number; readonly laterMs?: number }
  | { readonly kind: "memory" }
  /** Ends well, with a last snapshot. */
  | { readonly kind: "close" };

export interface Done {
  readonly records: number;
  /** Spent on counting; making the load is not in it. */
  readonly seconds: number;
  /** Processor time of all threads in those seconds. */
  readonly cpuSeconds: number;
  /** The longest that one body waited for its answer. */
  readonly longestMs: number;
  /** Resident memory after a garbage collection; 0 unless asked for. */
  readonly residentBytes: number;
  /** The most that was ever resident; 0 unless asked for. */
  readonly peakBytes: number;
  readonly fault: string | null;
}

const batchRecords = 1_000;
/** Batches that are made before they are counted: bounds the memory of the load. */
const batchesAtOnce = 100;
const inFlight = 8;

const [users, seed] = process.argv.slice(2, 4).map(Number);
const directory = process.argv[4] ?? "";
if (users === undefined || seed === undefined) throw new Error("Started without its arguments.");

// Begins with a quarter-hour, so that none ends in between unless it is told to.
const quarterMs = 900_000;
const systemNow = Date.now;
let aheadMs = quarterMs - (systemNow() % quarterMs);
Date.now = () => systemNow() + aheadMs;

const core = await openCoreSide(users, directory, JSON.parse(process.argv[5] ?? "{}"));
const workload = createWorkload(users, seed);
let touched = 0;

process.on("message", (task: Task) => {
  void perform(task)
    .catch((error: unknown) => ({ ...nothing, fault: String(error) }))
    .then((done) => {
      process.send?.(done);
      if (task.kind === "close") process.disconnect?.();
    });
});
process.once("disconnect", () => process.exit(0));
process.send?.("ready");

const nothing: Done = {
  records: 0,
  seconds: 0,
  cpuSeconds: 0,
  longestMs: 0,
  residentBytes: 0,
  peakBytes: 0,
  fault: null,
};

async function perform(task: Task): Promise<Done> {
  switch (task.kind) {
    case "touch":
      return countAll(Math.ceil((users ?? 0) / batchRecords), nextTouch);
    case "count":
      aheadMs += task.laterMs ?? 0;
      return countAll(task.batches, () => workload.batch(batchRecords));
    case "memory":
      return { ...nothing, ...memory() };
    case "close":
      await core.close();
      return nothing;
  }
}

async function countAll(batchCount: number, make: () => Batch): Promise<Done> {
  const total = { records: 0, seconds: 0, cpuSeconds: 0, longestMs: 0 };
  for (let begun = 0; begun < batchCount; begun += batchesAtOnce) {
    const batches = Array.from({ length: Math.min(batchesAtOnce, batchCount - begun) }, make);
    const bodies = batches.map(({ body }) => body);
    const cpuBefore = process.cpuUsage();
    const { seconds, latenciesMs, counted } = await core.countAll(bodies, inFlight);
    const { user, system } = process.cpuUsage(cpuBefore);
    total.seconds += seconds;
    total.cpuSeconds += (user + system) / 1e6;
    for (const [index, batch] of batches.entries()) {
      total.records += batch.users.length;
      total.longestMs = Math.max(total.longestMs, latenciesMs[index] ?? 0);
      if (counted[index] === batch.users.length) continue;
      throw new Error(`Of ${batch.users.length} new records ${counted[index]} were counted.`);
    }
  }
  return { ...nothing, ...total };
}

function nextTouch(): Batch {
  const count = Math.min(batchRecords, (users ?? 0) - touched);
  touched += count;
  return touch("touch", touched - count, count);
}

function memory(): Pick<Done, "residentBytes" | "peakBytes"> {
  if (globalThis.gc === undefined) throw new Error("Node was started without --expose-gc.");
  globalThis.gc();
  globalThis.gc();
  // The kernel tells it in KiB.
  const peakBytes = process.resourceUsage().maxRSS * 1_024;
  return { residentBytes: process.memoryUsage.rss(), peakBytes };
}
