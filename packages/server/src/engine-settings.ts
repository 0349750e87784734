// What the engine is told of the configuration, in the engine's own words and units.
// Embedded mode has one partition; its number stands here so that nobody else assumes it.
import type { Config } from "./config.ts";
import type { EngineSettings } from "./engine/open-engine.ts";

export const partition = 0;

const dayMs = 86_400_000;

export function engineSettings(config: Config): EngineSettings {
  return {
    partition,
    futureToleranceMs: config.futureToleranceMs,
    correctionsPerAccountMax: config.correctionQueueMax,
    allowClockLeap: config.allowClockLeap,
    catchUpMax: config.catchUpMax,
    journalKeepMs: config.journalDays * dayMs,
    snapshotEveryBytes: config.snapshotBytes,
  };
}
