// Meter processors over HTTP: each operation with each of its statuses. What a body may say has its
// own tests beside core/processor.ts.
import { describe, expect, it } from "vitest";
import {
  itemsIn,
  made,
  makeMeter,
  makeType,
  placesIn,
  plainProblem,
  sendUsage,
} from "../support/samples.ts";
import { meterKey, otherMeterKey, serverForEachTest } from "../support/test-server.ts";

const world = serverForEachTest();
const rule = { ignoreCondition: true, matchCategory: "DEFAULT" };
const body = { name: "Calls", guidingRules: [rule] };

describe("POST /meter-processors, 201", () => {
  it.each(["", "/usage-metering/v1"])("[RC1] under the root %j", async (root) => {
    const { api } = world.server;
    const response = await api.post(`${root}/meter-processors`, body);
    expect(response.status).toBe(201);
    expect(response.body.meterKey).toMatch(/^[0-9a-f-]{36}$/);
    const place = `${root}/meter-processors/${response.body.meterKey}`;
    expect(response.headers.location).toBe(place);
    expect((await api.get(place)).text).toBe(response.text);
  });

  it("[RC1] every default is shown", async () => {
    const response = await world.server.api.post("/meter-processors", { ...body, meterKey: "k-1" });
    expect(response.body).toEqual({
      meterKey: "k-1",
      name: "Calls",
      guidingRules: [
        {
          customName: "",
          ignoreCondition: true,
          conditionRelation: "and",
          conditions: [],
          matchCategory: "DEFAULT",
          groupBy: [],
          otherOperations: [],
        },
      ],
      flushType: "TIMEOUT",
      suspenseManagement: {
        enabled: true,
        abortOnDisabled: false,
        eventThreshold: 10_000,
        onThresholdExceeded: "ABORT",
        resetOnValidEvent: true,
      },
      deduplication: { field: "id", windowDays: 35 },
      createMeters: false,
      multiOutput: null,
      settlingSeconds: 0,
      lateUsage: "current",
      createdAt: "2026-01-01T00:00:00.000Z",
      updatedAt: "2026-01-01T00:00:00.000Z",
    });
  });

  it("the params of an exported node are taken and given back", async () => {
    const params = {
      flushType: "TIMEOUT",
      guidingRules: [
        {
          customName: "L1 API Requests",
          conditionRelation: "and",
          conditions: [{ customName: "", field: "apiCallsType", value: "L1" }],
          ignoreCondition: false,
          matchCategory: "L1_API_Requests",
          groupBy: [{ fields: ["region"] }, { fields: ["status"] }],
          otherOperations: [{ field: "caseNumber", operation: "carry-last" }],
        },
      ],
      multiOutput: { fixed: { reset: { id: "6ae8069d" }, threshold: { id: "2c3454c8" } } },
      suspenseManagement: {
        enabled: true,
        abortOnDisabled: false,
        eventThreshold: 10_000,
        onThresholdExceeded: "ABORT",
        resetOnValidEvent: true,
      },
    };
    const processor = await made(world.server.api, "/meter-processors", {
      name: "Meter",
      ...params,
    });
    expect(processor).toMatchObject(params);
  });
});

describe("POST /meter-processors, 400 and 409", () => {
  it("[RC4] all faults at once", async () => {
    const faulty = { ...body, name: "", guidingRules: [{}], meterKey: "a b", settlingSeconds: -5 };
    const response = await world.server.api.post("/meter-processors", {
      ...faulty,
      lateUsage: "no",
    });
    expect(response.status).toBe(400);
    expect(new Set(placesIn(response).map((place) => place.split("/")[1]))).toEqual(
      new Set(["name", "guidingRules", "meterKey", "settlingSeconds", "lateUsage"]),
    );
  });

  it.each(["id", "accountId", "createdAt", "updatedAt", "params", "type"])(
    "[RC5] %s cannot be sent",
    async (name) => {
      const { api } = world.server;
      const response = await api.post("/meter-processors", { ...body, [name]: "x" });
      expect([response.status, placesIn(response)]).toEqual([400, [`/${name}`]]);
      const patched = await api.patch(`/meter-processors/${meterKey}`, { [name]: "x" });
      expect([patched.status, placesIn(patched)]).toEqual([400, [`/${name}`]]);
    },
  );

  it("[RC6] [RC8] a taken key is 409 with its place; other accounts do not matter", async () => {
    const { api } = world.server;
    const response = await api.post("/usage-metering/v1/meter-processors", { ...body, meterKey });
    expect(response.status).toBe(409);
    expect(response.body).toMatchObject({ code: "meter-key-taken", existingId: meterKey });
    expect(response.headers.location).toBe(`/usage-metering/v1/meter-processors/${meterKey}`);
    await made(api, "/meter-processors", { ...body, meterKey: otherMeterKey });
    const key = { ...body, meterKey: "same" };
    const all = await Promise.all([1, 2, 3].map(() => api.post("/meter-processors", key)));
    expect(all.map(({ status }) => status).toSorted()).toEqual([201, 409, 409]);
  });
});

