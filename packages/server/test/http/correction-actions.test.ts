// Working on data correction over HTTP: what may be asked, what is answered, what shows afterwards.
import { beforeEach, describe, expect, it } from "vitest";
import { correctionItemsPerActionMax } from "../../src/core/limits.ts";
import type { ApiClient, ApiResponse } from "../support/api-client.ts";
import { itemsIn, makeMeter, makeType, placesIn, sendUsage } from "../support/samples.ts";
import { accountId, meterKey, serverForEachTest } from "../support/test-server.ts";

const world = serverForEachTest();
let api: ApiClient;
let meterId: string;

beforeEach(async () => {
  api = world.server.api;
  meterId = (await makeMeter(api, (await makeType(api)).id)).id;
});

async function value(): Promise<unknown> {
  return (await api.get(`/meters/${meterId}`)).body.valueExact;
}

/** Asks for an action and lets it come to its end. */
async function act(path: string, json: object): Promise<Readonly<Record<string, unknown>>> {
  const started = await api.post(`/data-correction/${path}`, json);
  expect([started.status, started.text]).toEqual([201, expect.stringContaining('"total"')]);
  await world.server.world.settle();
  const location = String(started.headers.location);
  expect(location).toBe(`/data-correction/actions/${started.body.id}`);
  return (await api.get(location)).body;
}

async function waiting(query = ""): Promise<readonly Record<string, unknown>[]> {
  return itemsIn(await api.get(`/data-correction/records${query}`), "records");
}

const broken = [
  { userId: "user", amount: 1.5, id: "a" },
  { userId: "user", amount: 2.5 },
  { value: 4, user: "user" },
  { userId: "user", value: "many" },
];

describe("an action", () => {
  it("[DC11] [DC13] repairs by rule and counts, and tells who did what and when", async () => {
    await sendUsage(api, broken);
    const filter = { reason: "MISSING_VALUE", meterKey };
    const rename = { from: "amount", to: "value" };
    const corrected = await act("correct", { filter, rename });
    expect(corrected).toEqual({
      id: corrected.id,
      kind: "correct",
      state: "finished",
      total: 2,
      done: 2,
      failed: 0,
      skipped: 0,
      filter,
      set: null,
      rename,
      lateUsage: null,
      createdAt: "2026-01-01T00:00:00.000Z",
      createdBy: `client-of-${accountId}`,
      finishedAt: "2026-01-01T00:00:00.000Z",
    });
    await act("correct", {
      filter: { reason: "MISSING_USER_ID" },
      rename: { from: "user", to: "userId" },
    });
    const reprocessed = await act("reprocess", { filter: {} });
    expect(reprocessed).toMatchObject({ total: 4, done: 3, failed: 1, skipped: 0 });
    expect(await value()).toBe("8");
    expect(await waiting()).toMatchObject([{ reason: "INVALID_VALUE", attempts: 2 }]);
    expect(await waiting("?state=reprocessed")).toHaveLength(3);
    const actions = await api.get("/data-correction/actions?limit=2");
    expect(actions.headers["x-total-count"]).toBe("3");
    expect(itemsIn(actions, "actions")[0]).toEqual(reprocessed);
  });

  it("[DC14] [DC19] by ids, each of them once, whatever was asked before", async () => {
    await sendUsage(api, [{ value: 1 }, { value: 2 }]);
    const ids = (await waiting()).map(({ id }) => id);
    const twice = await act("delete", { ids: [...ids, ...ids, "0.1.999"] });
    expect(twice).toMatchObject({ kind: "delete", total: 3, done: 2, skipped: 1, filter: null });
    expect(await act("reprocess", { ids })).toMatchObject({ done: 0, skipped: 2 });
    expect(await act("reprocess", { filter: {} })).toMatchObject({ total: 0, state: "finished" });
  });

  it("[DC28] lateUsage goes with the action", async () => {
    expect(await act("reprocess", { filter: {}, lateUsage: "current" })).toMatchObject({
      lateUsage: "current",
    });
    const refused = await api.post("/data-correction/correct", {
      filter: {},
      set: { field: "a", value: 1 },
      lateUsage: "current",
    });
    expect([refused.status, placesIn(refused)]).toEqual([400, ["/lateUsage"]]);
  });

  it("[DC11] of another account is none", async () => {
    const { id } = await act("delete", { filter: {} });
    expect((await world.server.other.get(`/data-correction/actions/${id}`)).status).toBe(404);
    const list = await world.server.other.get("/data-correction/actions");
    expect(itemsIn(list, "actions")).toEqual([]);
  });

  it("[DC12] keeps all digits of what it sets", async () => {
    await sendUsage(api, [{ userId: "user" }]);
    const payload =
      '{"filter":{},"set":{"field":"value","value":12345678901234567890.123456789012345678}}';
    const headers = { "content-type": "application/json" };
    const path = "/data-correction/correct";
    const started = await api.send({ method: "POST", path, payload, headers });
    expect(started.text).toContain('"value":12345678901234567890.123456789012345678');
    await world.server.world.settle();
    await act("reprocess", { filter: {} });
    expect(await value()).toBe("12345678901234567890.123456789012345678");
  });
});

