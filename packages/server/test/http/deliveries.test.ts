// Deliveries over HTTP: what the routes ask of the delivery service, and how its answers and its
// refusals go out. The service itself is a stand-in.
import { beforeEach, describe, expect, it } from "vitest";
import type { Problem } from "../../src/core/problem.ts";
import type { ApiResponse } from "../support/api-client.ts";
import { madeDelivery } from "../support/fake-desk.ts";
import { itemsIn, made, placesIn } from "../support/samples.ts";
import { accountId, serverForEachTest } from "../support/test-server.ts";

const world = serverForEachTest();
let id = "";
let path = "";

beforeEach(async () => {
  const body = { name: "Billing", kind: "webhook", url: "https://example.com/" };
  ({ id } = await made(world.server.api, "/destinations", body));
  path = `/destinations/${id}`;
});

function post(place: string): Promise<ApiResponse> {
  return world.server.api.send({ method: "POST", path: `${path}${place}` });
}

const client = `client-of-${accountId}`;
const disabled: Problem = {
  kind: "conflict",
  code: "destination-disabled",
  detail: "The destination is disabled; enable it first.",
};

describe("GET /destinations/{id}/deliveries", () => {
  it("[DV27] each delivery with its attempts, newest first", async () => {
    const { api, desk } = world.server;
    const file = { name: "0.9.0.csv", meterKey: "k", records: 3, bytes: null, sha256: null };
    desk.deliveries = [
      madeDelivery(),
      madeDelivery({
        id: "file_0.9.0",
        type: "file",
        recordId: null,
        state: "pending",
        deliveredAt: null,
        nextAttemptAt: Date.UTC(2026, 2, 1),
        attemptCount: 0,
        attempts: [],
        file,
      }),
    ];
    const response = await api.get(`${path}/deliveries`);
    expect([response.status, response.headers["x-total-count"]]).toEqual([200, "2"]);
    const attempt = { durationMs: 12, replay: false };
    expect(itemsIn(response, "deliveries")).toEqual([
      {
        id: "msg_0.12.0",
        type: "metered_record.created",
        recordId: "0.12.0",
        state: "delivered",
        createdAt: "2026-02-01T00:00:00.000Z",
        deliveredAt: "2026-02-01T00:00:05.000Z",
        nextAttemptAt: null,
        attemptCount: 2,
        attempts: [
          {
            ...attempt,
            at: "2026-02-01T00:00:00.000Z",
            status: 500,
            answer: "try later",
            error: "The receiver answered 500.",
          },
          { ...attempt, at: "2026-02-01T00:00:05.000Z", status: 204, answer: null, error: null },
        ],
        file: null,
      },
      {
        id: "file_0.9.0",
        type: "file",
        recordId: null,
        state: "pending",
        createdAt: "2026-02-01T00:00:00.000Z",
        deliveredAt: null,
        nextAttemptAt: "2026-03-01T00:00:00.000Z",
        attemptCount: 0,
        attempts: [],
        file,
      },
    ]);
  });

  it("[DV27] by state and by the page", async () => {
    const { api, desk } = world.server;
    desk.deliveries = Array.from({ length: 5 }, (_, index) =>
      madeDelivery({ id: `m${index}`, state: index % 2 === 0 ? "failed" : "pending" }),
    );
    const response = await api.get(`${path}/deliveries?state=failed&limit=1&skip=1`);
    expect(response.headers["x-total-count"]).toBe("3");
    expect(itemsIn(response, "deliveries").map((item) => item.id)).toEqual(["m2"]);
    const faulty = await api.get(`${path}/deliveries?state=lost&limit=0&skip=x`);
    expect([faulty.status, placesIn(faulty).toSorted()]).toEqual([400, ["limit", "skip", "state"]]);
    expect((await api.get(`${path}/deliveries?kind=x`)).status).toBe(400);
  });
});

describe("POST /destinations/{id}/test", () => {
  it("[DV28] 200 with the delivery", async () => {
    const response = await post("/test");
    expect([response.status, response.body.id, response.body.type]).toEqual([
      200,
      "msg_test_1",
      "test",
    ]);
    expect(world.server.desk.asked).toEqual([{ test: id }]);
  });

  it("[DV28] 429 while another one is on its way", async () => {
    const detail = "A test of this destination is on its way; wait for its end.";
    world.server.desk.refusal = { kind: "too-many-requests", code: "test-running", detail };
    const response = await post("/test");
    expect([response.status, response.body.code]).toEqual([429, "test-running"]);
    expect(response.headers["retry-after"]).toMatch(/^\d+$/);
  });
});

describe("POST …/resend", () => {
  it("[DV29] one delivery", async () => {
    const { desk } = world.server;
    desk.deliveries = [madeDelivery({ id: "msg_0.12.0" })];
    const response = await post("/deliveries/msg_0.12.0/resend");
    expect([response.status, response.body.id]).toEqual([200, "msg_0.12.0"]);
    expect((await post("/deliveries/msg_0.12.1/resend")).status).toBe(404);
    desk.refusal = disabled;
    const refused = await post("/deliveries/msg_0.12.0/resend");
    expect([refused.status, refused.body.code]).toEqual([409, "destination-disabled"]);
    expect(desk.asked[0]).toEqual({ resend: id, id: "msg_0.12.0", by: client });
  });

  it("[DV30] a range of time", async () => {
    const { api, desk } = world.server;
    desk.deliveries = [madeDelivery()];
    const range = { from: "2026-01-01T01:00:00+01:00", to: "2026-01-02T00:00:00Z" };
    const response = await api.post(`${path}/resend`, range);
    expect([response.status, response.body]).toEqual([200, { matched: 1 }]);
    const asked = { from: Date.UTC(2026, 0, 1), to: Date.UTC(2026, 0, 2) };
    expect(desk.asked).toEqual([{ resendRange: id, range: asked, by: client }]);
    desk.refusal = disabled;
    expect((await api.post(`${path}/resend`, range)).status).toBe(409);
  });

  it.each([
    [{}, ["/from", "/to"]],
    [{ from: 1, to: "2026", ids: [] }, ["/from", "/ids", "/to"]],
    [{ from: "2026-01-02T00:00:00Z", to: "2026-01-02T00:00:00Z" }, ["/from"]],
    [{ from: null, to: "2026-01-02T00:00:00Z" }, ["/from"]],
  ])("[DV30] %j is refused", async (range, places) => {
    const response = await world.server.api.post(`${path}/resend`, range);
    expect([response.status, placesIn(response).toSorted()]).toEqual([400, places]);
    expect(world.server.desk.asked).toEqual([]);
  });
});
