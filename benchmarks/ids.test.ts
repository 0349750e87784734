// The measurement of known ids at a tiny size: it moves ids to files and back, and says so.
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it } from "vitest";
import { endProcesses, runScript } from "../packages/server/test/support/server-process.ts";

const program = fileURLToPath(new URL("./ids.ts", import.meta.url));

afterEach(endProcesses);

describe("npm run bench:ids", () => {
  it("measures levels with ids in memory and in files", async () => {
    const sizes = ["--ids=20000", "--in-memory=4000", "--meters=20", "--rounds=1", "--batches=1"];
    const exit = await runScript(program, [...sizes, "--json"], {});
    expect(exit.stderr).toBe("");
    const { levels } = JSON.parse(exit.stdout);
    expect(levels).toHaveLength(4);
    let busy = 0;
    for (const { microsPerRecord, microsPerOldDuplicate, residentBytes } of levels) {
      expect(Math.min(microsPerRecord, microsPerOldDuplicate)).toBeGreaterThanOrEqual(0);
      expect(residentBytes).toBeGreaterThan(0);
      busy += microsPerRecord + microsPerOldDuplicate;
    }
    // Some kernels tell processor time in steps that are longer than one of these tiny rounds.
    expect(busy).toBeGreaterThan(0);
    const { known, inMemory, runs, filterBytes } = levels[3];
    expect(known).toBe(21_000);
    expect(inMemory).toBeLessThanOrEqual(4_000);
    expect(Math.min(runs, filterBytes)).toBeGreaterThan(0);
    expect(exit.code).toBe(0);
  });

  it("refuses what is no number", async () => {
    const exit = await runScript(program, ["--ids=many"], {});
    expect(exit.stderr).toContain("--ids must be a whole number from 1.");
    expect(exit.code).toBe(1);
  });
});
