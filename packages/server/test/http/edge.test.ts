// The HTTP edge around small example routes: paths, methods, order of checks, bodies, queries,
// headers, problem bodies. What a socket must not get through is in smuggling.test.ts.
import { METHODS } from "node:http";
import { beforeEach, describe, expect, it } from "vitest";
import { type ApiClient, type ApiResponse, createApiClient } from "../support/api-client.ts";
import { authMatrixFaults, type MatrixCase, uncoveredRoutes } from "../support/auth-matrix.ts";
import {
  createEdgeServer,
  type EdgeServer,
  exampleRoutes,
  tokenOf,
} from "../support/edge-server.ts";
import { claimsOf, forge } from "../support/token-forge.ts";

let server: EdgeServer;
let client: ApiClient;

beforeEach(async () => {
  server = await createEdgeServer();
  client = await createApiClient(server.app, await tokenOf(server));
});

function codeOf(response: ApiResponse): readonly unknown[] {
  return [response.status, response.body.code];
}

function post(
  payload: string | Buffer,
  headers: Record<string, string> = {},
): Promise<ApiResponse> {
  const all = { "content-type": "application/json", ...headers };
  return client.send({ method: "POST", path: "/things", payload, headers: all });
}

describe("paths and methods", () => {
  it("[HT1] an operation answers under both roots, and Location uses the one called", async () => {
    for (const root of ["", "/usage-metering/v1"]) {
      const made = await client.post(`${root}/things`, { a: 1 });
      expect([made.status, made.headers.location]).toEqual([201, `${root}/things/t1`]);
      expect((await client.get(`${root}/things/account-mine`)).status).toBe(200);
    }
  });

  const paths = [
    ["/", "/nothing", "/things/", "/Things", "//things", "/things//", "/things/a/b", "/oauth"],
    ["/usage-metering/v1", "/usage-metering/v1/", "/usage-metering/v2/things", "/v1/things"],
    ["/authentication/v1/things", "/usage-metering/v1/oauth/token", "/usage-metering/v1/metrics"],
    [
      "/things%2faccount-mine",
      "/things//account-mine",
      "/things/account-mine/",
      `/${"x".repeat(8_000)}`,
    ],
    ["/things/%252e", "/things/%00", `/things/${"y".repeat(2_000)}`, "/things/..%2fthings"],
  ].flat();
  it.each(paths)("[HT2] %s is 404 with and without a token", async (path) => {
    expect(codeOf(await client.get(path))).toEqual([404, "not-found"]);
    const anonymous = await client.get(path, { token: null });
    const isOneThing = /^\/things\/[^/]{1,1000}$/.test(path);
    expect(anonymous.status).toBe(isOneThing ? 401 : 404);
  });

  it.each(["/things/%zz", "/things/%ff", "/%c0%ae"])("[HT2] %s is 400 or 404", async (path) => {
    expect([400, 404]).toContain((await client.get(path)).status);
  });

  it("[HT3] a wrong method is 405 with Allow, before the token is looked at", async () => {
    for (const token of [null, "bad"]) {
      const response = await client.send({ method: "PUT", path: "/things", token });
      expect(codeOf(response)).toEqual([405, "method-not-allowed"]);
      expect(response.headers.allow).toBe("GET, HEAD, POST");
      const one = await client.send({
        method: "OPTIONS",
        path: "/usage-metering/v1/things/x",
        token,
      });
      expect([one.status, one.headers.allow]).toEqual([405, "DELETE, GET, HEAD"]);
    }
  });

  const known = ["GET", "HEAD", "POST", "CONNECT"];
  it.each(METHODS.filter((method) => !known.includes(method)))(
    "[HT3] %s is 405",
    async (method) => {
      const request = { method, path: "/things", headers: { "content-type": "application/json" } };
      expect((await client.send(request)).status).toBe(405);
      expect((await client.send({ ...request, payload: "{}" })).status).toBe(405);
    },
  );

  it("[HT3] headers and parameters that would override the method are not looked at", async () => {
    for (const name of ["x-http-method-override", "x-http-method", "x-method-override"]) {
      const response = await client.get("/things/account-mine", { headers: { [name]: "DELETE" } });
      expect(response.body).toEqual({ accountId: "account-mine", id: "account-mine" });
    }
    expect((await client.get("/things?_method=DELETE")).status).toBe(400);
  });

  it("[HT3] HEAD answers as GET, without the body", async () => {
    const got = await client.get("/things");
    const head = await client.send({ method: "HEAD", path: "/things" });
    expect([head.status, head.text]).toEqual([200, ""]);
    expect(head.headers["content-length"]).toBe(String(got.text.length));
    expect((await client.send({ method: "HEAD", path: "/things", token: null })).status).toBe(401);
  });

  it("[HT27] a stream is written as it comes, and HEAD does not start it", async () => {
    const got = await client.get("/stream");
    expect(got.text).toBe('{"line":0}\n{"line":1}\n{"line":2}\n');
    expect(got.headers["content-type"]).toMatch(/^application\/x-ndjson/);
    const head = await client.send({ method: "HEAD", path: "/stream" });
    expect([head.status, head.text]).toEqual([200, ""]);
    const unstarted = await client.send({ method: "HEAD", path: "/stream?how=early" });
    expect(unstarted.status).toBe(200);
  });

  it("[HT27] a stream that fails before its first line is 500", async () => {
    const response = await client.get("/stream?how=early");
    expect(codeOf(response)).toEqual([500, "internal"]);
    expect(server.lines.filter(({ level }) => level === "error")).toHaveLength(1);
  });
});

