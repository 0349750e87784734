// What usage over time costs: the engine that keeps it beside one that does not, each a process of its
// own with the same load in turns, batches of 1,000. In some rounds all records fall into the same
// quarter-hour; before the others the clock goes on by one, so that every meter met writes a row.
import { join } from "node:path";
import { startCoreChild } from "./core-child.ts";
import { type Measure, measured, middle } from "./reach.ts";

export interface WindowSizes {
  readonly users: number;
  readonly rounds: number;
  readonly batchesPerRound: number;
}

const kinds = ["same", "turning"] as const;
const seed = 20_231_122;
const quarterMs = 900_000;
/** At most 15 % fewer records a second. */
const target = { better: "more", reach: 0.85, aim: 0.95 } as const;

export async function measureWindows(
  { users, rounds, batchesPerRound }: WindowSizes,
  directory: string,
): Promise<readonly Measure[]> {
  const options = { users, seed };
  const on = await startCoreChild({ ...options, directory: join(directory, "on") });
  const settings = { METERHOUSE_USAGE_WINDOWS: "false" };
  const off = await startCoreChild({ ...options, settings, directory: join(directory, "off") });
  const cpu = { same: new Costs(), turning: new Costs() };
  const time = { same: new Costs(), turning: new Costs() };
  try {
    for (const kind of kinds) {
      const laterMs = kind === "turning" ? quarterMs : 0;
      const task = { kind: "count", batches: batchesPerRound, laterMs } as const;
      for (let round = 0; round <= rounds; round += 1) {
        const first = round % 2 === 0 ? on : off;
        for (const child of [first, first === on ? off : on]) {
          const done = await child.perform(task);
          // The first round warms up.
          if (round === 0) continue;
          const side = child === on ? "on" : "off";
          cpu[kind][side].push((done.cpuSeconds / done.records) * 1e6);
          time[kind][side].push((done.seconds / done.records) * 1e6);
        }
      }
    }
  } finally {
    await on.kill();
    await off.kill();
  }
  const told = `${users.toLocaleString("en")} meters`;
  return [
    measured(`usage over time: ${told}, records a second with it : without`, 1 / time.same.ratio, {
      unit: "times",
      target,
    }),
    measured("  the same in processor time", 1 / cpu.same.ratio, { unit: "times" }),
    measured("  processor time of a record without it", middle(cpu.same.off), { unit: "µs" }),
    measured("  processor time of a record with it", middle(cpu.same.on), { unit: "µs" }),
    measured(
      `  where a quarter-hour ends every ${(batchesPerRound * 1_000).toLocaleString("en")} records`,
      1 / time.turning.ratio,
      { unit: "times" },
    ),
    measured("  the same in processor time", 1 / cpu.turning.ratio, { unit: "times" }),
  ];
}

/** Of a record, by rounds. */
class Costs {
  readonly on: number[] = [];
  readonly off: number[] = [];

  get ratio(): number {
    return middle(this.on.map((cost, round) => cost / (this.off[round] ?? Number.NaN)));
  }
}
