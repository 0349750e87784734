// Who waits for whom (docs/spec/engine.md, EN5 and EN22 to EN24): small requests, large ones and
// changes, how many may wait at which pace, and how few periods a group closes beside them.
import { describe, expect, it } from "vitest";
import {
  closingsPerGroupAim,
  groupBytesMax,
  groupCommandsMax,
  metersPerBusySweepMin,
  metersPerSweepMax,
  queuedChangesMax,
  queueWaitMsMax,
  waitingLargeGroupsMax,
} from "../../src/core/limits.ts";
import { assert, type Result } from "../../src/core/problem.ts";
import { type RawRecords, readUsageBody } from "../../src/core/usage-body.ts";
import { accountId, EngineWorld, meterKey } from "../support/engine-world.ts";

const large = 400_000;
const daily = { minute: "0", hour: "0", day: "*", month: "*", weekday: "*" };
/** Groups in a row without a command, and the first larger one. */
const quietGroups = 5;

function bodyOf(bytes: number, userId = "user"): RawRecords {
  const text = JSON.stringify({ userId, value: 1 }).padEnd(bytes, " ");
  const read = readUsageBody({ form: "json", text, invalidLines: [] });
  assert(read.ok, "the body can be read");
  return read.value;
}

async function withMeter(): Promise<EngineWorld> {
  const world = await EngineWorld.open();
  await world.meter(await world.meterType());
  return world;
}

function codeOf(result: Result<unknown>): string {
  return result.ok ? "ok" : result.error.code;
}

/** A world whose journal is held back, one request being in flight. */
async function held(): Promise<{ world: EngineWorld; release: () => void }> {
  const world = await withMeter();
  const release = world.journal.hold();
  void world.usage([{ userId: "user", value: 1 }]);
  while (!world.journal.appending) await world.turn();
  return { world, release };
}

describe("small and large requests", () => {
  it("[EN22] [EN2] small ones are taken first, large ones until they have 1 MiB", async () => {
    const { world, release } = await held();
    const groups = world.journal.groups.length;
    const answers: string[] = [];
    const send = (name: string, bytes: number): Promise<number> =>
      world.engine.count(accountId, meterKey, bodyOf(bytes)).then(() => answers.push(name));
    const sent = Array.from({ length: 7 }, (_, index) => send(`L${index}`, large));
    for (let index = 0; index < 5; index += 1) sent.push(send(`s${index}`, 50));
    release();
    await Promise.all(sent);
    const sizes = world.journal.groups.slice(groups).map(({ kinds }) => kinds.length);
    // 3 × 400 kB are the first that reach 1 MiB.
    expect(sizes).toEqual([5 + 3, 3, 1]);
    expect(answers.join()).toBe("s0,s1,s2,s3,s4,L0,L1,L2,L3,L4,L5,L6");
  });

  it("[EN22] a large one is taken by every group, however many small ones wait", async () => {
    const { world, release } = await held();
    let commits = 0;
    const smalls = Array.from({ length: 3 * groupCommandsMax }, () =>
      world.engine.count(accountId, meterKey, bodyOf(50)),
    );
    const groups = world.journal.groups.length;
    const larges = [1, 2].map(() =>
      world.engine.count(accountId, meterKey, bodyOf(groupBytesMax)).then(() => {
        commits = world.journal.groups.length - groups;
      }),
    );
    release();
    await Promise.all(larges);
    expect(commits).toBeLessThanOrEqual(2 + 1);
    expect((await Promise.all(smalls)).every(({ ok }) => ok)).toBe(true);
  });

  it("[EN5] so many changes may wait, and one more is refused", async () => {
    const { world, release } = await held();
    const patch = (): Promise<Result<unknown>> =>
      world.execute({ kind: "patch-processor", accountId, meterKey, patch: { name: "x" } });
    const waiting = Array.from({ length: queuedChangesMax }, patch);
    expect(codeOf(await patch())).toBe("overloaded");
    const usage = world.usage([{ userId: "user", value: 1 }]);
    const groups = world.journal.groups.length;
    release();
    // Usage does not wait for them.
    expect(codeOf(await usage)).toBe("ok");
    expect(world.journal.groups.length - groups).toBeLessThanOrEqual(2);
    expect((await Promise.all(waiting)).every(({ ok }) => ok)).toBe(true);
  });
});

