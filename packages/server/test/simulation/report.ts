// What a run of worlds did and met, for people: the tally in lines, which faults had to be injected
// but never were, and all that is needed to repeat a failed world.
import type { Failure } from "./fleet.ts";
import type { Tally } from "./world.ts";

/** Kinds of trouble that every run of some length must have met. */
export const troubles = [
  "kills",
  "powerCuts",
  "stops",
  "starts that failed",
  "EIO",
  "ENOSPC",
  "short-write",
  "sync-failure",
  "crash",
  "delays",
  "outputs full",
  "outputs broken",
  "leaps",
  "definitions",
  "flooded",
  "snapshots",
  "meteredRecords",
  "thresholdEvents",
  "waitingPeriods",
  "tooLate",
  "worlds with ids on disk",
] as const;

export function missingTroubles(tally: Tally): readonly string[] {
  return troubles.filter((name) => (tally[name] ?? 0) === 0);
}

export function tallyText(tally: Tally): string {
  const names = Object.keys(tally).sort();
  return names.map((name) => `  ${name.padEnd(20)} ${tally[name]}`).join("\n");
}

export function failureText({ seed, reason, swarm, last, digest }: Failure): string {
  const operations = last.map((line) => `    ${line.slice(0, 400)}`).join("\n");
  return [
    `SEED ${seed} FAILS, trace ${digest}. Repeat it: npm run sim -- --seed=${seed} --worlds=1`,
    `  settings: ${JSON.stringify(swarm)}`,
    `  last operations:\n${operations}`,
    `  ${reason.slice(0, 6_000)}`,
  ].join("\n");
}
