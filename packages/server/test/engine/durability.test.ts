// Durable before visible, groups, bounds and faults of the disk (docs/spec/engine.md, EN).
import { describe, expect, it } from "vitest";
import {
  groupBytesMax,
  groupCommandsMax,
  waitingLargeGroupsMax,
  waitingSmallGroupsMax,
} from "../../src/core/limits.ts";
import type { UsageOutcome } from "../../src/core/outcome.ts";
import type { Result } from "../../src/core/problem.ts";
import { readUsageBody } from "../../src/core/usage-body.ts";
import { accountId, EngineWorld, meterKey } from "../support/engine-world.ts";
import type { FaultKind } from "../support/simulated-disk.ts";

const daily = { minute: "0", hour: "0", day: "*", month: "*", weekday: "*" };
const scale = 10n ** 18n;

async function withMeter(): Promise<{ world: EngineWorld; meterId: string }> {
  const world = await EngineWorld.open();
  const type = await world.meterType({ resetSchedule: daily });
  const meter = await world.meter(type);
  return { world, meterId: meter.id };
}

function liveValue(world: EngineWorld, meterId: string): bigint {
  return (world.state.meters.get(meterId)?.counter.value ?? 0n) / scale;
}

function codeOf(result: Result<unknown>): string {
  return result.ok ? "ok" : result.error.code;
}

/** Whether a promise has settled after the event loop has gone round some times. */
async function isSettled(world: EngineWorld, promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  void promise.then(() => {
    settled = true;
  });
  for (let turns = 0; turns < 20; turns += 1) await world.turn();
  return settled;
}

function lastKinds(world: EngineWorld, count: number): readonly (readonly string[])[] {
  return world.journal.groups.slice(-count).map(({ kinds }) => kinds);
}

describe("an answer", () => {
  it("[EN1] comes after its group is durable, and nothing shows before", async () => {
    for (const when of ["before", "after"] as const) {
      const { world, meterId } = await withMeter();
      const { seq } = world.state;
      const release = world.journal.hold(when);
      const counted = world.usage([{ userId: "user", value: 5, id: "a" }]);
      const rejected = world.usage([{ userId: "nobody", value: 5, id: "b" }]);
      const type = world.meterType({ name: "Later" });
      expect(await isSettled(world, Promise.race([counted, rejected, type]))).toBe(false);
      expect(world.journal.appending).toBe(true);
      expect([world.state.seq, liveValue(world, meterId), world.state.meterTypes.size]).toEqual([
        seq,
        0n,
        1,
      ]);
      expect([world.memory.appliedSeq, world.memory.corrections.size]).toEqual([seq, 0]);
      release();
      expect(await counted).toMatchObject({ ok: true, value: { counted: 1 } });
      expect(await rejected).toMatchObject({ ok: true, value: { rejected: 1 } });
      expect(world.memory.corrections.size).toBe(1);
      await type;
      expect([liveValue(world, meterId), world.state.meterTypes.size]).toEqual([5n, 2]);
    }
  });

  it("[EN1] shows in state and lists at the moment it is given", async () => {
    const { world, meterId } = await withMeter();
    const seen = await world
      .usage([{ userId: "user", value: 5 }, { userId: "nobody" }])
      .then(() => ({
        value: liveValue(world, meterId),
        corrections: world.memory.corrections.size,
        listed: world.memory.appliedSeq === world.state.seq,
      }));
    expect(seen).toEqual({ value: 5n, corrections: 1, listed: true });
  });

  it("[EN1] a preview waits for nothing and journals nothing", async () => {
    const { world } = await withMeter();
    const groups = world.journal.groups.length;
    const read = readUsageBody({
      form: "json",
      text: '{"userId":"user","value":1}',
      invalidLines: [],
    });
    if (!read.ok) throw new Error("unreadable");
    expect(world.engine.preview(accountId, meterKey, read.value)).toMatchObject({
      ok: true,
      value: { counted: 1 },
    });
    expect(world.engine.preview(accountId, "unknown", read.value).ok).toBe(false);
    await world.settle();
    expect(world.journal.groups.length).toBe(groups);
  });

  it("[EN3] usage of an unknown meter processor is refused without an entry", async () => {
    const { world } = await withMeter();
    const { seq } = world.state;
    expect(codeOf(await world.usage([{ userId: "user", value: 1 }], "unknown"))).toBe("not-found");
    expect(world.state.seq).toBe(seq);
  });
});

