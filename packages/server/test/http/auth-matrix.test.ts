// Every route with every kind of token under both roots, over the whole table of routes; and two
// accounts beside each other, of which neither sees anything of the other.
import { describe, expect, it } from "vitest";
import type { Route } from "../../src/http/route.ts";
import type { ApiClient } from "../support/api-client.ts";
import { authMatrixFaults, type MatrixCase, uncoveredRoutes } from "../support/auth-matrix.ts";
import { madeDelivery } from "../support/fake-desk.ts";
import {
  itemsIn,
  made,
  makeMeter,
  makeType,
  meterTypeBody,
  sendUsage,
} from "../support/samples.ts";
import {
  accountId,
  meterKey,
  otherAccountId,
  otherMeterKey,
  serverForEachTest,
} from "../support/test-server.ts";

const world = serverForEachTest();
let drawn = 0;

function fresh(): string {
  drawn += 1;
  return `n${drawn}`;
}

const rules = [{ ignoreCondition: true, matchCategory: "DEFAULT" }];
const usage = { payload: "[]", headers: { "content-type": "application/json" } };

/** By operation: a path that is there anew for each call, and a body that is accepted. */
function casesOf(
  api: ApiClient,
  typeId: string,
): Readonly<Record<string, Omit<MatrixCase, "route">>> {
  const type = async (): Promise<string> =>
    `/meter-types/${(await makeType(api, { name: fresh() })).id}`;
  const meter = async (): Promise<string> =>
    `/meters/${(await makeMeter(api, typeId, { userId: fresh() })).id}`;
  const processor = async (): Promise<string> => {
    const name = fresh();
    await made(api, "/meter-processors", { name, meterKey: name, guidingRules: rules });
    return `/meter-processors/${name}`;
  };
  const at = (path: string) => ({ path: () => path });
  return {
    listMeterTypes: at("/meter-types"),
    createMeterType: {
      ...at("/meter-types"),
      request: () => ({ json: { ...meterTypeBody, name: fresh() } }),
    },
    getMeterType: { path: type },
    updateMeterType: { path: type, request: () => ({ json: {} }) },
    deleteMeterType: { path: type },
    listMeters: at("/meters"),
    getMeter: { path: meter },
    updateMeter: { path: meter, request: () => ({ json: {} }) },
    deleteMeter: { path: meter },
    getMeterUsage: {
      path: async () => `${await meter()}/usage?window=PT1H&from=2026-01-01T00:00:00Z`,
    },
    createMeters: {
      ...at("/meters/bulk"),
      request: () => ({ payload: "{}", headers: { "content-type": "application/x-ndjson" } }),
    },
    listMeterProcessors: at("/meter-processors"),
    createMeterProcessor: {
      ...at("/meter-processors"),
      request: () => ({ json: { name: fresh(), guidingRules: rules } }),
    },
    getMeterProcessor: { path: processor },
    updateMeterProcessor: { path: processor, request: () => ({ json: {} }) },
    deleteMeterProcessor: { path: processor },
    sendUsageRecords: {
      path: async () => `${await processor()}/usage-records`,
      request: () => usage,
    },
    previewUsageRecords: { path: async () => `${await processor()}/preview`, request: () => usage },
    listMeteredRecords: at("/metered-records"),
    listThresholdEvents: at("/threshold-events"),
    listDataCorrectionRecords: at("/data-correction/records"),
    ...correctionCases(api),
    listUsageAudit: at("/usage-audit"),
    ...destinationCases(api),
  };
}

function destinationCases(api: ApiClient): Readonly<Record<string, Omit<MatrixCase, "route">>> {
  const destination = async (): Promise<string> => {
    const body = { name: fresh(), kind: "webhook", url: "https://example.com/" };
    return `/destinations/${(await made(api, "/destinations", body)).id}`;
  };
  // One for all that leaves it as it is: an account may have a hundred.
  let lasting: Promise<string> | null = null;
  const inDestination = (place: string) => ({
    path: async () => {
      lasting ??= destination();
      return `${await lasting}${place}`;
    },
  });
  const collection = { path: () => "/destinations" };
  return {
    listDestinations: collection,
    createDestination: {
      ...collection,
      request: () => ({ json: { name: "d", kind: "file", folder: fresh() } }),
    },
    getDestination: inDestination(""),
    updateDestination: { ...inDestination(""), request: () => ({ json: {} }) },
    deleteDestination: { path: destination },
    rotateDestinationSecret: inDestination("/secrets"),
    listDeliveries: inDestination("/deliveries"),
    testDestination: inDestination("/test"),
    resendDelivery: inDestination(`/deliveries/${madeDelivery().id}/resend`),
    resendRange: {
      ...inDestination("/resend"),
      request: () => ({ json: { from: "2026-01-01T00:00:00Z", to: "2026-02-01T00:00:00Z" } }),
    },
  };
}

