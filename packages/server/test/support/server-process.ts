// The server as a process of its own, as a person would start it: for tests of start-up, signals
// and refusals. Each has its own data directory and a free port; what still runs when a test ends
// is killed. Waits for lines of the log, never for a time.
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { makeSigningKey } from "../../src/auth/keys.ts";

export interface Exit {
  /** Null when a signal killed the process. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ServerProcess {
  /** Resolves with the base URL when the server has started; rejects when it ends before. */
  readonly started: Promise<string>;
  readonly exited: Promise<Exit>;
  readonly stdout: string;
  /** Resolves when the log holds a line of this event. */
  logged(event: string): Promise<Readonly<Record<string, unknown>>>;
  /** Resolves with what matches when it was printed. */
  printed(pattern: RegExp): Promise<string>;
  signal(name: "SIGTERM" | "SIGINT" | "SIGKILL"): void;
  /** Of the server itself. */
  readonly pid: number;
}

/** Around the server's own code. */
export interface HowToStart {
  /** A command that the server's is handed to. */
  readonly before?: readonly string[];
  readonly nodeArguments?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

export const mainFile: string = fileURLToPath(new URL("../../src/main.ts", import.meta.url));

const running = new Set<ChildProcess>();
const directories: string[] = [];
// No server outlives the process that started it.
process.once("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});
/** One key for all: drawing one takes up to a second. */
const key = makeSigningKey().export({ type: "pkcs8", format: "pem" });

/** A place for a data directory that does not exist yet, but for the signing key. */
export function newDataDirectory(): string {
  const parent = mkdtempSync(join(tmpdir(), "meterhouse-test-"));
  directories.push(parent);
  const directory = join(parent, "data");
  mkdirSync(join(directory, "keys"), { recursive: true, mode: 0o700 });
  writeFileSync(join(directory, "keys", "token-signing.pem"), key, { mode: 0o600 });
  return directory;
}

/** Kills what still runs and removes the directories; call after each test. */
export async function endProcesses(): Promise<void> {
  const ends = [...running].map((child) => new Promise((resolve) => child.once("close", resolve)));
  for (const child of running) child.kill("SIGKILL");
  await Promise.all(ends);
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true });
}

/** Runs a program of the server to its end. `env` is everything that it is given, but for PATH. */
export function runScript(
  file: string,
  given: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<Exit> {
  return launch([file, ...given], env).exited;
}

/** The same, without waiting for its end. */
export function startScript(
  file: string,
  given: readonly string[],
  env: Readonly<Record<string, string>>,
): Omit<ServerProcess, "started"> {
  return launch([file, ...given], env);
}

/** Starts the server on a free port with JSON lines, unless `settings` say otherwise. */
export function startServer(
  dataDirectory: string,
  settings: Readonly<Record<string, string>> = {},
  how: HowToStart = {},
): ServerProcess {
  const given = [...(how.nodeArguments ?? []), mainFile];
  const env = {
    METERHOUSE_DATA_DIR: dataDirectory,
    METERHOUSE_PORT: "0",
    ...settings,
    ...how.env,
  };
  return launch(given, env, how.before);
}

function launch(
  given: readonly string[],
  settings: Readonly<Record<string, string>>,
  before: readonly string[] = [],
): ServerProcess {
  const env = { PATH: process.env.PATH ?? "", ...settings };
  const [command = "", ...rest] = [...before, process.execPath, ...given];
  const child = spawn(command, rest, { env, stdio: ["ignore", "pipe", "pipe"] });
  running.add(child);
  const read = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8").on("data", (chunk: string) => {
      read[name] += chunk;
    });
  }
  const exited = new Promise<Exit>((resolve) => {
    child.once("close", (code, signal) => {
      running.delete(child);
      resolve({ code, signal, ...read });
    });
  });
  const found = <T>(what: string, look: () => T | undefined): Promise<T> =>
    new Promise((resolve, reject) => {
      const lookAgain = (): void => {
        const value = look();
        if (value !== undefined) resolve(value);
      };
      child.stdout.on("data", lookAgain);
      child.once("close", () => {
        lookAgain();
        reject(new Error(`ended before "${what}": ${read.stderr}${read.stdout}`));
      });
      lookAgain();
    });
  const logged: ServerProcess["logged"] = (event) =>
    found(event, () => findLine(read.stdout, event));
  const started = logged("server started").then((line) => String(line.baseUrl));
  // Tests of refusals never ask for it.
  started.catch(() => undefined);
  return {
    started,
    exited,
    logged,
    printed: (pattern) => found(String(pattern), () => pattern.exec(read.stdout)?.[0]),
    get stdout() {
      return read.stdout;
    },
    signal: (name) => void child.kill(name),
    pid: child.pid ?? 0,
  };
}

function findLine(text: string, event: string): Readonly<Record<string, unknown>> | undefined {
  return text
    .split("\n")
    .filter((line) => line.startsWith("{") && line.endsWith("}"))
    .map((line): Readonly<Record<string, unknown>> => JSON.parse(line))
    .find((line) => line.msg === event);
}
