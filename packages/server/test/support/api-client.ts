// The client of all HTTP tests: calls a server in the process and validates every answer by the
// server's own OpenAPI document. It must never hide an answer that the document does not describe.
import type { FastifyInstance, InjectOptions } from "fastify";
import { createResponseValidator } from "./openapi-validator.ts";

export interface ApiRequest {
  /** Short or prefixed path, with query. */
  readonly path: string;
  readonly method?: string;
  /** Overrides the client's token; null sends none. */
  readonly token?: string | null;
  /** Sent as JSON. */
  readonly json?: unknown;
  /** Sent as it is; give the content type in `headers`. */
  readonly payload?: string | Buffer;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
}

export interface ApiResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly text: string;
  /** The JSON body's members; empty when the body is no JSON object. */
  readonly body: Readonly<Record<string, unknown>>;
}

export interface ApiClient {
  send(request: ApiRequest): Promise<ApiResponse>;
  get(path: string, more?: Partial<ApiRequest>): Promise<ApiResponse>;
  post(path: string, json: unknown, more?: Partial<ApiRequest>): Promise<ApiResponse>;
  patch(path: string, json: unknown, more?: Partial<ApiRequest>): Promise<ApiResponse>;
  delete(path: string, more?: Partial<ApiRequest>): Promise<ApiResponse>;
  /** The same server, another token. */
  as(token: string | null): ApiClient;
}

/** `token` is sent with every request unless the request says otherwise. */
export async function createApiClient(
  app: FastifyInstance,
  token: string | null = null,
): Promise<ApiClient> {
  const document = await app.inject({ method: "GET", url: "/openapi.json" });
  const validator = createResponseValidator(document.body);
  return clientOf(app, validator, token);
}

function clientOf(
  app: FastifyInstance,
  validator: ReturnType<typeof createResponseValidator>,
  token: string | null,
): ApiClient {
  const send = async (request: ApiRequest): Promise<ApiResponse> => {
    const options = injection(request, token);
    const answer = await app.inject(options);
    const { statusCode: status, headers, body: text } = answer;
    const method = request.method ?? "GET";
    validator.assertResponseMatches({ method, path: request.path, status, headers, text });
    return { status, headers, text, body: objectIn(text, String(headers["content-type"])) };
  };
  return {
    send,
    get: (path, more) => send({ ...more, path }),
    post: (path, json, more) => send({ ...more, method: "POST", path, json }),
    patch: (path, json, more) => send({ ...more, method: "PATCH", path, json }),
    delete: (path, more) => send({ ...more, method: "DELETE", path }),
    as: (other) => clientOf(app, validator, other),
  };
}

function injection(request: ApiRequest, clientToken: string | null): InjectOptions {
  const token = request.token === undefined ? clientToken : request.token;
  const payload = request.json === undefined ? request.payload : JSON.stringify(request.json);
  const headers: Record<string, string | string[]> = {};
  if (token !== null) headers.authorization = `Bearer ${token}`;
  if (request.json !== undefined) headers["content-type"] = "application/json";
  for (const [name, value] of Object.entries(request.headers ?? {})) {
    headers[name] = typeof value === "string" ? value : [...value];
  }
  return {
    method: methodOf(request.method ?? "GET"),
    url: request.path,
    headers,
    ...(payload === undefined ? {} : { payload }),
  };
}

/** The type knows only common methods; the server must meet every one. */
function methodOf(method: string): NonNullable<InjectOptions["method"]> {
  return method as NonNullable<InjectOptions["method"]>;
}

function objectIn(text: string, contentType: string): Readonly<Record<string, unknown>> {
  if (!/json/.test(contentType) || /ndjson/.test(contentType) || text === "") return {};
  const value: unknown = JSON.parse(text);
  return typeof value === "object" && value !== null ? { ...value } : {};
}
