// Destinations over HTTP: each operation with each of its statuses. What a body may say has its own
// tests beside core/destination-fields.ts; what the delivery service does, in test/delivery.
import { describe, expect, it } from "vitest";
import { secretBoxOf } from "../../src/auth/secret-box.ts";
import { findDestination } from "../../src/core/destination-table.ts";
import { stateSections } from "../../src/core/snapshot-pass.ts";
import { itemsIn, made, placesIn, plainProblem } from "../support/samples.ts";
import { accountId, serverForEachTest } from "../support/test-server.ts";

const world = serverForEachTest();
const url = "https://example.com/hooks";
const webhook = { name: "Billing", kind: "webhook", url };
const file = { name: "Export", kind: "file", folder: "billing" };

async function makeDestination(body: object = webhook): Promise<string> {
  return `/destinations/${(await made(world.server.api, "/destinations", body)).id}`;
}

describe("POST /destinations, 201", () => {
  it.each(["", "/usage-metering/v1"])("[DV12] [DV13] under the root %j", async (root) => {
    const { api } = world.server;
    const response = await api.post(`${root}/destinations`, webhook);
    expect(response.status).toBe(201);
    const { secret, ...shown } = response.body;
    expect(shown).toEqual({
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      name: "Billing",
      kind: "webhook",
      url,
      previousSecretExpiresAt: null,
      outputs: ["reset"],
      meterKeys: [],
      enabled: true,
      disabledReason: null,
      disabledAt: null,
      createdAt: "2026-01-01T00:00:00.000Z",
      updatedAt: "2026-01-01T00:00:00.000Z",
    });
    expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    const place = `${root}/destinations/${shown.id}`;
    expect(response.headers.location).toBe(place);
    const got = await api.get(place);
    expect([got.status, got.body]).toEqual([200, shown]);
    expect(itemsIn(await api.get(`${root}/destinations`), "destinations")).toEqual([shown]);
  });

  it("[DV11] [DV12] [DV13] a file destination, which has no secret", async () => {
    const { api } = world.server;
    const body = { ...file, format: "csv", outputs: ["threshold", "reset"], meterKeys: ["k"] };
    const response = await api.post("/destinations", { ...body, enabled: false });
    expect([response.status, response.body]).toEqual([
      201,
      {
        ...body,
        id: expect.any(String),
        outputs: ["reset", "threshold"],
        enabled: false,
        disabledReason: "REQUESTED",
        disabledAt: "2026-01-01T00:00:00.000Z",
        createdAt: "2026-01-01T00:00:00.000Z",
        updatedAt: "2026-01-01T00:00:00.000Z",
      },
    ]);
    expect((await api.get(String(response.headers.location))).body).toEqual(response.body);
  });

  it("[DV22] [DV24] secrets differ, and are kept sealed", async () => {
    const { server } = world;
    const secrets: string[] = [];
    for (const _ of [1, 2, 3]) {
      const { id, secret } = await made(server.api, "/destinations", webhook);
      const target = findDestination(server.world.state, accountId, id)?.target;
      const sealed = target?.kind === "webhook" ? target.secrets[0]?.sealed : undefined;
      const box = secretBoxOf(Buffer.alloc(32, 7), server.world.random);
      expect(box.open(sealed ?? "")).toEqual({ ok: true, value: secret });
      secrets.push(String(secret));
    }
    expect(new Set(secrets).size).toBe(3);
    const kept = [...stateSections(server.world.state)].map((section) =>
      "text" in section ? section.text : "",
    );
    for (const secret of secrets) expect(kept.join("\n")).not.toContain(secret.slice(6));
  });
});

describe("POST /destinations, 400 and 409", () => {
  it("[DV1] [DV7] [DV8] [DV9] all faults at once", async () => {
    const faulty = { ...webhook, name: "", url: "http://127.0.0.1:1/", outputs: [], x: 1 };
    const response = await world.server.api.post("/destinations", faulty);
    expect([response.status, placesIn(response).toSorted()]).toEqual([
      400,
      ["/name", "/outputs", "/url", "/x"],
    ]);
    expect(response.text).toContain("must begin with https://; must use one of the ports");
  });

  it("[DV14] [DV21] a folder that is taken, by whomever", async () => {
    const { api, other } = world.server;
    const path = await makeDestination(file);
    const own = await api.post("/usage-metering/v1/destinations", { ...file, folder: "BILLING" });
    expect([own.status, own.body.code]).toEqual([409, "folder-taken"]);
    expect(own.body.existingId).toBe(path.split("/").at(-1));
    expect(own.headers.location).toBe(`/usage-metering/v1${path}`);
    const foreign = await other.post("/destinations", file);
    expect([foreign.status, foreign.body.code]).toEqual([409, "folder-taken"]);
    expect([foreign.body.existingId, foreign.headers.location]).toEqual([undefined, undefined]);
    await api.delete(path);
    expect((await other.post("/destinations", file)).status).toBe(201);
  });

  it("[DV15] more than 100", async () => {
    const { api } = world.server;
    for (let index = 0; index < 100; index += 1) await makeDestination();
    const response = await api.post("/destinations", webhook);
    expect([response.status, response.body.code]).toEqual([409, "too-many-destinations"]);
  });
});

