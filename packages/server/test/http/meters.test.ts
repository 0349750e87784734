// Meters over HTTP: each operation with each of its statuses, and meters in bulk. What a body may
// say has its own tests beside core/meter.ts; lists are in lists.test.ts.
import { describe, expect, it } from "vitest";
import type { ApiResponse } from "../support/api-client.ts";
import {
  itemsIn,
  makeMeter,
  makeType,
  placesIn,
  plainProblem,
  sendUsage,
} from "../support/samples.ts";
import { meterKey, otherMeterKey, serverForEachTest } from "../support/test-server.ts";

const world = serverForEachTest();
const nobody = "00000000-0000-4000-8000-00000000dead";

describe("POST /meters, 201", () => {
  it.each(["", "/usage-metering/v1"])("[RC1] under the root %j", async (root) => {
    const { api } = world.server;
    const type = await makeType(api);
    const body = { userId: "user0@example.com", meterKey, meterTypeId: type.id };
    const response = await api.post(`${root}/meters`, body);
    expect(response.status).toBe(201);
    expect(response.headers.location).toBe(`${root}/meters/${response.body.id}`);
    expect((await api.get(String(response.headers.location))).text).toBe(response.text);
  });

  it("[RC1] shows what was inherited, and the first period", async () => {
    const { server } = world;
    const thresholds = [{ name: "t", absoluteValue: 5 }];
    const type = await makeType(server.api, { capacity: 10, thresholds, externalRef: "ref" });
    await server.jumpTo("2026-01-10T00:00:00Z");
    const customFields = { brand: "Acme", nested: { a: [1] } };
    const body = { userId: "u", meterKey: "no-processor-yet", externalRef: "ref", customFields };
    const { id, ...meter } = (await server.api.post("/meters", body)).body;
    expect(meter).toEqual({
      carryFirst: {},
      carryLast: {},
      createdAt: "2026-01-10T00:00:00.000Z",
      deleteOnReset: false,
      groups: [],
      meterKey: "no-processor-yet",
      meterMetaData: { count: 0, firstEvent: null, lastEvent: null },
      meterTypeId: type.id,
      meterTypeName: type.name,
      periodEnd: "2026-02-01T00:00:00.000Z",
      periodStart: "2026-01-10T00:00:00.000Z",
      timezone: "Etc/UTC",
      unit: "requests",
      updatedAt: "2026-01-10T00:00:00.000Z",
      userId: "u",
      value: 0,
      valueExact: "0",
      customFields,
      capacity: 10,
      thresholds,
    });
    expect(id).toMatch(/^[0-9a-f-]{36}$/);
  });

  it("[RC7] numbers in customFields keep their spelling", async () => {
    const { api } = world.server;
    const { id } = await makeType(api);
    const custom = '{"a":1.50,"b":12345678901234567890,"c":1e2,"d":[0.10]}';
    const payload = `{"userId":"u","meterKey":"k","meterTypeId":"${id}","customFields":${custom}}`;
    const headers = { "content-type": "application/json" };
    const response = await api.send({ method: "POST", path: "/meters", payload, headers });
    expect(response.text).toContain(`"customFields":${custom}`);
    expect((await api.get("/meters")).text).toContain(`"customFields":${custom}`);
  });
});

