// Usage over HTTP: what is answered, in every form of body, and the preview. How records are judged
// has its own tests beside the core; here stands what a caller sees.
import { beforeEach, describe, expect, it } from "vitest";
import type { ApiClient } from "../support/api-client.ts";
import {
  itemsIn,
  made,
  makeMeter,
  makeType,
  plainProblem,
  sendUsage,
  usagePath,
  usageRequest,
} from "../support/samples.ts";
import { meterKey, otherMeterKey, serverForEachTest } from "../support/test-server.ts";

const world = serverForEachTest();
const ndjson = "application/x-ndjson";
let api: ApiClient;
let typeId: string;
let meterId: string;

beforeEach(async () => {
  api = world.server.api;
  typeId = (await makeType(api)).id;
  meterId = (await makeMeter(api, typeId)).id;
});

async function countedValue(id: string = meterId): Promise<string> {
  return String((await api.get(`/meters/${id}`)).body.valueExact);
}

describe("POST usage-records, 200", () => {
  it.each(["", "/usage-metering/v1"])(
    "[UR1] under the root %j, and reads show it",
    async (root) => {
      const request = usageRequest(
        { userId: "user", value: 25 },
        {
          path: `${root}${usagePath(meterKey)}`,
          contentType: "application/json",
        },
      );
      const { status, body } = await api.send(request);
      expect([status, body]).toEqual([
        200,
        { received: 1, counted: 1, duplicates: 0, rejected: 0, results: [] },
      ]);
      const meter = (await api.get(`/meters/${meterId}`)).body;
      expect(meter).toMatchObject({ value: 25, valueExact: "25", meterMetaData: { count: 1 } });
      expect(itemsIn(await api.get("/meters"), "meters")).toEqual([meter]);
    },
  );

  it("[UR2] [UR4] lists what was not simply counted, in the order sent", async () => {
    const payload = `[
      {"userId":"user","value":1,"id":"a"},
      {"userId":"user","value":1,"id":"a"},
      {"userId":"nobody","value":1,"id":1.50},
      {"userId":"user"},
      {"userId":"user","value":2,"id":"a"},
      {"userId":"user","value":1,"id":{"no":"id"}},
      {"userId":"user","value":1,"id":12345678901234567890},
      {"userId":"user","value":1,"id":12345678901234567890},
      7]`;
    const response = await sendUsage(api, payload);
    expect(response.body).toMatchObject({ received: 9, counted: 2, duplicates: 2, rejected: 5 });
    const results = itemsIn(response, "results");
    expect(results.map(({ index, outcome, reason }) => [index, reason ?? outcome])).toEqual([
      [1, "duplicate"],
      [2, "NO_METER"],
      [3, "MISSING_VALUE"],
      [4, "ID_CONFLICT"],
      [5, "INVALID_ID"],
      [7, "duplicate"],
      [8, "INVALID_RECORD"],
    ]);
    const ids = results.map(({ id }) => (typeof id === "number" ? "a number" : id));
    expect(ids).toEqual(["a", "a number", null, "a", null, "a number", null]);
    expect(response.text).toContain('"id":1.5,"outcome":"rejected"');
    expect(response.text).toContain('"id":12345678901234567890,"outcome":"duplicate"');
    expect(results.filter(({ reason, detail }) => reason !== undefined && !detail)).toEqual([]);
  });

  it("[UR3] [UR5] ?detail=all lists counted ones with their meters", async () => {
    const max = await makeType(api, { name: "Max", aggregation: { type: "max" } });
    const maxId = (await makeMeter(api, max.id)).id;
    const records = [
      { userId: "user", value: 5, id: "x" },
      { userId: "user", value: 0.1 },
      { value: 1 },
      { userId: "user", value: 5, id: "x" },
    ];
    const { body } = await sendUsage(api, records, { query: "?detail=all" });
    const meters = (sum: string, most: string): object[] =>
      [
        { id: meterId, meterTypeId: typeId, value: Number(sum), valueExact: sum },
        { id: maxId, meterTypeId: max.id, value: Number(most), valueExact: most },
      ].toSorted((a, b) => (a.id < b.id ? -1 : 1));
    expect(body).toMatchObject({ received: 4, counted: 2, duplicates: 1, rejected: 1 });
    expect(body.results).toEqual([
      { index: 0, id: "x", outcome: "counted", meters: meters("5", "5") },
      { index: 1, id: null, outcome: "counted", meters: meters("5.1", "5") },
      {
        index: 2,
        id: null,
        outcome: "rejected",
        reason: "MISSING_USER_ID",
        detail: expect.any(String),
      },
      { index: 3, id: "x", outcome: "duplicate" },
    ]);
  });

  it("[UR9] [] is zeros", async () => {
    const { status, body } = await sendUsage(api, "[]");
    const zeros = { received: 0, counted: 0, duplicates: 0, rejected: 0, results: [] };
    expect([status, body]).toEqual([200, zeros]);
  });

  it("[UR13] the same request again changes nothing", async () => {
    const records = Array.from({ length: 50 }, (_, at) => ({ userId: "user", value: 1, id: at }));
    expect((await sendUsage(api, records)).body.counted).toBe(50);
    const again = await Promise.all([sendUsage(api, records), sendUsage(api, records)]);
    for (const { body } of again) expect(body).toMatchObject({ counted: 0, duplicates: 50 });
    expect(await countedValue()).toBe("50");
  });

  it("[UR1] requests at the same time all count, each once", async () => {
    const batches = Array.from({ length: 40 }, (_, batch) =>
      Array.from({ length: 25 }, (_, at) => ({ userId: "user", value: 0.1, id: `${batch}.${at}` })),
    );
    const answers = await Promise.all([...batches, ...batches].map((one) => sendUsage(api, one)));
    const sum = (name: "counted" | "duplicates"): number =>
      answers.reduce((total, { body }) => total + Number(body[name]), 0);
    expect([sum("counted"), sum("duplicates"), await countedValue()]).toEqual([
      1_000,
      1_000,
      "100",
    ]);
  });

  it("10,000 records in one request", async () => {
    const records = Array.from({ length: 10_000 }, (_, at) => ({
      userId: "user",
      value: 1,
      id: at,
    }));
    expect((await sendUsage(api, records)).body).toMatchObject({
      received: 10_000,
      counted: 10_000,
    });
    const more = await sendUsage(api, [...records, records[0]]);
    expect([more.status, more.body.code]).toEqual([400, "too-many-records"]);
    expect(await countedValue()).toBe("10000");
  });
});