describe("groups", () => {
  it("[EN2] what comes while one is in flight forms the next one, in the order it came", async () => {
    const { world, meterId } = await withMeter();
    const before = world.journal.groups.length;
    const release = world.journal.hold();
    const answers: string[] = [];
    const first = world.usage([{ userId: "user", value: 1 }]).then(() => answers.push("first"));
    while (!world.journal.appending) await world.turn();
    const rest = [1, 2, 3, 4, 5].map((value) =>
      world.usage([{ userId: "user", value, id: `r${value}` }]).then((result) => {
        answers.push(meterValue(result));
      }),
    );
    const twin = world.usage([{ userId: "user", value: 9, id: "r1" }]);
    for (let turns = 0; turns < 10; turns += 1) await world.turn();
    expect(world.journal.groups.length).toBe(before + 1);
    release();
    await Promise.all([first, ...rest]);
    expect(await twin).toMatchObject({
      value: { rejected: 1, results: [{ reason: "ID_CONFLICT" }] },
    });
    expect(world.journal.groups.slice(before).map(({ kinds }) => kinds.length)).toEqual([1, 6]);
    expect(answers).toEqual(["first", "2", "4", "7", "11", "16"]);
    expect(liveValue(world, meterId)).toBe(16n);
  });

  it("[EN4] a change that was read against the state stands first, and none beside it", async () => {
    const { world, meterId } = await withMeter();
    const id = "type-1";
    const release = world.journal.hold();
    const groups = world.journal.groups.length;
    const jobs = [world.usage([{ userId: "user", value: 1 }])];
    while (!world.journal.appending) await world.turn();
    const usage = (): void => void jobs.push(world.usage([{ userId: "user", value: 1 }]));
    usage();
    usage();
    const patches = [
      world.execute({ kind: "patch-meter-type", accountId, id, patch: { unit: "pages" } }),
    ];
    usage();
    patches.push(
      world.execute({ kind: "patch-meter", accountId, id: meterId, patch: { capacity: null } }),
    );
    patches.push(
      world.execute({ kind: "patch-processor", accountId, meterKey, patch: { name: "x" } }),
    );
    usage();
    release();
    for (const result of [...(await Promise.all(patches)), ...(await Promise.all(jobs))]) {
      expect(codeOf(result)).toBe("ok");
    }
    expect(lastKinds(world, world.journal.groups.length - groups)).toEqual([
      ["usage"],
      ["patch-meter-type", "usage", "usage", "usage", "usage"],
      ["patch-meter"],
      ["patch-processor"],
    ]);
  });

  it("[EN5] a full queue answers overloaded and takes what comes once there is room", async () => {
    const { world, meterId } = await withMeter();
    const release = world.journal.hold();
    const first = world.usage([{ userId: "user", value: 1 }]);
    while (!world.journal.appending) await world.turn();
    const read = readUsageBody({
      form: "json",
      text: '{"userId":"user","value":1}',
      invalidLines: [],
    });
    if (!read.ok) throw new Error("unreadable");
    const raw = read.value;
    const waiting: Promise<Result<UsageOutcome>>[] = [];
    const most = waitingSmallGroupsMax * groupCommandsMax;
    for (let index = 0; index < most; index += 1) {
      waiting.push(world.engine.count(accountId, meterKey, raw));
    }
    expect(codeOf(await world.engine.count(accountId, meterKey, raw))).toBe("overloaded");
    expect(world.engine.ready).toBe(true);
    release();
    expect((await Promise.all([first, ...waiting])).every(({ ok }) => ok)).toBe(true);
    expect(liveValue(world, meterId)).toBe(BigInt(most) + 1n);
    expect(codeOf(await world.usage([{ userId: "user", value: 1 }]))).toBe("ok");
    expect(world.engine.queued).toEqual({ commands: 0, bytes: 0 });
  });

  it("[EN5] the queue is bounded in bytes as well", async () => {
    const { world } = await withMeter();
    const release = world.journal.hold();
    const first = world.usage([{ userId: "user", value: 1 }]);
    while (!world.journal.appending) await world.turn();
    const text = `{"userId":"nobody","value":1}${" ".repeat(4_000_000)}`;
    const read = readUsageBody({ form: "json", text, invalidLines: [] });
    if (!read.ok) throw new Error("unreadable");
    const waiting: Promise<Result<UsageOutcome>>[] = [];
    while (world.engine.queued.bytes < waitingLargeGroupsMax * groupBytesMax) {
      waiting.push(world.engine.count(accountId, meterKey, read.value));
    }
    expect(waiting.length).toBeLessThan(10);
    expect(codeOf(await world.engine.count(accountId, meterKey, read.value))).toBe("overloaded");
    expect(world.engine.refusalOf(text.length)?.code).toBe("overloaded");
    // Small ones have their own room.
    expect(world.engine.refusalOf(100)).toBeNull();
    waiting.push(world.usage([{ userId: "user", value: 1 }]));
    release();
    expect((await Promise.all([first, ...waiting])).map(codeOf)).toEqual(
      Array.from({ length: waiting.length + 1 }, () => "ok"),
    );
  });
});

