// What a record costs as meters and known ids grow: engines of three sizes, each a process of its
// own, counting the same kind of load in turns. The cost is the time per record, batches of 1,000.
import { join } from "node:path";
import { startCoreChild } from "./core-child.ts";
import { type Measure, measured, middle } from "./reach.ts";
import type { Scale } from "./scale.ts";

const target = { better: "less", reach: 2, aim: 1.3 } as const;

/** The engine of `scale` has counted more by the number of rounds afterwards. */
export async function measureGrowth(scale: Scale, directory: string): Promise<readonly Measure[]> {
  const { smallMeters, meters, ids, rounds, batchesPerRound } = scale.sizes;
  const children = {
    small: await startCoreChild({ users: smallMeters, seed: 1, directory: join(directory, "a") }),
    wide: await startCoreChild({ users: meters, seed: 2, directory: join(directory, "b") }),
    full: scale.child,
  };
  const order = ["small", "wide", "full"] as const;
  const costs = { small: [] as number[], wide: [] as number[], full: [] as number[] };
  try {
    for (let round = 0; round <= rounds; round += 1) {
      const first = round % order.length;
      for (const size of [...order.slice(first), ...order.slice(0, first)]) {
        const done = await children[size].perform({ kind: "count", batches: batchesPerRound });
        // The first round warms up.
        if (round > 0) costs[size].push((done.seconds / done.records) * 1e6);
      }
    }
  } finally {
    await children.small.kill();
    await children.wide.kill();
  }
  const growth = (from: keyof typeof costs, to: keyof typeof costs): number =>
    middle(costs[to].map((cost, round) => cost / (costs[from][round] ?? Number.NaN)));
  const [few, many, known] = [smallMeters, meters, ids].map((count) => count.toLocaleString("en"));
  return [
    measured(`cost: ${few} → ${many} meters`, growth("small", "wide"), { unit: "times", target }),
    measured(`cost: 0 → ${known} ids`, growth("wide", "full"), { unit: "times", target }),
    measured("cost: both", growth("small", "full"), { unit: "times", target }),
    measured(`  a record with ${few} meters, 0 ids`, middle(costs.small), { unit: "µs" }),
    measured(`  a record with ${many} meters, 0 ids`, middle(costs.wide), { unit: "µs" }),
    measured(`  a record with ${many} meters, ${known} ids`, middle(costs.full), { unit: "µs" }),
  ];
}
