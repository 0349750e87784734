// POST /oauth/token and what belongs to it: the public keys and the RFC 8414 metadata. Client
// credentials come as JSON, as a form or by HTTP Basic; errors take the form of RFC 6749. Nothing
// tells a wrong secret from an unknown client.
import { Type } from "typebox";
import { type KeyRing, publicKeySet } from "../../auth/keys.ts";
import { allScopes, isScope, type Scope } from "../../auth/scopes.ts";
import { isSecretOf } from "../../auth/secrets.ts";
import { tokenSeconds } from "../../auth/token-format.ts";
import type { AccessLookup } from "../../auth/tokens.ts";
import type { Access } from "../../core/definitions.ts";
import { fail, ok, type Result } from "../../core/problem.ts";
import { oauthText } from "../problems.ts";
import { authenticationPrefix, type OpenRoute, type Reply } from "../route.ts";
import { named, type OAuthError, oauthErrorSchema } from "../schemas-common.ts";
import { type Credentials, readTokenRequest, type TokenRequest } from "../token-request.ts";

export interface TokenIssuer {
  issue(access: Access, scopes: readonly Scope[]): Promise<string>;
}

export interface TokenRouteServices {
  readonly issuer: TokenIssuer;
  readonly accesses: AccessLookup;
  readonly keys: KeyRing;
  /** The audience that a request must name. */
  baseUrl(): string;
}

/** An error of the token endpoint: status, code and text. */
export interface TokenRefusal {
  readonly error: OAuthError;
  readonly description: string;
}

const bodyBytesMax = 16 * 1024;
const formType = "application/x-www-form-urlencoded";

const tokenRequestSchema = named(
  "TokenRequest",
  Type.Object({
    audience: Type.String({
      description:
        "The intended recipients which should accept and process the token. Use the base URL for " +
        "the environment you are accessing.",
    }),
    client_id: Type.Optional(Type.String({ description: "Required unless HTTP Basic is used." })),
    client_secret: Type.Optional(
      Type.String({ description: "Required unless HTTP Basic is used." }),
    ),
    grant_type: Type.Literal("client_credentials"),
    scope: Type.Optional(
      Type.String({ description: "A part of the granted scopes, parted by spaces." }),
    ),
  }),
);

const tokenSchema = named(
  "Token",
  Type.Object(
    {
      access_token: Type.String(),
      expires_in: Type.Integer(),
      scope: Type.String(),
      token_type: Type.Literal("Bearer"),
    },
    { additionalProperties: false },
  ),
);

const noStore = {
  "cache-control": { description: "Always `no-store`.", schema: Type.Literal("no-store") },
};

const oauthFailures = {
  400: { description: "The request breaks a rule.", schema: oauthErrorSchema, headers: noStore },
  401: { description: "Client id and secret do not fit.", schema: oauthErrorSchema },
  429: { description: "Too many requests.", schema: oauthErrorSchema },
  500: { description: "An unexpected internal error.", schema: oauthErrorSchema },
  503: { description: "The service cannot answer now.", schema: oauthErrorSchema },
};

export function tokenRoutes(services: TokenRouteServices): readonly OpenRoute[] {
  return [createToken(services), keySet(services), serverMetadata(services)];
}

function createToken(services: TokenRouteServices): OpenRoute {
  return {
    method: "POST",
    path: "/oauth/token",
    prefix: authenticationPrefix,
    operationId: "createToken",
    summary: "Create access token",
    description:
      "Creates a bearer access token for an OAuth client. The credentials may also come by HTTP " +
      "Basic; a request uses one way only.",
    tag: "Authentication",
    scope: null,
    errorForm: "oauth",
    request: {
      bodyKind: "raw",
      contentTypes: ["application/json", formType],
      bytesMax: bodyBytesMax,
      schema: tokenRequestSchema,
      example: {
        audience: "http://localhost:8080",
        client_id: "u4grtTy18E2DYANsv0G174aSxR3EeOiA",
        client_secret: "U6qN9NTgis3MLeleRXtLgIxtRE-qhpZcPJ_5eoNtNQYcodiY9q0Abs3afgpbX3M6",
        grant_type: "client_credentials",
      },
    },
    responses: {
      200: {
        description: "A token that is valid for an hour.",
        schema: tokenSchema,
        headers: noStore,
        example: {
          access_token: "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6Ii4uLiJ9.e30.c2lnbmF0dXJl",
          expires_in: tokenSeconds,
          scope: "create:meter_types read:meter_types",
          token_type: "Bearer",
        },
      },
      ...oauthFailures,
    },
    handle: async (context) => {
      const request = readTokenRequest(context);
      if (!request.ok) return ok(refused(request.error, false));
      const granted = grant(request.value, services);
      if (!granted.ok) return ok(refused(granted.error, request.value.credentials.isBasic));
      const { access, scopes } = granted.value;
      const body = {
        access_token: await services.issuer.issue(access, scopes),
        expires_in: tokenSeconds,
        scope: scopes.join(" "),
        token_type: "Bearer",
      };
      return ok({ status: 200, body, headers: uncached });
    },
  };
}

