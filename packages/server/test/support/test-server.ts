// The whole server for tests of the API: the production engine over a simulated disk, the real
// projection in a file of its own, a virtual clock, a seeded random source, two accounts. Called in
// the process by a client that validates every answer. The one place that puts all this together.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FastifyInstance } from "fastify";
import { afterEach, beforeEach } from "vitest";
import { type KeyRing, keyRingOf, makeSigningKey } from "../../src/auth/keys.ts";
import { allScopes, type Scope } from "../../src/auth/scopes.ts";
import { secretBoxOf } from "../../src/auth/secret-box.ts";
import { hashSecret } from "../../src/auth/secrets.ts";
import { Tokens } from "../../src/auth/tokens.ts";
import type { Access } from "../../src/core/definitions.ts";
import type { EpochMs } from "../../src/core/ports.ts";
import { assert } from "../../src/core/problem.ts";
import { webhookUrl } from "../../src/delivery/webhook-url.ts";
import { documentedRoutes } from "../../src/http/documented-routes.ts";
import type { Route } from "../../src/http/route.ts";
import { allRoutes } from "../../src/http/routes/all.ts";
import { buildServer } from "../../src/http/server.ts";
import { openProjection, type Projection } from "../../src/projection/database.ts";
import { type ApiClient, createApiClient } from "./api-client.ts";
import type { MatrixTokens } from "./auth-matrix.ts";
import { accountId, EngineWorld, type EngineWorldOptions, meterKey } from "./engine-world.ts";
import { FakeDesk } from "./fake-desk.ts";

export { accountId, meterKey };

/** The second account, and the key of its processor `Default`. */
export const otherAccountId = "00000000-0000-4000-8000-000000000002";
export const otherMeterKey = "other-key";

const baseUrl = "http://localhost:8080";

/** One for all tests of a file: making one takes a tenth of a second or more. */
let sharedKeys: Promise<KeyRing> | null = null;

class TestServer {
  readonly world: EngineWorld;
  readonly app: FastifyInstance;
  /** Everything that the server answers, as in its OpenAPI document. */
  readonly routes: readonly Route[];
  readonly tokens: Tokens;
  /** What was logged as an error: empty unless a promise of ours broke. */
  readonly errors: readonly unknown[];
  /** Stands for the delivery service. */
  readonly desk: FakeDesk;
  /** With all scopes of the first account, and of the second. */
  api: ApiClient;
  other: ApiClient;
  readonly #directory: string;
  readonly #anyone: ApiClient;

  constructor(parts: {
    readonly world: EngineWorld;
    readonly app: FastifyInstance;
    readonly routes: readonly Route[];
    readonly tokens: Tokens;
    readonly errors: readonly unknown[];
    readonly desk: FakeDesk;
    readonly directory: string;
    readonly anyone: ApiClient;
  }) {
    this.world = parts.world;
    this.app = parts.app;
    this.routes = parts.routes;
    this.tokens = parts.tokens;
    this.errors = parts.errors;
    this.desk = parts.desk;
    this.#directory = parts.directory;
    this.#anyone = parts.anyone;
    this.api = parts.anyone;
    this.other = parts.anyone;
  }

  get now(): EpochMs {
    return this.world.clock.now();
  }

