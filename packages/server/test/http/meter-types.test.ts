// Meter types over HTTP: each operation with each of its statuses. What a body may say has its own
// tests beside core/meter-type.ts; lists are in lists.test.ts.
import { describe, expect, it } from "vitest";
import {
  itemsIn,
  makeMeter,
  makeType,
  meterTypeBody,
  placesIn,
  plainProblem,
} from "../support/samples.ts";
import { accountId, serverForEachTest } from "../support/test-server.ts";

const world = serverForEachTest();
const nobody = "00000000-0000-4000-8000-00000000dead";

describe("POST /meter-types, 201", () => {
  it.each(["", "/usage-metering/v1"])("[RC1] under the root %j", async (root) => {
    const { api } = world.server;
    const response = await api.post(`${root}/meter-types`, meterTypeBody);
    expect(response.status).toBe(201);
    expect(response.headers.location).toBe(`${root}/meter-types/${response.body.id}`);
    expect((await api.get(String(response.headers.location))).text).toBe(response.text);
  });

  it("[RC1] every default is shown", async () => {
    const { api } = world.server;
    const { id, ...type } = await makeType(api);
    expect(id).toMatch(/^[0-9a-f-]{36}$/);
    expect(type).toEqual({
      ...meterTypeBody,
      accountId,
      activeFrom: "2026-01-01T00:00:00.000Z",
      activeTo: null,
      category: "DEFAULT",
      createdAt: "2026-01-01T00:00:00.000Z",
      description: "",
      externalRef: null,
      numberOfMeters: 0,
      updatedAt: "2026-01-01T00:00:00.000Z",
      capacity: null,
      thresholds: [],
    });
  });

  it("[RC7] digits of capacity and thresholds survive", async () => {
    const { api } = world.server;
    const digits = "12345678901234567890.123456789012345678";
    const body = JSON.stringify(meterTypeBody).replace(
      /}$/,
      `,"capacity":${digits},"thresholds":[
      {"name":"a","absoluteValue":0.1,"customFields":{"n":1.50}},
      {"name":"b","capacityPercentage":99.99}]}`,
    );
    const headers = { "content-type": "application/json" };
    const response = await api.send({
      method: "POST",
      path: "/meter-types",
      payload: body,
      headers,
    });
    expect(response.status).toBe(201);
    expect(response.text).toContain(`"capacity":${digits}`);
    expect(response.text).toContain(
      '"thresholds":[{"name":"a","absoluteValue":0.1,"customFields":{"n":1.50}},{"name":"b","capacityPercentage":99.99}]',
    );
    expect((await api.get(`/meter-types/${response.body.id}`)).text).toBe(response.text);
  });
});

describe("POST /meter-types, 400", () => {
  it("[RC4] all faults at once, each with its place", async () => {
    const body = { ...meterTypeBody, name: "a/b", unit: 5, timezone: "Mars", resetshedule: {} };
    const response = await world.server.api.post("/meter-types", body);
    expect(response.status).toBe(400);
    expect(placesIn(response).toSorted()).toEqual(["/name", "/resetshedule", "/timezone", "/unit"]);
    expect(world.server.world.state.meterTypes.size).toBe(0);
  });

  it.each(["id", "accountId", "createdAt", "updatedAt", "numberOfMeters", "value"])(
    "[RC5] %s cannot be sent",
    async (name) => {
      const { api } = world.server;
      const response = await api.post("/meter-types", { ...meterTypeBody, [name]: "x" });
      expect([response.status, placesIn(response)]).toEqual([400, [`/${name}`]]);
      const { id } = await makeType(api);
      const patched = await api.patch(`/meter-types/${id}`, { [name]: "x" });
      expect([patched.status, placesIn(patched)]).toEqual([400, [`/${name}`]]);
    },
  );

  it.each(["[]", "null", '"x"', "1", "{", '{"name":"a","name":"b"}', "\u0000"])(
    "a body of %j is refused",
    async (payload) => {
      const headers = { "content-type": "application/json" };
      const request = { method: "POST", path: "/meter-types", payload, headers };
      expect((await world.server.api.send(request)).status).toBe(400);
    },
  );
});

describe("POST and PATCH of meter types, 409", () => {
  it("[RC6] a taken name or externalRef names what is in the way", async () => {
    const { api } = world.server;
    const first = await makeType(api, { externalRef: "ref" });
    const second = await makeType(api, { name: "Second" });
    const attempts = [
      await api.post("/usage-metering/v1/meter-types", meterTypeBody),
      await api.post("/usage-metering/v1/meter-types", {
        ...meterTypeBody,
        name: "x",
        externalRef: "ref",
      }),
      await api.patch(`/usage-metering/v1/meter-types/${second.id}`, { name: ` ${first.name} ` }),
      await api.patch(`/usage-metering/v1/meter-types/${second.id}`, { externalRef: "ref" }),
    ];
    for (const { status, body, headers } of attempts) {
      expect([status, body.existingId]).toEqual([409, first.id]);
      expect(headers.location).toBe(`/usage-metering/v1/meter-types/${first.id}`);
    }
    expect(attempts.map(({ body }) => body.code)).toEqual([
      "meter-type-name-taken",
      "external-ref-taken",
      "meter-type-name-taken",
      "external-ref-taken",
    ]);
    expect((await api.get(`/meter-types/${second.id}`)).body).toEqual(second);
  });

  it("[RC8] of 20 equal creates at once one wins", async () => {
    const { api } = world.server;
    const all = await Promise.all(
      Array.from({ length: 20 }, () => api.post("/meter-types", meterTypeBody)),
    );
    const winner = all.find(({ status }) => status === 201);
    const losers = all.filter(({ status }) => status === 409);
    expect(losers.map(({ body }) => body.existingId)).toEqual(Array(19).fill(winner?.body.id));
  });

  it("a name may be used again after its type is gone, and by another account", async () => {
    const { api, other } = world.server;
    const { id } = await makeType(api);
    await makeType(other);
    expect((await api.delete(`/meter-types/${id}`)).status).toBe(200);
    await makeType(api);
  });
});

