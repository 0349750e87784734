// More than the server can take: single records at a steady pace, alone and beside floods of large
// requests, of batches and of single ones. Of what is accepted the 99th percentile must not grow much; what is
// not is refused with Retry-After. In the end everything that was acknowledged must be counted.
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { makeMeters, startBenchServer } from "./bench-server.ts";
import type { Flood, Flooded } from "./flood-thread.ts";
import type { Target } from "./load.ts";
import { type PacedAnswer, startPaced } from "./paced-load.ts";
import { type Measure, measured, percentileOf } from "./reach.ts";
import { createWorkload, meterType, userIdOf } from "./workload.ts";

export interface OverloadSizes {
  readonly users: number;
  readonly singlesPerSecond: number;
  readonly seconds: number;
  /** Connections of the floods of large requests and of batches; ten times as many of single ones. */
  readonly connections: number;
  /** Records of one large request; a batch has a tenth. */
  readonly largeRecords: number;
}

const recordBytes = 380;
const distinctBodies = 8;
const pauseMs = 20;

export async function measureOverload(
  sizes: OverloadSizes,
  directory: string,
): Promise<readonly Measure[]> {
  const { users, connections, largeRecords, seconds } = sizes;
  const server = await startBenchServer({ directory });
  try {
    await makeMeters(server.client, users, meterType);
    const { target } = server;
    const workload = createWorkload(users, 11);
    const run = { sizes, target, make: () => workload.single().body };
    await single(run, null);
    const alone = await single(run, null);
    const large = await single(run, flood(target, connections, bodiesOf(sizes, largeRecords)));
    const batches = bodiesOf(sizes, largeRecords / 10);
    const batched = await single(run, flood(target, connections, batches));
    const many = await single(run, flood(target, 10 * connections, bodiesOf(sizes, 1)));
    const sides = [alone, large, batched, many];
    const counted = await server.metric("meterhouse_usage_records_judged_total", '"counted"');
    const acknowledged = sides.reduce((sum, side) => sum + side.counted, warm(run));
    if (counted !== acknowledged) {
      throw new Error(`${acknowledged} records were acknowledged and ${counted} were counted.`);
    }
    return [
      measured("single records alone: p99", alone.p99Ms, { unit: "ms" }),
      ...figures(`${connections} connections with ${largeRecords} records`, alone, large, seconds),
      ...figures(`${connections} connections with batches`, alone, batched, seconds),
      ...figures(`${10 * connections} connections with single records`, alone, many, seconds),
    ];
  } finally {
    await server.stop();
  }
}
