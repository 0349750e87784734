// Writes openapi.json from the table of routes. With --check it writes nothing and fails when the
// file is not what the routes say.
import { readFileSync, writeFileSync } from "node:fs";
import { documentedRoutes, openApiOf } from "../src/http/documented-routes.ts";
import { checkRoutes } from "../src/http/route-table.ts";
import { allRoutes } from "../src/http/routes/all.ts";

const file = new URL("../../../openapi.json", import.meta.url);

/** Stands for every service: making the document must not use any. */
function unused(): never {
  throw new Error("a service was used while the OpenAPI document was made");
}

const services = new Proxy(Object.create(null), { get: unused });
const routes = documentedRoutes(
  {
    routes: allRoutes(services),
    keys: services,
    accesses: { findAccess: unused },
    baseUrl: unused,
    ready: unused,
    metricsText: unused,
  },
  { issue: unused },
);
checkRoutes(routes);
const text = openApiOf(routes);

if (!process.argv.includes("--check")) {
  writeFileSync(file, text);
} else if (readFileSync(file, "utf8") !== text) {
  process.stderr.write("openapi.json is stale; run `npm run openapi`.\n");
  process.exitCode = 1;
}
