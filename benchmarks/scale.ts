// An engine that has counted much: as many meters as told, each of them used, and as many known ids.
// Made once, by counting, for growth, memory and restart.
import type { CoreChild } from "./core-child.ts";
import { startCoreChild } from "./core-child.ts";

export interface ScaleSizes {
  readonly smallMeters: number;
  readonly meters: number;
  /** At least as many as there are meters. */
  readonly ids: number;
  readonly rounds: number;
  readonly batchesPerRound: number;
  /** Journal to be replayed after a kill, roughly. */
  readonly tailBytes: number;
  /** Sent between two looks whether that is enough. */
  readonly batchesAtOnce: number;
}

export interface Scale {
  readonly sizes: ScaleSizes;
  readonly child: CoreChild;
  /** Its data directory. */
  readonly directory: string;
  /** The longest that a body waited while it was made, which snapshots are part of. */
  readonly longestMs: number;
}

const batchRecords = 1_000;
const seed = 20_231_120;

export async function openScale(sizes: ScaleSizes, directory: string): Promise<Scale> {
  const child = await startCoreChild({ users: sizes.meters, seed, directory });
  const touched = await child.perform({ kind: "touch" });
  const batches = Math.max(1, Math.round((sizes.ids - touched.records) / batchRecords));
  const counted = await child.perform({ kind: "count", batches });
  const longestMs = Math.max(touched.longestMs, counted.longestMs);
  return { sizes, child, directory, longestMs };
}
