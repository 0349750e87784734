// Hostile input: bodies, queries and paths mutilated at random by a printed seed. Whatever comes in,
// the answer is one of the published statuses, described by the OpenAPI document, and never 500.
import { describe, expect, it } from "vitest";
import type { ApiRequest } from "../support/api-client.ts";
import { made, makeMeter, makeType, meterTypeBody } from "../support/samples.ts";
import { createSeededRandom, type SeededRandom, seedOf } from "../support/seeded-random.ts";
import { meterKey, serverForEachTest } from "../support/test-server.ts";

const seed = seedOf(20_261_122);
const world = serverForEachTest();
const attempts = 500;

const processorBody = {
  name: "n",
  guidingRules: [
    {
      customName: "a",
      conditions: [{ field: "f", value: "1", type: "number" }],
      matchCategory: "DEFAULT",
      groupBy: [{ fields: ["a", "b.c"] }],
      otherOperations: [{ field: "x", operation: "carry-first" }],
    },
  ],
  deduplication: { field: "id", windowDays: 10 },
  suspenseManagement: { enabled: true },
};
const typeBody = {
  ...meterTypeBody,
  description: "d",
  category: "DEFAULT",
  externalRef: "r",
  activeFrom: "2026-01-01T00:00:00Z",
  activeTo: "2027-01-01T00:00:00Z",
  capacity: 10,
  thresholds: [{ name: "t", capacityPercentage: 50, customFields: { a: 1 } }],
};
const record = {
  userId: "user",
  value: 1.5,
  timestamp: "2026-01-01T00:00:00Z",
  id: "r1",
  a: { b: 1 },
};
const event = {
  specversion: "1.0",
  id: "1",
  source: "s",
  type: "t",
  subject: "user",
  time: "2026-01-01T00:00:00Z",
  data: { value: 1 },
};

interface Target {
  readonly method: "POST" | "PATCH";
  readonly path: string;
  readonly body: unknown;
  readonly contentType?: string;
}

async function targets(): Promise<readonly Target[]> {
  const { api } = world.server;
  const type = await makeType(api, { name: "target" });
  const meter = await makeMeter(api, type.id);
  const newMeter = { userId: "u", meterKey, meterTypeId: type.id, customFields: { a: { b: 1 } } };
  const sent = `/meter-processors/${meterKey}/usage-records`;
  const previewed = `/meter-processors/${meterKey}/preview`;
  const ndjson = "application/x-ndjson";
  return [
    { method: "POST", path: "/meter-types", body: typeBody },
    {
      method: "PATCH",
      path: `/meter-types/${type.id}`,
      body: { ...typeBody, aggregation: undefined },
    },
    { method: "POST", path: "/meters", body: newMeter },
    {
      method: "PATCH",
      path: `/meters/${meter.id}`,
      body: { deleteOnReset: true, customFields: { a: 1 }, capacity: 1, thresholds: [] },
    },
    { method: "POST", path: "/meter-processors", body: { ...processorBody, meterKey: "k" } },
    { method: "PATCH", path: `/meter-processors/${meterKey}`, body: processorBody },
    { method: "POST", path: "/meters/bulk", body: newMeter, contentType: ndjson },
    { method: "POST", path: sent, body: [record, record] },
    { method: "POST", path: `${sent}?detail=all`, body: record, contentType: ndjson },
    { method: "POST", path: sent, body: event, contentType: "application/cloudevents+json" },
    {
      method: "POST",
      path: `${sent}?detail=all`,
      body: [event],
      contentType: "application/cloudevents-batch+json",
    },
    { method: "POST", path: previewed, body: [record, event] },
    ...(await destinationTargets()),
    ...correctionTargets(),
  ];
}

