// The OpenAPI document, the table of routes it is made from, and the validator that holds every
// answer of the tests against it.
import { Type } from "typebox";
import { describe, expect, it } from "vitest";
import { scopes } from "../../src/auth/scopes.ts";
import { ok } from "../../src/core/problem.ts";
import { openApiDocument } from "../../src/http/openapi.ts";
import type { PlainRoute, Route } from "../../src/http/route.ts";
import { checkRoutes } from "../../src/http/route-table.ts";
import { named } from "../../src/http/schemas-common.ts";
import { createEdgeServer, exampleRoutes } from "../support/edge-server.ts";
import { createResponseValidator } from "../support/openapi-validator.ts";

const server = await createEdgeServer();
const text = (await server.app.inject({ url: "/openapi.json" })).body;
const document = JSON.parse(text);

const good: PlainRoute = {
  method: "GET",
  path: "/good/{id}",
  operationId: "getGood",
  summary: "Good",
  tag: "Good",
  scope: "read:meters",
  params: { id: "Id." },
  responses: { 200: { description: "Good.", schema: named("Good", Type.Object({})) } },
  handle: () => ok({ status: 200, body: {} }),
};

/** A route as a careless author, or JavaScript, could hand it in. */
function spoiled(changes: object): Route {
  return Object.assign({}, good, changes);
}

describe("the document", () => {
  it("[HT25] describes every route once, by its short path", () => {
    const operations = Object.values<Record<string, { operationId: string }>>(document.paths)
      .flatMap((item) => Object.values(item))
      .map(({ operationId }) => operationId);
    const expected = exampleRoutes().map(({ operationId }) => operationId);
    expect(operations).toEqual(expect.arrayContaining(expected));
    expect(operations).toEqual(
      expect.arrayContaining([
        "createToken",
        "getOpenApi",
        "getLiveness",
        "getReadiness",
        "getMetrics",
      ]),
    );
    expect(new Set(operations).size).toBe(operations.length);
    expect(Object.keys(document.paths).filter((path) => path.includes("/v1/"))).toEqual([]);
  });

  it("[HT25] is the same text every time, and every reference leads somewhere", async () => {
    const again = await createEdgeServer();
    expect((await again.app.inject({ url: "/openapi.json" })).body).toBe(text);
    expect(text).not.toContain("$id");
    const references = [...text.matchAll(/"\$ref": "#\/([^"]+)"/g)].map((match) => match[1] ?? "");
    expect(references.length).toBeGreaterThan(10);
    for (const reference of new Set(references)) {
      const found = reference.split("/").reduce((value, key) => value?.[key], document);
      expect(found, reference).toBeDefined();
    }
  });

  it("[HT25] [AU18] names each operation's scope, and all scopes", () => {
    expect(document.paths["/things"].get.security).toEqual([{ oauth2: ["read:meters"] }]);
    expect(document.paths["/oauth/token"].post.security).toEqual([]);
    const { flows } = document.components.securitySchemes.oauth2;
    expect(flows.clientCredentials).toEqual({ tokenUrl: "/oauth/token", scopes });
  });

  it("[HT25] two different schemas of one name stop it", () => {
    const other = spoiled({
      path: "/other/{id}",
      operationId: "getOther",
      responses: { 200: { description: "Other.", schema: named("Good", Type.String()) } },
    });
    expect(() => openApiDocument([good, other])).toThrow("two schemas are named Good");
  });
});

describe("the table of routes", () => {
  it("[HT26] a faultless route is taken", () => {
    expect(() => checkRoutes([good])).not.toThrow();
  });

  const faults: Readonly<Record<string, readonly [object, string]>> = {
    "no scope": [{ scope: undefined }, "declares no scope"],
    "an unknown scope": [{ scope: "read:everything" }, "unknown scope"],
    "an inherited name as scope": [{ scope: "constructor" }, "unknown scope"],
    "open, but not one of the open paths": [{ scope: null }, "only listed paths may be open"],
    "a path parameter without description": [{ params: undefined }, "has no description"],
    "a trailing slash": [{ path: "/good/" }, "path is malformed"],
    "a body on GET": [
      { request: { bodyKind: "raw", contentTypes: [], schema: {}, bytesMax: 1 } },
      "must not have a body",
    ],
    "no success": [{ responses: { 404: { description: "Never." } } }, "declares no success"],
  };
  it.each(Object.entries(faults))("[HT26] %s stops the start", (_name, [changes, message]) => {
    expect(() => checkRoutes([spoiled(changes)])).toThrow(message);
  });

  it("[HT26] an operation id or an address that is taken stops the start", () => {
    expect(() => checkRoutes([good, good])).toThrow("operationId is taken");
    expect(() => checkRoutes([good, spoiled({ operationId: "b" })])).toThrow("declared twice");
  });
});

describe("the validator", () => {
  const validator = createResponseValidator(text);
  const headers = {
    "content-type": "application/json",
    "x-request-id": "1",
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
  };
  const right = {
    method: "GET",
    path: "/usage-metering/v1/things/a?x=1",
    status: 200,
    headers,
    text: '{"accountId":"a","id":"b"}',
  };

  it("[HT25] takes a response that is described", () => {
    expect(() => validator.assertResponseMatches(right)).not.toThrow();
  });

  const wrong: Readonly<Record<string, readonly [object, string]>> = {
    "another status": [{ status: 202 }, "this status is not documented"],
    "a body of another shape": [{ text: '{"accountId":7}' }, "must be string"],
    "another content type": [
      { headers: { ...headers, "content-type": "text/html" } },
      "text/html is not documented",
    ],
    "no request id": [
      { headers: { ...headers, "x-request-id": undefined } },
      "lacks the header x-request-id",
    ],
    "a success where nothing is": [{ path: "/nothing" }, "is no operation"],
    "no Location where one is due": [
      { method: "POST", path: "/things", status: 201 },
      "lacks the documented header location",
    ],
    "the wrong prefix": [{ path: "/authentication/v1/things" }, "is no operation"],
  };
  it.each(Object.entries(wrong))("[HT25] refuses %s", (_name, [changes, message]) => {
    const response = { ...right, ...changes };
    expect(() => validator.assertResponseMatches(response)).toThrow(message);
  });
});
