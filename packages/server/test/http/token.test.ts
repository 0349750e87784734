// POST /oauth/token: forms of the request, errors by RFC 6749, scopes; keys and metadata.
import { createPublicKey, verify } from "node:crypto";
import { beforeEach, describe, expect, it } from "vitest";
import { allScopes } from "../../src/auth/scopes.ts";
import { type ApiClient, type ApiResponse, createApiClient } from "../support/api-client.ts";
import { baseUrl, createEdgeServer, type EdgeServer } from "../support/edge-server.ts";

let server: EdgeServer;
let client: ApiClient;
let right: Record<string, string>;

beforeEach(async () => {
  server = await createEdgeServer();
  client = await createApiClient(server.app);
  right = {
    audience: baseUrl,
    client_id: server.mine.clientId,
    client_secret: server.secret,
    grant_type: "client_credentials",
  };
});

function ask(body: unknown, headers: Record<string, string> = {}): Promise<ApiResponse> {
  return client.post("/oauth/token", body, { headers });
}

function askForm(text: string, headers: Record<string, string> = {}): Promise<ApiResponse> {
  const form = { "content-type": "application/x-www-form-urlencoded", ...headers };
  return client.send({ method: "POST", path: "/oauth/token", payload: text, headers: form });
}

function basic(id: string, secret: string): Record<string, string> {
  return { authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString("base64")}` };
}

function expectRefused(response: ApiResponse, status: number, error: string): void {
  expect([response.status, response.body.error]).toEqual([status, error]);
  expect(Object.keys(response.body)).toEqual(["error", "error_description"]);
  expect(response.headers["cache-control"]).toBe("no-store");
  expect(response.headers.pragma).toBe("no-cache");
}

function without(name: string): Record<string, string> {
  return Object.fromEntries(Object.entries(right).filter(([key]) => key !== name));
}

describe("a token is given", () => {
  it("[AU1] [AU8] for the published request, under both roots", async () => {
    for (const path of ["/oauth/token", "/authentication/v1/oauth/token"]) {
      const response = await client.post(path, right);
      expect(response.status).toBe(200);
      expect(response.body).toEqual({
        access_token: expect.stringMatching(/^[\w-]+\.[\w-]+\.[\w-]+$/),
        expires_in: 3600,
        scope: [...allScopes].sort().join(" "),
        token_type: "Bearer",
      });
      expect(response.headers["cache-control"]).toBe("no-store");
      expect(response.headers.pragma).toBe("no-cache");
      const things = await client.get("/things", { token: String(response.body.access_token) });
      expect(things.status).toBe(200);
    }
  });

  it("[AU1] for a form, and for Basic with a form or JSON", async () => {
    const form = new URLSearchParams(right).toString();
    expect((await askForm(form)).status).toBe(200);
    const headers = basic(server.mine.clientId, encodeURIComponent(server.secret));
    const rest = { audience: baseUrl, grant_type: "client_credentials" };
    expect((await askForm(new URLSearchParams(rest).toString(), headers)).status).toBe(200);
    expect((await ask(rest, headers)).status).toBe(200);
    expect((await ask({ ...rest, client_id: server.mine.clientId }, headers)).status).toBe(200);
  });

  it("[AU4] whether or not the audience ends with a slash", async () => {
    expect((await ask({ ...right, audience: `${baseUrl}/` })).status).toBe(200);
    expectRefused(await ask({ ...right, audience: `${baseUrl}//` }), 400, "invalid_target");
  });

  it("[AU3] although there are parameters that nobody knows", async () => {
    expect((await ask({ ...right, resource: ["x"], __proto__: 1 })).status).toBe(200);
  });

  it("[AU7] with the scopes that were asked for", async () => {
    const response = await ask({ ...right, scope: "read:meters create:meters read:meters" });
    expect(response.body.scope).toBe("create:meters read:meters");
  });
});

