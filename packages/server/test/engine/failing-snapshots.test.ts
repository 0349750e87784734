// Snapshots that keep failing (docs/spec/engine.md, EN28): what is told of them, and that everything
// else goes on.
import { expect, it } from "vitest";
import { NoRoomError } from "../../src/core/problem.ts";
import type { OutputStore } from "../../src/engine/stores.ts";
import { EngineWorld } from "../support/engine-world.ts";
import { MemoryOutputs } from "../support/memory-outputs.ts";

const everyBytes = 20_000;

it("[EN28] the third in a row is an error, counting goes on, and one that is written ends it", async () => {
  const memory = new MemoryOutputs();
  let isFull = false;
  const outputs: OutputStore = {
    get appliedSeq() {
      return memory.appliedSeq;
    },
    store: (stored, seq) => memory.store(stored, seq),
    flush: () => {
      if (isFull) throw new NoRoomError("full", {});
      memory.flush();
    },
    close: () => {},
  };
  const settings = { snapshotEveryBytes: everyBytes };
  const world = await EngineWorld.open({ settings, openOutputs: () => outputs });
  await world.meter(await world.meterType());
  const { snapshots } = world.life.opened;
  const fill = async (failures: number): Promise<void> => {
    while (snapshots.failures !== failures) {
      const counted = await world.usage([{ userId: "user", value: 1, note: "x".repeat(900) }]);
      expect([counted.ok, world.engine.ready]).toEqual([true, true]);
      await world.turn();
    }
  };
  isFull = true;
  await fill(4);
  const told = world.logged.filter(({ message }) => message.startsWith("snapshot skipped"));
  expect(told.map(({ level }) => level)).toEqual(["warn", "warn", "error", "error"]);
  expect(told.at(-1)?.fields).toMatchObject({ failures: 4 });
  expect(snapshots.replayBytes).toBeGreaterThan(4 * everyBytes);
  isFull = false;
  await fill(0);
  expect(snapshots.replayBytes).toBeLessThan(everyBytes);
  await world.stop();
});