describe("dryRun", () => {
  const preview = async (path: string, json: object): Promise<ApiResponse> =>
    api.post(`/data-correction/${path}`, { ...json, dryRun: true });

  it("[DC10] shows before and after, and changes nothing", async () => {
    await sendUsage(api, broken);
    const before = await waiting();
    const rename = { from: "amount", to: "value" };
    const { status, body } = await preview("correct", { filter: {}, rename });
    expect(status).toBe(200);
    expect(body.total).toBe(4);
    expect(body.changes).toMatchObject([
      {
        id: before[0]?.id,
        before: { state: "waiting", reason: "MISSING_VALUE", record: broken[0] },
        after: {
          state: "waiting",
          reason: "MISSING_VALUE",
          record: { userId: "user", value: 1.5, id: "a" },
        },
        fault: null,
      },
      { fault: null },
      { after: { record: broken[2] }, fault: 'It has no field "amount".' },
      { after: { record: broken[3] }, fault: 'It has no field "amount".' },
    ]);
    expect(await waiting()).toEqual(before);
    expect(itemsIn(await api.get("/data-correction/actions"), "actions")).toEqual([]);
  });

  it("[DC10] judges what reprocessing would count, as it then does", async () => {
    const records = [...broken, { value: 1, userId: "nobody" }];
    await sendUsage(api, records);
    await act("correct", {
      filter: { reason: "MISSING_VALUE" },
      set: { field: "value", value: 1 },
    });
    const { body } = await preview("reprocess", { filter: {} });
    const after = (body.changes as { after: object }[]).map((change) => change.after);
    expect(after).toMatchObject([
      { state: "reprocessed", reason: null },
      { state: "reprocessed", reason: null },
      { state: "waiting", reason: "MISSING_USER_ID" },
      { state: "waiting", reason: "INVALID_VALUE" },
      { state: "waiting", reason: "NO_METER" },
    ]);
    await act("reprocess", { filter: {} });
    expect(await waiting("?state=reprocessed")).toHaveLength(2);
    expect((await waiting()).map(({ reason }) => reason)).toEqual([
      "MISSING_USER_ID",
      "INVALID_VALUE",
      "NO_METER",
    ]);
  });

  it("[DC10] by ids, only of those that wait, 100 at most", async () => {
    await sendUsage(
      api,
      Array.from({ length: 120 }, () => ({ value: 1 })),
    );
    const ids = [...(await waiting()), ...(await waiting("?skip=100"))].map(({ id }) => id);
    const { body } = await preview("delete", { ids });
    expect([body.total, (body.changes as []).length]).toEqual([120, 100]);
    await act("delete", { ids: ids.slice(0, 50) });
    const again = await preview("delete", { ids: [...ids].reverse() });
    expect([again.body.total, (again.body.changes as []).length]).toEqual([120, 50]);
  });
});

