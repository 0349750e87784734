// Worlds of the simulation: thousands of seeds, the hall of fame, and the proof that a run can be
// repeated and that its checks can fail (docs/spec/simulation.md). WORLDS and SEED change the run.
import { describe, expect, it } from "vitest";
import { runFleet } from "./fleet.ts";
import { hallOfFame } from "./hall-of-fame.ts";
import type { Sabotage } from "./house.ts";
import { failureText, missingTroubles, tallyText } from "./report.ts";
import { drawSwarm } from "./swarm.ts";
import { operationsMin, runWorld } from "./world.ts";

const worlds = Number.parseInt(process.env.WORLDS ?? "5000", 10);
const first = Number.parseInt(process.env.SEED ?? "1", 10);
/** Ten minutes: the run itself aims at two on two idle cores. */
const timeout = 600_000;

describe("the simulation", () => {
  it(`[SI1] [SI2] [SI3] [EN8] [EN14] [FL15] ${worlds} worlds from seed ${first} keep every promise`, {
    timeout,
  }, async () => {
    const startedAt = performance.now();
    const seeds = Array.from({ length: worlds }, (_, index) => first + index);
    const report = await runFleet({ seeds, operations: operationsMin });
    const seconds = (performance.now() - startedAt) / 1_000;
    const pace = `${report.worlds} worlds in ${seconds.toFixed(1)} s, ${(report.worlds / seconds).toFixed(1)} a second`;
    process.stdout.write(`${tallyText(report.tally)}\n${pace}\n`);
    expect(report.failures.map(failureText)).toEqual([]);
    expect(report.worlds).toBe(worlds);
    expect(report.tally.operations).toBeGreaterThanOrEqual(worlds * operationsMin);
    if (worlds >= 500) expect(missingTroubles(report.tally)).toEqual([]);
  });

  it("[SI4] every seed that once failed passes", { timeout }, async () => {
    const seeds = hallOfFame.map(({ seed }) => seed);
    const report = await runFleet({ seeds, operations: operationsMin });
    expect(report.failures.map(failureText)).toEqual([]);
    expect(report.worlds).toBe(seeds.length);
  });

  it("[SI5] a seed gives the same trace each time, another seed another one", async () => {
    for (const seed of [7, 8, 9]) {
      const [once, twice, other] = [
        await runWorld(seed),
        await runWorld(seed),
        await runWorld(seed + 1_000),
      ];
      expect(once.digest, `seed ${seed}`).toBe(twice.digest);
      expect(once.digest).not.toBe(other.digest);
    }
  });

  it.each<[Sabotage, RegExp]>([
    ["answers before it is durable", /was durable|does not follow|lost|neither nothing/],
    ["loses outputs", /nothing twice/],
    ["wrong zone rules", /oracle/],
  ])(
    "[SI6] an engine that %s is found out, with settings and last operations",
    async (sabotage, reason) => {
      for (let seed = 1; seed <= 40; seed += 1) {
        const report = await runWorld(seed, operationsMin, sabotage);
        if (report.ok) continue;
        const text = failureText(report);
        expect(text).toMatch(reason);
        expect(text).toContain(`--seed=${seed} --worlds=1`);
        expect(report.swarm).toEqual(drawSwarm(seed));
        expect(report.last.length).toBeGreaterThan(5);
        return;
      }
      expect.unreachable("nobody noticed");
    },
  );

  it("[SI3] a run that never injected a kind of fault says which", () => {
    expect(missingTroubles({ kills: 3 })).toContain("powerCuts");
    expect(missingTroubles({ kills: 3 })).not.toContain("kills");
  });
});