function correctionTargets(): readonly Target[] {
  const filter = { meterKey, reason: "NO_METER", userId: "u", from: "2026-01-01T00:00:00Z" };
  const path = "/data-correction";
  const set = { field: "value", value: { a: [1] } };
  return [
    { method: "POST", path: `${path}/correct`, body: { ids: ["0.1.1"], set, dryRun: false } },
    { method: "POST", path: `${path}/correct`, body: { filter, rename: { from: "a", to: "b" } } },
    { method: "POST", path: `${path}/reprocess`, body: { filter, lateUsage: "current" } },
    { method: "POST", path: `${path}/delete`, body: { filter, dryRun: true } },
  ];
}

async function destinationTargets(): Promise<readonly Target[]> {
  const webhook = { name: "d", kind: "webhook", url: "https://example.com/a?b=c" };
  const common = { outputs: ["reset", "threshold"], meterKeys: ["k"], enabled: true };
  const { id } = await made(world.server.api, "/destinations", { ...webhook, ...common });
  const { kind: _, ...change } = webhook;
  const file = { name: "f", kind: "file", folder: "folder", format: "csv" };
  const range = { from: "2026-01-01T00:00:00Z", to: "2026-01-02T00:00:00Z" };
  return [
    { method: "POST", path: "/destinations", body: { ...webhook, ...common } },
    { method: "POST", path: "/destinations", body: { ...file, ...common } },
    { method: "PATCH", path: `/destinations/${id}`, body: { ...change, ...common } },
    { method: "POST", path: `/destinations/${id}/resend`, body: range },
  ];
}

describe("bodies", () => {
  it(`[RC12] ${attempts} mutilated bodies of each route, seed ${seed}`, async () => {
    const random = createSeededRandom(seed);
    const { server } = world;
    const statuses = new Map<number, number>();
    for (const target of await targets()) {
      for (let attempt = 0; attempt < attempts; attempt += 1) {
        const payload = mutilated(target.body, random);
        const headers = { "content-type": target.contentType ?? "application/json" };
        const request: ApiRequest = { method: target.method, path: target.path, payload, headers };
        const { status, headers: sent } = await server.api.send(request);
        const what = `${target.path} attempt ${attempt}: ${payload.toString("latin1").slice(0, 500)}`;
        expect([200, 201, 400, 404, 409], what).toContain(status);
        expect(sent["x-request-id"], what).toMatch(/^[\w.-]{1,64}$/);
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
      }
    }
    // The bodies are neither all faulty nor all good.
    expect(statuses.get(400)).toBeGreaterThan(attempts);
    expect((statuses.get(200) ?? 0) + (statuses.get(201) ?? 0)).toBeGreaterThan(attempts);
    await server.jumpTo("2026-02-01T00:00:00Z");
    for (const path of [
      "/meters",
      "/meter-types",
      "/metered-records",
      "/data-correction/records",
    ]) {
      expect((await server.api.get(path)).status).toBe(200);
    }
  });

  it("[RC12] a deep, a wide and a long body are refused in time in proportion to them", async () => {
    const { api } = world.server;
    const wide = Array.from({ length: 20_000 }, (_, at) => `"m${at}":1`).join(",");
    for (const payload of [
      "[".repeat(250_000),
      `${"[".repeat(100_000)}${"]".repeat(100_000)}`,
      '{"a":'.repeat(50_000),
      `{${wide}}`,
      `"${"\\u0061".repeat(40_000)}"`,
      `{"name":"${"(".repeat(200_000)}"}`,
      "-".repeat(200_000),
      `1${"0".repeat(200_000)}`,
      `{"capacity":1e${"9".repeat(100_000)}}`,
    ]) {
      for (const path of [
        "/meter-types",
        "/meters",
        `/meter-processors/${meterKey}/usage-records`,
      ]) {
        const headers = { "content-type": "application/json" };
        const { status } = await api.send({ method: "POST", path, payload, headers });
        expect([200, 400]).toContain(status);
      }
    }
  });
});

