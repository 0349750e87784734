// One line in the log and one count for each answered request. Never a token, a body, a query or
// a user id: the path is named by its operation, and only headers meant for the log are written.
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { methodsKnown } from "./route.ts";
import type { ServerOptions } from "./server-options.ts";

const loggedCharactersMax = 100;

export function reportAnswers(app: FastifyInstance, options: ServerOptions): void {
  app.addHook("onResponse", (request, reply, done) => {
    const operation = request.route?.operationId ?? "none";
    const method = methodsKnown.has(request.method) ? request.method : "other";
    const milliseconds = reply.elapsedTime;
    options.onAnswered?.({ operation, method, status: reply.statusCode, milliseconds });
    logAnswer(options, { request, reply, operation });
    done();
  });
}

interface Answer {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly operation: string;
}

function logAnswer({ log }: ServerOptions, { request, reply, operation }: Answer): void {
  const level = reply.statusCode >= 500 ? "warn" : "debug";
  if (log.isLevelEnabled?.(level) === false) return;
  const fields = {
    requestId: request.id,
    operation,
    method: request.method,
    status: reply.statusCode,
    milliseconds: Math.round(reply.elapsedTime * 1000) / 1000,
    accountId: request.call?.accountId,
    clientId: request.call?.clientId,
    sentAccountId: cut(request.headers["x-account-id"]),
    sentApplicationId: cut(request.headers["x-application-id"]),
  };
  log[level](fields, "request answered");
}

function cut(header: string | string[] | undefined): string | undefined {
  return header?.toString().slice(0, loggedCharactersMax);
}
