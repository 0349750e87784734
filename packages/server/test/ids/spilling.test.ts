// The engine with few ids in memory and the rest on disk: answers are those of a plain map, and of an
// engine that keeps all in memory, over starts, crashes and windows that pass (DD19 to DD25).
import { describe, expect, it } from "vitest";
import { writeJson } from "../../src/core/json.ts";
import type { RecordResult } from "../../src/core/outcome.ts";
import { defaultProcessorFields } from "../../src/core/processor.ts";
import { restoreState } from "../../src/core/snapshot.ts";
import { stateSections } from "../../src/core/snapshot-pass.ts";
import { readUsageBody } from "../../src/core/usage-body.ts";
import {
  accountId,
  EngineWorld,
  type EngineWorldOptions,
  idsDirectory,
  meterKey,
} from "../support/engine-world.ts";
import { createSeededRandom, type SeededRandom } from "../support/seeded-random.ts";
import { SimulatedCrash } from "../support/simulated-disk.ts";

const dayMs = 86_400_000;
const windowDays = 2;

interface Sent {
  readonly [member: string]: string | number;
  readonly userId: string;
  readonly id: string;
  readonly value: number;
}

/** What must be known: content and time of each id that was counted. */
type Model = Map<string, { readonly value: number; readonly seconds: number }>;

async function opened(options: EngineWorldOptions): Promise<EngineWorld> {
  const world = await EngineWorld.open({
    idsInMemoryMax: 300,
    settings: { snapshotEveryBytes: 40_000 },
    ...options,
  });
  await world.meter(await world.meterType({ category: "DEFAULT" }), "user");
  await world.patchProcessor({ deduplication: { field: "id", windowDays } });
  return world;
}

function drawn(random: SeededRandom, count: number, pool: number): readonly Sent[] {
  return Array.from({ length: count }, () => ({
    userId: "user",
    id: `id-${random.integer(0, pool)}`,
    // Now and then another value, which is a conflict while the id is known.
    value: random.integer(0, 9) === 0 ? 2 : 1,
  }));
}

/** What becomes of records at an instant; the model knows them afterwards. */
function expected(model: Model, records: readonly Sent[], now: number): readonly string[] {
  return records.map(({ id, value }) => {
    const known = model.get(id);
    if (known !== undefined && known.seconds * 1_000 >= now - windowDays * dayMs) {
      return known.value === value ? "duplicate" : "rejected";
    }
    model.set(id, { value, seconds: Math.ceil(now / 1_000) });
    return "counted";
  });
}

async function outcomes(world: EngineWorld, records: readonly Sent[]): Promise<readonly string[]> {
  const result = await world.usage(records);
  if (!result.ok) throw new Error(result.error.detail);
  return result.value.results.map(({ outcome }: RecordResult) => outcome);
}

async function files(world: EngineWorld): Promise<readonly string[]> {
  return world.disk.list(idsDirectory).catch(() => []);
}

/** Lets background writing go on for some turns of the loop. */
async function turns(world: EngineWorld, count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await world.turn();
}

