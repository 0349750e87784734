// Every sample of the published API page, sent as printed but for dates, which are moved to the
// present, and ids, which are those that exist. Collapsed objects are filled in.
import { beforeEach, describe, expect, it } from "vitest";
import { itemsIn, sendUsage } from "../support/samples.ts";
import { accountId, meterKey, serverForEachTest } from "../support/test-server.ts";

const world = serverForEachTest({ now: Date.parse("2026-07-26T09:00:15.690Z") });

const resetSchedule = { day: "1", hour: "0", minute: "0", month: "*", weekday: "*" };
const meterTypeSample = {
  activeFrom: "2026-07-26T09:00:15.690+00:00",
  activeTo: "2027-11-22T00:00:00.000+00:00",
  aggregation: { type: "sum" },
  category: "API Counts",
  description: "Meter definition to count the number of API requests per customer",
  externalRef: "878752b4-4ddf",
  name: "Usage based API counter",
  resetSchedule,
  timezone: "Etc/UTC",
  unit: "requests",
};
const patchMeterTypeSample = {
  activeFrom: "2026-07-26T09:00:15.690+00:00",
  activeTo: "2027-11-22T00:00:00.000+00:00",
  category: "API Counts",
  description: "Meter definition to count the number of API requests per customer",
  externalRef: "878752b4-4ddf",
  name: "Usage based API counter",
  resetSchedule,
  timezone: "Etc/UTC",
  unit: "requests",
};
const meterTypeAnswer = {
  accountId,
  activeFrom: "2026-07-26T09:00:15.690Z",
  activeTo: "2027-11-22T00:00:00.000Z",
  aggregation: { type: "sum" },
  category: "API Counts",
  createdAt: "2026-07-26T09:00:15.690Z",
  description: "Meter definition to count the number of API requests per customer",
  externalRef: "878752b4-4ddf",
  name: "Usage based API counter",
  numberOfMeters: 0,
  resetSchedule,
  timezone: "Etc/UTC",
  unit: "requests",
  updatedAt: "2026-07-26T09:00:15.690Z",
};
const meterSample = {
  meterKey: "a1f8797b-c827-4483-b6cf-6d3d3baa18a7",
  userId: "user0@example.com",
};
const meterAnswer = {
  carryFirst: {},
  carryLast: {},
  createdAt: "2026-07-26T09:00:15.690Z",
  deleteOnReset: false,
  groups: [],
  ...meterSample,
  meterMetaData: { count: 0, firstEvent: null, lastEvent: null },
  meterTypeName: "Usage based API counter",
  periodEnd: "2026-08-01T00:00:00.000Z",
  periodStart: "2026-07-26T09:00:15.690Z",
  timezone: "Etc/UTC",
  unit: "requests",
  updatedAt: "2026-07-26T09:00:15.690Z",
  value: 0,
};

describe.each(["", "/usage-metering/v1"])("[RC11] samples under the root %j", (root) => {
  const headers = { "x-account-id": "any", "x-application-id": "any" };
  let typeId: string;

  beforeEach(async () => {
    const { api } = world.server;
    const created = await api.post(`${root}/meter-types`, meterTypeSample, { headers });
    expect([created.status, created.body]).toEqual([201, expect.objectContaining(meterTypeAnswer)]);
    typeId = String(created.body.id);
  });

  it("meter types", async () => {
    const { api } = world.server;
    const place = `${root}/meter-types/${typeId}`;
    const answer = expect.objectContaining({ ...meterTypeAnswer, id: typeId });
    const got = await api.get(place, { headers });
    expect([got.status, got.body]).toEqual([200, answer]);
    const query = "limit=10&skip=0&sortOrder=ASC&sortBy=name&name=Usage%20based";
    const listed = await api.get(`${root}/meter-types?${query}`, { headers });
    expect(itemsIn(listed, "meterTypes")).toEqual([answer]);
    const patched = await api.patch(place, patchMeterTypeSample, { headers });
    expect([patched.status, patched.body]).toEqual([200, answer]);
    const deleted = await api.delete(place, { headers });
    expect([deleted.status, deleted.text]).toEqual([200, '{"deletedCount":1}']);
  });

  it("meters", async () => {
    const { api } = world.server;
    const sample = { ...meterSample, meterTypeId: typeId };
    const created = await api.post(`${root}/meters`, sample, { headers });
    const { id } = created.body;
    const answer = { ...meterAnswer, id, meterTypeId: typeId };
    expect([created.status, created.body]).toEqual([201, expect.objectContaining(answer)]);
    const place = `${root}/meters/${id}`;
    const got = await api.get(place, { headers });
    expect([got.status, got.body]).toEqual([200, expect.objectContaining(answer)]);
    const filters = `meterKey=${meterSample.meterKey}&meterTypeId=${typeId}&userId=user0%40example.com`;
    const listed = await api.get(`${root}/meters?limit=10&skip=0&${filters}`, { headers });
    expect(itemsIn(listed, "meters")).toEqual([expect.objectContaining(answer)]);
    const patched = await api.patch(place, { deleteOnReset: true }, { headers });
    expect([patched.status, patched.body.deleteOnReset]).toEqual([200, true]);
    const deleted = await api.delete(place, { headers });
    expect([deleted.status, deleted.text]).toEqual([200, '{"deletedCount":1}']);
  });

  it("the other way to name the meter type", async () => {
    const body = { ...meterSample, externalRef: meterTypeSample.externalRef };
    const created = await world.server.api.post(`${root}/meters`, body, { headers });
    expect([created.status, created.body.meterTypeId]).toEqual([201, typeId]);
  });
});

it("[RC11] the printed meter: a value of 25", async () => {
  const { api } = world.server;
  const type = await api.post("/meter-types", { ...meterTypeSample, category: null });
  const body = { userId: meterSample.userId, meterKey, meterTypeId: type.body.id };
  const { id } = (await api.post("/meters", body)).body;
  await sendUsage(api, { userId: meterSample.userId, value: 25 });
  const { text } = await api.get(`/meters/${id}`);
  expect(text).toContain('"value":25,');
});

it("[RC11] the token request, which lacks the audience, is told what to send", async () => {
  const { anyone } = world.server;
  for (const path of ["/oauth/token", "/authentication/v1/oauth/token"]) {
    const sample = {
      client_id: "u4grtTy18E2DYANsv0G174aSxR3EeOiA",
      client_secret: "U6qN9NTgis3MLeleRXtLgIxtRE-qhpZcPJ_5eoNtNQYcodiY9q0Abs3afgpbX3M6",
      grant_type: "client_credentials",
    };
    const { status, body } = await anyone.post(path, sample);
    expect([status, body.error]).toEqual([400, "invalid_request"]);
    expect(body.error_description).toContain("audience");
  }
});
