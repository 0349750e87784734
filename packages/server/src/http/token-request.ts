// The token request: JSON or form parameters and HTTP Basic, read into one shape. A parameter that
// is repeated, of the wrong type or a second way of proving who the client is makes the request
// invalid; parameters that we do not know are ignored (RFC 6749 section 3.2).
import type { IncomingHttpHeaders } from "node:http";
import { isJsonObject, type JsonObject, member } from "../core/json-value.ts";
import { fail, ok, type Result } from "../core/problem.ts";
import { readJsonBody, readText } from "./body.ts";
import type { OpenContext } from "./route.ts";
import type { OAuthError } from "./schemas-common.ts";

export interface Credentials {
  readonly clientId: string;
  readonly clientSecret: string;
  /** They came in the Authorization header. */
  readonly isBasic: boolean;
}

export interface TokenRequest {
  readonly credentials: Credentials;
  readonly audience: string;
  readonly scope: string | undefined;
}

interface Refused {
  readonly error: OAuthError;
  readonly description: string;
}

const parameterNames = [
  "audience",
  "client_id",
  "client_secret",
  "client_assertion",
  "grant_type",
  "scope",
] as const;
type Parameters = ReadonlyMap<string, string>;

export function readTokenRequest(context: OpenContext<Buffer>): Result<TokenRequest, Refused> {
  const isJson = context.contentType === "application/json";
  const parameters = isJson ? readJsonParameters(context.body) : readForm(context.body);
  if (!parameters.ok) return parameters;
  const grantType = parameters.value.get("grant_type");
  if (grantType === undefined) return invalidRequest("grant_type is required: client_credentials.");
  if (grantType !== "client_credentials") {
    const description = "grant_type must be client_credentials.";
    return fail({ error: "unsupported_grant_type", description });
  }
  const credentials = readCredentials(parameters.value, context.headers);
  if (!credentials.ok) return credentials;
  const audience = parameters.value.get("audience");
  if (audience === undefined) {
    return invalidRequest("audience is required: send the base URL of this server.");
  }
  const scope = parameters.value.get("scope");
  return ok({ credentials: credentials.value, audience, scope });
}

function invalidRequest(description: string): Result<never, Refused> {
  return fail({ error: "invalid_request", description });
}

function readJsonParameters(bytes: Buffer): Result<Parameters, Refused> {
  const body = readJsonBody(bytes);
  if (!body.ok) return invalidRequest(body.error.detail);
  if (!isJsonObject(body.value)) return invalidRequest("The body must be a JSON object.");
  return collect(body.value);
}

function collect(body: JsonObject): Result<Parameters, Refused> {
  const parameters = new Map<string, string>();
  for (const name of parameterNames) {
    const value = member(body, name);
    if (value === undefined || value === "") continue;
    if (typeof value !== "string") return invalidRequest(`${name} must be a string.`);
    parameters.set(name, value);
  }
  return ok(parameters);
}

/** A parameter without a value counts as left out (RFC 6749 section 3.2). */
function readForm(bytes: Buffer): Result<Parameters, Refused> {
  const text = readText(bytes);
  if (!text.ok) return invalidRequest(text.error.detail);
  const sent = new URLSearchParams(text.value);
  const parameters = new Map<string, string>();
  for (const name of parameterNames) {
    const values = sent.getAll(name);
    if (values.length > 1) return invalidRequest(`${name} is given more than once.`);
    if (values[0] !== undefined && values[0] !== "") parameters.set(name, values[0]);
  }
  return ok(parameters);
}

function readCredentials(
  parameters: Parameters,
  headers: IncomingHttpHeaders,
): Result<Credentials, Refused> {
  const clientId = parameters.get("client_id");
  const clientSecret = parameters.get("client_secret");
  if (parameters.has("client_assertion")) {
    return invalidRequest("client_assertion is not supported; send client_id and client_secret.");
  }
  const header = headers.authorization;
  if (header !== undefined && /^basic(?: |$)/i.test(header)) {
    const basic = readBasic(header);
    if (basic === undefined) return invalidRequest("The Basic credentials are malformed.");
    if (clientSecret !== undefined || (clientId ?? basic.clientId) !== basic.clientId) {
      return invalidRequest("Send the credentials in the header or in the body, not in both.");
    }
    return ok(basic);
  }
  if (clientId === undefined) return invalidRequest("client_id is required.");
  if (clientSecret === undefined) return invalidRequest("client_secret is required.");
  return ok({ clientId, clientSecret, isBasic: false });
}

/** Base64 of id and secret, each form-encoded, with a colon between (RFC 6749 section 2.3.1). */
function readBasic(header: string): Credentials | undefined {
  const encoded = /^basic ([A-Za-z0-9+/]+={0,2})$/i.exec(header)?.[1];
  if (encoded === undefined) return undefined;
  const bytes = Buffer.from(encoded, "base64");
  if (bytes.toString("base64") !== encoded) return undefined;
  const pair = bytes.toString("utf8");
  const colon = pair.indexOf(":");
  if (colon === -1) return undefined;
  const clientId = decodeFormText(pair.slice(0, colon));
  const clientSecret = decodeFormText(pair.slice(colon + 1));
  if (clientId === undefined || clientSecret === undefined) return undefined;
  return { clientId, clientSecret, isBasic: true };
}

function decodeFormText(text: string): string | undefined {
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    return undefined;
  }
}