describe("GET /destinations", () => {
  it("[DV20] in the order in which they were made, by the page", async () => {
    const { api } = world.server;
    for (const name of ["a", "b", "c", "d"]) await makeDestination({ ...webhook, name });
    const names = async (query: string): Promise<readonly unknown[]> => {
      const response = await api.get(`/destinations${query}`);
      expect([response.status, response.headers["x-total-count"]]).toEqual([200, "4"]);
      return itemsIn(response, "destinations").map(({ name }) => name);
    };
    expect(await names("")).toEqual(["a", "b", "c", "d"]);
    expect(await names("?limit=2&skip=1")).toEqual(["b", "c"]);
    expect(await names("?skip=9")).toEqual([]);
    expect((await api.get("/destinations?limit=0&kind=file")).status).toBe(400);
  });
});

describe("PATCH /destinations/{id}", () => {
  it("[DV13] [DV16] [DV17] 200 with the destination as it is now", async () => {
    const { server } = world;
    const path = await makeDestination();
    await server.jumpTo("2026-01-02T00:00:00Z");
    const was = await server.api.get(path);
    const empty = await server.api.patch(path, {});
    expect([empty.status, empty.text]).toEqual([200, was.text]);
    const change = { name: "New", url: "https://example.org/", outputs: ["threshold"] };
    const response = await server.api.patch(path, { ...change, enabled: false, meterKeys: ["k"] });
    expect([response.status, response.body]).toEqual([
      200,
      {
        ...was.body,
        ...change,
        meterKeys: ["k"],
        enabled: false,
        disabledReason: "REQUESTED",
        disabledAt: "2026-01-02T00:00:00.000Z",
        updatedAt: "2026-01-02T00:00:00.000Z",
      },
    ]);
    expect((await server.api.get(path)).text).toBe(response.text);
    const enabled = await server.api.patch(path, { enabled: true });
    expect(enabled.body).toMatchObject({ enabled: true, disabledReason: null, disabledAt: null });
  });

  it("[DV3] [DV11] faults change nothing", async () => {
    const { api } = world.server;
    const path = await makeDestination(file);
    const was = (await api.get(path)).text;
    const faulty = { url, folder: "x", format: "csv", kind: "file", enabled: 1, secret: "s" };
    const response = await api.patch(path, { name: "New", ...faulty });
    expect([response.status, placesIn(response).toSorted()]).toEqual([
      400,
      Object.keys(faulty)
        .map((name) => `/${name}`)
        .toSorted(),
    ]);
    expect((await api.get(path)).text).toBe(was);
  });
});

describe("DELETE, and what is not there", () => {
  it("[DV19] [DV21] unknown, deleted and another account's are the same, on every route", async () => {
    const { api, other } = world.server;
    const unknown = plainProblem(await api.get("/destinations/nothing"));
    expect(unknown).toMatchObject({ sent: 404, code: "not-found" });
    const gone = await makeDestination();
    const deleted = await api.delete(gone);
    expect([deleted.status, deleted.body]).toEqual([200, { deletedCount: 1 }]);
    const living = await makeDestination();
    const cases = [
      [api, gone],
      [other, living],
      [api, "/destinations/__proto__"],
    ] as const;
    const range = { from: "2026-01-01T00:00:00Z", to: "2026-01-02T00:00:00Z" };
    for (const [client, path] of cases) {
      const answers = [
        await client.get(path),
        await client.patch(path, { name: 5 }),
        await client.delete(path),
        await client.send({ method: "POST", path: `${path}/secrets` }),
        await client.send({ method: "POST", path: `${path}/test` }),
        await client.get(`${path}/deliveries`),
        await client.send({ method: "POST", path: `${path}/deliveries/x/resend` }),
        await client.post(`${path}/resend`, range),
      ];
      for (const answer of answers) expect(plainProblem(answer)).toEqual(unknown);
    }
    expect(world.server.desk.asked).toEqual([]);
    expect((await api.get(living)).status).toBe(200);
  });
});

describe("POST /destinations/{id}/secrets", () => {
  it("[DV22] [DV23] 201 with the new secret; the last one is told of while it signs", async () => {
    const { server } = world;
    const { id, secret: first } = await made(server.api, "/destinations", webhook);
    const path = `/destinations/${id}`;
    const rotate = { method: "POST", path: `/usage-metering/v1${path}/secrets` };
    const response = await server.api.send(rotate);
    expect(response.status).toBe(201);
    expect(response.headers.location).toBe(`/usage-metering/v1${path}`);
    expect(response.body.secret).toMatch(/^whsec_/);
    expect(response.body.secret).not.toBe(first);
    const end = "2026-01-02T00:00:00.000Z";
    expect(response.body.previousSecretExpiresAt).toBe(end);
    expect((await server.api.get(path)).body.previousSecretExpiresAt).toBe(end);
    await server.jumpTo("2026-01-02T00:00:00Z");
    const later = await server.api.get(path);
    expect(later.body.previousSecretExpiresAt).toBeNull();
    expect(later.body.updatedAt).toBe("2026-01-01T00:00:00.000Z");
  });

  it("[DV23] 409 where there is none", async () => {
    const path = await makeDestination(file);
    const response = await world.server.api.send({ method: "POST", path: `${path}/secrets` });
    expect([response.status, response.body.code]).toEqual([409, "no-secret"]);
  });
});
