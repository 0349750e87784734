// What the HTTP server is built from, handed in by the composition root. The server makes nothing
// of this itself: no key, no clock, no engine.
import type { KeyRing } from "../auth/keys.ts";
import type { AccessLookup } from "../auth/tokens.ts";
import type { Clock, Random } from "../core/ports.ts";
import type { Route } from "./route.ts";

/** The part of a pino logger that the edge uses. */
export interface Log {
  readonly isLevelEnabled?: (level: string) => boolean;
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** One answered request, for metrics. */
export interface Answered {
  /** Operation id, or "none" where no route fits: never text of the caller. */
  readonly operation: string;
  /** "other" for methods that no route has. */
  readonly method: string;
  readonly status: number;
  readonly milliseconds: number;
}

export interface ServerOptions {
  /** Resource routes; token, key and operations routes are added. */
  readonly routes: readonly Route[];
  readonly keys: KeyRing;
  readonly accesses: AccessLookup;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Base URL without trailing slash: issuer and audience. Known late when the port is 0. */
  baseUrl(): string;
  /** False during recovery and drain: everything but health, metrics and documents is 503. */
  ready(): boolean;
  /** Prometheus text. */
  metricsText(): string | Promise<string>;
  /** Called once for each answered request. */
  onAnswered?(answered: Answered): void;
}
