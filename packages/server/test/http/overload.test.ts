// Ten times more than the journal can take (docs/spec/engine.md, EN5, EN21 and EN24): what is refused,
// how long what was taken has to wait, counted in commits, and that reading goes on.
import { describe, expect, it } from "vitest";
import {
  groupBytesMax,
  groupCommandsMax,
  queuedBytesMax,
  receivedBytesMax,
  waitingLargeGroupsMax,
  waitingSmallGroupsMax,
} from "../../src/core/limits.ts";
import type { ApiResponse } from "../support/api-client.ts";
import { EngineWorld } from "../support/engine-world.ts";
import { makeMeter, makeType, sendUsage, usagePath } from "../support/samples.ts";
import { meterKey, serverForEachTest } from "../support/test-server.ts";

describe("over HTTP", () => {
  const test = serverForEachTest();

  it("[EN5] beyond the bound the answer is 503 with Retry-After, reads go on, and what was taken counts", async () => {
    const { api, world } = test.server;
    const type = await makeType(api);
    const meter = await makeMeter(api, type.id);
    const bodyBytes = 4 * 1024 * 1024 - 100;
    const body = (name: string): string =>
      JSON.stringify([{ userId: "user", value: 1, id: name }]).padEnd(bodyBytes, " ");
    const release = world.journal.hold();
    const room = Math.ceil((waitingLargeGroupsMax * groupBytesMax) / bodyBytes);
    const settled: ApiResponse[] = [];
    const offered: Promise<void>[] = [];
    for (let index = 0; index < 10 * room; index += 1) {
      const sent = sendUsage(api, body(`r${index}`));
      offered.push(sent.then((answer) => void settled.push(answer)));
      // Those that come together are more than may wait to be read.
      for (let turns = 0; turns < 10; turns += 1) await world.turn();
    }
    // Those beyond the bound do not wait for the journal; one is in the group in flight.
    while (settled.length < 9 * room - 2) await world.turn();
    for (const { status, body: problem, headers } of settled) {
      const told = [status, problem.code, headers["retry-after"]];
      expect(told).toEqual([503, "overloaded", expect.stringMatching(/^[1-9]\d*$/)]);
    }
    expect(world.engine.queued.bytes).toBeLessThan(queuedBytesMax + bodyBytes + 1_000);
    expect((await api.get(`/meters/${meter.id}`)).status).toBe(200);
    expect((await api.get("/meters")).status).toBe(200);
    release();
    await Promise.all(offered);
    const taken = settled.filter(({ status }) => status === 200);
    expect(taken.length).toBeGreaterThanOrEqual(room - 1);
    expect(taken.length).toBeLessThanOrEqual(room + 3);
    expect((await api.get(`/meters/${meter.id}`)).body.value).toBe(taken.length);
    expect((await sendUsage(api, body("later"))).status).toBe(200);
  });

  it("[EN24] what there is no room for is refused without being read, small requests being taken", async () => {
    const { api, world } = test.server;
    await makeMeter(api, (await makeType(api)).id);
    const noJson = "{".padEnd(1_000_000, " ");
    expect((await sendUsage(api, noJson)).body.code).toBe("malformed-json");
    const release = world.journal.hold();
    const waiting: Promise<ApiResponse>[] = [];
    while (world.engine.refusalOf(noJson.length) === null) {
      const records = JSON.stringify([{ userId: "user", value: 1 }]).padEnd(4_000_000, " ");
      waiting.push(sendUsage(api, records));
      for (let turns = 0; turns < 10; turns += 1) await world.turn();
    }
    expect((await sendUsage(api, noJson)).body.code).toBe("overloaded");
    // The announced length alone is enough: this one's body never comes.
    const announced = await api.send({
      method: "POST",
      path: usagePath(meterKey),
      payload: "{",
      headers: { "content-type": "application/json", "content-length": "1000000" },
    });
    expect(announced.body.code).toBe("overloaded");
    waiting.push(sendUsage(api, JSON.stringify({ userId: "user", value: 1 })));
    release();
    for (const answer of await Promise.all(waiting)) expect(answer.status).toBe(200);
  });

  it("[EN24] [HT31] large bodies that come together wait for their place, and none is lost", async () => {
    const { api } = test.server;
    const meter = await makeMeter(api, (await makeType(api)).id);
    const body = JSON.stringify([{ userId: "user", value: 1 }]).padEnd(1024 * 1024, " ");
    const all = 3 * (receivedBytesMax / body.length);
    const answers = await Promise.all(Array.from({ length: all }, () => sendUsage(api, body)));
    const taken = answers.filter(({ status }) => status === 200).length;
    const refused = answers.filter(({ body: { code } }) => code === "overloaded").length;
    expect(taken + refused).toBe(all);
    expect(taken).toBeGreaterThanOrEqual(receivedBytesMax / body.length);
    expect((await api.get(`/meters/${meter.id}`)).body.value).toBe(taken);
  });
});

describe("in the engine", () => {
  /** Offers so many commands for each commit; gives the commits that each taken one waited for. */
  async function waits(
    world: EngineWorld,
    offeredPerCommit: number,
    commits: number,
  ): Promise<{ waited: number[]; refused: number }> {
    const waited: number[] = [];
    let refused = 0;
    let commit = 0;
    const offer = (): void => {
      const offeredAt = commit;
      void world.usage([{ userId: "user", value: 1 }]).then((result) => {
        if (result.ok) waited.push(commit - offeredAt);
        else refused += 1;
      });
    };
    let release = world.journal.hold();
    for (let round = 0; round < commits; round += 1) {
      for (let count = 0; count < offeredPerCommit / 2; count += 1) offer();
      while (!world.journal.appending) await world.turn();
      for (let count = 0; count < offeredPerCommit / 2; count += 1) offer();
      commit += 1;
      release();
      release = world.journal.hold();
      for (let turns = 0; turns < 10; turns += 1) await world.turn();
    }
    release();
    await world.settle();
    return { waited, refused };
  }

  it("[EN21] whoever is taken under ten times the load waits for twice as many commits at most", async () => {
    const world = await EngineWorld.open();
    await world.meter(await world.meterType());
    const calm = await waits(world, 100, 20);
    expect([calm.refused, calm.waited.length]).toEqual([0, 2_000]);
    const flood = await waits(world, 10 * groupCommandsMax, 6);
    const most = (all: readonly number[]): number => all.reduce((a, b) => Math.max(a, b), 0);
    expect(most(calm.waited)).toBe(2);
    expect(most(flood.waited)).toBe(4);
    expect(flood.waited.length).toBeGreaterThan(5 * groupCommandsMax);
    expect(flood.refused).toBeGreaterThan(40 * groupCommandsMax);
    expect(flood.refused + flood.waited.length).toBe(60 * groupCommandsMax);
    expect(world.engine.queued).toEqual({ commands: 0, bytes: 0 });
    expect(waitingSmallGroupsMax).toBe(3);
    await world.stop();
  });
});
