// One line in the log and one count for each answered request. Never a token, a body, a query or
// a user id: the path is named by its operation, and only headers meant for the log are written.
import type { Exchange } from "./exchange.ts";
import { methodsKnown } from "./route.ts";
import type { ServerOptions } from "./server-options.ts";

const loggedCharactersMax = 100;

/** To be called once the answer has been written. */
export function reportAnswer(exchange: Exchange, options: ServerOptions): void {
  const { raw, response, route, startedAt } = exchange;
  const operation = route?.operationId ?? "none";
  const sent = raw.method ?? "";
  const method = methodsKnown.has(sent) ? sent : "other";
  const milliseconds = options.clock.monotonic() - startedAt;
  options.onAnswered?.({ operation, method, status: response.statusCode, milliseconds });
  logAnswer(options, exchange, { operation, milliseconds });
}

function logAnswer(
  { log }: ServerOptions,
  { raw, response, requestId, call }: Exchange,
  { operation, milliseconds }: { readonly operation: string; readonly milliseconds: number },
): void {
  const level = response.statusCode >= 500 ? "warn" : "debug";
  if (log.isLevelEnabled?.(level) === false) return;
  const fields = {
    requestId,
    operation,
    method: raw.method,
    status: response.statusCode,
    milliseconds: Math.round(milliseconds * 1000) / 1000,
    accountId: call?.accountId,
    clientId: call?.clientId,
    sentAccountId: cut(raw.headers["x-account-id"]),
    sentApplicationId: cut(raw.headers["x-application-id"]),
  };
  log[level](fields, "request answered");
}

function cut(header: string | string[] | undefined): string | undefined {
  return header?.toString().slice(0, loggedCharactersMax);
}