describe("invalid_request", () => {
  it.each(["audience", "client_id", "client_secret", "grant_type"])(
    "[AU3] [AU4] %s is missing, empty or of the wrong type",
    async (name) => {
      expectRefused(await ask(without(name)), 400, "invalid_request");
      expectRefused(await ask({ ...right, [name]: "" }), 400, "invalid_request");
      for (const value of [null, 7, true, ["x"], {}]) {
        expectRefused(await ask({ ...right, [name]: value }), 400, "invalid_request");
      }
    },
  );

  it("[AU4] a missing audience is answered with what to send", async () => {
    const { body } = await ask(without("audience"));
    expect(body.error_description).toBe("audience is required: send the base URL of this server.");
  });

  const bodies = [
    "",
    "{",
    "[]",
    "null",
    '"x"',
    "{}",
    '{"audience":"a","audience":"a"}',
    "\u{feff}{}",
  ];
  it.each(bodies)("[AU3] the JSON text %j", async (payload) => {
    const headers = { "content-type": "application/json" };
    const request = { method: "POST", path: "/oauth/token", payload, headers };
    expectRefused(await client.send(request), 400, "invalid_request");
  });

  it("[AU3] bytes that are no UTF-8", async () => {
    const payload = Buffer.from([0x7b, 0xff, 0x7d]);
    const headers = { "content-type": "application/json" };
    const request = { method: "POST", path: "/oauth/token", payload, headers };
    expectRefused(await client.send(request), 400, "invalid_request");
  });

  it("[AU3] a form parameter that is repeated", async () => {
    const form = new URLSearchParams(right).toString();
    for (const name of Object.keys(right)) {
      expectRefused(await askForm(`${form}&${name}=x`), 400, "invalid_request");
    }
  });

  const types = ["text/plain", "multipart/form-data", "application/jsonx", "json", ""];
  it.each(types)("[AU3] [HT14] the content type %j", async (type) => {
    expectRefused(await ask(right, { "content-type": type }), 400, "invalid_request");
  });

  it("[AU3] a secret in the query", async () => {
    const query = new URLSearchParams(right).toString();
    const path = `/oauth/token?${query}`;
    expectRefused(await client.post(path, right), 400, "invalid_request");
  });

  it("[AU3] a body over 16 KiB", async () => {
    const scope = "x".repeat(17 * 1024);
    expectRefused(await ask({ ...right, scope }), 400, "invalid_request");
  });

  it("[AU2] two ways of proving who the client is", async () => {
    const headers = basic(server.mine.clientId, server.secret);
    expectRefused(await ask(right, headers), 400, "invalid_request");
    const otherId = { ...without("client_secret"), client_id: server.other.clientId };
    expectRefused(await ask(otherId, headers), 400, "invalid_request");
    const asserted = { ...right, client_assertion: "x.y.z" };
    expectRefused(await ask(asserted), 400, "invalid_request");
  });

  it.each([
    "Basic",
    "Basic ",
    "Basic !!!",
    "Basic QQ",
    "Basic YQ==",
    "Basic YTpi JTIw",
    "Basic JTolJQ==",
  ])("[AU2] malformed Basic: %j", async (authorization) => {
    const rest = { audience: baseUrl, grant_type: "client_credentials" };
    expectRefused(await ask(rest, { authorization }), 400, "invalid_request");
  });
});