describe("order of checks", () => {
  it("[HT12] each check comes before the next one", async () => {
    const bad = { "content-type": "text/plain" };
    const request = { method: "POST", path: "/things?x=1", payload: "{", headers: bad };
    const path = { ...request, path: "/nothing", method: "PUT" };
    expect(codeOf(await client.send({ ...path, token: null }))[0]).toBe(404);
    server.readiness = false;
    expect(codeOf(await client.send({ ...request, method: "PUT" }))[0]).toBe(405);
    expect(codeOf(await client.send({ ...request, token: null }))[0]).toBe(503);
    server.readiness = true;
    expect(codeOf(await client.send({ ...request, token: "bad" }))[1]).toBe("invalid-token");
    const scopeless = await tokenOf(server, ["read:meters"]);
    expect(codeOf(await client.send({ ...request, token: scopeless }))[1]).toBe(
      "insufficient-scope",
    );
    expect(codeOf(await client.send(request))[1]).toBe("unsupported-content-type");
    const typed = { ...request, headers: { "content-type": "application/json" } };
    const large = { ...typed, payload: "x".repeat(2_000) };
    expect(codeOf(await client.send(large))[1]).toBe("invalid-request");
    expect(codeOf(await client.send({ ...large, path: "/things" }))[1]).toBe("body-too-large");
    expect(codeOf(await client.send({ ...typed, path: "/things" }))[1]).toBe("malformed-json");
  });
});

describe("problem bodies", () => {
  it("[HT5] have the members of RFC 9457 and ours, and nothing else", async () => {
    const response = await client.get("/things?x=1", { headers: { "x-request-id": "abc" } });
    expect(response.headers["content-type"]).toBe("application/problem+json; charset=utf-8");
    expect(response.body).toEqual({
      type: "/docs/problems#invalid-request",
      title: "Bad request",
      status: 400,
      detail: "x: is not known here; known: limit, name",
      instance: "/things",
      code: "invalid-request",
      requestId: "abc",
      errors: [{ parameter: "x", detail: "is not known here; known: limit, name" }],
    });
  });

  it("[HT6] list 100 faults and count the rest", async () => {
    const query = Array.from({ length: 100 }, (_, index) => `x${index}=1`).join("&");
    const hundred = await client.get(`/things?${query}`);
    expect(hundred.body.errors).toHaveLength(100);
    expect(hundred.body.errorsOmitted).toBeUndefined();
    const more = await client.post("/things", "faulty");
    expect(more.body.errors).toHaveLength(100);
    expect(more.body.errorsOmitted).toBe(30);
    expect(more.body.detail).toBe("130 faults; each is listed in errors.");
  });

  it("[HT8] what may work later says when to try again", async () => {
    const full = await client.post("/things", "full");
    expect([...codeOf(full), full.headers["retry-after"]]).toEqual([429, "full", "30"]);
    server.readiness = false;
    const starting = await client.post("/things", {});
    expect([starting.status, starting.headers["retry-after"]]).toEqual([503, "1"]);
  });

  it("[HT7] a conflict names what is in the way, and where it is under the root called", async () => {
    const response = await client.post("/usage-metering/v1/things", "taken");
    expect(codeOf(response)).toEqual([409, "thing-exists"]);
    expect(response.body.existingId).toBe("the first/one");
    expect(response.headers.location).toBe("/usage-metering/v1/things/the%20first%2Fone");
  });

  it.each(["now", "later"])("[HT11] a bug is 500 without its cause, logged (%s)", async (how) => {
    const response = await client.get(`/boom?how=${how}`, { headers: { "x-request-id": "r1" } });
    expect(codeOf(response)).toEqual([500, "internal"]);
    expect(response.text).not.toContain("secret cause");
    const errors = server.lines.filter(({ level }) => level === "error");
    expect(errors).toHaveLength(1);
    expect(errors[0]?.fields).toMatchObject({ requestId: "r1", operation: "boom" });
  });

  it("[HT30] another account's object is answered like a missing one", async () => {
    const headers = { "x-request-id": "same" };
    const theirs = await client.get("/things/account-other", { headers });
    const missing = await client.get("/things/nobody", { headers });
    expect(theirs.status).toBe(404);
    expect(theirs.text.replace("account-other", "nobody")).toBe(missing.text);
    const names = (response: ApiResponse): readonly string[] =>
      Object.keys(response.headers).sort();
    expect(names(theirs)).toEqual(names(missing));
  });
});