/** Working on data correction. */
function correctionCases(api: ApiClient): ReturnType<typeof casesOf> {
  const at = (path: string): { path: () => string } => ({ path: () => path });
  return {
    summarizeDataCorrection: at("/data-correction/summary"),
    correctRecords: {
      ...at("/data-correction/correct"),
      request: () => ({ json: { filter: {}, set: { field: "a", value: 1 } } }),
    },
    reprocessRecords: {
      ...at("/data-correction/reprocess"),
      request: () => ({ json: { filter: {} } }),
    },
    deleteRecords: { ...at("/data-correction/delete"), request: () => ({ json: { filter: {} } }) },
    listCorrectionActions: at("/data-correction/actions"),
    getCorrectionAction: {
      path: async () => {
        const action = await made(api, "/data-correction/reprocess", { filter: {} });
        return `/data-correction/actions/${action.id}`;
      },
    },
  };
}

describe("tokens", () => {
  /** Names its meter type in the body, so another account's token gets 404 there as well. */
  const ofItsOwn = "createMeter";

  it("[RC13] every route with every kind of token", async () => {
    const { server } = world;
    const { id } = await makeType(server.api);
    server.desk.deliveries = [madeDelivery()];
    const known = casesOf(server.api, id);
    const secured = server.routes.filter(({ scope }) => scope !== null);
    const cases = secured.flatMap((route: Route): readonly MatrixCase[] => {
      const one = known[route.operationId];
      return one === undefined ? [] : [{ route, ...one }];
    });
    expect(uncoveredRoutes(secured, cases)).toEqual([ofItsOwn]);
    expect(cases).toHaveLength(Object.keys(known).length);
    expect(await authMatrixFaults(server.anyone, server.matrixTokens, cases)).toEqual([]);
  });

  it("[RC13] POST /meters, whose body names a meter type of the account", async () => {
    const { server } = world;
    const route = server.routes.find(({ operationId }) => operationId === ofItsOwn);
    if (route === undefined) throw new Error("the route is gone");
    const reference = "of-both-accounts";
    for (const api of [server.api, server.other]) await makeType(api, { externalRef: reference });
    const request = (): { json: object } => ({
      json: { userId: fresh(), meterKey: "k", externalRef: reference },
    });
    const cases = [{ route, path: () => "/meters", request }];
    expect(await authMatrixFaults(server.anyone, server.matrixTokens, cases)).toEqual([]);
  });
});

/** Everything that an account can list, as text. */
async function everything(api: ApiClient): Promise<string> {
  const paths = [
    "/meter-types",
    "/meters",
    "/meter-processors",
    "/metered-records",
    "/data-correction/records",
    "/data-correction/records?state=superseded",
    "/data-correction/summary",
    "/data-correction/actions",
  ];
  const pages = [];
  for (const path of paths) {
    const { status, text, headers } = await api.get(path);
    pages.push(`${path} ${status} ${headers["x-total-count"]} ${text}`);
  }
  return pages.join("\n");
}

describe("two accounts", () => {
  it("[LI6] [RC3] a noisy neighbour changes nothing that the other sees", async () => {
    const { server } = world;
    await fill(server.other, otherMeterKey);
    const before = await everything(server.other);
    expect(before).toContain(otherAccountId);
    await fill(server.api, meterKey);
    const type = itemsIn(await server.api.get("/meter-types"), "meterTypes")[0];
    await server.api.patch(`/meter-types/${type?.id}`, { name: "changed" });
    await sendUsage(
      server.api,
      Array.from({ length: 100 }, () => ({ userId: "user", value: 9 })),
    );
    expect(await everything(server.other)).toBe(before);
    const mine = await everything(server.api);
    for (const secret of [otherAccountId, otherMeterKey]) expect(mine).not.toContain(secret);
    expect(before).not.toContain(accountId);
    await server.jumpTo("2026-02-01T00:00:00Z");
    const records = async (api: ApiClient): Promise<readonly unknown[]> =>
      itemsIn(await api.get("/metered-records"), "meteredRecords").map((record) => [
        record.meterKey,
        record.value,
      ]);
    expect(await records(server.other)).toEqual([[otherMeterKey, 2]]);
    expect(await records(server.api)).toEqual([[meterKey, 902]]);
  });

  it("[RC3] headers that name an account change nothing", async () => {
    const { server } = world;
    await makeType(server.other);
    const headers = { "x-account-id": otherAccountId, "x-application-id": "any" };
    const { text } = await server.api.get("/meter-types", { headers });
    expect(text).toBe('{"meterTypes":[]}');
    const created = await server.api.post("/meter-types", meterTypeBody, { headers });
    expect(created.body.accountId).toBe(accountId);
  });
});

/** Like names in both accounts: a meter that counted 2, an item that waits, one superseded. */
async function fill(api: ApiClient, key: string): Promise<void> {
  const { id } = await makeType(api, { externalRef: "ref" });
  await makeMeter(api, id, { meterKey: key });
  const records = [
    { userId: "user", value: 1, id: "1" },
    { userId: "user", value: "x", id: "2" },
    { userId: "nobody", value: 1 },
  ];
  const first = await sendUsage(api, records, { key });
  expect(first.body).toMatchObject({ counted: 1, rejected: 2 });
  const second = await sendUsage(api, { userId: "user", value: 1, id: "2" }, { key });
  expect(second.body).toMatchObject({ counted: 1 });
}
