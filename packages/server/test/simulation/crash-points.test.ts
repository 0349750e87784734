// Crash points by enumeration: every scene, every I/O, every kind of fault, one pattern of damage;
// `npm run sim -- --crash-points` takes more of them (docs/spec/simulation.md).
import { describe, expect, it } from "vitest";
import { enumerateCrashPoints, fastSeeds } from "./crash-points.ts";
import { scenarios } from "./scenarios.ts";

describe("crash points", () => {
  it.each(Object.keys(scenarios))(
    "[SI7] [SI8] %s: all or nothing at every I/O",
    { timeout: 240_000 },
    async (name) => {
      const { points, recoveries, injected } = await enumerateCrashPoints(name, fastSeeds);
      process.stdout.write(
        `${name}: ${points} I/Os, ${injected} faults, ${recoveries} recoveries\n`,
      );
      expect(points).toBeGreaterThan(4);
      expect(injected).toBeGreaterThan(20);
      expect(recoveries).toBeGreaterThan(points * 10);
    },
  );
});