  get projectionFile(): string {
    return join(this.#directory, "projection.db");
  }

  get projection(): Projection {
    const { outputs } = this.world.life;
    assert(isProjection(outputs), "the test server has a real projection");
    return outputs;
  }

  token(account: string, scopes: readonly Scope[] = allScopes): Promise<string> {
    return this.tokens.issue(this.#accessOf(account), scopes);
  }

  /** For the table of tokens and routes. */
  get matrixTokens(): MatrixTokens {
    return {
      owner: (scopes) => this.token(accountId, scopes),
      stranger: (scopes) => this.token(otherAccountId, scopes),
      expired: async () => {
        const { clock } = this.world;
        const { now } = this;
        clock.set(now - 2 * 3_600_000);
        const token = await this.token(accountId);
        clock.set(now);
        return token;
      },
    };
  }

  /** A client that sends no token unless told to. */
  get anyone(): ApiClient {
    return this.#anyone;
  }

  /** Sets the clock, lets everything that is due happen, and takes new tokens. */
  async jumpTo(instant: EpochMs | string): Promise<void> {
    this.world.clock.set(typeof instant === "string" ? Date.parse(instant) : instant);
    await this.world.settle();
    await this.takeTokens();
  }

  async takeTokens(): Promise<void> {
    this.api = this.#anyone.as(await this.token(accountId));
    this.other = this.#anyone.as(await this.token(otherAccountId));
  }

  async close(): Promise<void> {
    await this.app.close();
    if (this.world.failure === null) await this.world.stop();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  #accessOf(account: string): Access {
    const access = this.world.state.accesses.get(`client-of-${account}`);
    assert(access !== undefined, "each account has an access");
    return access;
  }
}

async function createTestServer(options: EngineWorldOptions = {}): Promise<TestServer> {
  const directory = mkdtempSync(join(tmpdir(), "meterhouse-test-"));
  const file = join(directory, "projection.db");
  const world = await EngineWorld.open({ ...options, openOutputs: () => openProjection(file) });
  await addAccounts(world);
  sharedKeys ??= keyRingOf(makeSigningKey());
  const keys = await sharedKeys;
  const errors: unknown[] = [];
  const accesses = { findAccess: (clientId: string) => world.state.accesses.get(clientId) };
  const { clock, random } = world;
  const desk = new FakeDesk();
  const tokens = new Tokens({ keys, accesses, clock, random, issuer: () => baseUrl });
  const resources = allRoutes({
    get engine() {
      return world.engine;
    },
    get projection() {
      return server.projection;
    },
    delivery: {
      desk,
      secrets: secretBoxOf(Buffer.alloc(32, 7), random),
      webhookUrl: webhookUrl({ allowPrivate: false, ports: [443, 8443] }),
    },
  });
  const silent = (): void => {};
  const parts = {
    routes: resources,
    keys,
    accesses,
    clock,
    random,
    log: {
      debug: silent,
      info: silent,
      warn: silent,
      error: (fields: object) => void errors.push(fields),
    },
    baseUrl: () => baseUrl,
    ready: () => world.engine.ready,
    metricsText: () => "",
  };
  const app = buildServer(parts);
  const anyone = await createApiClient(app);
  const routes = documentedRoutes(parts, tokens);
  const served = { world, app, routes, tokens, errors, desk, directory, anyone };
  const server = new TestServer(served);
  await server.takeTokens();
  return server;
}

/** A server of its own for each test of the file; an unexpected error in its log fails the test. */
export function serverForEachTest(options: EngineWorldOptions = {}): {
  readonly server: TestServer;
} {
  let current: TestServer | null = null;
  beforeEach(async () => {
    current = await createTestServer(options);
  });
  afterEach(async () => {
    const ended = current;
    current = null;
    await ended?.close();
    assert((ended?.errors.length ?? 0) === 0, "the server logged an error");
  });
  return {
    get server(): TestServer {
      assert(current !== null, "there is a server while a test runs");
      return current;
    },
  };
}

async function addAccounts(world: EngineWorld): Promise<void> {
  await world.execute({
    kind: "create-account",
    accountId: otherAccountId,
    name: "other",
    meterKey: otherMeterKey,
  });
  for (const account of [accountId, otherAccountId]) {
    const made = await world.execute({
      kind: "put-access",
      id: `access-${account}`,
      accountId: account,
      name: "test",
      clientId: `client-of-${account}`,
      secretHash: hashSecret(`secret-of-${account}`),
      scopes: allScopes,
    });
    assert(made.ok, "the access was made");
  }
}

function isProjection(outputs: object): outputs is Projection {
  return "listMeters" in outputs;
}