describe("headers", () => {
  it.each(["a", "A-b_c.9", "x".repeat(64)])("[HT9] the request id %s is echoed", async (id) => {
    const headers = { "x-request-id": id };
    expect((await client.get("/things", { headers })).headers["x-request-id"]).toBe(id);
    expect((await client.get("/nothing", { headers })).headers["x-request-id"]).toBe(id);
  });

  it.each(["", "a b", "x".repeat(65), "<script>", "é", "a,b"])(
    "[HT9] the request id %j is replaced by an own one",
    async (id) => {
      const { headers } = await client.get("/things", { headers: { "x-request-id": id } });
      expect(headers["x-request-id"]).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    },
  );

  it("[HT10] every answer says nosniff and no-store unless it says otherwise", async () => {
    for (const path of ["/things", "/nothing", "/health/live", "/things?x=1", "/%zz"]) {
      const { headers } = await client.get(path);
      expect(headers["x-content-type-options"]).toBe("nosniff");
      expect(headers["cache-control"]).toBe("no-store");
    }
  });

  it("[AU21] [HT24] X-Account-Id and X-Application-Id are logged and change nothing", async () => {
    const headers = { "x-account-id": "account-other", "x-application-id": "z".repeat(500) };
    server.lines.length = 0;
    const { body } = await client.get("/things/account-mine", { headers });
    expect(body.accountId).toBe("account-mine");
    expect((await client.get("/things/account-other", { headers })).status).toBe(404);
    expect(server.lines[0]?.fields).toMatchObject({
      accountId: "account-mine",
      sentAccountId: "account-other",
      sentApplicationId: "z".repeat(100),
    });
  });

  it("[HT24] [HT28] one line and one count for each request, by operation", async () => {
    server.lines.length = 0;
    server.answered.length = 0;
    await client.get("/things?limit=5");
    await client.get("/nothing");
    await client.send({ method: "PROPFIND", path: "/things" });
    expect(server.lines.map(({ message }) => message)).toEqual(Array(3).fill("request answered"));
    expect(JSON.stringify(server.lines)).not.toContain("limit");
    expect(
      server.answered.map(({ operation, method, status }) => [operation, method, status]),
    ).toEqual([
      ["listThings", "GET", 200],
      ["none", "GET", 404],
      ["listThings", "other", 405],
    ]);
  });
});

describe("queries", () => {
  it("[HT13] parameters arrive decoded, once each", async () => {
    const { body } = await client.get("/things?name=a%20b+c%26%C3%A9&limit=");
    expect(body.query).toEqual({ name: "a b c&é", limit: "" });
    expect((await client.get("/things?")).status).toBe(200);
    expect((await client.get("/things?&&limit=1&")).body.query).toEqual({ limit: "1" });
  });

  const faulty = ["x=1", "limit=1&limit=1", "LIMIT=1", "limit[]=1", "__proto__=1", "constructor=1"];
  const encoded = [
    "limit=%zz",
    "limit=%ff",
    "limit=%00",
    "%=1",
    "limit%00=1",
    "=1",
    "access_token=x",
  ];
  it.each([...faulty, ...encoded])("[HT13] %s is 400", async (query) => {
    const response = await client.get(`/things?${query}`);
    expect(codeOf(response)).toEqual([400, "invalid-request"]);
    expect(response.body.errors).toHaveLength(1);
  });

  it("[HT13] all faults are told together", async () => {
    const { body } = await client.get("/things?a=1&limit=%00&name=1&name=2");
    expect((body.errors as { parameter: string }[]).map(({ parameter }) => parameter)).toEqual([
      "a",
      "limit",
      "name",
    ]);
    const many = Array.from({ length: 101 }, () => "limit=1").join("&");
    expect((await client.get(`/things?${many}`)).body.errors).toHaveLength(1);
  });
});

