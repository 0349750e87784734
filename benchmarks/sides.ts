// The two sides of the benchmark as processes of their own: Meterhouse with a meter for each user,
// and the ceiling. Both get the same bytes on the same paths.
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { connect } from "../examples/client.ts";
import { type EngineProcess, startEngine } from "../examples/engine-process.ts";
import { makeMeters } from "./bench-server.ts";
import type { MeterReading } from "./ledger.ts";
import type { Target } from "./load.ts";
import { meterKey, meterType } from "./workload.ts";

export interface Sides {
  readonly meterhouse: Target;
  readonly ceiling: Target;
  readonly engine: EngineProcess;
  /** Seconds of processor time that the two have taken so far. */
  readonly meterhouseCpu: () => Promise<number>;
  readonly ceilingCpu: () => Promise<number>;
  /** As the API lists them now. */
  readMeters(): Promise<readonly MeterReading[]>;
  stop(): Promise<void>;
}

export interface SidesOptions {
  readonly users: number;
  readonly dataDirectory: string;
  /** Where the engine writes a CPU profile when it ends; null: it writes none. */
  readonly profileDirectory: string | null;
}

const path = `/meter-processors/${meterKey}/usage-records`;

export async function openSides(options: SidesOptions): Promise<Sides> {
  const { profileDirectory, dataDirectory, users } = options;
  const profile = ["--cpu-prof", "--cpu-prof-interval=500", `--cpu-prof-dir=${profileDirectory}`];
  const engine = await startEngine({
    settings: { METERHOUSE_DATA_DIR: dataDirectory },
    nodeOptions: profileDirectory === null ? [] : profile,
  });
  const client = await connect(engine);
  await makeMeters(client, users, meterType);
  const ceiling = await startCeiling();
  const port = Number.parseInt(new URL(engine.baseUrl).port, 10);
  return {
    engine,
    meterhouse: { port, path, token: client.token() },
    ceiling: { port: ceiling.port, path, token: client.token() },
    meterhouseCpu: async () => {
      const metrics = await textOf(`${engine.baseUrl}/metrics`);
      return Number(metrics.match(/^process_cpu_seconds_total (\S+)$/m)?.[1]);
    },
    ceilingCpu: async () => Number(await textOf(`http://127.0.0.1:${ceiling.port}/`)),
    readMeters: () => client.list<MeterReading>("/meters", "meters"),
    async stop() {
      ceiling.stop();
      await engine.stop();
    },
  };
}

async function textOf(url: string): Promise<string> {
  return (await fetch(url)).text();
}

interface Ceiling {
  readonly port: number;
  stop(): void;
}

async function startCeiling(): Promise<Ceiling> {
  const file = fileURLToPath(new URL("./ceiling.ts", import.meta.url));
  const child = spawn(process.execPath, [file], { stdio: ["pipe", "pipe", "inherit"] });
  const port = await new Promise<number>((resolve, reject) => {
    child.stdout.once("data", (text: Buffer) => resolve(Number.parseInt(text.toString(), 10)));
    child.once("exit", (code) => reject(new Error(`The ceiling ended with ${code}.`)));
  });
  return { port, stop: () => void child.kill() };
}
