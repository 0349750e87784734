// Rounds of a measurement and what is said of them: rates and latencies of two sides that took
// turns, as medians over the rounds.

export interface Round {
  readonly records: number;
  readonly seconds: number;
  readonly latenciesMs: Float64Array;
  /** Processor time of the side's process, all threads. */
  readonly cpuSeconds: number;
}

export interface Figures {
  readonly recordsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Microseconds: hardly touched by what else runs on the machine. */
  readonly cpuPerRecord: number;
}

export interface Comparison {
  readonly name: string;
  readonly rounds: number;
  readonly recordsPerRound: number;
  readonly meterhouse: Figures;
  readonly beside: Figures & { readonly name: string };
  /** Median of the rounds' ratios: what disturbs the machine meets both sides of a round. */
  readonly ratio: number;
}

export interface RoundPair {
  readonly meterhouse: Round;
  readonly beside: Round;
}

export function compare(
  names: { readonly name: string; readonly beside: string },
  pairs: readonly RoundPair[],
): Comparison {
  return {
    name: names.name,
    rounds: pairs.length,
    recordsPerRound: median(pairs.map((pair) => pair.meterhouse.records)),
    meterhouse: figures(pairs.map((pair) => pair.meterhouse)),
    beside: { name: names.beside, ...figures(pairs.map((pair) => pair.beside)) },
    ratio: median(pairs.map((pair) => rate(pair.meterhouse) / rate(pair.beside))),
  };
}

function figures(rounds: readonly Round[]): Figures {
  return {
    recordsPerSecond: Math.round(median(rounds.map(rate))),
    p50Ms: median(rounds.map((round) => percentile(round.latenciesMs, 0.5))),
    p99Ms: median(rounds.map((round) => percentile(round.latenciesMs, 0.99))),
    cpuPerRecord: median(rounds.map((round) => (round.cpuSeconds * 1e6) / round.records)),
  };
}

function rate({ records, seconds }: Round): number {
  return records / seconds;
}

/** The smallest value that is not exceeded by this share of all. */
function percentile(values: Float64Array, share: number): number {
  const sorted = values.toSorted();
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
}

function median(values: readonly number[]): number {
  return percentile(Float64Array.from(values), 0.5);
}
