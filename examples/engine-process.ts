// An engine as a process of its own, for programs that bring their own: start, the access to use
// it, stop. What the engine prints is not shown, but for the reason when it cannot start. Must never
// leave a process behind: a signal to this program goes on to the engine.
import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { ServerAccess } from "./client.ts";

export interface EngineProcess extends ServerAccess {
  /** It was told to end: requests may be refused or lost from now on. */
  readonly isStopping: boolean;
  /** Ends it well and waits for that. */
  stop(signal?: NodeJS.Signals): Promise<void>;
  /** Resolves with the reason when it ends without having been told to. */
  readonly lost: Promise<string>;
}

export interface EngineOptions {
  /** Settings of the engine (`METERHOUSE_…`), over the defaults made here. */
  readonly settings?: Readonly<Record<string, string | undefined>>;
  /** Options of Node itself, such as `--cpu-prof`. */
  readonly nodeOptions?: readonly string[];
}

const mainFile = fileURLToPath(new URL("../packages/server/src/main.ts", import.meta.url));

/** Starts on a free port unless `settings` say otherwise; rejects with the engine's own reason. */
export async function startEngine(options: EngineOptions = {}): Promise<EngineProcess> {
  const client = { clientId: "example", clientSecret: randomBytes(32).toString("hex") };
  const settings = {
    METERHOUSE_PORT: "0",
    METERHOUSE_CLIENT_ID: client.clientId,
    METERHOUSE_CLIENT_SECRET: client.clientSecret,
    ...options.settings,
    // How the base URL is learned.
    METERHOUSE_LOG_FORMAT: "json",
    METERHOUSE_LOG_LEVEL: "info",
  };
  const child = spawn(process.execPath, [...(options.nodeOptions ?? []), mainFile], {
    env: { ...withoutSettings(process.env), ...settings },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ended = new Promise<string>((resolve) => {
    let said = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      said = (said + text).slice(-4_096);
    });
    child.once("close", (code, signal) => {
      resolve(said.trim() || `The engine ended (${signal ?? `exit code ${code}`}).`);
    });
  });
  const baseUrl = await Promise.race([startedAt(child), ended.then(refuse)]);
  let isAsked = false;
  return {
    baseUrl,
    clientId: settings.METERHOUSE_CLIENT_ID,
    clientSecret: settings.METERHOUSE_CLIENT_SECRET,
    lost: new Promise((resolve) => {
      void ended.then((reason) => (isAsked ? undefined : resolve(reason)));
    }),
    get isStopping() {
      return isAsked;
    },
    async stop(signal = "SIGTERM"): Promise<void> {
      // A second signal would cut the first one's stop short.
      if (!isAsked) child.kill(signal);
      isAsked = true;
      await ended;
    },
  };
}

/**
 * Ctrl-C and SIGTERM end the engine first, then `finish` is called. The terminal sends Ctrl-C to
 * both; the engine takes the same signal twice within a moment for one.
 */
export function stopOnSignals(
  engine: EngineProcess,
  finish: (signal: NodeJS.Signals) => void,
): void {
  let isStopping = false;
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.on(signal, () => {
      if (isStopping) return;
      isStopping = true;
      void engine.stop(signal).then(() => finish(signal));
    });
  }
}

/** A directory that is removed when this process ends. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), "meterhouse-"));
  process.once("exit", () => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** What this program is told must not set up an engine of its own. */
function withoutSettings(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(env).filter(([name]) => !name.toUpperCase().startsWith("METERHOUSE_")),
  );
}

function startedAt(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    let text = "";
    child.stdout?.setEncoding("utf8").on("data", (chunk: string) => {
      // Bounded: afterwards the output is only taken off the pipe.
      if (text.length > 65_536) return;
      text += chunk;
      const baseUrl = text.match(/"baseUrl":"([^"]+)".*"msg":"server started"/)?.[1];
      if (baseUrl !== undefined) resolve(baseUrl);
    });
  });
}

function refuse(reason: string): never {
  throw new Error(reason);
}
