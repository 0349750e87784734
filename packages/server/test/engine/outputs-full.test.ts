// A projection without room (docs/spec/engine.md, EN18 to EN20), and the conservation law at work in
// the engine (docs/spec/conservation.md, CO5).

import { describe, expect, it } from "vitest";
import { Amount } from "../../src/core/amount.ts";
import type { UsageOutcome } from "../../src/core/outcome.ts";
import { AssertionError, assert, type Result } from "../../src/core/problem.ts";
import type { EngineSettings } from "../../src/engine/open-engine.ts";
import { accountId, EngineWorld, meterKey } from "../support/engine-world.ts";
import { FullOutputs } from "../support/full-outputs.ts";
import { createSeededRandom } from "../support/seeded-random.ts";
import { stateDigest } from "../support/state-digest.ts";

const daily = { minute: "0", hour: "0", day: "*", month: "*", weekday: "*" };
const dayMs = 86_400_000;

async function worldWith(
  settings: Partial<EngineSettings> = {},
): Promise<{ world: EngineWorld; outputs: FullOutputs }> {
  const outputs = new FullOutputs();
  const openOutputs = () => outputs.reopened();
  const world = await EngineWorld.open({ openOutputs, settings });
  await world.meter(await world.meterType({ resetSchedule: daily }));
  return { world, outputs };
}

function codeOf(result: Result<unknown>): string {
  return result.ok ? "ok" : result.error.code;
}

async function turns(world: EngineWorld, count = 20): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await world.turn();
}

/** Sends a record that cannot be counted, which makes an output, and waits until it is held. */
async function hold(
  world: EngineWorld,
  id: string,
): Promise<{ answer: Promise<Result<UsageOutcome>>; isAnswered: () => boolean }> {
  let answered = false;
  const answer = world.usage([
    { userId: "user", value: 2, id },
    { userId: "nobody", value: 1, id: `${id}-x` },
  ]);
  void answer.then(() => {
    answered = true;
  });
  await turns(world);
  return { answer, isAnswered: () => answered };
}