describe("POST /meters, 400, 404, 409", () => {
  it("[RC4] all faults at once, each with its place", async () => {
    const body = { userId: 5, meterKey: "", customFields: [], meterId: "x" };
    const response = await world.server.api.post("/meters", body);
    expect(response.status).toBe(400);
    expect(placesIn(response).toSorted()).toEqual([
      "/customFields",
      "/meterId",
      "/meterKey",
      "/meterTypeId",
      "/userId",
    ]);
  });

  const fixed = [
    "id",
    "accountId",
    "value",
    "valueExact",
    "createdAt",
    "updatedAt",
    "periodStart",
    "periodEnd",
    "groups",
    "carryFirst",
    "carryLast",
    "meterMetaData",
    "meterTypeName",
    "unit",
    "timezone",
    "numberOfMeters",
  ];
  it.each(fixed)("[RC5] %s cannot be sent", async (name) => {
    const { api } = world.server;
    const { id } = await makeType(api);
    const body = { userId: "u", meterKey, meterTypeId: id, [name]: 1_000_000 };
    const response = await api.post("/meters", body);
    expect([response.status, placesIn(response)]).toEqual([400, [`/${name}`]]);
    const meter = await makeMeter(api, id);
    const patched = await api.patch(`/meters/${meter.id}`, { [name]: 1_000_000 });
    expect([patched.status, placesIn(patched)]).toEqual([400, [`/${name}`]]);
    expect((await api.get(`/meters/${meter.id}`)).body).toEqual(meter);
  });

  it("[RC3] an unknown meter type and another account's are the same 404", async () => {
    const { api, other } = world.server;
    const { id } = await makeType(api, { externalRef: "ref" });
    const body = { userId: "u", meterKey, meterTypeId: id };
    const theirs = plainProblem(await other.post("/meters", body));
    const unknown = plainProblem(await api.post("/meters", { ...body, meterTypeId: nobody }));
    expect(theirs).toEqual(unknown);
    expect(theirs).toMatchObject({ sent: 404, errors: [{ pointer: "/meterTypeId" }] });
    const byReference = { userId: "u", meterKey, externalRef: "ref" };
    const response = await other.post("/meters", byReference);
    expect([response.status, placesIn(response)]).toEqual([404, ["/externalRef"]]);
  });

  it("a meter type that has ended takes no meters: 400", async () => {
    const { server } = world;
    const { id } = await makeType(server.api, { activeTo: "2026-01-05T00:00:00Z" });
    await server.jumpTo("2026-01-05T00:00:00.001Z");
    const response = await server.api.post("/meters", { userId: "u", meterKey, meterTypeId: id });
    expect([response.status, placesIn(response)]).toEqual([400, ["/meterTypeId"]]);
  });

  it("[RC6] [RC8] a second meter of user, type and key is 409", async () => {
    const { api, other } = world.server;
    const { id } = await makeType(api);
    const body = { userId: "u", meterKey, meterTypeId: id };
    const all = await Promise.all(Array.from({ length: 10 }, () => api.post("/meters", body)));
    const first = all.find(({ status }) => status === 201)?.body.id;
    const lost = all.filter(({ status }) => status === 409);
    expect(lost).toHaveLength(9);
    for (const { body: problem, headers } of lost) {
      expect(problem).toMatchObject({ code: "meter-exists", existingId: first });
      expect(headers.location).toBe(`/meters/${first}`);
    }
    await makeMeter(api, id, { userId: "u", meterKey: otherMeterKey });
    await makeMeter(api, id, { userId: "U" });
    await makeMeter(other, (await makeType(other)).id, { userId: "u" });
  });
});

describe("PATCH /meters/{id}", () => {
  it("[RC2] [RC7] 200, and changes what it names", async () => {
    const { server } = world;
    const type = await makeType(server.api, { capacity: 10 });
    const meter = await makeMeter(server.api, type.id, { customFields: { a: 1 } });
    await server.jumpTo("2026-01-02T00:00:00Z");
    const thresholds = [{ name: "t", capacityPercentage: 50 }];
    const patch = { deleteOnReset: true, customFields: { b: 2 }, capacity: 20, thresholds };
    const response = await server.api.patch(`/meters/${meter.id}`, patch);
    expect(response.status).toBe(200);
    const updatedAt = "2026-01-02T00:00:00.000Z";
    expect(response.body).toEqual({ ...meter, ...patch, updatedAt });
    expect((await server.api.get(`/meters/${meter.id}`)).text).toBe(response.text);
    const cleared = { deleteOnReset: false, customFields: null, capacity: null, thresholds: null };
    const { body } = await server.api.patch(`/meters/${meter.id}`, cleared);
    expect(body).toEqual({ ...meter, customFields: {}, capacity: null, thresholds: [], updatedAt });
  });

  it("[RC9] {} changes nothing", async () => {
    const { server } = world;
    const meter = await makeMeter(server.api, (await makeType(server.api)).id);
    await server.jumpTo("2026-01-02T00:00:00Z");
    const response = await server.api.patch(`/meters/${meter.id}`, {});
    expect([response.status, response.body]).toEqual([200, meter]);
  });

  it("[RC4] 400 with all faults", async () => {
    const { api } = world.server;
    const meter = await makeMeter(api, (await makeType(api)).id);
    const patch = {
      deleteOnReset: "yes",
      userId: "x",
      capacity: -1,
      thresholds: [{ name: "t", capacityPercentage: 5 }],
    };
    const response = await api.patch(`/meters/${meter.id}`, patch);
    expect(response.status).toBe(400);
    expect(placesIn(response)).toEqual(
      expect.arrayContaining(["/capacity", "/deleteOnReset", "/userId"]),
    );
    expect((await api.get(`/meters/${meter.id}`)).body).toEqual(meter);
  });
});

describe("meters, 404", () => {
  it("[RC3] unknown, deleted and another account's are the same", async () => {
    const { api, other } = world.server;
    const type = await makeType(api);
    const { id } = await makeMeter(api, type.id);
    const gone = (await makeMeter(api, type.id, { userId: "gone" })).id;
    await api.delete(`/meters/${gone}`);
    const unknown = plainProblem(await api.get(`/meters/${nobody}`));
    for (const [client, path] of [
      [other, `/meters/${id}`],
      [api, `/meters/${gone}`],
      [api, "/meters/constructor"],
    ] as const) {
      expect(plainProblem(await client.get(path))).toEqual(unknown);
      expect(plainProblem(await client.delete(path))).toEqual(unknown);
      expect(plainProblem(await client.patch(path, { deleteOnReset: true }))).toEqual(unknown);
      expect(plainProblem(await client.patch(path, { value: 5 }))).toEqual(unknown);
    }
    expect((await api.get(`/meters/${id}`)).status).toBe(200);
  });
});