describe("a request that breaks a rule", () => {
  const rows: readonly [string, unknown, readonly string[]][] = [
    ["correct", {}, ["/ids", "/set"]],
    ["correct", { ids: ["0.1.1"], filter: {} }, ["/ids", "/set"]],
    [
      "correct",
      { filter: {}, set: { field: "a" }, rename: {} },
      ["/set/value", "/rename/from", "/rename/to", "/set"],
    ],
    ["correct", { filter: {}, rename: { from: "a", to: "a" } }, ["/rename/to"]],
    [
      "correct",
      { filter: {}, set: { field: "", value: 1, type: "x" } },
      ["/set/type", "/set/field"],
    ],
    ["reprocess", { filter: {}, set: { field: "a", value: 1 } }, ["/set"]],
    ["reprocess", { filter: {}, lateUsage: "correct", dryRun: "yes" }, ["/dryRun", "/lateUsage"]],
    [
      "delete",
      { filter: { reason: "NONE", userId: "", from: "x", state: "waiting" } },
      ["/filter/state", "/filter/reason", "/filter/userId", "/filter/from"],
    ],
    [
      "delete",
      { filter: { from: "2026-01-02T00:00:00Z", to: "2026-01-01T00:00:00Z" } },
      ["/filter/from"],
    ],
    ["delete", { filter: null, ids: [] }, ["/ids", "/filter", "/ids"]],
    [
      "delete",
      { ids: ["0.1.1", 7, "1.1", "0.1.1.1", "0.-1.1", "00.1.1", "0.1.4294967296"] },
      ["/ids/1", "/ids/2", "/ids/3", "/ids/4", "/ids/5", "/ids/6"],
    ],
    ["delete", { ids: ["1.1.1"] }, ["/ids/0"]],
    ["delete", [], [""]],
  ];
  it.each(rows)("[DC8] %s %j", async (path, json, places) => {
    const response = await api.post(`/data-correction/${path}`, json);
    expect([response.status, placesIn(response)]).toEqual([400, places]);
  });

  it("[DC9] more ids than an action takes", async () => {
    const ids = Array.from({ length: correctionItemsPerActionMax + 1 }, (_, at) => `0.1.${at}`);
    const response = await api.post("/data-correction/delete", { ids });
    expect([response.status, placesIn(response)]).toEqual([400, ["/ids"]]);
  });
});

describe("GET /data-correction/summary", () => {
  it("[DC23] counts what waits by error, the most frequent first", async () => {
    await sendUsage(api, [{ userId: "user", value: "x" }, { value: 1 }]);
    await world.server.jumpTo("2026-01-01T01:00:00Z");
    api = world.server.api;
    await sendUsage(api, [{ value: 2 }, { value: 3 }]);
    const summary = await api.get("/data-correction/summary");
    expect(summary.headers["x-total-count"]).toBe("2");
    const [first, second] = itemsIn(summary, "summary");
    expect(first).toEqual({
      meterKey,
      reason: "MISSING_USER_ID",
      detail: "userId is missing or empty.",
      count: 3,
      firstSeenAt: "2026-01-01T00:00:00.000Z",
      lastSeenAt: "2026-01-01T01:00:00.000Z",
    });
    expect(second).toMatchObject({ reason: "INVALID_VALUE", count: 1 });
    await act("delete", { filter: { detail: "userId is missing or empty." } });
    const left = itemsIn(await api.get("/data-correction/summary?limit=1"), "summary");
    expect(left).toEqual([second]);
    await world.server.jumpTo("2026-01-01T02:00:00Z");
    api = world.server.api;
    await sendUsage(api, [{ value: 1 }]);
    const again = await api.get("/data-correction/summary?reason=MISSING_USER_ID");
    expect(itemsIn(again, "summary")).toMatchObject([
      { count: 1, firstSeenAt: "2026-01-01T02:00:00.000Z" },
    ]);
    expect(itemsIn(await api.get("/data-correction/summary?meterKey=none"), "summary")).toEqual([]);
    expect(itemsIn(await world.server.other.get("/data-correction/summary"), "summary")).toEqual(
      [],
    );
  });

  it("[DC25] detail finds the items of a line, closed ones too", async () => {
    await sendUsage(api, [{ userId: "x", value: 1 }, { userId: "y", value: 1 }, { value: 1 }]);
    const [line] = itemsIn(await api.get("/data-correction/summary?reason=NO_METER"), "summary");
    const query = `?detail=${encodeURIComponent(String(line?.detail))}`;
    expect(await waiting(query)).toMatchObject([{ userId: "x" }, { userId: "y" }]);
    await act("delete", { filter: { userId: "x" } });
    expect(await waiting(query)).toMatchObject([{ userId: "y" }]);
    expect(await waiting(`${query}&state=deleted`)).toHaveLength(1);
    expect(await waiting("?detail=none")).toEqual([]);
  });
});
