// Data correction over HTTP: what waits and why, filtered and paged, with the bytes that were sent.
import { describe, expect, it } from "vitest";
import { itemsIn, makeMeter, makeType, placesIn, sendUsage } from "../support/samples.ts";
import { meterKey, serverForEachTest } from "../support/test-server.ts";

const world = serverForEachTest();

describe("GET /data-correction/records", () => {
  it("[LI22] [LI10] by position, filtered, both ways", async () => {
    const { server } = world;
    const { api } = server;
    await makeMeter(api, (await makeType(api)).id, { userId: "a" });
    await sendUsage(api, [
      { userId: "a", id: "r1" },
      { userId: "b", value: 1, id: "r2" },
      { userId: "b", value: 1 },
    ]);
    await server.jumpTo("2026-01-01T01:00:00Z");
    await sendUsage(server.api, [{ userId: "a", value: 1, id: "r1" }, { value: 1 }]);
    const ids = async (query: string): Promise<readonly unknown[]> =>
      itemsIn(await server.api.get(`/data-correction/records${query}`), "records").map(
        ({ detail, ...item }) => `${item.recordId} ${item.reason} ${item.state}`,
      );
    const waiting = [
      "r2 NO_METER waiting",
      "null NO_METER waiting",
      "null MISSING_USER_ID waiting",
    ];
    expect(await ids("")).toEqual(waiting);
    expect(await ids("?state=waiting&sortOrder=DESC")).toEqual(waiting.toReversed());
    expect(await ids("?state=superseded")).toEqual(["r1 MISSING_VALUE superseded"]);
    expect(await ids("?state=deleted")).toEqual([]);
    expect(await ids("?reason=NO_METER&userId=b")).toEqual(waiting.slice(0, 2));
    expect(await ids("?recordId=r2")).toEqual(waiting.slice(0, 1));
    expect(await ids(`?meterKey=${meterKey}&limit=1&skip=2`)).toEqual(waiting.slice(2));
    expect(await ids("?meterKey=x")).toEqual([]);
    expect(await ids("?from=2026-01-01T01:00:00Z")).toEqual(waiting.slice(2));
    expect(await ids("?to=2026-01-01T01:00:00Z")).toEqual(waiting.slice(0, 2));
  });

  it("[LI23] shows what was sent, to the byte, and what could be read", async () => {
    const { api } = world.server;
    const lines = [
      Buffer.from(
        ' {"userId" : "u", "value":1.50, "n":1e2,"__proto__":{"a":12345678901234567890}} ',
      ),
      Buffer.from([0x22, 0xc3, 0x28, 0x22]),
      Buffer.from("[1]"),
    ];
    const body = Buffer.concat(lines.flatMap((line) => [line, Buffer.from("\n")]));
    await sendUsage(api, body, { contentType: "application/x-ndjson" });
    const response = await api.get("/data-correction/records");
    const [first, second, third] = itemsIn(response, "records");
    expect(first).toMatchObject({
      id: expect.stringMatching(/^0\.\d+\.0$/),
      meterKey,
      userId: "u",
      recordId: null,
      reason: "NO_METER",
      original: String(lines[0]).trim(),
      state: "waiting",
      attempts: 1,
      receivedAt: "2026-01-01T00:00:00.000Z",
      updatedAt: "2026-01-01T00:00:00.000Z",
    });
    expect(first).not.toHaveProperty("originalBase64");
    expect(response.text).toContain(
      '"record":{"userId":"u","value":1.5,"n":1e2,"__proto__":{"a":12345678901234567890}}',
    );
    expect(second).toMatchObject({ reason: "INVALID_RECORD", record: null, original: '"\ufffd("' });
    expect(second?.originalBase64).toBe(lines[1]?.toString("base64"));
    expect(third).toMatchObject({ reason: "INVALID_RECORD", record: null, original: "[1]" });
  });

  it.each([
    ["?state=open", ["state"]],
    ["?reason=no_meter", ["reason"]],
    ["?state=&reason=", ["state", "reason"]],
    ["?from=x", ["from"]],
  ])("[LI22] %s is 400", async (query, places) => {
    const response = await world.server.api.get(`/data-correction/records${query}`);
    expect([response.status, placesIn(response)]).toEqual([400, places]);
  });
});
