// A side of the comparison: something that counts bodies durably and can tell what it has counted.
// Bodies are handed out to as many connections as it has, each waiting for its answer.
import type { MeterReading } from "../ledger.ts";
import type { LoadResult } from "../load.ts";

export interface Side {
  readonly name: string;
  /** Each body once, durable before it counts as answered. */
  countAll(bodies: readonly Buffer[]): Promise<LoadResult>;
  /** Every meter, also those without records. Throws where groups and meters do not agree. */
  readMeters(): Promise<readonly MeterReading[]>;
  /** Processor time that other processes than this one have spent for it so far. */
  serverCpuSeconds(): number;
}

/** Counts one body; gives how many of its records were new. */
export type CountBody = (body: Buffer) => Promise<number>;

/** One body at a time on each connection. */
export async function countOver(
  connections: readonly CountBody[],
  bodies: readonly Buffer[],
): Promise<LoadResult> {
  const latenciesMs = new Float64Array(bodies.length);
  const counted = new Uint32Array(bodies.length);
  let next = 0;
  const serve = async (count: CountBody): Promise<void> => {
    for (let index = next++; index < bodies.length; index = next++) {
      const begun = performance.now();
      counted[index] = await count(bodies[index] ?? Buffer.alloc(0));
      latenciesMs[index] = performance.now() - begun;
    }
  };
  const begun = performance.now();
  await Promise.all(connections.map(serve));
  return { seconds: (performance.now() - begun) / 1_000, latenciesMs, counted };
}
