// The composition root: with open-store.ts, which it shares with the commands, the only file that
// constructs adapters and puts the system together. Run as a program it starts the server. It decides
// nothing itself, and ends with 1 and one sentence when the server cannot start, with 2 on wrong
// arguments.
import { createAccount, ensureFirstAccount, type FirstAccount } from "./accounts.ts";
import { productVersion, readArguments } from "./arguments.ts";
import { type KeyRing, openKeys } from "./auth/keys.ts";
import { openSecretBox, type SecretBox } from "./auth/secret-box.ts";
import { type Config, changedSettings, readConfig } from "./config.ts";
import { eachDestination } from "./core/destination-table.ts";
import { assert, fail, ok, type Result } from "./core/problem.ts";
import { type DeliveryService, openDelivery } from "./delivery/open-delivery.ts";
import { webhookUrl } from "./delivery/webhook-url.ts";
import type { GroupEngine } from "./engine/engine.ts";
import { outputsCsv } from "./http/csv.ts";
import { allRoutes } from "./http/routes/all.ts";
import { buildServer } from "./http/server.ts";
import { openStore, type Store } from "./open-store.ts";
import type { Projection } from "./projection/database.ts";
import { openControlSocket } from "./runtime/control-socket.ts";
import { type Listening, listen } from "./runtime/listen.ts";
import { type Log, type OpenLog, openLog } from "./runtime/log.ts";
import { createShutdown, watchProcess } from "./runtime/shutdown.ts";
import { startOutput } from "./runtime/start-output.ts";
import { createSystemClock, createSystemRandom } from "./runtime/system-ports.ts";
import { createTelemetry, type Telemetry } from "./runtime/telemetry.ts";
import { warmTicks } from "./runtime/warm-ticks.ts";
import { isWeakSecret } from "./setting-parsers.ts";

const clock = createSystemClock();
const random = createSystemRandom();

if (import.meta.main) await run();

async function run(): Promise<void> {
  const given = readArguments(process.argv.slice(2));
  if (given.kind === "refuse") return refuse([given.reason], 2);
  if (given.kind === "print") return void process.stdout.write(given.text);
  const config = readConfig(process.env);
  if (!config.ok) return refuse(config.error, 1);
  await warmTicks();
  const { logLevel: level, logFormat: format } = config.value;
  const output = openLog({ level, format, isTerminal: process.stdout.isTTY });
  output.log.info({ settings: changedSettings(process.env) }, "settings read");
  // A reader of stdout that goes away, as in `npm start | head`, is no reason to end.
  process.stdout.on("error", () => undefined);
  const started = await start(config.value, output).catch((error: unknown) => {
    output.log.fatal({ err: error }, "start failed");
    return fail(error instanceof Error ? error.message : String(error));
  });
  if (started.ok) return;
  refuse([started.error], 1);
}

function refuse(reasons: readonly string[], code: number): void {
  for (const reason of reasons) process.stderr.write(`Meterhouse cannot start: ${reason}\n`);
  process.exit(code);
}

/** Resolves when the server answers; it then lives until a signal. A failure is one sentence. */
async function start(config: Config, output: OpenLog): Promise<Result<null, string>> {
  const telemetry = createTelemetry();
  if (config.client !== null && isWeakSecret(config.client.secret)) {
    output.log.warn("METERHOUSE_CLIENT_SECRET is short enough to be guessed");
  }
  const failure = Promise.withResolvers<unknown>();
  const onFailed = failure.resolve;
  const opened = await openStore(config, { log: output.log, telemetry, onFailed });
  if (!opened.ok) return opened;
  const served = await serve(config, opened.value, { log: output.log, telemetry });
  if (!served.ok) {
    await opened.value.close();
    return served;
  }
  const { steps, baseUrl, firstAccount } = served.value;
  const shutdown = createShutdown({
    clock,
    log: output.log,
    exit: (code) => process.exit(code),
    steps,
  });
  watchProcess(shutdown);
  void failure.promise.then((cause) => shutdown.onEngineFailed(cause));
  tell(output, {
    version: productVersion(),
    baseUrl,
    dataDirectory: config.dataDirectory,
    firstAccount,
  });
  return ok(null);
}

/** JSON lines stay JSON lines, but for the one time that secrets are to be shown. */
function tell({ log, isPretty }: OpenLog, facts: Parameters<typeof startOutput>[0]): void {
  const { version, baseUrl, dataDirectory } = facts;
  log.info({ version, baseUrl, dataDirectory }, "server started");
  if (isPretty || facts.firstAccount !== null) process.stdout.write(startOutput(facts));
}

interface Served {
  readonly baseUrl: string;
  readonly firstAccount: FirstAccount | null;
  readonly steps: Parameters<typeof createShutdown>[0]["steps"];
}

/**
 * Listens first, so that a taken port is told before anything is replayed and liveness answers
 * while it is; everything but health, metrics and documents is 503 until the engine is ready.
 */