describe("PATCH /meter-types/{id}, 200", () => {
  it("[RC2] changes what it names", async () => {
    const { server } = world;
    const type = await makeType(server.api);
    await server.jumpTo("2026-01-02T00:00:00Z");
    const patch = {
      name: "New",
      description: "d",
      unit: "MB",
      category: "c",
      externalRef: "r",
      timezone: "Europe/Stockholm",
      resetSchedule: { ...meterTypeBody.resetSchedule, day: "L" },
      activeFrom: "2026-01-02T01:00:00+01:00",
      activeTo: "2027-01-02T00:00:00Z",
      capacity: 10,
      thresholds: [{ name: "t", capacityPercentage: 50 }],
    };
    const response = await server.api.patch(`/meter-types/${type.id}`, patch);
    expect(response.status).toBe(200);
    expect(response.body).toEqual({
      ...type,
      ...patch,
      activeFrom: "2026-01-02T00:00:00.000Z",
      activeTo: "2027-01-02T00:00:00.000Z",
      updatedAt: "2026-01-02T00:00:00.000Z",
    });
    expect((await server.api.get(`/meter-types/${type.id}`)).text).toBe(response.text);
    const cleared = {
      category: null,
      externalRef: null,
      activeTo: null,
      thresholds: null,
      capacity: null,
    };
    const { body } = await server.api.patch(`/meter-types/${type.id}`, cleared);
    expect(body).toEqual({
      ...response.body,
      category: "DEFAULT",
      externalRef: null,
      activeTo: null,
      thresholds: [],
      capacity: null,
    });
  });

  it("[RC9] {} changes nothing", async () => {
    const { server } = world;
    const type = await makeType(server.api);
    await server.jumpTo("2026-01-02T00:00:00Z");
    const response = await server.api.patch(`/meter-types/${type.id}`, {});
    expect([response.status, response.body]).toEqual([200, type]);
  });
});

describe("PATCH /meter-types/{id}, 400", () => {
  it("[RC4] aggregation and other faults are told together; nothing changes", async () => {
    const { api } = world.server;
    const type = await makeType(api);
    const patch = { aggregation: { type: "max" }, name: null, unit: "", thresholds: [{}] };
    const response = await api.patch(`/meter-types/${type.id}`, patch);
    expect(response.status).toBe(400);
    expect(new Set(placesIn(response).map((place) => place.split("/")[1]))).toEqual(
      new Set(["aggregation", "name", "unit", "thresholds"]),
    );
    expect((await api.get(`/meter-types/${type.id}`)).body).toEqual(type);
  });
});

describe("meter types, 404", () => {
  it("[RC3] unknown, deleted and another account's are the same", async () => {
    const { api, other } = world.server;
    const { id } = await makeType(api);
    const gone = (await makeType(api, { name: "gone" })).id;
    await api.delete(`/meter-types/${gone}`);
    const unknown = plainProblem(await api.get(`/meter-types/${nobody}`));
    expect(unknown).toMatchObject({ sent: 404, code: "not-found" });
    for (const [client, path] of [
      [other, `/meter-types/${id}`],
      [api, `/meter-types/${gone}`],
      [api, "/meter-types/%F0%9F%98%80"],
      [api, "/meter-types/__proto__"],
    ] as const) {
      expect(plainProblem(await client.get(path))).toEqual(unknown);
      expect(plainProblem(await client.delete(path))).toEqual(unknown);
      expect(plainProblem(await client.patch(path, { name: "x" }))).toEqual(unknown);
      expect(plainProblem(await client.patch(path, { name: 5 }))).toEqual(unknown);
    }
    expect((await api.get(`/meter-types/${id}`)).status).toBe(200);
  });
});

describe("DELETE /meter-types/{id}", () => {
  it("[RC2] 200, and then it is gone", async () => {
    const { api } = world.server;
    const { id } = await makeType(api);
    const response = await api.delete(`/meter-types/${id}`);
    expect([response.status, response.body]).toEqual([200, { deletedCount: 1 }]);
    expect((await api.delete(`/meter-types/${id}`)).status).toBe(404);
    expect(itemsIn(await api.get("/meter-types"), "meterTypes")).toEqual([]);
  });

  it("[RC10] 409 while it has meters, which it counts", async () => {
    const { api } = world.server;
    const { id } = await makeType(api);
    const meter = await makeMeter(api, id);
    expect((await api.get(`/meter-types/${id}`)).body.numberOfMeters).toBe(1);
    const { status, body, headers } = await api.delete(`/meter-types/${id}`);
    expect([status, body.code, body.existingId]).toEqual([409, "meter-type-has-meters", id]);
    expect(headers.location).toBe(`/meter-types/${id}`);
    await api.delete(`/meters/${meter.id}`);
    expect((await api.get(`/meter-types/${id}`)).body.numberOfMeters).toBe(0);
    expect((await api.delete(`/meter-types/${id}`)).status).toBe(200);
  });
});
