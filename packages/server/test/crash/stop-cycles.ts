// Stops in good order under load, many times: no call that is on its way may be reset, none that was
// acknowledged may be lost, and the process ends with 0.
import { createSeededRandom } from "../support/seeded-random.ts";
import { clock } from "./load-caller.ts";
import { type RunningLife, Scenario } from "./scenario.ts";
import type { Verdict } from "./verdict.ts";

export interface StopCyclesResult extends Verdict {
  readonly cycles: number;
  /** Calls that were answered 503 while the server stopped. */
  readonly refused: number;
  /** Milliseconds from the signal to the end, the slowest. */
  readonly slowestMs: number;
}

const lookEveryMs = 2;

/** A call without an answer is a fault here, as nothing but the signal ends the server. */
export async function runStopCycles(options: {
  readonly directory: string;
  readonly seed: number;
  readonly connections: number;
  readonly cycles: number;
  readonly onProgress?: (line: string) => void;
}): Promise<StopCyclesResult> {
  const settings = { METERHOUSE_SNAPSHOT_MEGABYTES: "2" };
  const scenario = new Scenario({ ...options, settings });
  const random = createSeededRandom(options.seed);
  const faults: string[] = [];
  let slowestMs = 0;
  for (let cycle = 1; cycle <= options.cycles && faults.length === 0; cycle += 1) {
    const life = await scenario.begin();
    const loading = scenario.load(life).catch((error: unknown) => {
      faults.push(`cycle ${cycle}: a call failed during the stop: ${String(error)}`);
      life.mayEnd = true;
      life.isOver = true;
    });
    await loadedEnough(scenario, life, random.integer(1, 2_000));
    const begun = clock.monotonic();
    life.isStopping = true;
    life.server.signal("SIGTERM");
    const { code, signal } = await life.server.exited;
    slowestMs = Math.max(slowestMs, clock.monotonic() - begun);
    await loading;
    if (code !== 0) faults.push(`cycle ${cycle}: ended with ${code ?? signal}`);
    if (cycle % 10 === 0)
      options.onProgress?.(`${cycle} stops, slowest ${Math.round(slowestMs)} ms`);
  }
  const { refused } = scenario.tally;
  const verdict = await scenario.judge();
  if (scenario.tally.acknowledged === 0) faults.push("nothing was acknowledged");
  return {
    ...verdict,
    faults: [...faults, ...verdict.faults],
    cycles: options.cycles,
    refused,
    slowestMs,
  };
}

/** Everyone has a token: one who asks for it during the stop would find no open door afterwards. */
async function loadedEnough(scenario: Scenario, life: RunningLife, records: number): Promise<void> {
  while (!life.isOver) {
    const isLoaded = scenario.callers.every(({ isConnected }) => isConnected);
    if (isLoaded && life.events >= records) return;
    await clock.sleepUntil(clock.now() + lookEveryMs);
  }
}