describe("ids on disk", () => {
  it.each([1, 2, 3, 4, 5, 6])(
    "[DD19] [DD20] [DD21] [DD22] answer as a plain map does, over starts and crashes (seed %i)",
    async (seed) => {
      const random = createSeededRandom(seed);
      const world = await opened({ seed });
      const model: Model = new Map();
      let spilled = 0;
      for (let round = 0; round < 120; round += 1) {
        const records = drawn(random, random.integer(1, 120), 6_000);
        const now = world.clock.now();
        expect(await outcomes(world, records), `round ${round}`).toEqual(
          expected(model, records, now),
        );
        await turns(world, random.integer(0, 6));
        if (random.integer(0, 12) === 0) {
          spilled = Math.max(spilled, world.state.idRuns.length);
          const end = random.pick(["restart", "kill", "power cut"]);
          if (end === "restart") await world.stop();
          else if (end === "kill") world.kill();
          else world.powerCut();
          await world.started();
        }
        world.clock.set(world.clock.now() + random.integer(0, 2 * 3_600_000));
      }
      expect(spilled).toBeGreaterThan(2);
      await world.stop();
    },
  );

  it("[DD19] are made by no small installation", async () => {
    const world = await opened({});
    const records = Array.from({ length: 300 }, (_, at) => ({
      userId: "user",
      id: `id-${at}`,
      value: 1,
    }));
    await outcomes(world, records);
    await world.restart();
    expect(await files(world)).toEqual([]);
    await world.stop();
  });

  it.each([11, 12])(
    "[DD20] leave every answer and every total as it is without them (seed %i)",
    async (seed) => {
      const worlds = [await opened({ seed }), await opened({ seed, idsInMemoryMax: 1_000_000 })];
      const random = createSeededRandom(seed);
      for (let round = 0; round < 60; round += 1) {
        const records = drawn(random, 100, 4_000);
        const wait = random.integer(0, 2 * 3_600_000);
        const preview = drawn(random, 20, 4_000);
        const seen = [];
        for (const world of worlds) {
          const answers = await outcomes(world, records);
          await turns(world, 3);
          if (round % 20 === 19) await world.restart();
          world.clock.set(world.clock.now() + wait);
          const read = readUsageBody({ form: "json", text: writeJson(preview), invalidLines: [] });
          if (!read.ok) throw new Error(read.error.detail);
          const previewed = world.engine.preview(accountId, meterKey, read.value);
          seen.push({ answers, previewed });
        }
        expect(seen[0]).toEqual(seen[1]);
      }
      const [onDisk, inMemory] = worlds.map((world) => {
        const processor = world.state.accounts.get(accountId)?.processors.get(meterKey);
        const meters = [...world.state.meters.values()].map(({ counter }) => counter);
        return { tally: processor?.tally, meters, runs: world.state.idRuns.length };
      });
      expect(onDisk?.runs).toBeGreaterThan(0);
      expect({ ...onDisk, runs: 0 }).toEqual(inMemory);
    },
  );

  it("[DD19] [DD25] stay bounded in memory and in number with a steady stream", async () => {
    const world = await opened({});
    let most = 0;
    let files_ = 0;
    for (let round = 0; round < 240; round += 1) {
      const records = Array.from({ length: 60 }, (_, at) => ({
        userId: "user",
        id: `id-${round}-${at}`,
        value: 1,
      }));
      await outcomes(world, records);
      for (let turn = 0; turn < 200; turn += 1) await world.turn();
      const ids = world.state.accounts.get(accountId)?.processors.get(meterKey)?.ids;
      most = Math.max(most, ids?.rows ?? 0);
      files_ = Math.max(files_, (await files(world)).length);
      world.clock.set(world.clock.now() + 3_600_000);
    }
    // 2,880 ids are in the window, about 75 more are written at a time.
    expect(most).toBeLessThan(450);
    expect(world.state.idRuns.length).toBeLessThan(60);
    expect(files_).toBeLessThan(90);
    await world.stop();
  });

  it("[DD22] [DD17] a snapshot names its runs; without one of them it is refused by name", async () => {
    const world = await opened({});
    const random = createSeededRandom(3);
    for (let round = 0; round < 20; round += 1) {
      await outcomes(world, drawn(random, 100, 100_000));
      await turns(world, 50);
    }
    const named = world.state.idRuns;
    expect(restoreState([...stateSections(world.state)]).idRuns).toEqual(named);
    await world.stop();
    const [first] = await files(world);
    world.disk.drop(`${idsDirectory}/${first}`);
    const refused = await world.start();
    expect(refused.ok ? "" : refused.error).toContain(`${first}, byte 0: the file is missing`);
  });

  it("[DD23] a full disk leaves the ids in memory, and is tried again", async () => {
    const world = await opened({ settings: { snapshotEveryBytes: 1e9 } });
    const { disk } = world;
    const create = disk.create.bind(disk);
    let isFull = true;
    disk.create = (path) => {
      if (isFull && path.startsWith(idsDirectory)) return Promise.reject(new Error("no room"));
      return create(path);
    };
    const random = createSeededRandom(5);
    const model: Model = new Map();
    for (let round = 0; round < 12; round += 1) {
      isFull = round < 8;
      const records = drawn(random, 100, 3_000);
      const now = world.clock.now();
      expect(await outcomes(world, records)).toEqual(expected(model, records, now));
      await turns(world, 60);
    }
    expect(world.logged.some(({ message }) => message.startsWith("old ids could not"))).toBe(true);
    expect(world.state.idRuns.length).toBeGreaterThan(0);
    await world.stop();
  });
});

