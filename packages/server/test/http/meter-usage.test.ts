// Usage over time over HTTP: windows, zones, groups, what is kept how long, and every fault.
import { describe, expect, it } from "vitest";
import { NoRoomError } from "../../src/core/problem.ts";
import type { ApiResponse } from "../support/api-client.ts";
import { itemsIn, makeMeter, makeType, placesIn, sendUsage } from "../support/samples.ts";
import { meterKey, serverForEachTest } from "../support/test-server.ts";

const world = serverForEachTest();
const hourly = { minute: "0", hour: "*", day: "*", month: "*", weekday: "*" };
const daily = { ...hourly, hour: "0" };
const midnight = "2026-01-01T00:00:00.000Z";

interface Told {
  readonly id: string;
  ask(query: string): Promise<ApiResponse>;
  /** Start, end (minutes of the day) and exact value of each window. */
  windows(query: string): Promise<readonly string[]>;
}

/** A meter of user u, made at midnight. */
async function meterOf(type: Record<string, unknown>): Promise<Told> {
  const { api } = world.server;
  const made = await makeType(api, { resetSchedule: daily, ...type });
  const { id } = await makeMeter(api, made.id, { userId: "u" });
  const ask = (query: string): Promise<ApiResponse> =>
    world.server.api.get(`/meters/${id}/usage?${query}`);
  return {
    id,
    ask,
    windows: async (query) => {
      const windows = itemsIn(await ask(query), "usage");
      return windows.map(({ start, end, valueExact }) => {
        return `${String(start).slice(11, 16)}-${String(end).slice(11, 16)} ${valueExact}`;
      });
    },
  };
}

async function use(value: string, timestamp?: string, more: object = {}): Promise<void> {
  const at = timestamp === undefined ? {} : { timestamp };
  await sendUsage(world.server.api, { userId: "u", value, ...at, ...more });
}