describe("exact digits", () => {
  const digits = "12345678901234567890.123456789012345678";

  it.each(["number", "string"])("[UR10] 38 digits as a %s", async (kind) => {
    await api.patch(`/meter-processors/${meterKey}`, {
      guidingRules: [
        { ignoreCondition: true, matchCategory: "DEFAULT", groupBy: [{ fields: ["region"] }] },
      ],
    });
    const value = kind === "number" ? digits : `"${digits}"`;
    const payload = `{"userId":"user","value":${value},"region":"EMEA"}`;
    const answer = await sendUsage(api, payload, { query: "?detail=all" });
    const pair = `"value":${digits},"valueExact":"${digits}"`;
    expect(answer.text).toContain(pair);
    const group = `{"key":"EMEA","fields":["region"],${pair}}`;
    for (const path of [`/meters/${meterId}`, "/meters"]) {
      const { text } = await api.get(path);
      expect(text).toContain(`"groups":[${group}]`);
      expect(text.split(pair)).toHaveLength(3);
    }
    await world.server.jumpTo("2026-02-01T00:00:00Z");
    const { text } = await world.server.api.get("/metered-records");
    expect(text.split(pair)).toHaveLength(3);
  });

  it("[UR10] 0.1 + 0.2 is 0.3, and sums grow beyond what a record may hold", async () => {
    await sendUsage(api, [
      { userId: "user", value: 0.1 },
      { userId: "user", value: 0.2 },
    ]);
    expect((await api.get(`/meters/${meterId}`)).body).toMatchObject({
      value: 0.3,
      valueExact: "0.3",
    });
    const most = "99999999999999999999.999999999999999999";
    const payload = `[${Array(20).fill(`{"userId":"user","value":${most}}`).join(",")}]`;
    expect((await sendUsage(api, payload)).body.counted).toBe(20);
    expect(await countedValue()).toBe("2000000000000000000000.29999999999999998");
  });
});