describe("bodies", () => {
  it.each([
    "application/json",
    "application/json; charset=utf-8",
    'Application/JSON ; charset="UTF-8"',
  ])("[HT14] [HT15] the content type %s is taken", async (type) => {
    expect((await post("{}", { "content-type": type })).status).toBe(201);
  });

  const types = ["", "text/plain", "application/xml", "application/json2", "json", "application/"];
  const others = ["application/x-www-form-urlencoded", "application/json, text/plain", "a b/c"];
  it.each([
    ...types,
    ...others,
    "application/json; charset",
    "application/json; charset=utf-8; charset=utf-8",
  ])("[HT14] the content type %j is 400", async (type) => {
    expect(codeOf(await post("{}", { "content-type": type }))[1]).toBe("unsupported-content-type");
  });

  it.each(["utf-16", "latin1", "iso-8859-1", ""])(
    "[HT15] the charset %j is 400",
    async (charset) => {
      const type = `application/json; charset="${charset}"`;
      expect(codeOf(await post("{}", { "content-type": type }))[1]).toBe("unsupported-charset");
    },
  );

  it.each(["gzip", "br", "deflate", "zstd", "identity, gzip", "x"])(
    "[HT15] the content coding %s is 400",
    async (coding) => {
      const response = await post("{}", { "content-encoding": coding });
      expect(codeOf(response)).toEqual([400, "compressed-body"]);
    },
  );

  it("[HT15] the content coding identity is taken", async () => {
    expect((await post("{}", { "content-encoding": "identity" })).status).toBe(201);
  });

  it("[HT16] a fault in the JSON is told with its byte", async () => {
    const { body } = await post('{"é":tru}');
    expect(body.detail).toMatch(/^At byte 6: /);
    expect(body.errors).toEqual([{ pointer: "", detail: body.detail }]);
  });

  const texts = [
    "{",
    "nul",
    "{}{}",
    '{"a":1,"a":2}',
    '"\\ud800"',
    '"\\u0000"',
    "[1,]",
    "01",
    "\u{feff}{}",
  ];
  it.each([...texts, `${"[".repeat(33)}${"]".repeat(33)}`])("[HT16] %j is 400", async (text) => {
    expect(codeOf(await post(text))).toEqual([400, "malformed-json"]);
  });

  it("[HT16] bytes that are no UTF-8 are 400, an empty body is 400", async () => {
    expect(codeOf(await post(Buffer.from([0x22, 0xc3, 0x22])))).toEqual([400, "invalid-encoding"]);
    expect(codeOf(await post(""))).toEqual([400, "empty-body"]);
    const chunked = { "transfer-encoding": "chunked" };
    expect(codeOf(await post("", chunked))).toEqual([400, "empty-body"]);
  });

  it.each(["GET", "DELETE"])("[HT16] %s with a body is 400", async (method) => {
    const request = { method, path: "/things/account-mine", json: {} };
    expect(codeOf(await client.send(request))).toEqual([400, "body-not-allowed"]);
    const empty = { method, path: "/things/account-mine", headers: { "content-length": "0" } };
    expect((await client.send(empty)).status).toBe(200);
  });

  it("[HT17] a body may be as long as its bound and no longer", async () => {
    const exact = JSON.stringify("x".repeat(998));
    expect((await post(exact)).status).toBe(201);
    expect(codeOf(await post(`${exact} `))).toEqual([400, "body-too-large"]);
  });

  it("[HT17] raw routes get the bytes as sent, up to their own bound", async () => {
    const send = (payload: Buffer, type: string): Promise<ApiResponse> =>
      client.send({ method: "POST", path: "/raw", payload, headers: { "content-type": type } });
    const sent = await send(Buffer.from([0xff, 0x00]), "application/x-ndjson; x=y");
    expect(sent.body).toEqual({ bytes: 2, contentType: "application/x-ndjson" });
    expect((await send(Buffer.alloc(100_000), "application/json")).body.bytes).toBe(100_000);
    const over = await send(Buffer.alloc(100_001), "application/json");
    expect(codeOf(over)).toEqual([400, "body-too-large"]);
  });

  it("[HT18] numbers keep their digits, and no name changes what an object is", async () => {
    const text = '{"n":12345678901234567890.10,"__proto__":{"x":1},"constructor":1,"z":1e400}';
    const { text: answer } = await post(text);
    expect(answer).toContain('"n":12345678901234567890.10');
    expect(answer).toContain('"__proto__":{"x":1},"constructor":1,"z":1e400');
    expect(Reflect.get({}, "x")).toBeUndefined();
  });
});

