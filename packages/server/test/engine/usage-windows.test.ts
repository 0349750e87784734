// Usage over time across the lives of an engine: whatever a stop, a kill or a power cut leaves of the
// projection, the windows told afterwards are those of everything that was acknowledged.
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openPieces, tellUsage } from "../../src/core/usage-answer.ts";
import { openProjection, Projection } from "../../src/projection/database.ts";
import { zones } from "../support/core-world.ts";
import { EngineWorld } from "../support/engine-world.ts";

const quarter = 900_000;
const start = Date.UTC(2026, 0, 1);
let directory = "";

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "usage-lives-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

/** Exact values of all hours so far. */
function hours(world: EngineWorld, meterId: string): readonly bigint[] {
  const { outputs } = world.life;
  const meter = world.state.meters.get(meterId);
  const zone = zones.get("Etc/UTC");
  if (!(outputs instanceof Projection) || meter === undefined || zone === undefined) return [];
  const range = { from: start, to: world.clock.now() + 1 };
  const question = { ...range, size: "PT1H", zone, aggregation: "sum", openedAt: 0 } as const;
  const kept = outputs.usage.pieces({ ...range, meterId, detail: "quarters", withGroups: false });
  const open = openPieces(meter, question);
  const windows = tellUsage({ ...question, groupBy: null }, [...(kept ?? []), ...open]);
  return (windows ?? []).map(({ value }) => (value ?? 0n) / 10n ** 18n);
}

describe("usage over time of an engine", () => {
  it.each(["stop", "kill", "fall behind"] as const)("[UW8] is whole after a %s", async (end) => {
    const file = join(directory, "projection.db");
    const world = await EngineWorld.open({ openOutputs: () => openProjection(file, { zones }) });
    const { id } = await world.meter(await world.meterType());
    for (let step = 1; step <= 9; step += 1) {
      world.clock.set(start + step * quarter);
      await world.usage([
        { userId: "user", value: step },
        { userId: "user", value: 10 },
      ]);
      if (step === 4) await world.restart();
      if (step === 5) {
        world.life.outputs.flush();
        copyFileSync(file, `${file}.older`);
      }
      if (step !== 7 && step !== 8) continue;
      if (end === "stop") await world.stop();
      else world.kill();
      if (end === "fall behind") {
        for (const part of [file, `${file}-wal`, `${file}-shm`]) rmSync(part, { force: true });
        copyFileSync(`${file}.older`, file);
      }
      await world.started();
    }
    expect(hours(world, id)).toEqual([36n, 62n, 37n]);
    await world.stop();
  });

  it("[UW10] is kept again from when it is on", async () => {
    const file = join(directory, "projection.db");
    const openOutputs = (): Projection => openProjection(file, { zones });
    const world = await EngineWorld.open({ openOutputs });
    const { id } = await world.meter(await world.meterType());
    for (const usageWindows of [true, false, true]) {
      world.settings = { ...world.settings, usageWindows };
      await world.restart();
      expect(world.state.settings.usageWindows ?? true).toBe(usageWindows);
      world.clock.set(world.clock.now() + quarter);
      await world.usage([{ userId: "user", value: 1 }]);
    }
    expect(hours(world, id)).toEqual([2n]);
    await world.stop();
  });
});
