// A server of a peer as a child of the benchmark: found or installed from Debian's packages, started
// in the foreground on a free loopback port, ended by its process id whatever happens. It must never
// touch a server that it did not start.
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";

export interface Daemon {
  readonly pid: number;
  /** Processor time that it and the processes that it started have taken so far. */
  cpuSeconds(): number;
  /** Ends it well; kills it when that takes longer than 20 seconds. */
  stop(): Promise<void>;
}

export interface DaemonOptions {
  readonly command: string;
  readonly args: readonly string[];
  /** What the program is told that it is called. */
  readonly argv0?: string;
  readonly directory: string;
  /** Another user than this one's. */
  readonly user?: { readonly uid: number; readonly gid: number };
  /** Given on its standard input. */
  readonly input?: string;
  readonly stopSignal: NodeJS.Signals;
  /** Throws or gives false as long as it does not answer. */
  readonly answers: () => Promise<boolean>;
}

const startMs = 30_000;
const stopMs = 20_000;
const lookMs = 50;

/** Rejects with what it said when it ends or does not answer in time. */
export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
  const { command, args, argv0, directory, user, input, stopSignal } = options;
  const child = spawn(command, args, {
    cwd: directory,
    stdio: ["pipe", "pipe", "pipe"],
    ...(argv0 === undefined ? {} : { argv0 }),
    ...user,
  });
  const { pid } = child;
  const said = output(child);
  child.stdin.end(input ?? "");
  const kill = (): void => void child.kill(stopSignal);
  process.prependOnceListener("exit", kill);
  const ended = new Promise<void>((resolve) => {
    child.once("close", () => {
      process.off("exit", kill);
      resolve();
    });
    child.once("error", () => resolve());
  });
  const stop = async (): Promise<void> => {
    kill();
    const killing = setTimeout(() => child.kill("SIGKILL"), stopMs);
    await ended;
    clearTimeout(killing);
  };
  const deadline = performance.now() + startMs;
  while (!(await options.answers().catch(() => false))) {
    const isOver = child.exitCode !== null || pid === undefined;
    if (isOver || performance.now() > deadline) {
      if (!isOver) await stop();
      throw new Error(`${command} did not start: ${said()}`);
    }
    await sleep(lookMs);
  }
  if (pid === undefined) throw new Error(`${command} has no process id.`);
  return { pid, stop, cpuSeconds: () => cpuSecondsOf(pid) };
}

/** Of a second, as the kernel counts processor time for programs. */
const ticks = 100;

function cpuSecondsOf(pid: number): number {
  let sum = 0;
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    // After the name, which may hold anything: state, parent, …, times of its own and of its ended children.
    const fields = statOf(name).split(") ").at(-1)?.split(" ") ?? [];
    if (Number(name) !== pid && Number(fields[1]) !== pid) continue;
    for (const time of fields.slice(11, 15)) sum += Number(time) / ticks;
  }
  return sum;
}

/** Empty when the process has just ended. */
function statOf(process: string): string {
  try {
    return readFileSync(`/proc/${process}/stat`, "utf8");
  } catch {
    return "";
  }
}

/** The last that it printed. */
function output(child: ChildProcess): () => string {
  let text = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (chunk: string) => {
      text = (text + chunk).slice(-4_096);
    });
  }
  return () => text.trim() || "it said nothing.";
}

/** A port that nobody listens on; another program may take it before it is used. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      const port = typeof address === "object" ? (address?.port ?? 0) : 0;
      server.close(() => resolve(port));
    });
  });
}

/** The first file that is there, after installing Debian's package where none is. */
export function findProgram(find: () => string | undefined, debianPackage: string): string {
  const found = find() ?? install(find, debianPackage);
  if (found !== undefined) return found;
  throw new Error(`Install Debian's package first: apt-get install ${debianPackage}`);
}

function install(find: () => string | undefined, debianPackage: string): string | undefined {
  if (process.getuid?.() !== 0) return undefined;
  process.stderr.write(`Installing Debian's package ${debianPackage}…\n`);
  const given = ["install", "-y", "--no-install-recommends", debianPackage];
  // Whatever the package would start by itself is not ours and stays off.
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive", RUNLEVEL: "1" };
  const { status, stderr } = spawnSync("apt-get", given, { env, encoding: "utf8" });
  if (status !== 0) process.stderr.write(stderr);
  return find();
}

export function firstFile(paths: readonly string[]): string | undefined {
  return paths.find((path) => existsSync(path));
}

/** `<parent>/<version>/<rest>` of the highest version. */
export function newestVersion(parent: string, rest: string): string | undefined {
  const versions = existsSync(parent) ? readdirSync(parent).map(Number) : [];
  const sorted = versions.filter((version) => version > 0).sort((a, b) => b - a);
  return firstFile(sorted.map((version) => join(parent, String(version), rest)));
}

function sleep(durationMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, durationMs));
}
