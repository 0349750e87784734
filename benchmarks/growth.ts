// What a record costs as meters and known ids grow: engines of three sizes, each a process of its
// own, counting the same kind of load in turns, batches of 1,000. The cost is processor time of all
// threads; beside it stands the time that passed, which other programs lengthen.
import { join } from "node:path";
import { startCoreChild } from "./core-child.ts";
import { type Measure, measured, middle } from "./reach.ts";
import type { Scale } from "./scale.ts";

const order = ["small", "wide", "full"] as const;
const target = { better: "less", reach: 2, aim: 1.3 } as const;

/** The engine of `scale` has counted more by the number of rounds afterwards. */
export async function measureGrowth(scale: Scale, directory: string): Promise<readonly Measure[]> {
  const { smallMeters, meters, ids, rounds, batchesPerRound } = scale.sizes;
  const children = {
    small: await startCoreChild({ users: smallMeters, seed: 1, directory: join(directory, "a") }),
    wide: await startCoreChild({ users: meters, seed: 2, directory: join(directory, "b") }),
    full: scale.child,
  };
  const costs: Costs = { small: [], wide: [], full: [] };
  const waits: Costs = { small: [], wide: [], full: [] };
  try {
    for (let round = 0; round <= rounds; round += 1) {
      const first = round % order.length;
      for (const size of [...order.slice(first), ...order.slice(0, first)]) {
        const done = await children[size].perform({ kind: "count", batches: batchesPerRound });
        // The first round warms up.
        if (round === 0) continue;
        costs[size].push((done.cpuSeconds / done.records) * 1e6);
        waits[size].push((done.seconds / done.records) * 1e6);
      }
    }
  } finally {
    await children.small.kill();
    await children.wide.kill();
  }
  const [few, many, known] = [smallMeters, meters, ids].map((count) => count.toLocaleString("en"));
  const growth = (name: string, from: Size, to: Size): readonly Measure[] => [
    measured(`cost: ${name}`, ratio(costs, from, to), { unit: "times", target }),
    measured("  in time that passed", ratio(waits, from, to), { unit: "times" }),
  ];
  return [
    ...growth(`${few} → ${many} meters`, "small", "wide"),
    ...growth(`0 → ${known} ids`, "wide", "full"),
    ...growth("both", "small", "full"),
    measured(`  a record with ${few} meters, 0 ids`, middle(costs.small), { unit: "µs" }),
    measured(`  a record with ${many} meters, 0 ids`, middle(costs.wide), { unit: "µs" }),
    measured(`  a record with ${many} meters, ${known} ids`, middle(costs.full), { unit: "µs" }),
  ];
}

type Size = (typeof order)[number];
type Costs = Readonly<Record<Size, number[]>>;

function ratio(costs: Costs, from: Size, to: Size): number {
  return middle(costs[to].map((cost, round) => cost / (costs[from][round] ?? Number.NaN)));
}