describe("a full disk", () => {
  for (const kind of ["ENOSPC", "short-write"] as const satisfies readonly FaultKind[]) {
    it(`[EN6] (${kind}) refuses without an effect, and goes on when there is room`, async () => {
      const { world, meterId } = await withMeter();
      const { seq } = world.state;
      world.disk.plan({ at: 0, kind, forever: true });
      const record = { userId: "user", value: 5, id: "a" };
      const refused = await Promise.all([1, 2, 3].map(() => world.usage([record])));
      expect(refused.map(codeOf)).toEqual(["store-full", "store-full", "store-full"]);
      expect(codeOf(await world.execute({ kind: "delete-meter", accountId, id: meterId }))).toBe(
        "store-full",
      );
      expect([world.state.seq, liveValue(world, meterId), world.failure]).toEqual([seq, 0n, null]);
      world.disk.plan(null);
      expect(await world.usage([record])).toMatchObject({ value: { counted: 1 } });
      await world.restart();
      expect(await world.usage([record])).toMatchObject({ value: { duplicates: 1 } });
      expect(liveValue(world, meterId)).toBe(5n);
    });
  }

  it("[EN6] is tried again once at each look, however much is due", async () => {
    const { world } = await withMeter();
    world.disk.plan({ at: 0, kind: "ENOSPC", forever: true });
    const before = world.journal.groups.length;
    await world.clock.advanceTo(world.clock.now() + 86_400_000 - 10_000);
    expect(world.journal.groups.length).toBe(before);
    await world.clock.advanceBy(20_000);
    const tries = world.journal.groups.length - before;
    expect(tries).toBeGreaterThan(5);
    expect(tries).toBeLessThan(30);
    expect(codeOf(await world.usage([{ userId: "user", value: 1 }]))).toBe("store-full");
    world.disk.plan(null);
    await world.clock.advanceBy(2_000);
    expect(world.memory.records().length).toBe(1);
  });

  it("[EN6] [EN12] answers those who wait for timetables to be extended", async () => {
    const { world } = await withMeter();
    world.disk.plan({ at: 0, kind: "ENOSPC", forever: true });
    // Far beyond the boundaries that are known, so that no command can be taken before.
    world.clock.set(world.clock.now() + 100 * 86_400_000);
    expect(codeOf(await world.usage([{ userId: "user", value: 1 }]))).toBe("store-full");
    const stopping = world.engine.drain();
    await stopping;
    expect(world.engine.queued.commands).toBe(0);
  });
});