async function serve(
  config: Config,
  store: Store,
  told: { readonly log: Log; readonly telemetry: Telemetry },
): Promise<Result<Served, string>> {
  const keys = await openKeys(config.dataDirectory);
  if (!keys.ok) return keys;
  const box = openSecretBox(config.dataDirectory, random);
  if (!box.ok) return box;
  const baseUrl = config.baseUrl ?? "";
  const late: Late = { engine: null, delivery: null, baseUrl, isStopping: false };
  const { projection } = store;
  const parts = { ...told, projection, keys: keys.value, box: box.value };
  const app = appOf(late, config, parts);
  await app.ready();
  const opened = await listen(app.server, { hosts: config.hosts, port: config.port, clock });
  if (!opened.ok) return opened;
  const listening = opened.value;
  if (late.baseUrl === "") late.baseUrl = `http://localhost:${listening.port}`;
  const begun = await begin(config, store, () => late.delivery?.nudge());
  if (!begun.ok) {
    await stopListening(listening);
    return begun;
  }
  const { engine, control, firstAccount } = begun.value;
  const delivery = deliver(config, engine, parts);
  if (!delivery.ok) {
    await stopListening(listening);
    await control.close();
    return delivery;
  }
  late.delivery = delivery.value;
  late.engine = engine;
  const steps = {
    setNotReady: () => {
      late.isStopping = true;
    },
    closeListeners: () => listening.drain(),
    cutConnections: () => listening.cut(),
    async closeStore(): Promise<void> {
      await control.close();
      await delivery.value.stop();
      await store.close();
    },
  };
  return ok({ steps, firstAccount, baseUrl: late.baseUrl });
}

/** What the server learns after it was built. */
interface Late {
  engine: GroupEngine | null;
  delivery: DeliveryService | null;
  baseUrl: string;
  isStopping: boolean;
}

interface AppParts {
  readonly projection: Projection;
  readonly log: Log;
  readonly telemetry: Telemetry;
  readonly keys: KeyRing;
  readonly box: SecretBox;
}

function appOf(
  late: Late,
  { allowPrivateDestinations: allowPrivate, destinationPorts: ports }: Config,
  { projection, log, telemetry, keys, box }: AppParts,
): ReturnType<typeof buildServer> {
  const services = {
    get engine(): GroupEngine {
      assert(late.engine !== null, "no resource is asked for before the engine is ready");
      return late.engine;
    },
    projection,
    delivery: {
      get desk(): DeliveryService["desk"] {
        assert(late.delivery !== null, "no delivery is asked for before the engine is ready");
        return late.delivery.desk;
      },
      secrets: box,
      webhookUrl: webhookUrl({ allowPrivate, ports }),
    },
  };
  return buildServer({
    routes: allRoutes(services),
    keys,
    accesses: { findAccess: (clientId) => late.engine?.state.accesses.get(clientId) },
    clock,
    random,
    log,
    baseUrl: () => late.baseUrl,
    ready: () => !late.isStopping && late.engine?.ready === true,
    metricsText: () => telemetry.render(),
    onAnswered: (answered) => telemetry.requestAnswered(answered),
  });
}

async function stopListening(listening: Listening): Promise<void> {
  const drained = listening.drain();
  listening.cut();
  await drained;
}

interface Begun {
  readonly engine: GroupEngine;
  readonly firstAccount: FirstAccount | null;
  readonly control: Awaited<ReturnType<typeof openControlSocket>>;
}

/** Recovers, makes what the first start needs, and opens the account command's door. */
async function begin(
  config: Config,
  store: Store,
  onReleased: () => void,
): Promise<Result<Begun, string>> {
  const recovered = await store.recover(onReleased);
  if (!recovered.ok) return recovered;
  const engine = recovered.value;
  const first = await ensureFirstAccount(engine, config.client);
  if (!first.ok) return fail(first.error.detail);
  const control = await openControlSocket(config.dataDirectory, {
    async makeAccount(name) {
      const made = await createAccount(engine, name);
      return made.ok ? made : fail(made.error.detail);
    },
    holdFiles: () => store.holdFiles(),
    lastSeq: () => engine.state.seq,
  });
  return ok({ engine, control, firstAccount: first.value });
}

/** Opens the delivery service over the recovered state, and has it begin. */
function deliver(
  config: Config,
  engine: GroupEngine,
  { projection, box, log, telemetry }: AppParts,
): Result<DeliveryService, string> {
  const { state } = engine;
  const opened = openDelivery({
    directory: config.dataDirectory,
    exportDirectory: config.exportDirectory,
    allowPrivate: config.allowPrivateDestinations,
    retentionDays: config.deliveryDays,
    destinations: {
      get changes(): number {
        return state.destinationChanges;
      },
      all: () => eachDestination(state),
    },
    outputs: projection.deliverable,
    async disable({ id, accountId, changedSeq }, reason) {
      await engine.execute({ kind: "disable-destination", accountId, id, reason, changedSeq });
    },
    unseal: (sealed) => box.open(sealed),
    csv: outputsCsv,
    clock,
    random,
    log,
    telemetry,
  });
  if (opened.ok) opened.value.start();
  return opened;
}
