// The usage audit over HTTP: rows, hours, filters, pages, NDJSON and CSV (docs/spec/usage-audit.md).
import { DatabaseSync } from "node:sqlite";
import { describe, expect, it } from "vitest";
import type { ApiClient, ApiResponse } from "../support/api-client.ts";
import { itemsIn, makeMeter, makeType, placesIn, sendUsage } from "../support/samples.ts";
import { meterKey, serverForEachTest } from "../support/test-server.ts";

const world = serverForEachTest();
const hourly = { minute: "0", hour: "*", day: "*", month: "*", weekday: "*" };

const none = {
  ...{ requests: 0, received: 0, counted: 0, duplicates: 0, conflicts: 0, rejected: 0 },
  ...{ rejectedByReason: {}, dropped: 0, repeated: 0, superseded: 0 },
  ...{ meteredRecords: 0, thresholdEvents: 0, reprocessed: 0 },
};

type Row = Readonly<Record<string, unknown>>;

async function rowsOf(api: ApiClient, query = ""): Promise<readonly Row[]> {
  return itemsIn(await api.get(`/usage-audit${query}`), "usageAudit");
}

/** Three requests in two seconds, a flush at 01:00, a request and a deleted meter after it. */
async function twoHours(): Promise<string> {
  const { server } = world;
  const type = await makeType(server.api, { resetSchedule: hourly });
  const { id } = await makeMeter(server.api, type.id, { userId: "a" });
  await sendUsage(server.api, [{ userId: "a", id: "1", value: 1.5 }]);
  await sendUsage(server.api, [
    { userId: "a", id: "1", value: 1.5 },
    { userId: "a", id: "1", value: 2 },
    { userId: "b", value: 2 },
  ]);
  await server.jumpTo("2026-01-01T00:00:01.250Z");
  await sendUsage(server.api, []);
  await server.jumpTo("2026-01-01T01:00:00Z");
  await server.jumpTo("2026-01-01T01:30:00Z");
  await sendUsage(server.api, { userId: "a", value: "0.25" });
  expect((await server.api.delete(`/meters/${id}`)).status).toBe(200);
  return id;
}

describe("GET /usage-audit", () => {
  it("[UA1] [UA2] [UA3] [UA4] rows by second, in the order in which they were made", async () => {
    const meterId = await twoHours();
    const { api, other } = world.server;
    const rows = await rowsOf(api);
    const at = (time: string): object => ({ startedAt: time, endedAt: time });
    expect(rows.map(({ id: _, ...row }) => row)).toEqual([
      {
        ...{ meterKey, kind: "ingest", ...at("2026-01-01T00:00:00.000Z"), ...none, requests: 2 },
        ...{ received: 4, counted: 1, duplicates: 1, conflicts: 1, rejected: 2 },
        ...{ rejectedByReason: { ID_CONFLICT: 1, NO_METER: 1 }, discarded: null },
      },
      {
        ...{ meterKey, kind: "ingest", ...at("2026-01-01T00:00:01.250Z"), ...none },
        ...{ requests: 1, discarded: null },
      },
      {
        ...{ meterKey, kind: "flush", ...at("2026-01-01T01:00:00.000Z"), ...none },
        ...{ meteredRecords: 1, discarded: null },
      },
      {
        ...{ meterKey, kind: "ingest", ...at("2026-01-01T01:30:00.000Z"), ...none },
        ...{ requests: 1, received: 1, counted: 1, discarded: null },
      },
      {
        ...{ meterKey, kind: "delete-meter", ...at("2026-01-01T01:30:00.000Z"), ...none },
        discarded: {
          ...{ meterId, userId: "a", meterTypeId: expect.any(String), records: 1 },
          ...{ periodStart: "2026-01-01T01:00:00.000Z", value: 0.25, valueExact: "0.25" },
        },
      },
    ]);
    expect(await rowsOf(api, "?sortOrder=DESC")).toEqual(rows.toReversed());
    expect(await rowsOf(other)).toEqual([]);
  });

  it("[UA7] rollup=hour adds the rows of a processor up", async () => {
    await twoHours();
    const { api } = world.server;
    const hours = await rowsOf(api, "?rollup=hour");
    expect(hours).toEqual([
      {
        ...{ meterKey, from: "2026-01-01T00:00:00.000Z", to: "2026-01-01T01:00:00.000Z", rows: 2 },
        ...{ ...none, requests: 3, received: 4, counted: 1, duplicates: 1, conflicts: 1 },
        ...{ rejected: 2, rejectedByReason: { ID_CONFLICT: 1, NO_METER: 1 }, deletedMeters: 0 },
      },
      {
        ...{ meterKey, from: "2026-01-01T01:00:00.000Z", to: "2026-01-01T02:00:00.000Z", rows: 3 },
        ...{ ...none, requests: 1, received: 1, counted: 1, meteredRecords: 1, deletedMeters: 1 },
      },
    ]);
    const flushed = await rowsOf(api, "?rollup=hour&kind=flush");
    expect(flushed).toMatchObject([{ rows: 1, requests: 0, meteredRecords: 1, deletedMeters: 0 }]);
    expect(await rowsOf(api, "?rollup=hour&from=2026-01-01T00:00:01Z")).toEqual([hours[1]]);
  });

  it("[UA7] filters, pages and cursors", async () => {
    await twoHours();
    const { api } = world.server;
    const rows = await rowsOf(api);
    expect(await rowsOf(api, "?kind=ingest")).toEqual([rows[0], rows[1], rows[3]]);
    expect(await rowsOf(api, `?meterKey=${meterKey}&kind=flush`)).toEqual([rows[2]]);
    expect(await rowsOf(api, "?meterKey=x")).toEqual([]);
    const from = "from=2026-01-01T00:00:01.250Z";
    expect(await rowsOf(api, `?${from}&to=2026-01-01T01:30:00Z`)).toEqual(rows.slice(1, 3));
    const page = await api.get(`/usage-audit?${from}&limit=2&skip=1`);
    expect(page.headers["x-total-count"]).toBe("4");
    expect(itemsIn(page, "usageAudit")).toEqual(rows.slice(2, 4));
    const next = `cursor=${page.headers["x-next-cursor"]}`;
    const last = await api.get(`/usage-audit?${from}&${next}`);
    expect(itemsIn(last, "usageAudit")).toEqual(rows.slice(4));
    expect(last.headers["x-next-cursor"]).toBeUndefined();
    const hour = await api.get("/usage-audit?rollup=hour&limit=1");
    const second = await rowsOf(api, `?rollup=hour&cursor=${hour.headers["x-next-cursor"]}`);
    expect(second).toMatchObject([{ from: "2026-01-01T01:00:00.000Z" }]);
  });

  it.each([
    ["?rollup=day&kind=x&from=1&sortOrder=up", ["sortOrder", "rollup", "kind", "from"]],
    ["?cursor=abc", ["cursor"]],
    ["?rollup=hour&cursor=", ["cursor"]],
    ["?meterKey=", ["meterKey"]],
    ["?userId=a", ["userId"]],
    ["?kind=flush&kind=flush", ["kind"]],
  ])("[UA7] %s is 400 with all faults", async (query, places) => {
    const response = await world.server.api.get(`/usage-audit${query}`);
    expect([response.status, placesIn(response)]).toEqual([400, places]);
  });
});

