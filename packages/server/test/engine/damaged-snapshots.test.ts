// Starts whose newest snapshot is damaged (docs/spec/journal.md, JN16): it is read once, checked on
// the way, and nothing of what was read before the damage is used.
import { expect, it } from "vitest";
import { snapshotPath } from "../../src/journal/snapshot-files.ts";
import { EngineWorld } from "../support/engine-world.ts";
import { stateDigest } from "../support/state-digest.ts";

const directory = "data/snapshots";

/** A world after three stops: two snapshots are kept. Gives the sequence of the newer one. */
async function stopped(): Promise<{ world: EngineWorld; seq: number; digest: readonly string[] }> {
  const world = await EngineWorld.open();
  await world.meter(await world.meterType());
  for (let stop = 0; stop < 3; stop += 1) {
    await world.usage([{ id: `r${stop}`, userId: "user", value: stop }]);
    if (stop < 2) await world.restart();
  }
  const digest = stateDigest(world.state);
  const { seq } = world.state;
  await world.stop();
  return { world, seq, digest };
}

function damage(world: EngineWorld, seq: number, at: (bytes: number) => number): void {
  const path = snapshotPath(directory, seq);
  const content = world.disk.content(path).slice();
  const place = at(content.length);
  content[place] = (content[place] ?? 0) ^ 0x10;
  world.disk.put(path, content);
}

const restoredLines = (lines: readonly string[]): readonly string[] =>
  lines.filter((line) => !line.startsWith("head "));

it("[JN16] a sound one is used as it is", async () => {
  const { world, seq, digest } = await stopped();
  const { replayed } = await world.started();
  expect(replayed).toBeLessThan(3);
  expect(world.state.seq).toBeGreaterThanOrEqual(seq);
  expect(restoredLines(stateDigest(world.state))).toEqual(restoredLines(digest));
  await world.stop();
});

it.each([
  ["in its head", (): number => 20],
  ["in the middle", (bytes: number): number => bytes >> 1],
  ["in its last byte", (bytes: number): number => bytes - 1],
])("[JN16] one that is damaged %s is set aside, and the older one used", async (_, at) => {
  const { world, seq, digest } = await stopped();
  damage(world, seq, at);
  const { replayed } = await world.started();
  expect(replayed).toBeGreaterThan(0);
  expect(restoredLines(stateDigest(world.state))).toEqual(restoredLines(digest));
  const told = world.logged.filter(({ message }) => message === "repaired");
  expect(JSON.stringify(told)).toContain("set aside");
  expect(await world.disk.list(directory)).toContain(
    `${snapshotPath(directory, seq).split("/").at(-1)}.damaged`,
  );
  await world.stop();
});
