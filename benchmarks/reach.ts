// A figure beside what it should be: the table of "reach" and "aim", with a verdict for each row
// and the load of the machine while it was taken. It judges nothing but the figure it is given.
import { loadavg } from "node:os";

export interface Measure {
  readonly name: string;
  readonly figure: number;
  /** Printed behind the figure; "" for a bare ratio. */
  readonly unit: string;
  /** Null: told for its own sake. */
  readonly target: Target | null;
  /** Average load of the machine over the last minute when the figure was taken. */
  readonly load: number;
  /** How it was taken, where the name does not say it. */
  readonly note: string;
}

interface Target {
  readonly better: "more" | "less";
  readonly reach: number;
  readonly aim: number;
}

export type Verdict = "aim" | "reach" | "missed" | "";

interface Told {
  readonly unit?: string;
  readonly target?: Target | null;
  readonly note?: string;
}

/** Throws where the figure is none: a measurement that did not happen must not look like one. */
export function measured(name: string, figure: number, told: Told = {}): Measure {
  if (!Number.isFinite(figure)) throw new Error(`Nothing was measured: ${name}.`);
  const { unit = "", target = null, note = "" } = told;
  return { name, figure, unit, target, load: loadavg()[0] ?? Number.NaN, note };
}

export function verdictOf({ figure, target }: Measure): Verdict {
  if (target === null) return "";
  const holds = (bound: number): boolean =>
    target.better === "more" ? figure >= bound : figure <= bound;
  if (holds(target.aim)) return "aim";
  return holds(target.reach) ? "reach" : "missed";
}

/** One line a measure: name, figure, reach, aim, verdict, load; then its note, where it has one. */
export function measuresText(measures: readonly Measure[]): string {
  const lines = measures.flatMap((one) => {
    const { target, unit } = one;
    const cells = [
      amount(one.figure, unit),
      target === null ? "" : amount(target.reach, unit),
      target === null ? "" : amount(target.aim, unit),
      verdictOf(one),
      one.load.toFixed(1),
    ];
    return [row(one.name, cells), ...(one.note === "" ? [] : [`    ${one.note}`])];
  });
  const head = row("measure", ["figure", "reach", "aim", "verdict", "load"]);
  return [head, ...lines].map((line) => `${line.trimEnd()}\n`).join("");
}

function amount(value: number, unit: string): string {
  const digits = Math.abs(value) >= 1_000 ? 0 : Math.abs(value) >= 100 ? 1 : 2;
  const options = { maximumFractionDigits: digits, minimumFractionDigits: digits };
  return `${value.toLocaleString("en-US", options)}${unit === "" ? "" : ` ${unit}`}`;
}

function row(name: string, cells: readonly string[]): string {
  return [name.padEnd(64), ...cells.map((cell) => cell.padStart(14))].join("");
}

/** The middle one; of an even number the smaller of the two in the middle. */
export function middle(values: readonly number[]): number {
  return percentileOf(values, 0.5);
}

/** The smallest value that is not exceeded by this share of all; NaN of none. */
export function percentileOf(values: ArrayLike<number>, share: number): number {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
}