describe("several processors", () => {
  it("[DD2] [DD20] [DD25] share files, and a new one under an old key knows nothing of it", async () => {
    const world = await opened({ settings: { snapshotEveryBytes: 1e9 } });
    const keys = [meterKey, "second", "third"];
    for (const [at, key] of keys.entries()) {
      if (at === 0) continue;
      const deduplication = { field: "id", windowDays };
      const fields = { ...defaultProcessorFields(key), deduplication };
      await world.execute({ kind: "create-processor", accountId, meterKey: key, fields });
      await world.meter([...world.state.meterTypes.values()][0] ?? raise(), "user", key);
    }
    const records = Array.from({ length: 120 }, (_, at) => ({
      userId: "user",
      id: `id-${at}`,
      value: 1,
    }));
    const send = async (key: string): Promise<readonly string[]> => {
      const result = await world.usage(records, key);
      await turns(world, 100);
      if (!result.ok) throw new Error(result.error.detail);
      return [...new Set(result.value.results.map(({ outcome }) => outcome))];
    };
    for (const key of keys) expect(await send(key)).toEqual(["counted"]);
    expect(world.state.idRuns.length).toBeGreaterThan(0);
    for (const key of keys) expect(await send(key)).toEqual(["duplicate"]);
    await world.restart();
    for (const key of keys) expect(await send(key)).toEqual(["duplicate"]);
    const third = [...world.state.meters.values()].find((meter) => meter.meterKey === "third");
    await world.execute({ kind: "delete-meter", accountId, id: third?.id ?? "" });
    await world.execute({ kind: "delete-processor", accountId, meterKey: "third" });
    const fields = defaultProcessorFields("third");
    await world.execute({ kind: "create-processor", accountId, meterKey: "third", fields });
    await world.meter([...world.state.meterTypes.values()][0] ?? raise(), "user", "third");
    expect(await send("third")).toEqual(["counted"]);
    for (const key of keys) expect(await send(key)).toEqual(["duplicate"]);
    await world.stop();
  });
});

function raise(): never {
  throw new Error("the world has a meter type");
}

describe("a crash at each I/O", () => {
  it("[DD22] [DD23] loses no id that was answered and counts none twice", async () => {
    let crashes = 0;
    for (let at = 0; ; at += 1) {
      const world = await opened({ seed: at, settings: { snapshotEveryBytes: 20_000 } });
      const random = createSeededRandom(at);
      const model: Model = new Map();
      const now = world.clock.now();
      for (let round = 0; round < 3; round += 1) {
        const records = drawn(random, 90, 100_000);
        expect(await outcomes(world, records)).toEqual(expected(model, records, now));
      }
      world.disk.plan({ at, kind: "crash" });
      const isCrashed = await untilCrash(world, { random, model, now });
      world.powerCut();
      await world.started();
      // What was acknowledged is known, wherever it lay.
      const known = [...model].map(([id, { value }]) => ({ userId: "user", id, value }));
      expect(new Set(await outcomes(world, known)), `I/O ${at}`).toEqual(new Set(["duplicate"]));
      await world.stop();
      if (!isCrashed) {
        expect(world.snapshotBytes.length).toBeGreaterThan(1);
        expect((await files(world)).length).toBeGreaterThan(1);
        break;
      }
      crashes += 1;
      expect(at).toBeLessThan(1_000);
    }
    expect(crashes).toBeGreaterThan(20);
  });
});

/** Sends until the disk is gone, or enough; the model takes what was answered. */
async function untilCrash(
  world: EngineWorld,
  { random, model, now }: { random: SeededRandom; model: Model; now: number },
): Promise<boolean> {
  for (let round = 0; round < 8; round += 1) {
    const records = drawn(random, 60, 100_000);
    const result = await world.usage(records);
    if (!result.ok) return true;
    expected(model, records, now);
    await turns(world, 25);
  }
  try {
    await world.disk.list("data");
    return false;
  } catch (error) {
    return error instanceof SimulatedCrash;
  }
}
