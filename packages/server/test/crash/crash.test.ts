// The crash runs in small, against real processes: kills of every kind, faults of the disk, stops in
// good order, too much load. `npm run test:crash` is the long form. Repeat a failed run with
// SEED=<seed>; what is injected is the same, the moments differ.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { seedOf } from "../support/seeded-random.ts";
import { endProcesses } from "../support/server-process.ts";
import { runCampaign } from "./campaign.ts";
import { runDiskFull, twinOfFullDisk } from "./disk-full.ts";
import { withTwin } from "./injections.ts";
import { Scenario } from "./scenario.ts";
import { runSoak } from "./soak.ts";
import { slopeOf, soakReport } from "./soak-report.ts";
import { runStopCycles } from "./stop-cycles.ts";

const seed = seedOf(Math.floor(performance.timeOrigin % 1_000_000));
const kills = 60;
let directory = "";

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "meterhouse-crash-"));
});

afterEach(async () => {
  await endProcesses();
  rmSync(directory, { recursive: true });
});

describe("real processes", () => {
  it(`[CR1] [CR2] [CR6] [EN8] ${kills} kills under load lose and double nothing (SEED=${seed})`, async () => {
    const result = await runCampaign({
      directory,
      seed,
      connections: 64,
      kills,
      records: 5_000,
      snapshotMegabytes: 1,
    });
    expect(result.faults).toEqual([]);
    expect(result.kills).toBeGreaterThanOrEqual(kills);
    expect(result.tally.unknown).toBeGreaterThan(0);
    // A run that goes on has nothing left to do, and judges all that was ever sent again.
    const options = { directory, seed, connections: 64, kills, records: 1, snapshotMegabytes: 1 };
    const again = await runCampaign(options);
    expect(again.faults).toEqual([]);
    expect(again.records).toBe(result.records);
  }, 480_000);

  it("[CR6] a run that injected nothing fails", async () => {
    const none = { directory, seed, connections: 1, kills: 0, records: 0, snapshotMegabytes: 1 };
    expect((await runCampaign(none)).faults).toEqual(["nothing was injected"]);
  });

  it.each(["ENOSPC", "short"] as const)(
    `[CR4] [EN6] writes that fail (%s) refuse writing, not reading, and heal (SEED=${seed})`,
    async (action) => {
      const place = twinOfFullDisk(directory, action);
      const result = await runDiskFull(place, { directory, seed, connections: 16, rounds: 3 });
      expect(result.faults).toEqual([]);
      expect(result.refused).toBeGreaterThan(0);
      expect(result.readsWhileFull).toBeGreaterThan(0);
    },
    120_000,
  );

  it(`[CR3] [EN7] after a failed flush nobody is acknowledged and the process ends with 1 (SEED=${seed})`, async () => {
    const scenario = new Scenario({ directory, seed, connections: 16 });
    // The flushes of the start and of the definitions come before.
    const fault = { call: "fdatasyncSync", when: 20, action: "EIO" } as const;
    const life = await scenario.begin(withTwin(fault));
    life.mayEnd = true;
    await scenario.load(life);
    const { code, stderr } = await life.server.exited;
    expect(stderr).toContain("injected: fdatasyncSync 20 EIO");
    expect(code).toBe(1);
    expect(scenario.tally.acknowledged).toBeGreaterThan(0);
    expect((await scenario.judge()).faults).toEqual([]);
  }, 120_000);

  it(`[CR5] [RU35] stops under load reset no call that is on its way (SEED=${seed})`, async () => {
    const result = await runStopCycles({ directory, seed, connections: 32, cycles: 4 });
    expect(result.faults).toEqual([]);
  }, 120_000);

  it(`[CR7] a short soak passes its own report (SEED=${seed})`, async () => {
    const minutes = 0.1;
    const result = await runSoak({ directory, seed, connections: 8, minutes, lifeSeconds: 3 });
    expect(result.faults).toEqual([]);
    expect(result.kills + result.stops).toBeGreaterThan(0);
    const { text, passed } = soakReport(result);
    expect(text).toContain("Checker: passed");
    expect(passed).toBe(true);
  }, 120_000);
});

describe("the report of a soak", () => {
  const life = (hours: number, mebibytes: number) => {
    const at = hours * 3_600_000;
    return { at, life: hours, residentMiB: mebibytes, p99: 1, acknowledged: 1 };
  };
  const tally = {
    requests: 1,
    acknowledged: 1,
    duplicates: 0,
    rejected: 0,
    unknown: 0,
    refused: 0,
    withoutRetryAfter: 0,
    refusedAs: {},
    definitionChanges: 0,
  };
  const result = { faults: [], records: 1, meters: 1, periods: 1, kills: 1, stops: 1, tally };

  it("[CR7] fails on memory that grows and on any fault of the checker", () => {
    const flat = [1, 2, 3, 4, 5].map((hours) => life(hours, 200));
    const growing = [1, 2, 3, 4, 5].map((hours) => life(hours, 200 + 100 * hours));
    expect(soakReport({ ...result, samples: flat }).passed).toBe(true);
    expect(soakReport({ ...result, samples: growing }).passed).toBe(false);
    expect(soakReport({ ...result, samples: flat, faults: ["record a is lost"] }).passed).toBe(
      false,
    );
    expect(slopeOf(growing.map((one) => [one.life, one.residentMiB]))).toBeCloseTo(100);
  });
});