describe("forms of a body", () => {
  const events = (count: number): object[] =>
    Array.from({ length: count }, (_, at) => ({
      specversion: "1.0",
      type: "usage",
      source: "test",
      id: `e${at}`,
      subject: "user",
      data: { value: 2 },
    }));

  it.each([
    ["application/json", JSON.stringify({ userId: "user", value: 2 }), 1],
    ["application/json; charset=UTF-8", JSON.stringify([{ userId: "user", value: 2 }]), 1],
    [ndjson, '{"userId":"user","value":2}\r\n\n{"userId":"user","value":2}', 2],
    ["application/jsonl", '{"userId":"user","value":2}\n', 1],
    ["application/cloudevents+json", JSON.stringify(events(1)[0]), 1],
    ["application/cloudevents-batch+json", JSON.stringify(events(3)), 3],
  ])("[UR7] %s is counted", async (contentType, payload, counted) => {
    const { body } = await sendUsage(api, payload, { contentType });
    expect(body).toMatchObject({ received: counted, counted, rejected: 0 });
    expect(await countedValue()).toBe(String(counted * 2));
  });

  it("[UR4] the id of a CloudEvent is its source and id", async () => {
    const contentType = "application/cloudevents-batch+json";
    await sendUsage(api, events(2), { contentType });
    const { body } = await sendUsage(api, events(3), { contentType, query: "?detail=all" });
    expect(body.results).toMatchObject([
      { id: "test e0", outcome: "duplicate" },
      { id: "test e1", outcome: "duplicate" },
      { id: "test e2", outcome: "counted" },
    ]);
  });

  it.each(["text/plain", "text/csv", "application/xml", "multipart/form-data", "json"])(
    "[UR7] %s is 400",
    async (contentType) => {
      const { status, body } = await sendUsage(api, "{}", { contentType });
      expect([status, body.code]).toEqual([400, "unsupported-content-type"]);
    },
  );

  it("[UR8] NDJSON with bad lines: the others count", async () => {
    const lines = [
      Buffer.from('{"userId":"user","value":1}'),
      Buffer.from('{"userId":"user","value":'),
      Buffer.from([0x22, 0xc3, 0x28, 0x22]),
      Buffer.from('{"userId":"user","value":1,"value":2}'),
      Buffer.from("[]"),
      Buffer.from('{"userId":"user","value":1,"note":"å∂"}'),
    ];
    const body = Buffer.concat(lines.flatMap((line) => [line, Buffer.from("\n")]));
    const response = await sendUsage(api, body, { contentType: ndjson });
    expect(response.body).toMatchObject({ received: 6, counted: 2, rejected: 4 });
    const results = itemsIn(response, "results");
    expect(results.map(({ index, reason }) => [index, reason])).toEqual(
      [1, 2, 3, 4].map((index) => [index, "INVALID_RECORD"]),
    );
    expect(await countedValue()).toBe("2");
  });

  it("[UR8] [UR7] what cannot be read as a whole is 400 and counts nothing", async () => {
    const good = '{"userId":"user","value":1}';
    const cases: readonly (readonly [string | Buffer, string, string?])[] = [
      [`[${good},`, "malformed-json"],
      [`[${good},{"a":1,"a":2}]`, "malformed-json"],
      [`\ufeff${good}`, "malformed-json"],
      [Buffer.from([...Buffer.from('{"userId":"'), 0xff, 0x22, 0x7d]), "invalid-utf8"],
      ["", "empty-body"],
      [" \n", "empty-body"],
      ["7", "invalid-request"],
      [`[${good}]`, "invalid-request", "application/cloudevents+json"],
      [good, "invalid-request", "application/cloudevents-batch+json"],
      [`[${good}]${" ".repeat(4 * 1024 * 1024)}`, "body-too-large"],
    ];
    for (const [payload, code, contentType = "application/json"] of cases) {
      const { status, body } = await sendUsage(api, payload, { contentType });
      expect([status, body.code]).toEqual([400, code]);
    }
    const notText = await sendUsage(api, cases[3]?.[0]);
    expect(notText.body.detail).toContain("byte 11");
    const cut = await sendUsage(api, `[${good},`);
    expect(cut.body.detail).toContain("byte 29");
    expect(await countedValue()).toBe("0");
    expect(itemsIn(await api.get("/data-correction/records"), "records")).toEqual([]);
  });

  it("[UR8] a body of almost 4 MiB is taken", async () => {
    const filler = " ".repeat(4 * 1024 * 1024 - 100);
    const { body } = await sendUsage(api, `[{"userId":"user","value":1}${filler}]`);
    expect(body).toMatchObject({ counted: 1 });
  });
});