describe("a projection without room", () => {
  it("[EN18] holds the answers of its group, refuses the rest, shows what is counted, and goes on", async () => {
    const { world, outputs } = await worldWith();
    outputs.isStoreFull = true;
    const held = await hold(world, "a");
    expect(held.isAnswered()).toBe(false);
    expect(world.engine.isHolding).toBe(true);
    const { seq } = world.state;
    const groups = world.journal.groups.length;
    expect(codeOf(await world.usage([{ userId: "user", value: 1 }]))).toBe("store-full");
    const put = { kind: "delete-processor", accountId, meterKey } as const;
    expect(codeOf(await world.execute(put))).toBe("store-full");
    expect([world.state.seq, world.journal.groups.length, world.engine.ready]).toEqual([
      seq,
      groups,
      true,
    ]);
    const [meter] = world.state.meters.values();
    expect(meter?.counter.value).toBe(2n * 10n ** 18n);
    world.engine.wake();
    world.engine.wake();
    expect([outputs.refusals, held.isAnswered()]).toEqual([3, false]);
    outputs.isStoreFull = false;
    world.engine.wake();
    expect(await held.answer).toMatchObject({ ok: true, value: { counted: 1, rejected: 1 } });
    expect(outputs.memory.corrections.size).toBe(1);
    expect(codeOf(await world.usage([{ userId: "user", value: 1, id: "a" }]))).toBe("ok");
    await world.stop();
  });

  it("[EN18] refuses what was queued behind it, and journals none of that", async () => {
    const { world, outputs } = await worldWith();
    const release = world.journal.hold();
    const first = world.usage([{ userId: "nobody", value: 1 }]);
    await turns(world);
    const second = world.usage([{ userId: "user", value: 1 }]);
    outputs.isStoreFull = true;
    release();
    expect(codeOf(await second)).toBe("store-full");
    const { seq } = world.state;
    outputs.isStoreFull = false;
    world.engine.wake();
    expect([codeOf(await first), world.state.seq]).toEqual(["ok", seq]);
    await world.stop();
  });

  it("[EN18] catches up with the periods that ended meanwhile", async () => {
    const { world, outputs } = await worldWith();
    outputs.isStoreFull = true;
    const held = await hold(world, "a");
    world.clock.set(world.clock.now() + 3 * dayMs);
    await turns(world);
    world.engine.wake();
    expect(outputs.memory.records()).toHaveLength(0);
    outputs.isStoreFull = false;
    await world.settle();
    expect(codeOf(await held.answer)).toBe("ok");
    expect(outputs.memory.records()).toHaveLength(3);
    await world.stop();
  });

  it("[EN19] tells those who waited 20 seconds, and stores the outputs later", async () => {
    const { world, outputs } = await worldWith();
    outputs.isStoreFull = true;
    const held = await hold(world, "a");
    await world.clock.advanceBy(19_000);
    world.engine.wake();
    await turns(world);
    expect(held.isAnswered()).toBe(false);
    await world.clock.advanceBy(1_500);
    world.engine.wake();
    expect(codeOf(await held.answer)).toBe("store-late");
    expect(codeOf(await world.usage([]))).toBe("store-full");
    outputs.isStoreFull = false;
    world.engine.wake();
    expect(outputs.memory.corrections.size).toBe(1);
    const again = await world.usage([{ userId: "user", value: 2, id: "a" }]);
    expect(again).toMatchObject({ ok: true, value: { duplicates: 1 } });
    await world.stop();
  });

  it.each(["stop", "kill"] as const)(
    "[EN19] [EN20] a %s meanwhile writes no snapshot and loses nothing",
    async (end) => {
      const { world, outputs } = await worldWith({ snapshotEveryBytes: 1 });
      await world.settle();
      outputs.isStoreFull = true;
      outputs.isFlushFull = true;
      const held = await hold(world, "a");
      const snapshots = world.snapshotBytes.length;
      const before = stateDigest(world.state);
      if (end === "kill") world.kill();
      else await world.stop();
      if (end === "stop") expect(codeOf(await held.answer)).toBe("store-late");
      expect(world.snapshotBytes).toHaveLength(snapshots);
      outputs.isFlushFull = false;
      const refused = await world.start();
      expect(refused).toEqual({
        ok: false,
        error: "There is no room to store. Free space and start again.",
      });
      outputs.isStoreFull = false;
      outputs.isFlushFull = false;
      await world.started();
      expect(stateDigest(world.state)).toEqual(before);
      expect(outputs.memory.corrections.size).toBe(1);
      await world.stop();
    },
  );

  it("[EN20] skips snapshots with a warning, and the next one comes", async () => {
    const { world, outputs } = await worldWith({ snapshotEveryBytes: 1 });
    await world.settle();
    await world.snapshotDone();
    const snapshots = world.snapshotBytes.length;
    outputs.isFlushFull = true;
    expect(codeOf(await world.usage([{ userId: "user", value: 1 }]))).toBe("ok");
    await turns(world);
    expect(world.logged.map(({ message }) => message)).toContain("snapshot skipped");
    expect(world.snapshotBytes).toHaveLength(snapshots);
    outputs.isFlushFull = false;
    expect(codeOf(await world.usage([{ userId: "user", value: 1 }]))).toBe("ok");
    await turns(world, 50);
    expect(world.snapshotBytes.length).toBeGreaterThan(snapshots);
    await world.stop();
  });

  it("[EN7] any other fault of it stops the engine, also while outputs wait and at a flush", async () => {
    for (const when of ["store", "held", "flush"] as const) {
      const { world, outputs } = await worldWith({
        snapshotEveryBytes: when === "flush" ? 1 : 1e9,
      });
      await world.settle();
      await world.snapshotDone();
      outputs.isStoreFull = when === "held";
      if (when === "store") outputs.fault = new Error("sync failed");
      if (when === "flush") outputs.flushFault = new Error("sync failed");
      const record = { userId: when === "flush" ? "user" : "nobody", value: 1 };
      const answer = world.usage([record]);
      await turns(world);
      outputs.fault = new Error("sync failed");
      world.engine.wake();
      await turns(world);
      expect([when, world.failure]).toEqual([when, outputs.fault]);
      expect(codeOf(await answer)).toBe(when === "flush" ? "ok" : "store-failed");
      expect(world.engine.ready).toBe(false);
      world.kill();
    }
  });

  it.each([1, 2, 3, 4, 5, 6])(
    "[EN18] [EN19] nothing is lost or doubled whenever room comes and goes, seed %i",
    async (seed) => {
      const { world, outputs } = await worldWith({ snapshotEveryBytes: 3_000 });
      const random = createSeededRandom(seed);
      const fate = new Map<string, "counted" | "refused" | "unknown">();
      const waiting: Promise<void>[] = [];
      for (let step = 0; step < 250; step += 1) {
        outputs.isStoreFull = random.integer(0, 3) === 0;
        outputs.isFlushFull = random.integer(0, 3) === 0;
        const id = `id-${step}`;
        waiting.push(
          world.usage([{ userId: "user", value: 1, id }, { value: 1 }]).then((result) => {
            fate.set(
              id,
              result.ok ? "counted" : codeOf(result) === "store-late" ? "unknown" : "refused",
            );
          }),
        );
        if (random.chance(0.05)) await world.clock.advanceBy(21_000);
        else world.clock.set(world.clock.now() + random.integer(0, 4_000_000));
        await turns(world, random.integer(0, 12));
        world.engine.wake();
      }
      outputs.isStoreFull = false;
      outputs.isFlushFull = false;
      await world.settle();
      await Promise.all(waiting);
      expect(world.failure).toBeNull();
      const fates = [...fate.values()];
      expect(fates).toHaveLength(250);
      expect(fates).toEqual(expect.arrayContaining(["counted", "refused"]));
      const counted = fates.filter((one) => one !== "refused").length;
      const processor = world.state.accounts.get(accountId)?.processors.get(meterKey);
      expect(processor?.tally).toMatchObject({ counted, rejected: counted });
      expect(outputs.memory.corrections.size).toBe(counted);
      const [meter] = world.state.meters.values();
      const metered = outputs.memory
        .records()
        .reduce((sum, { json }) => sum + JSON.parse(json).value, 0);
      const live = (meter?.counter.value ?? 0n) / 10n ** 18n;
      expect(BigInt(metered) + live).toBe(BigInt(counted));
      const digest = stateDigest(world.state);
      await world.restart();
      expect(stateDigest(world.state)).toEqual(digest);
      await world.stop();
    },
  );
});

