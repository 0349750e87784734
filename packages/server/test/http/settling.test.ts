// Settling over HTTP: the fields of a processor, the list of periods that wait, meters that are ending,
// and late usage on its way through data correction.
import { describe, expect, it } from "vitest";
import { itemsIn, made, makeMeter, makeType, placesIn, sendUsage } from "../support/samples.ts";
import { meterKey, serverForEachTest } from "../support/test-server.ts";

const world = serverForEachTest();
const hourly = { minute: "0", hour: "*", day: "*", month: "*", weekday: "*" };
const processor = `/meter-processors/${meterKey}`;
const waiting = "/metered-records?state=settling";

/** Meters of the users a, b and c of which two hours wait at 02:05. */
async function twoHours(): Promise<readonly { readonly id: string }[]> {
  const { server } = world;
  const sent = { settlingSeconds: 7_200, lateUsage: "correct" };
  expect((await server.api.patch(processor, sent)).body).toMatchObject(sent);
  const type = await makeType(server.api, { resetSchedule: hourly });
  const meters: { readonly id: string }[] = [];
  for (const userId of ["a", "b", "c"]) {
    meters.push(await makeMeter(server.api, type.id, { userId }));
    await sendUsage(server.api, { userId, value: 1.5 });
  }
  for (const time of ["01:00", "02:00", "02:05"]) await server.jumpTo(`2026-01-01T${time}:00Z`);
  return meters;
}

async function listed(query = ""): Promise<readonly Record<string, unknown>[]> {
  return itemsIn(await world.server.api.get(`${waiting}${query}`), "meteredRecords");
}

describe("GET /metered-records?state=settling", () => {
  it("[SL11] lists what waits, by the end of the period, filtered, both ways", async () => {
    const meters = await twoHours();
    const { api, other } = world.server;
    const all = await listed();
    const ids = meters.map(({ id }) => id).toSorted();
    expect(all.map(({ id }) => id)).toEqual([...ids, ...ids]);
    expect(all[0]).toMatchObject({
      value: 1.5,
      periodStart: "2026-01-01T00:00:00.000Z",
      periodEnd: "2026-01-01T01:00:00.000Z",
      recordId: null,
      emittedAt: null,
      flushAt: "2026-01-01T03:00:00.000Z",
    });
    expect(await listed("&sortOrder=desc")).toEqual(all.toReversed());
    expect(await listed("&userId=b")).toEqual(all.filter(({ userId }) => userId === "b"));
    expect(await listed(`&meterId=${ids[2]}`)).toEqual(all.filter(({ id }) => id === ids[2]));
    expect(await listed(`&meterKey=${meterKey}&meterTypeId=${all[0]?.meterTypeId}`)).toEqual(all);
    expect(await listed("&meterKey=x")).toEqual([]);
    expect(await listed("&from=2026-01-01T02:00:00Z")).toEqual(all.slice(3));
    const page = await api.get(`${waiting}&to=2026-01-01T02:00:00Z&limit=1&skip=1`);
    expect(itemsIn(page, "meteredRecords")).toEqual(all.slice(1, 2));
    expect(page.headers["x-total-count"]).toBe("3");
    expect(itemsIn(await other.get(waiting), "meteredRecords")).toEqual([]);
    expect(itemsIn(await api.get("/metered-records"), "meteredRecords")).toEqual([]);
    expect(placesIn(await api.get(`${waiting}&cursor=x&limit=0`))).toEqual(["cursor", "limit"]);
  });

  it("[SL11] NDJSON and CSV hold everything that matches", async () => {
    await twoHours();
    const read = (accept: string, query = "") =>
      world.server.api.get(`${waiting}${query}`, { headers: { accept } });
    const page = await read("application/json");
    const lines = (await read("application/x-ndjson", "&limit=1")).text.trimEnd().split("\n");
    expect(page.text).toBe(`{"meteredRecords":[${lines.join(",")}]}`);
    const csv = (await read("text/csv", "&userId=a")).text.split("\r\n");
    expect(csv).toHaveLength(4);
    expect(csv[1]).toMatch(/^,[^,]+,/);
  });

  it("[SL11] shows late usage at once, and nothing of a period once it is flushed", async () => {
    const [meter] = await twoHours();
    const { server } = world;
    const timestamp = "2026-01-01T01:59:59.999Z";
    const answer = await sendUsage(
      server.api,
      { userId: "a", value: 2, timestamp },
      { query: "?detail=all" },
    );
    expect(answer.body.results).toMatchObject([{ meters: [{ id: meter?.id, value: 2 }] }]);
    expect((await listed(`&meterId=${meter?.id}`)).map(({ value }) => value)).toEqual([1.5, 2]);
    await server.jumpTo("2026-01-01T03:00:00Z");
    expect((await listed()).map(({ periodEnd }) => String(periodEnd).slice(11, 13)).join()).toBe(
      "02,02,02,03,03,03",
    );
    const flushed = await server.api.get("/metered-records");
    expect(itemsIn(flushed, "meteredRecords")).toHaveLength(3);
  });
});