describe("queries and paths", () => {
  it(`[RC12] mutilated queries and paths, seed ${seed}`, async () => {
    const random = createSeededRandom(seed + 1);
    const { server } = world;
    const paths = server.routes
      .filter(({ method, scope }) => method === "GET" && scope !== null)
      .map(({ path, query }) => ({ path, names: Object.keys(query ?? {}) }));
    for (let attempt = 0; attempt < 1_000; attempt += 1) {
      const { path, names } = random.pick(paths);
      const filled = path.replaceAll(/\{[^}]+\}/g, () =>
        encodeURIComponent(nasty(random)).slice(0, 900),
      );
      const query = Array.from({ length: random.integer(0, 3) }, () => {
        const name = random.chance(0.8) && names.length > 0 ? random.pick(names) : nasty(random);
        const value = random.chance(0.3) ? String(random.integer(0, 200)) : nasty(random);
        return `${encodeURIComponent(name)}=${encodeURIComponent(value)}`;
      });
      const target = `${filled}?${query.join("&")}`;
      if (target.length > 8_000 || /\/(%2E|\.|%2e)*\?/.test(target)) continue;
      const { status } = await server.api.get(target);
      expect([200, 400, 404], `attempt ${attempt}: ${target}`).toContain(status);
    }
  });
});

/** A body with one to three changes to its structure, its text or its bytes. */
function mutilated(body: unknown, random: SeededRandom): Buffer {
  let value: unknown = structuredClone(body);
  for (let change = random.integer(0, 2); change > 0; change -= 1) value = changed(value, random);
  let text = JSON.stringify(value) ?? "";
  if (random.chance(0.2)) {
    const at = random.integer(0, text.length);
    text = `${text.slice(0, at)}${random.pick(pieces)}${text.slice(at + random.integer(0, 3))}`;
  }
  const bytes = Buffer.from(text);
  if (random.chance(0.1) && bytes.length > 0) {
    bytes[random.integer(0, bytes.length - 1)] = random.integer(0, 255);
  }
  return bytes;
}

const pieces = [
  "",
  ",",
  "{",
  "}",
  "[",
  "]",
  '"',
  "\\",
  "\n",
  "\0",
  "null",
  "1e400",
  "-0",
  "1e-400",
  "\ufeff",
  "\\ud800",
  '"__proto__":{"a":1},',
  '"constructor":1,',
  "99999999999999999999999999999999999999999999",
];

const nastyTexts = [
  "",
  " ",
  "\t",
  "a\u0000b",
  "__proto__",
  "constructor",
  "hasOwnProperty",
  "' OR 1=1 --",
  "#{7*7}",
  "{{7*7}}",
  "../../etc/passwd",
  "<script>",
  "\u202e",
  "𝕏".repeat(30),
  "é",
  "%s%n",
  "\r\nSet-Cookie: a=b",
  "=cmd|' /C calc'!A0",
  "1e1000",
  "NaN",
  "2026-02-30T00:00:00Z",
  "x".repeat(500),
];

function nasty(random: SeededRandom): string {
  return random.pick(nastyTexts);
}

function changed(value: unknown, random: SeededRandom): unknown {
  if (random.chance(0.25) || typeof value !== "object" || value === null)
    return replacement(random);
  if (Array.isArray(value)) {
    const at = random.integer(0, value.length);
    return random.chance(0.3)
      ? [...value, ...value]
      : value.toSpliced(at, random.integer(0, 1), changed(value[at], random));
  }
  const entries = Object.entries(value);
  const at = random.integer(0, Math.max(0, entries.length - 1));
  const [name = "x", inner] = entries[at] ?? [];
  const choice = random.fraction();
  if (choice < 0.15) entries.splice(at, 1);
  else if (choice < 0.3) entries.push([nasty(random), inner]);
  else entries[at] = [name, changed(inner, random)];
  return Object.fromEntries(entries);
}

function replacement(random: SeededRandom): unknown {
  return random.pick([
    null,
    true,
    false,
    0,
    -1,
    1.5,
    1e21,
    -1e-7,
    Number.MAX_SAFE_INTEGER + 2,
    [],
    {},
    [[]],
    { a: { b: { c: [] } } },
    nasty(random),
    nasty(random),
    nasty(random),
  ]);
}