describe("POST usage-records, refused", () => {
  it("[UR6] an unknown key is 404 before the body is judged, and nothing is stored", async () => {
    const unknown = plainProblem(await sendUsage(api, { userId: "user", value: 1 }, { key: "x" }));
    expect(unknown).toMatchObject({ sent: 404, code: "not-found" });
    for (const payload of ["{", '{"userId":"user","value":1}']) {
      expect(plainProblem(await sendUsage(api, payload, { key: otherMeterKey }))).toEqual(unknown);
      expect(plainProblem(await sendUsage(api, payload, { key: "__proto__" }))).toEqual(unknown);
      expect(
        plainProblem(await sendUsage(api, payload, { key: "x", query: "?detail=none" })),
      ).toEqual(unknown);
    }
    const { other } = world.server;
    expect(itemsIn(await other.get("/data-correction/records"), "records")).toEqual([]);
  });

  it.each(["?detail=none", "?detail=", "?detail=ALL", "?detail=all&detail=all", "?x=1"])(
    "[UR11] %s is 400",
    async (query) => {
      const { status } = await sendUsage(api, { userId: "user", value: 1 }, { query });
      expect([status, await countedValue()]).toEqual([400, "0"]);
    },
  );

  it("a full queue of corrections is 429 with Retry-After, and nothing is counted", async () => {
    world.server.world.state.settings = { futureToleranceMs: 0, correctionsPerAccountMax: 1 };
    const records = [{ userId: "user", value: 1 }, {}, {}];
    const response = await sendUsage(api, records);
    expect([response.status, response.body.code]).toEqual([429, "correction-queue-full"]);
    expect(response.headers["retry-after"]).toBe("30");
    expect(await countedValue()).toBe("0");
    expect((await sendUsage(api, records.slice(0, 2))).body).toMatchObject({
      counted: 1,
      rejected: 1,
    });
  });

  it("abortOnDisabled makes any rejection a 400", async () => {
    const suspenseManagement = { enabled: false, abortOnDisabled: true };
    await api.patch(`/meter-processors/${meterKey}`, { suspenseManagement });
    const { status, body } = await sendUsage(api, [{ userId: "user", value: 1 }, {}]);
    expect([status, body.code, await countedValue()]).toEqual([400, "records-rejected", "0"]);
  });

  it("a stopped engine is 503 with Retry-After", async () => {
    await world.server.world.engine.drain();
    const { status, headers } = await sendUsage(api, []);
    expect([status, headers["retry-after"]]).toEqual([503, "1"]);
  });
});

describe("POST preview", () => {
  const previewed = (body: unknown, { key = meterKey, contentType = "application/json" } = {}) =>
    api.send(usageRequest(body, { path: `/meter-processors/${key}/preview`, contentType }));

  it("[UR12] each record alone, with its rule; nothing changes", async () => {
    await made(api, "/meter-processors", {
      name: "p",
      meterKey: "p",
      guidingRules: [
        { customName: "L1", conditions: [{ field: "c", value: "1" }], matchCategory: "none" },
        { customName: "all", ignoreCondition: true, matchCategory: "DEFAULT" },
      ],
    });
    const { id } = await makeMeter(api, typeId, { meterKey: "p" });
    await sendUsage(api, [{ userId: "user", value: 10, id: "known" }], { key: "p" });
    const before = await api.get(`/meters/${id}`);
    const records = [
      { userId: "user", value: 1, id: "new", c: 1 },
      { userId: "user", value: 2 },
      { userId: "user", value: 10, id: "known" },
      { userId: "user" },
    ];
    const { status, body } = await previewed(records, { key: "p" });
    expect(status).toBe(200);
    const rule = { index: 1, customName: "all" };
    const after = (valueExact: string): object[] => [
      { id, meterTypeId: typeId, value: Number(valueExact), valueExact },
    ];
    expect(body).toEqual({
      received: 4,
      counted: 2,
      duplicates: 1,
      rejected: 1,
      results: [
        { index: 0, id: "new", outcome: "counted", rule, meters: after("11") },
        { index: 1, id: null, outcome: "counted", rule, meters: after("12") },
        { index: 2, id: "known", outcome: "duplicate" },
        {
          index: 3,
          id: null,
          outcome: "rejected",
          reason: "MISSING_VALUE",
          detail: expect.any(String),
        },
      ],
    });
    expect((await api.get(`/meters/${id}`)).text).toBe(before.text);
    expect(itemsIn(await api.get("/data-correction/records"), "records")).toEqual([]);
    const counted = await sendUsage(api, records, { key: "p" });
    expect(counted.body).toMatchObject({ counted: 2, duplicates: 1, rejected: 1 });
  });

  it("[UR12] takes every form, and is 404 and 400 as usage is", async () => {
    const lines = await previewed('{"userId":"user","value":1}\n{', { contentType: ndjson });
    expect(lines.body).toMatchObject({ received: 2, counted: 1, rejected: 1 });
    const unknown = plainProblem(await previewed("{", { key: "x" }));
    expect(plainProblem(await previewed("{", { key: otherMeterKey }))).toEqual(unknown);
    expect((await previewed("{")).body.code).toBe("malformed-json");
  });
});