describe("a processor that lets periods wait", () => {
  it.each([
    [{ settlingSeconds: 604_801 }, ["/settlingSeconds"]],
    [{ settlingSeconds: "60", lateUsage: "later" }, ["/settlingSeconds", "/lateUsage"]],
    [{ settlingSeconds: 1, flushType: "ALL_FILES" }, ["/settlingSeconds"]],
  ])("[MP9] [MP28] %j is 400", async (sent, places) => {
    const { api } = world.server;
    expect(placesIn(await api.patch(processor, sent)).toSorted()).toEqual(places.toSorted());
    await api.patch(processor, { settlingSeconds: 60 });
    expect(placesIn(await api.patch(processor, { flushType: "ALL_FILES" }))).toEqual([
      "/settlingSeconds",
    ]);
  });

  it("[SL7] a meter that is ending: 409 for a change and for a twin, and DELETE ends it", async () => {
    const [meter] = await twoHours();
    const { server } = world;
    const path = `/meters/${meter?.id}`;
    await server.api.patch(path, { deleteOnReset: true });
    await server.jumpTo("2026-01-01T03:30:00Z");
    const shown = await server.api.get(path);
    expect(shown.body).toMatchObject({
      periodEnd: "2026-01-01T03:00:00.000Z",
      deleteOnReset: true,
    });
    const changed = await server.api.patch(path, { deleteOnReset: false });
    expect([changed.status, changed.body.code, changed.body.existingId]).toEqual([
      409,
      "meter-ended",
      meter?.id,
    ]);
    const { meterTypeId } = shown.body;
    const twin = await server.api.post("/meters", { userId: "a", meterKey, meterTypeId });
    expect([twin.status, twin.body.code]).toEqual([409, "meter-exists"]);
    expect((await server.api.delete(path)).status).toBe(200);
    const records = await server.api.get(`/metered-records?meterId=${meter?.id}`);
    expect(itemsIn(records, "meteredRecords").map(({ deleteOnReset }) => deleteOnReset)).toEqual([
      false,
      false,
      true,
    ]);
    await made(server.api, "/meters", { userId: "a", meterKey, meterTypeId });
  });

  it("[SL8] [SL9] what is too late waits in data correction until it is counted now", async () => {
    const [meter] = await twoHours();
    const { server } = world;
    await server.jumpTo("2026-01-01T03:30:00Z");
    const timestamp = "2026-01-01T00:30:00Z";
    const late = { userId: "a", value: 8, timestamp, id: "late" };
    expect((await sendUsage(server.api, late)).body).toMatchObject({
      rejected: 1,
      results: [{ reason: "PERIOD_CLOSED" }],
    });
    const items = itemsIn(await server.api.get("/data-correction/records"), "records");
    expect(items).toMatchObject([{ reason: "PERIOD_CLOSED", recordId: "late", state: "waiting" }]);
    const shownValue = async (): Promise<unknown> =>
      (await server.api.get(`/meters/${meter?.id}`)).body.value;
    const ids = items.map(({ id }) => id);
    for (const [sent, value] of [
      [{ ids }, 0],
      [{ ids, lateUsage: "current" }, 8],
      [{ ids, lateUsage: "current" }, 8],
    ] as const) {
      expect((await server.api.post("/data-correction/reprocess", sent)).status).toBe(201);
      await server.world.settle();
      expect(await shownValue()).toBe(value);
    }
  });
});
