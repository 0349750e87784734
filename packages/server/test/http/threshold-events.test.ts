// Threshold events over HTTP: pages, cursors, filters, NDJSON and CSV, and what a delivery reads.
import { describe, expect, it } from "vitest";
import { itemsIn, makeMeter, makeType, placesIn, sendUsage } from "../support/samples.ts";
import { meterKey, serverForEachTest } from "../support/test-server.ts";

const world = serverForEachTest();
const path = "/threshold-events";
const meterColumns =
  "meterId,meterTypeId,meterTypeName,meterKey,userId,value,unit,periodStart,periodEnd,timezone," +
  "emittedAt,updatedAt,createdAt,deleteOnReset,count,groups,carryFirst,carryLast,customFields,capacity," +
  "thresholds,firstEvent,lastEvent";
const header = `eventId,threshold,capacityPercentage,absoluteValue,thresholdCustomFields,${meterColumns}\r\n`;

/** Meters of the users a, b and c; each hour each of them reaches one threshold, three in all. */
async function threeHours(): Promise<{ readonly ids: readonly string[]; readonly typeId: string }> {
  const { server } = world;
  const type = await makeType(server.api, {
    capacity: 100,
    thresholds: [
      { name: "first", absoluteValue: 1 },
      { name: "second", capacityPercentage: 2, customFields: { action: "=mail" } },
      { name: "third", absoluteValue: 3 },
    ],
  });
  const ids: string[] = [];
  for (const userId of ["a", "b", "c"]) {
    ids.push((await makeMeter(server.api, type.id, { userId })).id);
  }
  for (const hour of ["01", "02", "03"]) {
    await server.jumpTo(`2026-01-01T${hour}:00:00Z`);
    for (const userId of ["a", "b", "c"]) await sendUsage(server.api, { userId, value: 1 });
  }
  return { ids, typeId: type.id };
}

async function eventsOf(query: string): Promise<readonly Record<string, unknown>[]> {
  return itemsIn(await world.server.api.get(`${path}${query}`), "thresholdEvents");
}

describe("GET /threshold-events, JSON", () => {
  it("[TH10] by position, filtered, both ways", async () => {
    const { ids, typeId } = await threeHours();
    const all = await eventsOf("");
    expect(all.map(({ userId }) => userId).join("")).toBe("abcabcabc");
    expect(all[3]).toMatchObject({
      value: 2,
      emittedAt: "2026-01-01T02:00:00.000Z",
      thresholdReached: {
        name: "second",
        capacityPercentage: 2,
        customFields: { action: "=mail" },
      },
    });
    expect(new Set(all.map(({ eventId }) => eventId)).size).toBe(9);
    expect(await eventsOf("?sortOrder=desc")).toEqual(all.toReversed());
    expect(await eventsOf("?userId=b")).toEqual(all.filter(({ userId }) => userId === "b"));
    expect(await eventsOf(`?meterId=${ids[2]}`)).toEqual(all.filter(({ id }) => id === ids[2]));
    expect(await eventsOf(`?meterTypeId=${typeId}&meterKey=${meterKey}`)).toEqual(all);
    expect(await eventsOf("?meterKey=x")).toEqual([]);
    expect(await eventsOf("?meterTypeId=x")).toEqual([]);
    const [from, to] = ["from=2026-01-01T02:00:00Z", "to=2026-01-01T04:00:00%2B01:00"];
    expect(await eventsOf(`?${from}&${to}`)).toEqual(all.slice(3, 6));
    expect(await eventsOf(`?${from}&to=2026-01-01T02:00:00Z`)).toEqual([]);
    const ofUser = all.slice(3).filter(({ userId }) => userId === "a");
    const page = await world.server.api.get(`${path}?${from}&userId=a&limit=1&skip=1`);
    expect(itemsIn(page, "thresholdEvents")).toEqual([ofUser[1]]);
    expect(page.headers["x-total-count"]).toBe("2");
    expect(itemsIn(await world.server.other.get(path), "thresholdEvents")).toEqual([]);
  });

  it.each([
    ["?from=2026-01-01", ["from"]],
    ["?from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z&limit=0", ["limit", "from"]],
    ["?cursor=abc", ["cursor"]],
    ["?state=flushed", ["state"]],
    ["?userId=", ["userId"]],
  ])("[TH10] %s is 400", async (query, places) => {
    const response = await world.server.api.get(`${path}${query}`);
    expect([response.status, placesIn(response)]).toEqual([400, places]);
  });

  it("[TH10] cursors walk through everything, and belong to this list", async () => {
    await threeHours();
    const { server } = world;
    for (const order of ["ASC", "DESC"]) {
      const seen: unknown[] = [];
      for (let query = `?limit=2&sortOrder=${order}`; query !== ""; ) {
        const page = await server.api.get(`${path}${query}`);
        seen.push(...itemsIn(page, "thresholdEvents"));
        const cursor = page.headers["x-next-cursor"];
        query = cursor === undefined ? "" : `?limit=2&sortOrder=${order}&cursor=${cursor}`;
      }
      expect(seen).toEqual(await eventsOf(`?sortOrder=${order}`));
    }
    const { headers } = await server.api.get(`${path}?limit=8`);
    const cursor = `?cursor=${headers["x-next-cursor"]}`;
    expect(placesIn(await server.api.get(`/metered-records${cursor}`))).toEqual(["cursor"]);
    expect(placesIn(await server.other.get(`${path}${cursor}`))).toEqual(["cursor"]);
  });
});

describe("GET /threshold-events, NDJSON and CSV", () => {
  const read = (accept: string, query = "") =>
    world.server.api.get(`${path}${query}`, { headers: { accept } });

  it("[TH10] hold everything that matches, JSON with the same bytes", async () => {
    await threeHours();
    const page = await read("application/json");
    const lines = await read("application/x-ndjson", "?limit=2");
    const texts = lines.text.trimEnd().split("\n");
    expect(page.text).toBe(`{"thresholdEvents":[${texts.join(",")}]}`);
    const csv = await read("text/csv", "?sortOrder=DESC");
    const rows = csv.text.split("\r\n");
    expect(`${rows[0]}\r\n`).toBe(header);
    expect(rows).toHaveLength(11);
    expect(rows[4]).toMatch(/^0\.\d+\.\d+,second,2,,"{""action"":""=mail""}",/);
    expect(await read("text/csv", "?cursor=x").then(placesIn)).toEqual(["cursor"]);
    expect((await read("application/x-ndjson", "?userId=x")).text).toBe("");
  });
});

describe("threshold events kept long enough", () => {
  it("[TH11] go from the oldest on, but for the last one, and totals with them", async () => {
    await threeHours();
    const { projection } = world.server;
    const all = await eventsOf("");
    const before = Date.parse("2026-01-01T03:00:00Z");
    expect(projection.prune("threshold-events", before, 4)).toBe(4);
    expect(await eventsOf("")).toEqual(all.slice(4));
    expect(projection.prune("threshold-events", before, 100)).toBe(2);
    expect(projection.prune("threshold-events", before, 100)).toBe(0);
    expect(projection.prune("threshold-events", before + 1, 100)).toBe(2);
    const last = await world.server.api.get(path);
    expect(itemsIn(last, "thresholdEvents")).toEqual(all.slice(8));
    expect(last.headers["x-total-count"]).toBe("1");
    await sendUsage(world.server.api, { userId: "a", value: 100 });
    expect(await eventsOf("")).toEqual(all.slice(8));
  });
});
