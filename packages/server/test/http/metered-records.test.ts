// Metered records over HTTP: pages, cursors, filters, NDJSON and CSV.
import { describe, expect, it } from "vitest";
import type { ApiClient } from "../support/api-client.ts";
import { itemsIn, makeMeter, makeType, placesIn, sendUsage } from "../support/samples.ts";
import { meterKey, serverForEachTest } from "../support/test-server.ts";

const world = serverForEachTest();
const hourly = { minute: "0", hour: "*", day: "*", month: "*", weekday: "*" };
const header =
  "recordId,meterId,meterTypeId,meterTypeName,meterKey,userId,value,unit,periodStart,periodEnd," +
  "timezone,emittedAt,updatedAt,createdAt,deleteOnReset,count,groups,carryFirst,carryLast," +
  "customFields,capacity,thresholds,firstEvent,lastEvent\r\n";

/** Meters of the users a, b and c, and three hours, each with a record in the first. */
async function threeHours(): Promise<{ readonly ids: readonly string[]; readonly typeId: string }> {
  const { server } = world;
  const type = await makeType(server.api, { resetSchedule: hourly });
  const ids: string[] = [];
  for (const userId of ["a", "b", "c"]) {
    ids.push((await makeMeter(server.api, type.id, { userId })).id);
    await sendUsage(server.api, { userId, value: 1.5 });
  }
  for (const hour of ["01", "02", "03"]) await server.jumpTo(`2026-01-01T${hour}:00:00Z`);
  return { ids, typeId: type.id };
}

async function recordsOf(
  api: ApiClient,
  query: string,
): Promise<readonly Record<string, unknown>[]> {
  return itemsIn(await api.get(`/metered-records${query}`), "meteredRecords");
}

describe("GET /metered-records, JSON", () => {
  it("[LI16] [LI10] by position, filtered, both ways", async () => {
    const { ids, typeId } = await threeHours();
    const { api } = world.server;
    const all = await recordsOf(api, "");
    expect(all).toHaveLength(9);
    expect(all.map(({ periodEnd }) => String(periodEnd).slice(11, 13)).join()).toBe(
      "01,01,01,02,02,02,03,03,03",
    );
    expect(all[0]).toMatchObject({ value: 1.5, emittedAt: "2026-01-01T01:00:00.000Z" });
    expect(new Set(all.map(({ recordId }) => recordId)).size).toBe(9);
    expect(await recordsOf(api, "?sortOrder=desc")).toEqual(all.toReversed());
    expect(await recordsOf(api, "?state=flushed")).toEqual(all);
    const matching = (keep: (record: Record<string, unknown>) => boolean): unknown =>
      all.filter(keep);
    expect(await recordsOf(api, "?userId=b")).toEqual(matching(({ userId }) => userId === "b"));
    expect(await recordsOf(api, `?meterId=${ids[2]}`)).toEqual(matching(({ id }) => id === ids[2]));
    expect(await recordsOf(api, `?meterTypeId=${typeId}&meterKey=${meterKey}`)).toEqual(all);
    expect(await recordsOf(api, "?meterKey=x")).toEqual([]);
    expect(await recordsOf(api, "?meterTypeId=x")).toEqual([]);
    const from = "from=2026-01-01T02:00:00Z";
    const to = "to=2026-01-01T04:00:00%2B01:00";
    expect(await recordsOf(api, `?${from}&${to}`)).toEqual(all.slice(3, 6));
    expect(await recordsOf(api, `?${from}&to=2026-01-01T02:00:00Z`)).toEqual([]);
    const ofUser = all.slice(3).filter(({ userId }) => userId === "a");
    expect(await recordsOf(api, `?${from}&userId=a&limit=1&skip=1`)).toEqual([ofUser[1]]);
  });

  it.each([
    ["?from=2026-01-01", ["from"]],
    ["?from=2026-01-01T02:00:00", ["from"]],
    ["?to=2026-01-01T02:00:00+01:00", ["to"]],
    ["?from=&to=x", ["from", "to"]],
    ["?from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z", ["from"]],
    ["?state=waiting", ["state"]],
    ["?state=settling&cursor=abc", ["cursor"]],
    ["?cursor=", ["cursor"]],
    ["?cursor=abc", ["cursor"]],
    [`?cursor=${"A".repeat(5_000)}`, ["cursor"]],
    ["?cursor=abc&limit=0&skip=x", ["limit", "skip", "cursor"]],
    ["?cursor=abc&colour=red", ["colour", "cursor"]],
    ["?cursor=abc&sortOrder=UP", ["sortOrder"]],
  ])("[LI10] [LI17] [LI21] %s is 400", async (query, places) => {
    const response = await world.server.api.get(`/metered-records${query}`);
    expect([response.status, placesIn(response)]).toEqual([400, places]);
  });

  it("[LI17] [LI7] cursors walk through everything, and new records come at the end", async () => {
    await threeHours();
    const { server } = world;
    const walk = async (order: string): Promise<readonly unknown[]> => {
      const seen: unknown[] = [];
      for (let query = `?limit=2&sortOrder=${order}`; query !== ""; ) {
        const page = await server.api.get(`/metered-records${query}`);
        seen.push(...itemsIn(page, "meteredRecords").map(({ recordId }) => recordId));
        const cursor = page.headers["x-next-cursor"];
        query = cursor === undefined ? "" : `?limit=2&sortOrder=${order}&cursor=${cursor}`;
      }
      return seen;
    };
    const ascending = await walk("ASC");
    expect(new Set(ascending).size).toBe(9);
    expect(await walk("DESC")).toEqual(ascending.toReversed());
    const { headers } = await server.api.get("/metered-records?limit=8");
    const cursor = headers["x-next-cursor"];
    await server.jumpTo("2026-01-01T04:00:00Z");
    const later = await server.api.get(`/metered-records?cursor=${cursor}`);
    expect(itemsIn(later, "meteredRecords")).toHaveLength(4);
    for (const [client, query] of [
      [server.other, `?cursor=${cursor}`],
      [server.api, `?cursor=${cursor}&sortOrder=DESC`],
    ] as const) {
      expect(placesIn(await client.get(`/metered-records${query}`))).toEqual(["cursor"]);
    }
  });
});

