// Makes the OpenAPI 3.1 document from the table of routes. Deterministic: the same routes give the
// same text. It only describes; no request is ever judged by it outside the tests.
import { type Scope, scopes } from "../auth/scopes.ts";
import { assert } from "../core/problem.ts";
import { authenticationPrefix, meteringPrefix, type ResponseSpec, type Route } from "./route.ts";
import { parametersOf } from "./route-table.ts";
import { commonProblems, problemSchema } from "./schemas-common.ts";

type Json = Record<string, unknown>;

const description = [
  "Usage metering: meter types, meters, usage, metered records.",
  "Every operation answers at the path shown here and under the prefixes of the original:",
  `\`${authenticationPrefix}\` for \`/oauth/token\`, \`${meteringPrefix}\` for everything that needs a token.`,
  "`Location` uses the root that was called.",
  "Errors are RFC 9457 problems; those of the token endpoint are RFC 6749 errors.",
  "Numbers may have more digits than a double holds; they are kept and given back exactly.",
].join("\n");

const accountHeaders = ["X-Account-Id", "X-Application-Id"] as const;

export function openApiDocument(routes: readonly Route[]): Json {
  const components = new Components();
  const paths: Record<string, Json> = {};
  for (const route of routes) {
    const item = paths[route.path] ?? {};
    item[route.method.toLowerCase()] = operationOf(route, components);
    paths[route.path] = item;
  }
  components.refer(problemSchema);
  return {
    openapi: "3.1.0",
    info: {
      title: "Meterhouse",
      version: "1.0.0",
      description,
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: "/" }],
    tags: [...new Set(routes.map((route) => route.tag))].map((name) => ({ name })),
    paths,
    components: {
      schemas: components.sorted(),
      parameters: Object.fromEntries(accountHeaders.map((name) => [name, accountHeader(name)])),
      securitySchemes: { oauth2: securityScheme() },
    },
  };
}

/** Named schemas, listed once; a name stands for one schema only. */
class Components {
  readonly #schemas = new Map<string, { readonly text: string; readonly schema: unknown }>();

  /** The schema with every named schema in it replaced by a reference. */
  refer(schema: unknown): unknown {
    if (Array.isArray(schema)) return schema.map((element) => this.refer(element));
    if (typeof schema !== "object" || schema === null) return schema;
    const name = "$id" in schema && typeof schema.$id === "string" ? schema.$id : undefined;
    const entries = Object.entries(schema)
      .filter(([key]) => key !== "$id")
      .map(([key, value]) => [key, this.refer(value)]);
    const plain: unknown = Object.fromEntries(entries);
    if (name === undefined) return plain;
    const text = JSON.stringify(plain);
    const present = this.#schemas.get(name);
    assert(present === undefined || present.text === text, `two schemas are named ${name}`);
    this.#schemas.set(name, { text, schema: plain });
    return { $ref: `#/components/schemas/${name}` };
  }

  sorted(): Json {
    const names = [...this.#schemas.keys()].sort();
    return Object.fromEntries(names.map((name) => [name, this.#schemas.get(name)?.schema]));
  }
}

function operationOf(route: Route, components: Components): Json {
  const parameters = parametersFor(route, components);
  return {
    operationId: route.operationId,
    summary: route.summary,
    ...(route.description === undefined ? {} : { description: route.description }),
    tags: [route.tag],
    security: route.scope === null ? [] : [{ oauth2: [route.scope] }],
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(route.request === undefined ? {} : { requestBody: requestBody(route, components) }),
    responses: responsesOf(route, components),
  };
}

function parametersFor(route: Route, components: Components): Json[] {
  const inPath = parametersOf(route.path).map((name) => ({
    name,
    in: "path",
    required: true,
    description: route.params?.[name] ?? "",
    schema: { type: "string" },
  }));
  const inQuery = Object.entries(route.query ?? {}).map(([name, parameter]) => ({
    name,
    in: "query",
    description: parameter.description,
    schema: components.refer(parameter.schema),
    ...(parameter.example === undefined ? {} : { example: parameter.example }),
  }));
  const headers = accountHeaders.map((name) => ({ $ref: `#/components/parameters/${name}` }));
  return [...inPath, ...inQuery, ...(route.scope === null ? [] : headers)];
}

function accountHeader(name: string): Json {
  return {
    name,
    in: "header",
    description: "Accepted and written to the log; the token alone says whose data it is.",
    schema: { type: "string" },
  };
}

function requestBody(route: Route, components: Components): Json {
  const { request } = route;
  assert(request !== undefined, "only routes with a body have a request body");
  const media = {
    schema: components.refer(request.schema),
    ...(request.example === undefined ? {} : { example: request.example }),
  };
  const types = request.contentTypes ?? ["application/json"];
  return {
    required: true,
    ...(request.description === undefined ? {} : { description: request.description }),
    content: Object.fromEntries(types.map((type) => [type, media])),
  };
}

function responsesOf(route: Route, components: Components): Json {
  const all: Record<number, ResponseSpec> = { ...problemsOf(route), ...route.responses };
  return Object.fromEntries(
    Object.entries(all).map(([status, response]) => [status, responseOf(response, components)]),
  );
}

/** The refusals that need not be declared by each route. */
function problemsOf(route: Route): Record<number, ResponseSpec> {
  const { 400: bad, 401: unauthorized, 404: missing, ...others } = commonProblems;
  if (route.scope === null) return { 400: bad, 500: commonProblems[500] };
  const forPath = parametersOf(route.path).length > 0 ? { 404: missing } : {};
  return { 400: bad, 401: unauthorized, ...forPath, ...others };
}

function responseOf(response: ResponseSpec, components: Components): Json {
  const types = response.contentTypes ?? ["application/json"];
  const schema = components.refer(response.schema);
  const media = (type: string): Json => ({
    schema: type.includes("json") && !type.includes("ndjson") ? schema : textSchema,
    ...(response.example === undefined ? {} : { example: response.example }),
  });
  const headers = Object.entries(response.headers ?? {}).map(([name, header]) => [
    name,
    {
      description: header.description,
      required: header.optional !== true,
      schema: components.refer(header.schema),
    },
  ]);
  return {
    description: response.description,
    headers: { "x-request-id": requestIdHeader, ...Object.fromEntries(headers) },
    ...(response.schema === undefined
      ? {}
      : { content: Object.fromEntries(types.map((type) => [type, media(type)])) }),
  };
}

const textSchema: Json = { type: "string" };

const requestIdHeader: Json = {
  description: "The caller's X-Request-Id if it is 1 to 64 of letters, digits, `.`, `_`, `-`.",
  required: true,
  schema: { type: "string" },
};

function securityScheme(): Json {
  const descriptions: Record<Scope, string> = scopes;
  return {
    type: "oauth2",
    description: "A token of `POST /oauth/token`, sent as `Authorization: Bearer`.",
    flows: { clientCredentials: { tokenUrl: "/oauth/token", scopes: descriptions } },
  };
}