describe("GET /usage-audit as a stream", () => {
  const read = (accept: string, query = ""): Promise<ApiResponse> =>
    world.server.api.get(`/usage-audit${query}`, { headers: { accept } });

  it("[UA8] NDJSON holds everything, with the same texts as the pages", async () => {
    await twoHours();
    for (const query of ["?sortOrder=DESC", "?rollup=hour"]) {
      const page = await read("application/json", query);
      const lines = await read("application/x-ndjson", `${query}&limit=1&skip=1`);
      expect(lines.headers["content-type"]).toBe("application/x-ndjson; charset=utf-8");
      const texts = lines.text.split("\n").slice(0, -1);
      expect(page.text).toBe(`{"usageAudit":[${texts.join(",")}]}`);
    }
  });

  it("[UA8] CSV has the same members as columns", async () => {
    const id = await twoHours();
    const lines = (await read("text/csv")).text.split("\r\n");
    expect(lines[0]).toBe(
      "id,meterKey,kind,startedAt,endedAt,requests,received,counted,duplicates,conflicts,rejected," +
        "rejectedByReason,dropped,repeated,superseded,meteredRecords,thresholdEvents,reprocessed,discarded",
    );
    expect(lines).toHaveLength(7);
    const start = "2026-01-01T00:00:00.000Z";
    const first = `,${meterKey},ingest,${start},${start},2,4,1,1,1,2,`;
    expect(lines[1]).toContain(`${first}"{""ID_CONFLICT"":1,""NO_METER"":1}",0,0,0,0,0,0,`);
    expect(lines[5]).toContain(`{""meterId"":""${id}""`);
    const hours = (await read("text/csv", "?rollup=hour")).text.split("\r\n");
    expect(hours[0]).toMatch(/^meterKey,from,to,rows,requests,.*,reprocessed,deletedMeters$/);
    expect(hours[2]).toMatch(/,1,1,1,0,0,0,\{\},0,0,0,1,0,0,1$/);
  });

  it("[UA8] a cursor is 400, and faults are told before it begins", async () => {
    for (const query of ["?cursor=x", "?rollup=x"]) {
      const response = await read("text/csv", query);
      expect([response.status, placesIn(response).length]).toEqual([400, 1]);
    }
  });
});

it("[UA9] without room for the newest rows it is 503 rather than an answer without them", async () => {
  const { server } = world;
  await sendUsage(server.api, []);
  const other = new DatabaseSync(server.projectionFile, { timeout: 0 });
  other.exec("BEGIN IMMEDIATE");
  for (const accept of ["application/json", "text/csv"]) {
    const response = await server.api.get("/usage-audit", { headers: { accept } });
    expect([response.status, response.body.code]).toEqual([503, "store-full"]);
  }
  other.exec("ROLLBACK");
  other.close();
  expect(await rowsOf(server.api)).toHaveLength(1);
});