const uncached = { "cache-control": "no-store", pragma: "no-cache" };

interface Grant {
  readonly access: Access;
  readonly scopes: readonly Scope[];
}

/** Credentials before everything that depends on whose they are. */
function grant(request: TokenRequest, services: TokenRouteServices): Result<Grant, TokenRefusal> {
  const access = authenticate(request.credentials, services.accesses);
  if (access === undefined) {
    const description = "The client id or the client secret is not right.";
    return fail({ error: "invalid_client", description });
  }
  const audience = services.baseUrl();
  if (withoutSlash(request.audience) !== withoutSlash(audience)) {
    return fail({ error: "invalid_target", description: `The audience must be ${audience}.` });
  }
  const granted = access.scopes.filter(isScope).sort();
  if (request.scope === undefined) return ok({ access, scopes: granted });
  const asked = [...new Set(request.scope.split(" "))].sort();
  const outside = asked.find((name) => !granted.some((scope) => scope === name));
  if (outside !== undefined) {
    const description = `This client has no scope ${outside}; scopes are parted by single spaces.`;
    return fail({ error: "invalid_scope", description });
  }
  return ok({ access, scopes: asked.filter(isScope) });
}

function authenticate(given: Credentials, accesses: AccessLookup): Access | undefined {
  const access = accesses.findAccess(given.clientId);
  return isSecretOf(access, given.clientSecret) ? access : undefined;
}

function withoutSlash(url: string): string {
  return url.endsWith("/") ? url.slice(0, -1) : url;
}

function refused(refusal: TokenRefusal, isBasic: boolean): Reply {
  const isClientFault = refusal.error === "invalid_client";
  const body = { error: refusal.error, error_description: oauthText(refusal.description) };
  const challenge = { "www-authenticate": 'Basic realm="meterhouse"' };
  return {
    status: isClientFault ? 401 : 400,
    body,
    headers: isClientFault && isBasic ? { ...uncached, ...challenge } : uncached,
  };
}

function keySet(services: TokenRouteServices): OpenRoute {
  return {
    method: "GET",
    path: "/.well-known/jwks.json",
    prefix: null,
    operationId: "getKeySet",
    summary: "Public keys of access tokens",
    tag: "Authentication",
    scope: null,
    responses: {
      200: {
        description: "A JSON Web Key Set (RFC 7517).",
        schema: named("KeySet", Type.Object({ keys: Type.Array(Type.Object({})) })),
      },
    },
    handle: () => ok({ status: 200, body: publicKeySet(services.keys), headers: cached }),
  };
}

const cached = { "cache-control": "max-age=300" };

function serverMetadata(services: TokenRouteServices): OpenRoute {
  return {
    method: "GET",
    path: "/.well-known/oauth-authorization-server",
    prefix: null,
    operationId: "getAuthorizationServer",
    summary: "Metadata of the token endpoint",
    tag: "Authentication",
    scope: null,
    responses: {
      200: {
        description: "Authorization server metadata (RFC 8414).",
        schema: named("AuthorizationServer", Type.Object({ issuer: Type.String() })),
      },
    },
    handle: () => ok({ status: 200, body: metadataOf(services.baseUrl()), headers: cached }),
  };
}

function metadataOf(issuer: string): Record<string, unknown> {
  return {
    issuer,
    token_endpoint: `${issuer}/oauth/token`,
    jwks_uri: `${issuer}/.well-known/jwks.json`,
    grant_types_supported: ["client_credentials"],
    response_types_supported: [],
    token_endpoint_auth_methods_supported: ["client_secret_post", "client_secret_basic"],
    scopes_supported: allScopes,
  };
}