describe("PATCH /meter-processors/{meterKey}", () => {
  it("[RC2] 200; it holds from the next record on", async () => {
    const { server } = world;
    const { api } = server;
    await makeMeter(api, (await makeType(api, { category: "calls" })).id);
    const before = await sendUsage(api, { userId: "user", value: 1 });
    expect(before.body).toMatchObject({ counted: 0, rejected: 1 });
    await server.jumpTo("2026-01-02T00:00:00Z");
    const path = `/meter-processors/${meterKey}`;
    const was = (await server.api.get(path)).body;
    const patch = {
      name: "Renamed",
      guidingRules: [{ ...rule, matchCategory: "calls" }],
      deduplication: { windowDays: 40 },
      suspenseManagement: { enabled: false },
      createMeters: true,
      multiOutput: { a: 1 },
    };
    const response = await server.api.patch(path, patch);
    expect(response.status).toBe(200);
    expect(response.body).toMatchObject({
      ...patch,
      createdAt: was.createdAt,
      updatedAt: "2026-01-02T00:00:00.000Z",
      deduplication: { field: "id", windowDays: 40 },
      suspenseManagement: { enabled: false, eventThreshold: 10_000 },
      flushType: "TIMEOUT",
    });
    expect((await server.api.get(path)).text).toBe(response.text);
    const after = await sendUsage(server.api, { userId: "user", value: 1 });
    expect(after.body).toMatchObject({ counted: 1, rejected: 0 });
  });

  it("[RC9] {} changes nothing; [RC4] faults change nothing", async () => {
    const { server } = world;
    const path = `/meter-processors/${meterKey}`;
    const was = await server.api.get(path);
    await server.jumpTo("2026-01-02T00:00:00Z");
    const empty = await server.api.patch(path, {});
    expect([empty.status, empty.text]).toEqual([200, was.text]);
    const faulty = await server.api.patch(path, { meterKey: "x", guidingRules: [], flushType: 1 });
    expect([faulty.status, placesIn(faulty).toSorted()]).toEqual([
      400,
      ["/flushType", "/guidingRules", "/meterKey"],
    ]);
    expect((await server.api.get(path)).text).toBe(was.text);
  });
});

describe("meter processors, 404", () => {
  it("[RC3] unknown, deleted and another account's are the same", async () => {
    const { api } = world.server;
    await made(api, "/meter-processors", { ...body, meterKey: "gone" });
    await api.delete("/meter-processors/gone");
    const unknown = plainProblem(await api.get("/meter-processors/nothing"));
    expect(unknown).toMatchObject({ sent: 404, code: "not-found" });
    for (const key of [otherMeterKey, "gone", "__proto__", "%00"]) {
      const path = `/meter-processors/${key}`;
      expect(plainProblem(await api.get(path))).toEqual(unknown);
      expect(plainProblem(await api.delete(path))).toEqual(unknown);
      expect(plainProblem(await api.patch(path, { name: 5 }))).toEqual(unknown);
    }
  });
});

describe("DELETE /meter-processors/{meterKey}", () => {
  it("[RC2] 200, and then it is gone", async () => {
    const { api } = world.server;
    const response = await api.delete(`/meter-processors/${meterKey}`);
    expect([response.status, response.body]).toEqual([200, { deletedCount: 1 }]);
    expect(itemsIn(await api.get("/meter-processors"), "meterProcessors")).toEqual([]);
    expect((await sendUsage(api, [])).status).toBe(404);
  });

  it("[RC10] 409 while meters name its key", async () => {
    const { api } = world.server;
    const meter = await makeMeter(api, (await makeType(api)).id);
    const { status, body: problem, headers } = await api.delete(`/meter-processors/${meterKey}`);
    expect([status, problem.code]).toEqual([409, "meter-processor-in-use"]);
    expect(headers.location).toBe(`/meter-processors/${meterKey}`);
    await api.delete(`/meters/${meter.id}`);
    expect((await api.delete(`/meter-processors/${meterKey}`)).status).toBe(200);
  });

  it("[RC10] 409 while records wait", async () => {
    const { api } = world.server;
    await sendUsage(api, {});
    expect((await api.delete(`/meter-processors/${meterKey}`)).status).toBe(409);
  });
});
