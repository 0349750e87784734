// All routes of a server: token and key routes, the resources handed in, the operations. The
// OpenAPI document is made from this very list, so that nothing answers that is not described.
import { openApiDocument } from "./openapi.ts";
import type { Route } from "./route.ts";
import { operationRoutes } from "./routes/operations.ts";
import { type TokenIssuer, tokenRoutes } from "./routes/token.ts";
import type { ServerOptions } from "./server-options.ts";

export type DocumentedParts = Pick<
  ServerOptions,
  "routes" | "keys" | "accesses" | "baseUrl" | "ready" | "metricsText"
>;

export function documentedRoutes(parts: DocumentedParts, issuer: TokenIssuer): readonly Route[] {
  const { keys, accesses } = parts;
  let text: string | undefined;
  const openApiText = (): string => {
    text ??= openApiOf(routes);
    return text;
  };
  const routes: readonly Route[] = [
    ...tokenRoutes({ issuer, accesses, keys, baseUrl: () => parts.baseUrl() }),
    ...parts.routes,
    ...operationRoutes({
      openApiText,
      ready: () => parts.ready(),
      metricsText: () => parts.metricsText(),
    }),
  ];
  return routes;
}

/** The document as it is kept in openapi.json: two spaces, a line end. */
export function openApiOf(routes: readonly Route[]): string {
  return `${JSON.stringify(openApiDocument(routes), null, 2)}\n`;
}