describe("GET /metered-records, NDJSON and CSV", () => {
  const read = (accept: string, query = "") =>
    world.server.api.get(`/metered-records${query}`, { headers: { accept } });

  it("[LI18] NDJSON holds everything, with the same bytes as the pages", async () => {
    await threeHours();
    const page = await read("application/json");
    expect(page.headers["content-type"]).toBe("application/json; charset=utf-8");
    const type = "application/x-ndjson";
    const lines = await read(`${type}, application/json;q=0.5`, "?limit=2&skip=1");
    expect(lines.headers["content-type"]).toBe(`${type}; charset=utf-8`);
    const texts = lines.text.split("\n");
    expect(texts.pop()).toBe("");
    expect(texts).toHaveLength(9);
    expect(page.text).toBe(`{"meteredRecords":[${texts.join(",")}]}`);
    const turned = await read(type, "?sortOrder=DESC&userId=a");
    expect(turned.text.split("\n").filter((line) => line !== "")).toEqual(
      texts.filter((line) => line.includes('"userId":"a"')).toReversed(),
    );
  });

  it("[LI18] more than a chunk; faults are told before it begins; cursor is 400", async () => {
    const { server } = world;
    const { id } = await makeType(server.api, { resetSchedule: hourly });
    const meters = Array.from({ length: 1_203 }, (_, at) =>
      JSON.stringify({ userId: `u${at}`, meterKey, meterTypeId: id }),
    );
    const bulk = { "content-type": "application/x-ndjson" };
    await server.api.send({
      method: "POST",
      path: "/meters/bulk",
      payload: meters.join("\n"),
      headers: bulk,
    });
    await server.jumpTo("2026-01-01T01:00:00Z");
    expect((await read("application/x-ndjson")).text.split("\n")).toHaveLength(1_204);
    expect((await read("text/csv")).text.split("\r\n")).toHaveLength(1_205);
    for (const query of ["?limit=x", "?state=x", "?from=x", "?cursor=x"]) {
      expect((await read("text/csv", query)).status).toBe(400);
    }
    const { headers } = await read("application/json", "?limit=1");
    expect((await read("text/csv", `?cursor=${headers["x-next-cursor"]}`)).status).toBe(400);
  });

  it("[LI18] without Accept, or with one that nothing fits, it is JSON", async () => {
    for (const accept of ["*/*", "text/html", "application/*;q=0.1", "nonsense"]) {
      expect((await read(accept)).text).toBe('{"meteredRecords":[]}');
    }
    expect((await read("text/*")).text).toBe(header);
  });

  it("[LI19] CSV without records is its header", async () => {
    const { text, headers } = await read("text/csv");
    expect([text, headers["content-type"]]).toEqual([
      header,
      "text/csv; charset=utf-8; header=present",
    ]);
    expect((await read("application/x-ndjson")).text).toBe("");
  });

  it("[LI19] [LI20] CSV quotes, keeps digits and disarms formulas", async () => {
    const { server } = world;
    const { api } = server;
    await api.patch(`/meter-processors/${meterKey}`, {
      guidingRules: [
        {
          ignoreCondition: true,
          matchCategory: "DEFAULT",
          groupBy: [{ fields: ["region"] }],
          otherOperations: [{ field: "note", operation: "carry-last" }],
        },
      ],
    });
    const unit = "=1+1";
    const type = await makeType(api, {
      name: "A (b)",
      unit,
      capacity: 5.25,
      thresholds: [{ name: "=x", absoluteValue: 0.5 }],
      resetSchedule: hourly,
    });
    const userId = '@SUM(1),"x"\r\n';
    const customFields = { a: "=2" };
    const meter = await makeMeter(api, type.id, { userId, customFields });
    const value = "-12345678901234567890.5";
    const sent = `{"userId":${JSON.stringify(userId)},"value":${value},"region":"=x","note":"a,\\"b"}`;
    expect((await sendUsage(api, sent)).body.counted).toBe(1);
    await server.jumpTo("2026-01-01T01:00:00Z");
    const [record] = await recordsOf(server.api, "");
    const midnight = "2026-01-01T00:00:00.000Z";
    const one = "2026-01-01T01:00:00.000Z";
    const cells = [
      record?.recordId,
      meter.id,
      type.id,
      "A (b)",
      meterKey,
      `"'@SUM(1),""x""\r\n"`,
      value,
      "'=1+1",
      midnight,
      one,
      "Etc/UTC",
      one,
      midnight,
      midnight,
      "false",
      "1",
      `"[{""key"":""=x"",""fields"":[""region""],""value"":${value},""valueExact"":""${value}""}]"`,
      "{}",
      '"{""note"":""a,\\""b""}"',
      '"{""a"":""=2""}"',
      "5.25",
      '"[{""name"":""=x"",""absoluteValue"":0.5}]"',
      midnight,
      midnight,
    ];
    expect((await read("text/csv")).text).toBe(`${header}${cells.join(",")}\r\n`);
  });

  it.each(["=", "+", "-", "@", "\t", "\n"])("[LI20] %j before a user id", async (first) => {
    const { server } = world;
    const type = await makeType(server.api, { resetSchedule: hourly });
    await makeMeter(server.api, type.id, { userId: `${first}1` });
    await makeMeter(server.api, type.id, { userId: `1${first}` });
    await server.jumpTo("2026-01-01T01:00:00Z");
    const { text } = await read("text/csv");
    expect(text).toContain(`'${first}1`);
    expect(text).not.toContain(`'1${first}`);
  });

  it("[LI18] HEAD has the headers and no body", async () => {
    await threeHours();
    const { api } = world.server;
    const request = { method: "HEAD", path: "/metered-records" };
    const head = await api.send({ ...request, headers: { accept: "text/csv" } });
    expect([head.status, head.text]).toEqual([200, ""]);
    const json = await api.send(request);
    expect([json.status, json.headers["x-total-count"]]).toEqual([200, "9"]);
  });
});
