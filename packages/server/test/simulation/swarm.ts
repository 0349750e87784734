// The settings of one world, drawn from its seed: how large it is, what its callers like to do, how
// its stores fail. Each world leaves some of them out, so that rare combinations come up.
import { createSeededRandom } from "../support/seeded-random.ts";
import type { FaultKind } from "../support/simulated-disk.ts";

export interface Swarm {
  readonly users: number;
  readonly recordsPerRequest: number;
  /** Record ids that are drawn again and again. */
  readonly idPool: number;
  readonly types: number;
  readonly meters: number;
  readonly windowDays: number;
  /** Ids beyond these go to runs on the disk; null: all stay in memory. */
  readonly idsInMemoryMax: number | null;
  /** The day before something happens to the calendar, or any day. */
  readonly startsAt: number;
  readonly segmentBytesMax: number;
  readonly snapshotEveryBytes: number;
  readonly journalKeepHours: number;
  /** Operations sent before anything else happens, at most. */
  readonly burst: number;
  /** How often each operation is drawn, against the others. */
  readonly weights: {
    readonly usage: number;
    readonly resend: number;
    readonly flood: number;
    readonly types: number;
    readonly meters: number;
    readonly processors: number;
    readonly clock: number;
  };
  /** Chances after each burst. */
  readonly chances: {
    readonly stop: number;
    readonly kill: number;
    readonly powerCut: number;
    readonly diskFault: number;
    readonly outputsFull: number;
    readonly outputsBroken: number;
    readonly slow: number;
    readonly heal: number;
    readonly faultyRecord: number;
    readonly rest: number;
  };
  readonly diskFaults: readonly FaultKind[];
  readonly clockBack: boolean;
  readonly clockLeapHours: number;
  readonly createMeters: boolean;
  readonly allFiles: boolean;
  readonly activeWindows: boolean;
  readonly thresholds: boolean;
  /** Seconds of settling that are drawn; one 0 alone where periods never wait. */
  readonly settlingSeconds: readonly number[];
  readonly lateIsCorrected: boolean;
}

/** Summer time begins and ends, a leap day, the end of a year. */
const starts = [
  "2026-01-31T00:00:00Z",
  "2026-03-28T12:00:00Z",
  "2026-10-24T12:00:00Z",
  "2028-02-28T00:00:00Z",
  "2026-12-31T00:00:00Z",
];

export function drawSwarm(seed: number): Swarm {
  const random = createSeededRandom(seed ^ 0x5_3a_12_77);
  /** Zero now and then, so that a kind of trouble is missing altogether. */
  const some = (most: number): number => (random.chance(0.3) ? 0 : random.fraction() * most);
  const kinds = ["EIO", "ENOSPC", "short-write", "sync-failure", "crash"] as const;
  const diskFaults = kinds.filter(() => random.chance(0.6));
  const burst = random.pick([1, 6, 15, 40]);
  /** Much the same number of lives, whatever the length of a burst. */
  const ends = Math.min(1, burst / 10);
  return {
    users: random.pick([1, 3, 3, 8]),
    recordsPerRequest: random.pick([1, 3, 6]),
    idPool: random.pick([10, 200, 100_000]),
    types: random.integer(1, 6),
    meters: random.pick([4, 12, 30]),
    windowDays: random.pick([1, 2, 35]),
    idsInMemoryMax: random.pick([null, null, 20, 150]),
    startsAt: Date.parse(random.pick(starts)),
    segmentBytesMax: random.pick([3_000, 10_000, 40_000]),
    snapshotEveryBytes: random.pick([8_000, 30_000, 100_000]),
    journalKeepHours: random.pick([0, 10_000, 10_000]),
    burst,
    weights: {
      usage: 10,
      resend: some(6),
      flood: some(1),
      types: some(2),
      meters: some(3),
      processors: some(1),
      clock: some(1),
    },
    chances: {
      stop: some(0.05) * ends,
      kill: some(0.04) * ends,
      powerCut: some(0.04) * ends,
      diskFault: some(0.15) * ends,
      outputsFull: some(0.08),
      outputsBroken: some(0.02) * ends,
      slow: some(0.1),
      heal: 0.1 + random.fraction() * 0.3,
      faultyRecord: some(0.2),
      rest: random.fraction(),
    },
    diskFaults: diskFaults.length === 0 ? ["crash"] : diskFaults,
    clockBack: random.chance(0.5),
    clockLeapHours: random.pick([1, 12, 48]),
    createMeters: random.chance(0.3),
    allFiles: random.chance(0.15),
    activeWindows: random.chance(0.4),
    thresholds: random.chance(0.5),
    settlingSeconds: random.chance(0.5) ? [0] : [0, 60, 1_800, 3_600, 5_000, 86_400],
    lateIsCorrected: random.chance(0.4),
  };
}
