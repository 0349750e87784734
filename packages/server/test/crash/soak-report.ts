// The report of a soak run in Markdown: what was done, what was measured, and a verdict on each
// promise. Says how it judged, so that the reader can judge otherwise.
import type { Sample, SoakResult } from "./soak.ts";

export interface SoakReport {
  readonly text: string;
  readonly passed: boolean;
}

/** Below this many MiB an hour memory counts as flat, besides what the ids of records take. */
const flatMiBPerHour = 60;
/** Bytes that each id may take for its window of 35 days. */
const bytesPerId = 100;
/** A shorter run cannot tell a slope from noise; it is reported without a verdict. */
const slopeMinutesMin = 10;

export function soakReport(result: SoakResult): SoakReport {
  const { samples, faults, tally } = result;
  const first = samples[0];
  const last = samples.at(-1);
  const minutes = first === undefined || last === undefined ? 0 : (last.at - first.at) / 60_000;
  const memory = memoryVerdict(samples, { minutes, records: result.records });
  const passed = faults.length === 0 && memory.passed;
  const lines = [
    "# Soak report",
    "",
    `Verdict: **${passed ? "passed" : "failed"}**`,
    "",
    "| What | Figure |",
    "| --- | --- |",
    `| from first to last sample, all runs | ${minutes.toFixed(1)} minutes |`,
    `| lives of the server | ${last?.life ?? 0} |`,
    `| kills and stops in good order, this run | ${result.kills} and ${result.stops} |`,
    `| distinct records acknowledged, all runs | ${result.records} |`,
    `| requests, this run | ${tally.requests} |`,
    `| duplicates and rejected records, this run | ${tally.duplicates} and ${tally.rejected} |`,
    `| requests without an answer and refused, this run | ${tally.unknown} and ${tally.refused} |`,
    `| changes of definitions, this run | ${tally.definitionChanges} |`,
    `| meters and their periods, compared | ${result.meters} and ${result.periods} |`,
    `| resident memory, least and most | ${range(samples, "residentMiB")} MiB |`,
    `| p99 of samples, least and most | ${range(samples, "p99")} ms |`,
    "",
    "## Verdicts",
    "",
    `- Checker: ${faults.length === 0 ? "passed" : `FAILED: ${faults.join("; ")}`}`,
    `- Memory: ${memory.text}`,
    "",
  ];
  return { text: lines.join("\n"), passed };
}

function range(samples: readonly Sample[], name: "residentMiB" | "p99"): string {
  const values = samples.map((sample) => sample[name]).sort((one, other) => one - other);
  return `${values[0] ?? 0} and ${values.at(-1) ?? 0}`;
}

/** A line through the peaks of lives: within a life the heap goes up and down as it likes. */
function memoryVerdict(
  samples: readonly Sample[],
  { minutes, records }: { minutes: number; records: number },
): { text: string; passed: boolean } {
  const lives = [...Map.groupBy(samples, ({ life }) => life).values()];
  const peaks = lives.map((life) => ({
    hours: (life.at(-1)?.at ?? 0) / 3_600_000,
    mebibytes: Math.max(...life.map(({ residentMiB }) => residentMiB)),
  }));
  if (minutes < slopeMinutesMin || peaks.length < 4) {
    const text = `no verdict on the slope under ${slopeMinutesMin} minutes and four lives`;
    return { text, passed: true };
  }
  const slope = slopeOf(peaks.map(({ hours, mebibytes }) => [hours, mebibytes]));
  const allowed = flatMiBPerHour + (records * bytesPerId) / 2 ** 20 / (minutes / 60);
  const passed = slope <= allowed;
  const text =
    `${passed ? "flat" : "FAILED"}: ${slope.toFixed(1)} MiB an hour over the peaks of ` +
    `${peaks.length} lives; ${allowed.toFixed(1)} allowed, ids included`;
  return { text, passed };
}

/** Least squares. */
export function slopeOf(points: readonly (readonly [x: number, y: number])[]): number {
  const mean = (values: readonly number[]): number =>
    values.reduce((sum, value) => sum + value, 0) / values.length;
  const middleX = mean(points.map(([x]) => x));
  const middleY = mean(points.map(([, y]) => y));
  const spread = points.reduce((sum, [x]) => sum + (x - middleX) ** 2, 0);
  const common = points.reduce((sum, [x, y]) => sum + (x - middleX) * (y - middleY), 0);
  return spread === 0 ? 0 : common / spread;
}