describe("other refusals", () => {
  it.each(["password", "authorization_code", "CLIENT_CREDENTIALS", "client_credentials "])(
    "[AU5] grant_type %j",
    async (grant_type) => {
      expectRefused(await ask({ ...right, grant_type }), 400, "unsupported_grant_type");
    },
  );

  it.each(["https://api.digitalroute.io/", "http://localhost:80800", "HTTP://LOCALHOST:8080"])(
    "[AU4] audience %j",
    async (audience) => {
      expectRefused(await ask({ ...right, audience }), 400, "invalid_target");
    },
  );

  it.each([
    "delete:everything",
    "read:meters  create:meters",
    " read:meters",
    "read:meters\tx",
    "__proto__",
  ])("[AU7] scope %j", async (scope) => {
    expectRefused(await ask({ ...right, scope }), 400, "invalid_scope");
  });

  it("[AU7] a scope beyond the grant is refused, never widened", async () => {
    server.accesses.set(server.mine.clientId, { ...server.mine, scopes: ["read:meters"] });
    expectRefused(
      await ask({ ...right, scope: "read:meters create:meters" }),
      400,
      "invalid_scope",
    );
    expect((await ask(right)).body.scope).toBe("read:meters");
  });

  it("[AU6] unknown client and wrong secret are told apart by nothing", async () => {
    const attempts = [
      await ask({ ...right, client_id: "nobody" }),
      await ask({ ...right, client_id: "__proto__" }),
      await ask({ ...right, client_secret: `${server.secret}x` }),
      await ask({ ...right, client_secret: "x" }),
      await ask({ ...right, client_id: server.other.clientId }),
    ];
    for (const attempt of attempts) {
      expectRefused(attempt, 401, "invalid_client");
      expect(attempt.text).toBe(attempts[0]?.text);
      expect(attempt.headers["www-authenticate"]).toBeUndefined();
    }
    const rest = { audience: baseUrl, grant_type: "client_credentials" };
    const byHeader = await ask(rest, basic(server.mine.clientId, "wrong"));
    expectRefused(byHeader, 401, "invalid_client");
    expect(byHeader.headers["www-authenticate"]).toBe('Basic realm="meterhouse"');
  });

  it("[AU6] a wrong audience or scope says nothing before the secret is right", async () => {
    const wrong = { ...right, client_secret: "wrong", audience: "https://x", scope: "none" };
    expectRefused(await ask(wrong), 401, "invalid_client");
  });

  it.each(["GET", "PUT", "DELETE", "PATCH", "OPTIONS"])("[AU8] [HT3] %s is 405", async (method) => {
    const response = await client.send({ method, path: "/oauth/token" });
    expect([response.status, response.headers.allow]).toEqual([405, "POST"]);
    expect(response.body.error).toBe("invalid_request");
  });

  it("[AU8] [HT22] while the engine is not ready: temporarily_unavailable", async () => {
    server.readiness = false;
    const response = await ask(right);
    expectRefused(response, 503, "temporarily_unavailable");
    expect(response.headers["retry-after"]).toBe("1");
  });
});

describe("keys and metadata", () => {
  it("[AU22] the key set has public parameters only and verifies a token", async () => {
    const { body, headers } = await client.get("/.well-known/jwks.json");
    expect(headers["cache-control"]).toBe("max-age=300");
    const { keys } = body as { keys: Record<string, string>[] };
    expect(keys).toHaveLength(1);
    const key = keys[0] ?? {};
    expect(Object.keys(key).sort()).toEqual(["alg", "e", "kid", "kty", "n", "use"]);
    const token = await ask(right);
    const [header, claims, signature = ""] = String(token.body.access_token).split(".");
    const publicKey = createPublicKey({ key, format: "jwk" });
    const signed = Buffer.from(`${header}.${claims}`);
    expect(verify("sha256", signed, publicKey, Buffer.from(signature, "base64url"))).toBe(true);
    expect(key.kid).toBe(server.keys.signing.kid);
  });

  it("[AU22] the metadata name issuer, token endpoint and keys", async () => {
    const { body } = await client.get("/.well-known/oauth-authorization-server");
    expect(body).toMatchObject({
      issuer: baseUrl,
      token_endpoint: `${baseUrl}/oauth/token`,
      jwks_uri: `${baseUrl}/.well-known/jwks.json`,
      grant_types_supported: ["client_credentials"],
      scopes_supported: allScopes,
    });
  });
});
