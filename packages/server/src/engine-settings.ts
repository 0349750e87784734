// What the engine is told of the configuration, in the engine's own words and units.
// Embedded mode has one partition; its number stands here so that nobody else assumes it.
import type { Config } from "./config.ts";
import { windowsKeptMs } from "./core/usage-grid.ts";
import type { EngineSettings } from "./engine/open-engine.ts";
import type { RetentionParts } from "./engine/retention.ts";

export const partition = 0;

const dayMs = 86_400_000;
const hourMs = 3_600_000;

/** How long each list is kept; null for ever. */
export function keptLists(config: Config): RetentionParts["keepMs"] {
  const keep = (days: number): number | null => (days === 0 ? null : days * dayMs);
  return {
    "metered-records": keep(config.meteredRecordDays),
    "threshold-events": keep(config.meteredRecordDays),
    "usage-audit": keep(config.auditDays),
    "correction-actions": keep(config.correctionDays),
    "usage-gone": 0,
    "usage-minutes": windowsKeptMs.PT1M + hourMs,
    "usage-quarters": windowsKeptMs.PT1H + 2 * dayMs,
    "usage-days": windowsKeptMs.P1D + 2 * dayMs,
  };
}

export function engineSettings(config: Config): EngineSettings {
  return {
    partition,
    futureToleranceMs: config.futureToleranceMs,
    correctionsPerAccountMax: config.correctionQueueMax,
    allowClockLeap: config.allowClockLeap,
    catchUpMax: config.catchUpMax,
    journalKeepMs: config.journalDays * dayMs,
    correctionKeepMs: config.correctionDays * dayMs,
    snapshotEveryBytes: config.snapshotBytes,
    usageWindows: config.usageWindows,
  };
}
