// What the benchmark prints: the machine and how busy it was, a table, and what the check of the
// meters found.
import { availableParallelism, cpus, loadavg, totalmem } from "node:os";
import type { Verdict } from "./ledger.ts";
import type { Comparison, Figures } from "./measurement.ts";

export interface Machine {
  readonly cores: number;
  readonly processor: string;
  readonly memoryGiB: number;
  readonly node: string;
  /** Average of the last minute, before anything was started. */
  readonly loadBefore: number;
  /** Null: quiet enough. */
  readonly warning: string | null;
}

export interface Report {
  readonly machine: Machine;
  readonly comparisons: readonly Comparison[];
  readonly checks: readonly Verdict[];
}

/** From here on other programs are felt. */
const quietLoad = 0.5;

export function machine(): Machine {
  const loadBefore = loadavg()[0] ?? 0;
  const busy = `Load ${loadBefore.toFixed(1)} before the start: other programs disturb the figures.`;
  return {
    cores: availableParallelism(),
    processor: cpus()[0]?.model ?? "unknown",
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    node: process.version,
    loadBefore,
    warning: loadBefore > quietLoad ? busy : null,
  };
}

export function toText({ machine: on, comparisons, checks }: Report): string {
  const hardware = `${on.cores} cores of ${on.processor}, ${on.memoryGiB} GiB, Node ${on.node}`;
  const lines = [
    `${hardware}, load before ${on.loadBefore.toFixed(2)}`,
    ...(on.warning === null ? [] : [on.warning]),
    "",
    row("", ["records/s", "p50 ms", "p99 ms", "CPU µs/record"]),
    ...comparisons.flatMap((one) => [
      `${one.name} (${one.rounds} rounds of ${whole(one.recordsPerRound)} records)`,
      row("  Meterhouse", cells(one.meterhouse)),
      row(`  ${one.beside.name}`, cells(one.beside)),
      row("  ratio", [one.ratio.toFixed(2)]),
    ]),
    "",
    ...checks.flatMap(checkLines),
  ];
  return `${lines.map((line) => line.trimEnd()).join("\n")}\n`;
}

function checkLines({ records, sum, hash, faults }: Verdict): readonly string[] {
  const total = `${whole(records)} records, sum ${sum}, sha256 ${hash.slice(0, 16)}`;
  if (faults.length === 0) return [`check: every meter is right (${total})`];
  return [`check: WRONG (${total})`, ...faults.map((fault) => `  ${fault}`)];
}

function cells(figures: Figures): readonly string[] {
  const { recordsPerSecond, p50Ms, p99Ms, cpuPerRecord } = figures;
  return [whole(recordsPerSecond), p50Ms.toFixed(1), p99Ms.toFixed(1), cpuPerRecord.toFixed(2)];
}

function row(name: string, values: readonly string[]): string {
  return [name.padEnd(28), ...values.map((value) => value.padStart(14))].join("");
}

function whole(value: number): string {
  return value.toLocaleString("en-US");
}