describe("GET /meters/{id}/usage", () => {
  it("[UW1] [UW4] tells each window, the current one and empty ones included", async () => {
    const { server } = world;
    const meter = await meterOf({});
    await use("1.5");
    await server.jumpTo("2026-01-01T00:20:30Z");
    await use("2");
    await use("0.000000000000000001", "2026-01-01T00:19:59.999Z");
    expect(await meter.windows(`from=${midnight}&window=PT1H`)).toEqual([
      "00:00-01:00 3.500000000000000001",
    ]);
    const query = "from=2026-01-01T00:18:10Z&to=2026-01-01T00:21:00Z&window=PT1M";
    expect(await meter.windows(query)).toEqual([
      "00:18-00:19 0",
      "00:19-00:20 0.000000000000000001",
      "00:20-00:21 2",
    ]);
    await server.jumpTo("2026-01-01T03:00:00Z");
    expect(await meter.windows(`from=${midnight}&window=PT1H`)).toEqual([
      "00:00-01:00 3.500000000000000001",
      "01:00-02:00 0",
      "02:00-03:00 0",
      "03:00-04:00 0",
    ]);
    const first = itemsIn(await meter.ask(`from=${midnight}&window=P1D`), "usage")[0];
    expect(first).toEqual({
      start: midnight,
      end: "2026-01-02T00:00:00.000Z",
      value: 3.5,
      valueExact: "3.500000000000000001",
    });
  });

  it("[UW4] an empty window of a largest or least value has none", async () => {
    const meter = await meterOf({ aggregation: { type: "max" } });
    await world.server.jumpTo("2026-01-01T01:30:00Z");
    await use("-7");
    await use("-9", "2026-01-01T01:29:00Z");
    expect(await meter.windows(`from=${midnight}&window=PT1H`)).toEqual([
      "00:00-01:00 null",
      "01:00-02:00 -7",
    ]);
  });

  it("[UW2] [UW3] windows are cut where periods end; a late amount stands when it was counted", async () => {
    const { server } = world;
    const meter = await meterOf({ resetSchedule: hourly });
    await use("1");
    await server.jumpTo("2026-01-01T01:10:00Z");
    await use("2", "2026-01-01T00:59:00Z");
    await use("4", "2026-01-01T01:05:00Z");
    await server.jumpTo("2026-01-01T03:00:00Z");
    expect(await meter.windows(`from=${midnight}&window=P1D`)).toEqual([
      "00:00-01:00 1",
      "01:00-02:00 6",
      "02:00-00:00 0",
    ]);
    expect(
      await meter.windows(`from=2026-01-01T01:00:00Z&to=2026-01-01T01:11:00Z&window=PT1M`),
    ).toContain("01:10-01:11 2");
    const records = itemsIn(await server.api.get("/metered-records"), "meteredRecords");
    expect(records.map(({ valueExact }) => valueExact)).toEqual(["1", "6", "0"]);
  });

  it("[UW2] a run's windows end with the period that it ends", async () => {
    const { server } = world;
    const meter = await meterOf({});
    const flushed = { flushType: "ALL_FILES" };
    expect((await server.api.patch(`/meter-processors/${meterKey}`, flushed)).status).toBe(200);
    await server.jumpTo("2026-01-01T00:15:00Z");
    await use("1");
    await server.jumpTo("2026-01-01T00:40:00Z");
    await use("2");
    expect(await meter.windows(`from=${midnight}&window=PT1H`)).toEqual([
      "00:00-00:15 1",
      "00:15-00:40 2",
      "00:40-01:00 0",
    ]);
    // Told first with the end that the period should have had, since an earlier quarter-hour came last.
    await server.jumpTo("2026-01-01T01:30:00Z");
    const late = "2026-01-01T00:59:00Z";
    const both = [{ value: 4 }, { value: 8, timestamp: late }];
    await sendUsage(
      server.api,
      both.map((record) => ({ userId: "u", ...record })),
    );
    expect(await meter.windows(`from=${late}&window=PT1H`)).toEqual([
      "00:00-00:15 1",
      "00:15-00:40 2",
      "00:40-01:00 8",
      "01:00-01:30 4",
      "01:30-02:00 0",
    ]);
  });

  it("[UW2] late usage stands in the period that waits for it", async () => {
    const { server } = world;
    const meter = await meterOf({ resetSchedule: hourly });
    const patched = { settlingSeconds: 3_600 };
    expect((await server.api.patch(`/meter-processors/${meterKey}`, patched)).status).toBe(200);
    await use("1");
    await server.jumpTo("2026-01-01T01:10:00Z");
    await use("2", "2026-01-01T00:59:00Z");
    await use("4");
    const expected = ["00:00-01:00 3", "01:00-02:00 4"];
    const query = `from=${midnight}&to=2026-01-01T02:00:00Z&window=PT1H`;
    expect(await meter.windows(query)).toEqual(expected);
    const patch = { deleteOnReset: true };
    expect((await server.api.patch(`/meters/${meter.id}`, patch)).status).toBe(200);
    await server.jumpTo("2026-01-01T02:10:00Z");
    await use("8", "2026-01-01T01:59:00Z");
    expect(await meter.windows(query)).toEqual(["00:00-01:00 3", "01:00-02:00 12"]);
  });

  it("[UW5] hours and days are those of a zone, the meter's unless another is named", async () => {
    const { server } = world;
    const meter = await meterOf({ timezone: "Asia/Kolkata", resetSchedule: daily });
    await use("1");
    await server.jumpTo("2026-01-01T19:00:00Z");
    await use("2");
    const from = `from=${midnight}`;
    expect(await meter.windows(`${from}&window=P1D`)).toEqual(["00:00-18:30 1", "18:30-18:30 2"]);
    expect(await meter.windows(`${from}&window=P1D&timezone=Etc/UTC`)).toEqual([
      "00:00-18:30 1",
      "18:30-00:00 2",
    ]);
    expect((await meter.windows(`${from}&window=PT1H`)).slice(0, 2)).toEqual([
      "00:00-00:30 1",
      "00:30-01:30 0",
    ]);
  });

  it("[UW7] groups of one group-by entry, as a meter shows them", async () => {
    const { server } = world;
    const meter = await meterOf({});
    const rule = { ignoreCondition: true, matchCategory: "DEFAULT" };
    const groupBy = [{ fields: ["model"] }, { fields: ["model", "region"] }];
    const guidingRules = [{ ...rule, groupBy }];
    const patched = await server.api.patch(`/meter-processors/${meterKey}`, { guidingRules });
    expect(patched.status).toBe(200);
    await use("1", undefined, { model: "__proto__", region: "x" });
    await use("2", undefined, { model: "b|", region: "y" });
    const before = `from=${midnight}&window=PT1H&groupBy=`;
    const groupsOf = async (name: string): Promise<unknown> => {
      return itemsIn(await meter.ask(before + name), "usage")[0]?.groups;
    };
    const byModel = [
      { key: "__proto__", fields: ["model"], value: 1, valueExact: "1" },
      { key: "b|", fields: ["model"], value: 2, valueExact: "2" },
    ];
    expect(await groupsOf("model")).toEqual(byModel);
    await server.jumpTo("2026-01-01T00:30:00Z");
    await use("3", undefined, { model: "b|", region: "y" });
    expect(await groupsOf("model,region")).toMatchObject([
      { key: "__proto__|x", valueExact: "1" },
      { key: "b\\||y", valueExact: "5" },
    ]);
    const unknown = await meter.ask(`${before}region`);
    expect([unknown.status, placesIn(unknown)]).toEqual([400, ["groupBy"]]);
    expect(JSON.stringify(unknown.body)).toContain("there are model | model,region");
    // What was counted by an entry that no rule has any more can still be asked for.
    await server.api.patch(`/meter-processors/${meterKey}`, { guidingRules: [rule] });
    expect(await groupsOf("model")).toMatchObject([{ valueExact: "1" }, { valueExact: "5" }]);
  });

  it.each([
    ["", ["window", "from"]],
    ["window=PT15M&from=x&timezone=Mars&groupBy=", ["window", "from", "timezone", "groupBy"]],
    [`window=PT1M&from=${midnight}&groupBy=model`, ["groupBy"]],
    [`window=PT1H&from=${midnight}&timezone=europe/berlin`, ["timezone"]],
    ["window=PT1H&from=2030-01-01T00:00:00Z", ["from"]],
    ["window=PT1H&from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z", ["from"]],
    [`window=PT1H&from=${midnight}&to=2026-03-05T00:00:01Z`, ["from"]],
    [`window=PT1M&from=${midnight}&to=9999-12-31T23:59:59Z`, ["from"]],
    [`window=PT1H&from=${midnight}&limit=1`, ["limit"]],
  ])("[UW9] %s is 400, with all faults at once", async (query, places) => {
    const meter = await meterOf({});
    const response = await meter.ask(query);
    expect([response.status, placesIn(response)]).toEqual([400, places]);
  });

  it("[UW6] what is kept no longer is refused, with the time from which there is something", async () => {
    const { server } = world;
    const meter = await meterOf({ timezone: "Europe/Berlin", resetSchedule: daily });
    await use("1");
    await server.jumpTo("2026-01-03T00:00:30Z");
    const minutes = await meter.ask(`window=PT1M&from=${midnight}&to=2026-01-01T00:01:00Z`);
    expect(minutes.status).toBe(200);
    await server.jumpTo("2026-01-03T00:01:00Z");
    const refused = await meter.ask(`window=PT1M&from=${midnight}&to=2026-01-01T00:01:00Z`);
    expect([refused.status, placesIn(refused)]).toEqual([400, ["from"]]);
    expect(JSON.stringify(refused.body)).toContain("2026-01-01T00:01:00.000Z or later");
    expect((await meter.ask(`window=PT1H&from=${midnight}`)).status).toBe(200);
    await server.jumpTo("2026-02-11T00:00:00Z");
    expect((await meter.ask(`window=PT1H&from=${midnight}`)).status).toBe(400);
    expect((await meter.ask(`window=P1D&from=${midnight}&timezone=Etc/UTC`)).status).toBe(400);
    const days = await meter.windows(`window=P1D&from=${midnight}`);
    expect([days[0], days.length]).toEqual(["00:00-23:00 1", 42]);
  });

  it("[UW9] an unknown meter and one of another account are 404, as is a deleted one", async () => {
    const { server } = world;
    const meter = await meterOf({});
    const query = `usage?window=PT1H&from=${midnight}`;
    expect((await server.other.get(`/meters/${meter.id}/${query}`)).status).toBe(404);
    expect((await server.api.get(`/meters/none/${query}`)).status).toBe(404);
    await server.api.delete(`/meters/${meter.id}`);
    expect((await server.api.get(`/meters/${meter.id}/${query}`)).status).toBe(404);
  });

  it("[UW8] while the store has no room for what was counted last, nothing is told", async () => {
    const { server } = world;
    const meter = await meterOf({});
    await use("1");
    await server.jumpTo("2026-01-01T00:20:00Z");
    const { projection } = server;
    const store = projection.store.bind(projection);
    projection.store = () => {
      throw new NoRoomError("There is no room to store.");
    };
    const waiting = use("2");
    while (!server.world.engine.isHolding) await server.world.turn();
    const query = `from=${midnight}&window=PT1H`;
    const refused = await meter.ask(query);
    expect([refused.status, refused.body.code]).toEqual([503, "store-full"]);
    projection.store = store;
    server.world.engine.wake();
    await waiting;
    expect(await meter.windows(query)).toEqual(["00:00-01:00 3"]);
  });

  it("[UW10] without it nothing is told, and says so", async () => {
    const meter = await meterOf({});
    await use("1");
    const { state } = world.server.world;
    state.settings = { ...state.settings, usageWindows: false };
    const answer = await meter.ask(`window=PT1H&from=${midnight}`);
    expect([answer.status, (answer.body as { code: string }).code]).toEqual([
      409,
      "usage-windows-off",
    ]);
    await use("1");
    expect(state.meters.get(meter.id)?.counter.hasWindow).toBe(false);
  });
});