describe("operations", () => {
  it("[HT22] while the engine is not ready, only operations answer", async () => {
    server.readiness = false;
    const refused = await client.get("/things");
    expect(codeOf(refused)).toEqual([503, "unavailable"]);
    expect(refused.headers["retry-after"]).toBe("1");
    const ready = await client.get("/health/ready", { token: null });
    expect([ready.status, ready.body]).toEqual([503, { status: "not-ready" }]);
    expect(ready.headers["retry-after"]).toBe("1");
    for (const path of ["/health/live", "/metrics", "/openapi.json", "/.well-known/jwks.json"]) {
      expect((await client.get(path, { token: null })).status).toBe(200);
    }
  });

  it("[HT23] health, metrics and the document need no token", async () => {
    const anonymous = client.as(null);
    expect((await anonymous.get("/health/live")).body).toEqual({ status: "live" });
    expect((await anonymous.get("/health/ready")).body).toEqual({ status: "ready" });
    const metrics = await anonymous.get("/metrics");
    expect(metrics.headers["content-type"]).toBe("text/plain; version=0.0.4; charset=utf-8");
    expect(metrics.text).toBe("# metrics\n");
    expect((await anonymous.get("/openapi.json")).body.openapi).toBe("3.1.0");
  });
});

describe("tokens and scopes", () => {
  const paths = [
    "/things",
    "/things",
    "/things/account-mine",
    "/things/account-mine",
    "/raw",
    "/stream",
  ];
  const routes = exampleRoutes().filter(({ operationId }) => operationId !== "boom");
  const cases: readonly MatrixCase[] = routes.map((route, index) => ({
    route,
    path: () => paths[index] ?? "",
    request: () => (route.request === undefined ? {} : { json: {} }),
  }));

  it("[AU24] [AU19] [AU20] every route under both roots with every kind of token", async () => {
    const iat = Math.floor(server.clock.now() / 1000) - 3_700;
    const tokens = {
      owner: (scopes: Parameters<typeof tokenOf>[1]) => tokenOf(server, scopes),
      stranger: (scopes: NonNullable<Parameters<typeof tokenOf>[1]>) =>
        server.tokens.issue(server.other, scopes),
      expired: async () => forge(server, { claims: claimsOf(server, { iat, exp: iat + 3_600 }) }),
    };
    expect(uncoveredRoutes(exampleRoutes(), cases)).toEqual(["boom"]);
    expect(await authMatrixFaults(client, tokens, cases)).toEqual([]);
  });

  it("[AU24] the matrix notices a route that lets everybody in", async () => {
    const good = await tokenOf(server);
    const tokens = {
      owner: async () => good,
      stranger: async () => good,
      expired: async () => good,
    };
    const faults = await authMatrixFaults(client, tokens, cases.slice(2, 3));
    expect(faults.filter((fault) => fault.includes("but 200"))).toHaveLength(8);
  });

  it("[AU19] without a token the challenge is bare", async () => {
    const { headers } = await client.get("/things", { token: null });
    expect(headers["www-authenticate"]).toBe("Bearer");
  });

  it("[AU20] a token without the scope is 401 and names the scope", async () => {
    const token = await tokenOf(server, ["read:meters"]);
    const response = await client.post("/things", {}, { token });
    expect(codeOf(response)).toEqual([401, "insufficient-scope"]);
    expect(response.headers["www-authenticate"]).toBe(
      'Bearer error="insufficient_scope", scope="create:meters"',
    );
  });

  it("[AU23] a token in the query or the body is not looked at", async () => {
    const token = await tokenOf(server);
    const query = await client.get(`/things?access_token=${token}`, { token: null });
    expect(codeOf(query)).toEqual([401, "missing-token"]);
    const body = await client.post("/things", { access_token: token }, { token: null });
    expect(codeOf(body)).toEqual([401, "missing-token"]);
  });
});
