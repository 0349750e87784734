// The contract between the HTTP edge and the routes: what a route declares and what it is given.
// The edge does everything around it (paths, methods, token, scope, content type, size, reading,
// writing, problem bodies), and the OpenAPI document is made from the same declaration. A route
// must never touch Fastify, a socket or a header that the edge owns.
import type { IncomingHttpHeaders } from "node:http";
import type { TSchema } from "typebox";
import type { Scope } from "../auth/scopes.ts";
import type { JsonValue } from "../core/json-value.ts";
import { assert, type Problem, type Result } from "../core/problem.ts";

export const methods = ["GET", "POST", "PATCH", "PUT", "DELETE"] as const;
export type Method = (typeof methods)[number];
export const methodsKnown: ReadonlySet<string> = new Set([...methods, "HEAD", "OPTIONS"]);

/** The prefixes of the original (HT1), beside the short path. */
export const meteringPrefix = "/usage-metering/v1";
export const authenticationPrefix = "/authentication/v1";

/** A query parameter. It arrives as text; the route reads it and lists all faults together. */
export interface QueryParameter {
  readonly description: string;
  readonly schema: TSchema;
  readonly example?: unknown;
}

interface RequestBase {
  /** Named TypeBox schema of the body (see `named` in schemas-common.ts); for OpenAPI only. */
  readonly schema: TSchema;
  readonly description?: string;
  /** Most bytes of the body: one of the bounds in core/limits.ts. */
  readonly bytesMax: number;
  readonly example?: unknown;
}

/** The edge reads the body with `readJson`; a fault never reaches the route. */
export interface JsonRequest extends RequestBase {
  readonly bodyKind: "json";
  /** Media types without parameters, lower case; default `application/json` alone. */
  readonly contentTypes?: readonly string[];
}

/** The route gets the bytes; the edge has checked only media type, charset and size. */
export interface RawRequest extends RequestBase {
  readonly bodyKind: "raw";
  readonly contentTypes: readonly string[];
  /**
   * Asked before a byte of the body is read, and once more when it has come: why a body of so many
   * bytes would be read for nothing. Null where it would not.
   */
  readonly refuses?: (bodyBytes: number) => Problem | null;
}

export interface ResponseSpec {
  readonly description: string;
  /** Named TypeBox schema of the JSON body; absent when the answer is text only. */
  readonly schema?: TSchema;
  /** Default `application/json`. For others than JSON the schema is that of a string. */
  readonly contentTypes?: readonly string[];
  readonly headers?: Readonly<Record<string, HeaderSpec>>;
  readonly example?: unknown;
}

export interface HeaderSpec {
  readonly description: string;
  /** True when not every answer of this status has it. */
  readonly optional?: boolean;
  readonly schema: TSchema;
}

/** What a route's handler is given when no token is needed. */
export interface OpenContext<Body = undefined> {
  /** Decoded path parameters; read them with `pathParameter`. */
  readonly params: Readonly<Record<string, string>>;
  /** Declared query parameters that were sent, each once, as text (possibly empty). */
  readonly query: ReadonlyMap<string, string>;
  readonly body: Body;
  /** The prefix under which the route was called, "" at the short path: `Location` starts so. */
  readonly root: string;
  readonly requestId: string;
  /** Media type of the body without parameters, lower case; "" without a body. */
  readonly contentType: string;
  readonly headers: IncomingHttpHeaders;
}

export interface Context<Body = undefined> extends OpenContext<Body> {
  /** From the token alone (AU21): whose data this is. */
  readonly accountId: string;
  readonly clientId: string;
}

/**
 * A success, or a refusal whose body the route must shape itself (only the token endpoint).
 * Exactly one of `body`, `text`, `stream`, or none for an empty answer.
 */
export interface Reply {
  readonly status: number;
  /** Written with `writeJson`: plain data and `ExactNumber`. */
  readonly body?: unknown;
  readonly text?: string | Buffer;
  /** Written as it comes; a fault while writing cuts the connection. Not started for HEAD. */
  readonly stream?: AsyncIterable<string | Uint8Array>;
  /** Default `application/json`. */
  readonly contentType?: string;
  /** Lower-case names. */
  readonly headers?: Readonly<Record<string, string>>;
}

export type Handled = Result<Reply> | Promise<Result<Reply>>;

interface RouteBase {
  readonly method: Method;
  /** Short path without prefix, parameters in braces: `/meter-types/{id}`. */
  readonly path: string;
  /**
   * The prefix that answers too; default `meteringPrefix`. Null for none: such a route also
   * answers while the engine is not ready.
   */
  readonly prefix?: string | null;
  readonly operationId: string;
  readonly summary: string;
  readonly description?: string;
  readonly tag: string;
  /** Descriptions of the path parameters by name; each is a string. */
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, QueryParameter>>;
  /**
   * By status. 400, 401, 404 (with path parameters), 429, 500 and 503 are added as problems where
   * not given; a 409 is declared by the route with `problemResponse` of schemas-common.ts.
   */
  readonly responses: Readonly<Record<number, ResponseSpec>>;
}

/** No body: a body that is sent is refused. */
export interface PlainRoute extends RouteBase {
  readonly scope: Scope;
  readonly request?: undefined;
  handle(context: Context): Handled;
}

export interface JsonRoute extends RouteBase {
  readonly scope: Scope;
  readonly request: JsonRequest;
  handle(context: Context<JsonValue>): Handled;
}

export interface RawRoute extends RouteBase {
  readonly scope: Scope;
  readonly request: RawRequest;
  handle(context: Context<Buffer>): Handled;
}

/** Answers without a token. `body` is empty where `request` is absent. */
export interface OpenRoute extends RouteBase {
  readonly scope: null;
  readonly request?: RawRequest;
  /** Refusals of the edge take the form of RFC 6749 (the token endpoint). */
  readonly errorForm?: "oauth";
  handle(context: OpenContext<Buffer>): Handled;
}

/** Declare routes with one of the four types, so that the handler's context is typed. */
export type Route = PlainRoute | JsonRoute | RawRoute | OpenRoute;

/** A path parameter that the route's path names. */
export function pathParameter(context: OpenContext<unknown>, name: string): string {
  const value = context.params[name];
  assert(value !== undefined, `the path of this route has no parameter ${name}`);
  return value;
}

/** Value of `Location` for an object of a collection, under the root that was called. */
export function locationOf(context: OpenContext<unknown>, collection: string, id: string): string {
  return `${context.root}/${collection}/${encodeURIComponent(id)}`;
}
