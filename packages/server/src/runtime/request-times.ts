// How long requests took, by operation, method and status, as the lines of one histogram. Written
// by ourselves, for it is told of every request: finding the series of three labels in the registry
// took longer than looking at the token. Labels come from closed sets, so there are few series.
import type { RequestAnswered } from "./telemetry.ts";

interface Series {
  readonly labels: string;
  /** Requests by the first bucket that they fit; the last one is for those that fit none. */
  readonly counts: number[];
  /** Of seconds. */
  sum: number;
}

export interface HistogramSpec {
  readonly name: string;
  readonly help: string;
  /** Upper bounds in seconds, ascending. */
  readonly buckets: readonly number[];
}

export class RequestTimes {
  readonly #spec: HistogramSpec;
  readonly #series = new Map<string, Map<string, Map<number, Series>>>();

  constructor(spec: HistogramSpec) {
    this.#spec = spec;
  }

  observe(fact: RequestAnswered): void {
    const { buckets } = this.#spec;
    const seconds = fact.milliseconds / 1_000;
    const series = this.#seriesOf(fact);
    let at = 0;
    while (at < buckets.length && seconds > (buckets[at] ?? 0)) at += 1;
    series.counts[at] = (series.counts[at] ?? 0) + 1;
    series.sum += seconds;
  }

  /** Prometheus text format, with its end of line. */
  text(): string {
    const { name, help } = this.#spec;
    const lines = [`# HELP ${name} ${help}`, `# TYPE ${name} histogram`];
    for (const byMethod of this.#series.values()) {
      for (const byStatus of byMethod.values()) {
        for (const series of byStatus.values()) lines.push(...this.#linesOf(series));
      }
    }
    return `${lines.join("\n")}\n`;
  }

  #linesOf({ labels, counts, sum }: Series): readonly string[] {
    const { name, buckets } = this.#spec;
    let upTo = 0;
    const lines = [...buckets, "+Inf"].map((bound, at) => {
      upTo += counts[at] ?? 0;
      return `${name}_bucket{le="${bound}",${labels}} ${upTo}`;
    });
    return [...lines, `${name}_sum{${labels}} ${sum}`, `${name}_count{${labels}} ${upTo}`];
  }

  #seriesOf({ operation, method, status }: RequestAnswered): Series {
    const byMethod = this.#series.get(operation) ?? new Map<string, Map<number, Series>>();
    const byStatus = byMethod.get(method) ?? new Map<number, Series>();
    const known = byStatus.get(status);
    if (known !== undefined) return known;
    const labels = `operation="${operation}",method="${method}",status="${status}"`;
    const counts = Array.from({ length: this.#spec.buckets.length + 1 }, () => 0);
    const series = { labels, counts, sum: 0 };
    this.#series.set(operation, byMethod.set(method, byStatus.set(status, series)));
    return series;
  }
}