describe("the pace of groups", () => {
  /** Commands of so many bytes that find room beside one in flight. */
  function room(world: EngineWorld, bytes: number): number {
    const raw = bodyOf(bytes);
    let count = 0;
    while (world.engine.refusalOf(bytes) === null) {
      void world.engine.count(accountId, meterKey, raw);
      count += 1;
    }
    return count;
  }

  it("[EN23] [EN5] a slow disk lets fewer wait, while it is slow and afterwards", async () => {
    const { world, release } = await held();
    await world.clock.advanceBy(queueWaitMsMax / 4);
    expect(room(world, large)).toBe(Math.ceil((4 * groupBytesMax) / (large + 100)));
    await world.clock.advanceBy(10 * queueWaitMsMax);
    expect(world.engine.refusalOf(large)?.code).toBe("overloaded");
    expect(room(world, 50)).toBe(groupCommandsMax);
    release();
    await world.settle();
    // The next groups are quick again, so that more may wait.
    for (let index = 0; index < 40; index += 1) {
      await world.engine.count(accountId, meterKey, bodyOf(large));
    }
    const again = world.journal.hold();
    void world.usage([{ userId: "user", value: 1 }]);
    while (!world.journal.appending) await world.turn();
    const most = (waitingLargeGroupsMax * groupBytesMax) / (large + 100);
    expect(room(world, large)).toBe(Math.ceil(most));
    again();
    await world.settle();
    expect(world.engine.queued).toEqual({ commands: 0, bytes: 0 });
    await world.stop();
  });
});

describe("periods that are due", () => {
  /**
   * 4,000 meters that are due while as many records wait for them and one commit, `commitMs` long,
   * is in flight. Gives the periods that each group closed.
   */
  async function sweptWhileWriting(commitMs: number): Promise<readonly number[]> {
    const world = await EngineWorld.open();
    const type = await world.meterType({ resetSchedule: daily });
    const users = Array.from({ length: 4_000 }, (_, index) => `u${index}`);
    const meters = users.map((userId) => ({
      id: `m-${userId}`,
      fields: { userId, meterKey, meterType: { id: type.id }, customFields: {} },
    }));
    await world.execute({ kind: "create-meters", accountId, meters });
    const release = world.journal.hold();
    void world.usage([{ userId: "nobody", value: 1 }]);
    while (!world.journal.appending) await world.turn();
    await world.clock.advanceBy(commitMs);
    world.clock.set(world.clock.now() + 86_400_000);
    const perBatch = 200;
    const sent = Array.from({ length: users.length / perBatch }, (_, batch) => {
      const some = users.slice(batch * perBatch, (batch + 1) * perBatch);
      return world.usage(some.map((userId) => ({ userId, value: 1 })));
    });
    release();
    for (const answer of sent) expect(await answer).toMatchObject({ value: { counted: perBatch } });
    await world.settle();
    expect(world.memory.records().length).toBe(users.length);
    const closed = closingsOfGroups(world);
    await world.stop();
    return closed;
  }

  /** Metered records of each group that made some. */
  function closingsOfGroups(world: EngineWorld): readonly number[] {
    const seqs = world.memory.records().map(({ position }) => position.seq);
    const counts = world.journal.groups.map(
      ({ firstSeq, kinds }) =>
        seqs.filter((seq) => seq >= firstSeq && seq < firstSeq + kinds.length).length,
    );
    return counts.filter((count) => count > 0);
  }

  it("[EN13] while somebody writes groups close few of them, and take few who must close some", async () => {
    // The last groups come when everyone is answered.
    const closed = (await sweptWhileWriting(0)).slice(0, -quietGroups);
    expect(closed.length).toBeGreaterThan(5);
    expect(Math.max(...closed)).toBeGreaterThan(metersPerBusySweepMin);
    expect(Math.max(...closed)).toBeLessThanOrEqual(metersPerBusySweepMin + closingsPerGroupAim);
  });

  it("[EN13] after a slow commit they close more, lest all take too long", async () => {
    const [first = 0] = await sweptWhileWriting(10_000);
    expect(first).toBeGreaterThanOrEqual(metersPerSweepMax);
    expect(first).toBeLessThanOrEqual(metersPerSweepMax + closingsPerGroupAim);
  });
});