describe("a store that fails", () => {
  it("[EN7] answers everyone who waits, accepts nothing more and has the process end", async () => {
    for (const kind of ["sync-failure", "EIO"] as const) {
      const { world } = await withMeter();
      const release = world.journal.hold();
      const first = world.usage([{ userId: "user", value: 1, id: "a" }]);
      while (!world.journal.appending) await world.turn();
      const second = world.usage([{ userId: "user", value: 2, id: "b" }]);
      world.disk.plan({ at: 0, kind, forever: true });
      release();
      expect([codeOf(await first), codeOf(await second)]).toEqual(["store-failed", "store-failed"]);
      expect([world.engine.ready, world.engine.failed]).toEqual([false, true]);
      expect(world.failure).toMatchObject({ kind: "failed" });
      const later = await world.usage([{ userId: "user", value: 3, id: "c" }]);
      expect(later).toMatchObject({ ok: false, error: { kind: "unavailable" } });
      await world.engine.drain();
      // Two looks of the scheduler change nothing.
      await world.clock.advanceBy(90_000_000);
      expect(world.memory.appliedSeq).toBe(world.state.seq);
    }
  });

  it("[EN7] [EN8] counts acknowledged records once and others at most once after reopening", async () => {
    for (let seed = 1; seed <= 40; seed += 1) {
      const world = await EngineWorld.open({ seed });
      const meter = await world.meter(await world.meterType());
      const record = (id: string): { userId: string; value: number; id: string } => ({
        userId: "user",
        value: 1,
        id,
      });
      for (let index = 0; index < 5; index += 1) await world.usage([record(`a${index}`)]);
      world.disk.plan({ at: seed % 2, kind: seed % 4 < 2 ? "EIO" : "sync-failure", forever: true });
      const lost = [record("u1"), record("u2")];
      expect(codeOf(await world.usage(lost)), `seed ${seed}`).toBe("store-failed");
      if (seed % 3 === 0) world.kill();
      else world.powerCut();
      world.disk.plan(null);
      await world.started();
      const value = liveValue(world, meter.id);
      expect([5n, 7n], `seed ${seed}`).toContain(value);
      const again = await world.usage([...lost, record("a0")]);
      const counted = value === 5n ? 2 : 0;
      expect(again, `seed ${seed}`).toMatchObject({ value: { counted, duplicates: 3 - counted } });
      expect(liveValue(world, meter.id), `seed ${seed}`).toBe(7n);
    }
  });

  it("[EN7] a projection that cannot store stops the engine, and replay makes up for it", async () => {
    const { world, meterId } = await withMeter();
    world.memory.failure = new Error("no room for the projection");
    expect(codeOf(await world.usage([{ userId: "nobody", value: 1 }]))).toBe("store-failed");
    expect(world.failure).toMatchObject({ message: "no room for the projection" });
    world.kill();
    await world.started();
    expect(world.memory.corrections.size).toBe(1);
    expect(await world.usage([{ userId: "user", value: 1 }])).toMatchObject({ ok: true });
    expect(liveValue(world, meterId)).toBe(1n);
  });
});

describe("a stop", () => {
  it("[EN9] takes nothing more, finishes what waits, and does not wait for due periods", async () => {
    const world = await EngineWorld.open({ settings: { catchUpMax: 1_000_000 } });
    const type = await world.meterType({ resetSchedule: { ...daily, hour: "*", minute: "*" } });
    const meter = await world.meter(type);
    world.clock.set(world.clock.now() + 30 * 86_400_000);
    const waiting = world.usage([{ userId: "nobody", value: 1 }]);
    const stopped = world.engine.drain();
    expect(codeOf(await world.usage([{ userId: "user", value: 1 }]))).toBe("stopping");
    await stopped;
    expect(await waiting).toMatchObject({ value: { rejected: 1 } });
    expect(world.memory.records().length).toBeLessThan(5_000);
    await world.restart();
    await world.settle();
    expect(world.memory.records().length).toBe(30 * 24 * 60);
    expect(world.state.meters.get(meter.id)?.periodStart).toBe(world.clock.now());
  });
});

function meterValue(result: Result<UsageOutcome>): string {
  if (!result.ok) return result.error.code;
  const first = result.value.results[0];
  return first?.outcome === "counted" ? String((first.meters[0]?.value ?? 0n) / scale) : "none";
}
