// Hours of steady load on one data directory: periods that end every minute, duplicates, bad records,
// changed definitions, kills and stops in good order, with memory and latency sampled. Goes on where
// an earlier run in the same directory ended; judges everything that ever was sent to it.
import { appendFileSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createSeededRandom } from "../support/seeded-random.ts";
import { clock } from "./load-caller.ts";
import { residentMiB, takeLatency } from "./overload.ts";
import { type RunningLife, Scenario } from "./scenario.ts";
import type { Verdict } from "./verdict.ts";

export interface SoakOptions {
  readonly directory: string;
  readonly seed: number;
  readonly connections: number;
  readonly minutes: number;
  /** How long the server lives between two ends. */
  readonly lifeSeconds: number;
  readonly onProgress?: (line: string) => void;
}

/** One look at the server under load. */
export interface Sample {
  /** Wall clock; samples of all runs follow each other. */
  readonly at: number;
  /** Number of the life since the directory began. */
  readonly life: number;
  readonly residentMiB: number;
  readonly p99: number;
  /** Acknowledged in all lives of this run until now. */
  readonly acknowledged: number;
}

export interface SoakResult extends Verdict {
  readonly samples: readonly Sample[];
  readonly kills: number;
  readonly stops: number;
  readonly tally: Scenario["tally"];
}

const sampleEveryMs = 5_000;
/**
 * Few records for each meter and minute, so that what is kept for a period stays small: in two minutes,
 * the longest period, no user has a second turn, and so no meter more groups than are kept apart.
 */
const steady = { sizes: [1, 1, 1, 5, 10], users: 8, everyMs: 100 };

export async function runSoak(options: SoakOptions): Promise<SoakResult> {
  const { directory, minutes, seed } = options;
  mkdirSync(directory, { recursive: true });
  const settings = { METERHOUSE_SNAPSHOT_MEGABYTES: "8" };
  const scenario = new Scenario({ ...options, shape: steady, hasMonthly: false, settings });
  const samples = readSamples(directory);
  const random = createSeededRandom(seed + samples.length);
  const faults: string[] = [];
  const ends = { kills: 0, stops: 0 };
  const end = clock.now() + minutes * 60_000;
  for (let life = (samples.at(-1)?.life ?? 0) + 1; clock.now() < end && faults.length === 0; ) {
    const isKill = random.chance(0.5);
    const running = await scenario.begin();
    const loading = scenario.load(running).catch((error: unknown) => {
      faults.push(`a call failed: ${String(error)}`);
      running.isOver = true;
    });
    const lifeEnd = Math.min(end, clock.now() + options.lifeSeconds * 1_000);
    await sampleUntil(lifeEnd, { running, scenario, life, directory, samples });
    ends[isKill ? "kills" : "stops"] += 1;
    const fault = await endLife(running, isKill);
    if (fault !== null) faults.push(fault);
    await loading;
    options.onProgress?.(progressOf(samples, ends));
    life += 1;
  }
  const verdict = await scenario.judge();
  const { tally } = scenario;
  if (tally.acknowledged === 0) faults.push("nothing was acknowledged");
  return { ...verdict, ...ends, faults: [...faults, ...verdict.faults], samples, tally };
}

async function endLife(running: RunningLife, isKill: boolean): Promise<string | null> {
  // Callers who pause may send over a connection in the moment in which its end is on its way; that
  // nobody who is waiting is reset is shown by the stop cycles, whose callers never pause.
  running.mayEnd = true;
  // A caller whose connection was answered for the last time does not come back.
  if (isKill) running.isOver = true;
  running.server.signal(isKill ? "SIGKILL" : "SIGTERM");
  const { code, signal } = await running.server.exited;
  running.isOver = true;
  const isRight = isKill ? signal === "SIGKILL" : code === 0;
  return isRight ? null : `a ${isKill ? "kill" : "stop"} ended with ${code ?? signal}`;
}

async function sampleUntil(
  end: number,
  {
    running,
    scenario,
    life,
    directory,
    samples,
  }: {
    running: RunningLife;
    scenario: Scenario;
    life: number;
    directory: string;
    samples: Sample[];
  },
): Promise<void> {
  while (clock.now() < end && !running.isOver) {
    await clock.sleepUntil(Math.min(end, clock.now() + sampleEveryMs));
    const sample: Sample = {
      at: clock.now(),
      life,
      residentMiB: residentMiB(running.server.pid),
      p99: takeLatency(scenario.callers).p99,
      acknowledged: scenario.tally.acknowledged,
    };
    samples.push(sample);
    appendFileSync(sampleFile(directory), `${JSON.stringify(sample)}\n`);
  }
}

function progressOf(samples: readonly Sample[], ends: { kills: number; stops: number }): string {
  const last = samples.at(-1);
  return (
    `life ${last?.life}: ${last?.acknowledged} acknowledged, ${last?.residentMiB} MiB, ` +
    `p99 ${last?.p99} ms, ${ends.kills} kills, ${ends.stops} stops`
  );
}

function sampleFile(directory: string): string {
  return join(directory, "samples.jsonl");
}

function readSamples(directory: string): Sample[] {
  const file = sampleFile(directory);
  if (!existsSync(file)) return [];
  return readFileSync(file, "utf8")
    .split("\n")
    .filter((line) => line.endsWith("}"))
    .map((line) => JSON.parse(line) as Sample);
}
