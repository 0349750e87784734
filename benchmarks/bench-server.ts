// A real server for measurements of one process: its process id, its metrics, a client and the place
// that usage goes to.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Client, connect } from "../examples/client.ts";
import { type EngineProcess, startEngine } from "../examples/engine-process.ts";
import type { Target } from "./load.ts";
import { meterKey, processor, userIdOf } from "./workload.ts";

export interface BenchServer {
  readonly engine: EngineProcess;
  readonly client: Client;
  readonly pid: number;
  /** Where usage goes. */
  readonly target: Target;
  /** Sum of a metric's values over its labels, as far as they hold `label`; 0 before the first. */
  metric(name: string, label?: string): Promise<number>;
  /** Ends it, well or by the signal told. It also ends with this process. */
  stop(signal?: NodeJS.Signals): Promise<void>;
}

export interface BenchServerOptions {
  readonly directory: string;
  readonly settings?: Readonly<Record<string, string>>;
  readonly nodeOptions?: readonly string[];
}

const metersPerRequest = 10_000;

/** Starts on a data directory, empty or not. The caller calls `stop`. */
export async function startBenchServer(options: BenchServerOptions): Promise<BenchServer> {
  const { directory, settings = {}, nodeOptions = [] } = options;
  const engine = await startEngine({
    settings: { ...settings, METERHOUSE_DATA_DIR: directory },
    nodeOptions,
  });
  const kill = (): void => void engine.stop("SIGKILL");
  process.prependOnceListener("exit", kill);
  const client = await connect(engine);
  const port = Number.parseInt(new URL(engine.baseUrl).port, 10);
  const path = `/meter-processors/${meterKey}/usage-records`;
  return {
    engine,
    client,
    pid: processIn(directory),
    target: { port, path, token: client.token() },
    async metric(name: string, label = ""): Promise<number> {
      const text = await (await fetch(`${engine.baseUrl}/metrics`)).text();
      const lines = text.split("\n").filter((line) => /^[a-z_]+/.exec(line)?.[0] === name);
      const values = lines
        .filter((line) => line.includes(label))
        .map((line) => line.split(" ").at(-1));
      return values.reduce((sum, value) => sum + Number(value), 0);
    },
    async stop(signal?: NodeJS.Signals): Promise<void> {
      await engine.stop(signal);
      process.off("exit", kill);
    },
  };
}

/** Makes the benchmark's processor, a meter type, and a meter of it for each user. */
export async function makeMeters(client: Client, users: number, type: object): Promise<void> {
  const meterTypeId = await client.ensure("/meter-types", type);
  await client.ensure("/meter-processors", processor);
  for (let first = 0; first < users; first += metersPerRequest) {
    const count = Math.min(metersPerRequest, users - first);
    const meters = Array.from({ length: count }, (_, index) => ({
      userId: userIdOf(first + index),
      meterTypeId,
      meterKey,
    }));
    const { created } = await client.postLines<{ readonly created: number }>(
      "/meters/bulk",
      meters,
    );
    if (created !== count) throw new Error(`Of ${count} meters ${created} were made.`);
  }
}

/** The lock of a data directory names its holder. */
function processIn(directory: string): number {
  const text = readFileSync(join(directory, "lock.txt"), "utf8");
  const pid = Number.parseInt(text.match(/^process (\d+) /)?.[1] ?? "", 10);
  if (Number.isInteger(pid)) return pid;
  throw new Error(`${directory} does not say which process holds it.`);
}