describe("DELETE /meters/{id}", () => {
  it("[RC2] 200, at once, without a metered record", async () => {
    const { api } = world.server;
    const { id } = await makeMeter(api, (await makeType(api)).id);
    await sendUsage(api, { userId: "user", value: 5 });
    const response = await api.delete(`/meters/${id}`);
    expect([response.status, response.body]).toEqual([200, { deletedCount: 1 }]);
    expect((await api.delete(`/meters/${id}`)).status).toBe(404);
    expect(itemsIn(await api.get("/meters"), "meters")).toEqual([]);
    expect(itemsIn(await api.get("/metered-records"), "meteredRecords")).toEqual([]);
    const { body } = await sendUsage(api, { userId: "user", value: 5 });
    expect(body.results).toMatchObject([{ outcome: "rejected", reason: "NO_METER" }]);
  });
});

describe("POST /meters/bulk", () => {
  const send = (payload: string | Buffer, contentType = "application/x-ndjson") =>
    world.server.api.send({
      method: "POST",
      path: "/meters/bulk",
      payload,
      headers: { "content-type": contentType },
    });
  const outcomes = (response: ApiResponse): unknown[] =>
    itemsIn(response, "results").map(({ line, code, outcome }) => [line, code ?? outcome]);

  it("[RC14] [RC15] [RC16] a result for each line; faulty ones stop no other", async () => {
    const { api } = world.server;
    const { id } = await makeType(api, { externalRef: "ref" });
    const line = (userId: string, more = {}): string =>
      JSON.stringify({ userId, meterKey, meterTypeId: id, ...more });
    const lines = [
      line("a"),
      "",
      "{",
      " \t\r",
      line("b", { meterTypeId: nobody }),
      line("a"),
      '{"userId":"c","meterKey":"k","externalRef":"ref"}\r',
      "[]",
      line("d", { x: 1, y: 2 }),
    ];
    const broken = Buffer.from([0x22, 0xff, 0x22, 0x0a]);
    const body = Buffer.concat([
      Buffer.from(`${lines.join("\n")}\n`),
      broken,
      Buffer.from(line("é")),
    ]);
    const response = await send(body);
    expect(response.status).toBe(200);
    expect(response.body).toMatchObject({ received: 9, created: 3, rejected: 6 });
    expect(outcomes(response)).toEqual([
      [1, "created"],
      [3, "malformed-json"],
      [5, "not-found"],
      [6, "meter-exists"],
      [7, "created"],
      [8, "invalid-request"],
      [9, "invalid-request"],
      [10, "invalid-utf8"],
      [11, "created"],
    ]);
    const results = itemsIn(response, "results");
    expect(results[3]?.existingId).toBe(results[0]?.id);
    expect(results[6]?.errors).toMatchObject([{ pointer: "/x" }, { pointer: "/y" }]);
    const users = itemsIn(await api.get("/meters"), "meters").map(({ userId }) => userId);
    expect(users.toSorted()).toEqual(["a", "c", "é"]);
  });

  it("[RC17] 10,000 lines are taken, one more is not", async () => {
    const { api } = world.server;
    const { id } = await makeType(api);
    const lines = (count: number): string =>
      Array.from(
        { length: count },
        (_, at) => `{"userId":"u${at}","meterKey":"k","meterTypeId":"${id}"}`,
      ).join("\n");
    const refused = await send(lines(10_001));
    expect([refused.status, refused.body.code]).toEqual([400, "too-many-lines"]);
    expect((await api.get("/meters")).headers["x-total-count"]).toBe("0");
    const taken = await send(`\n${lines(10_000)}\n\n`, "application/jsonl");
    expect(taken.body).toMatchObject({ received: 10_000, created: 10_000, rejected: 0 });
    expect((await api.get("/meters?userId=u9999")).headers["x-total-count"]).toBe("1");
    expect((await api.get(`/meter-types/${id}`)).body.numberOfMeters).toBe(10_000);
  });

  it("[RC17] an empty, blank or too large body is 400", async () => {
    expect((await send("")).body.code).toBe("empty-body");
    expect((await send("\n \r\n")).body.code).toBe("empty-body");
    const large = await send(`{"userId":"${"x".repeat(4 * 1024 * 1024)}"}`);
    expect([large.status, large.body.code]).toEqual([400, "body-too-large"]);
    expect((await send("{}", "application/json")).body.code).toBe("unsupported-content-type");
  });

  it("[RC18] lists ten faults of a line and counts the others", async () => {
    const members = Array.from({ length: 25 }, (_, at) => [`x${at}`, 1]);
    const response = await send(JSON.stringify(Object.fromEntries(members)));
    const [result] = itemsIn(response, "results");
    expect(result?.errors).toHaveLength(10);
    expect(result?.errorsOmitted).toBe(18);
  });
});