describe("the conservation law in the engine", () => {
  /** A counter that lies, as a fault of ours or of the memory would make it. */
  async function broken(): Promise<{
    world: EngineWorld;
    answered: Promise<Result<UsageOutcome>>;
  }> {
    const { world } = await worldWith();
    await world.usage([{ userId: "user", value: 1 }]);
    const processor = world.state.accounts.get(accountId)?.processors.get(meterKey);
    assert(processor !== undefined, "there is a processor");
    processor.tally.counted += 1;
    world.clock.set(world.clock.now() + dayMs);
    return { world, answered: world.usage([{ userId: "user", value: 1 }]) };
  }

  it("[CO5] a break stops the engine at the next flush of a meter, before anything of it is told", async () => {
    const { world, answered } = await broken();
    await world.settle();
    expect(codeOf(await answered)).toBe("store-failed");
    expect(world.failure).toBeInstanceOf(AssertionError);
    expect(String(world.failure)).toMatch(
      new RegExp(
        `account ${accountId}, meter processor ${meterKey}: received \\d+, but counted \\d+ \\+`,
      ),
    );
    world.kill();
  });

  it("[CO5] a break stops the engine before a snapshot is written, and the next start counts right", async () => {
    const { world } = await worldWith({ snapshotEveryBytes: 1 });
    await world.settle();
    await world.snapshotDone();
    const snapshots = world.snapshotBytes.length;
    const [meter] = world.state.meters.values();
    assert(meter !== undefined, "there is a meter");
    const nothing = new Amount();
    meter.counter.take("sum", nothing, world.clock.now());
    const answer = await world.usage([{ userId: "user", value: 1 }]);
    await turns(world);
    expect(codeOf(answer)).toBe("ok");
    expect(String(world.failure)).toContain("but its meters hold 2");
    expect(world.snapshotBytes).toHaveLength(snapshots);
    world.kill();
    await world.started();
    expect([...world.state.meters.values()][0]?.counter.count).toBe(1);
    await world.stop();
  });

  it("[CO5] a break that the last snapshot finds fails the stop and leaves no snapshot", async () => {
    const { world } = await worldWith();
    await world.usage([{ userId: "user", value: 1 }]);
    await world.settle();
    const [meter] = world.state.meters.values();
    assert(meter !== undefined, "there is a meter");
    meter.counter.take("sum", new Amount(), world.clock.now());
    const snapshots = world.snapshotBytes.length;
    await world.life.opened.close();
    expect(String(world.failure)).toContain("but its meters hold 2");
    expect(world.snapshotBytes).toHaveLength(snapshots);
    world.kill();
    await world.started();
    expect([...world.state.meters.values()][0]?.counter.count).toBe(1);
    await world.stop();
  });
});
