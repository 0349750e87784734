// The core beside what people make by hand in Postgres and Redis, and our segment files beside
// SQLite: the same bodies, in turns, in one run. Every side's meters are compared with what was
// acknowledged, and a body sent twice must count nothing: a peer that is wrong is no peer.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { openCoreSide } from "../core-side.ts";
import { Ledger } from "../ledger.ts";
import { type Measure, measured, middle } from "../reach.ts";
import { type Batch, createWorkload, type Workload } from "../workload.ts";
import { type JournalSide, openSegments, openSqlite } from "./journals.ts";
import type { Side } from "./peer-side.ts";
import { openPostgres } from "./postgres.ts";
import { postgresSides } from "./postgres-sides.ts";
import { openRedis } from "./redis.ts";

export interface PeerSizes {
  readonly users: number;
  readonly batchRecords: number;
  readonly rounds: number;
  /** Null: every side gets `warmUpBatches` in every round. */
  readonly secondsPerRound: number | null;
  readonly warmUpBatches: number;
}

const connectionCounts = [1, 4];
const inFlight = 8;
const seed = 20_231_117;
/** Bounds of what one side gets in one round. */
const batchesMax = 1_500;

/** Starts the peers, measures, checks, stops them. `directory` is empty and goes away later. */
export async function measurePeers(
  sizes: PeerSizes,
  directory: string,
): Promise<readonly Measure[]> {
  const { users } = sizes;
  const closing: (() => Promise<unknown>)[] = [];
  try {
    const core = await openCoreSide(users, made(join(directory, "core")));
    closing.push(() => core.close());
    const postgres = await openPostgres();
    closing.push(() => postgres.stop());
    const redis = await openRedis({
      users,
      directory: join(directory, "redis"),
      connections: connectionCounts,
    });
    closing.push(() => redis.stop());
    const ours: Side = {
      name: "core",
      countAll: (bodies) => core.countAll(bodies, inFlight),
      readMeters: async () => core.readMeters(),
      serverCpuSeconds: () => 0,
    };
    const byPostgres = await postgresSides(postgres, users, connectionCounts);
    const contest = new Contest(sizes, [ours, ...byPostgres, ...redis.plain, ...redis.summed]);
    await contest.play();
    await contest.check();
    return [
      ...contest.measures([
        { peer: "Postgres", version: postgres.version, sides: byPostgres, target: reach(6, 10) },
        { peer: "Redis", version: "", sides: redis.plain, target: reach(10, 15) },
        { peer: "Redis with sums in the client", version: "", sides: redis.summed, target: null },
      ]),
      ...(await measureJournals(sizes, made(join(directory, "journals")))),
    ];
  } finally {
    for (const close of closing.reverse()) await close();
  }
}

interface Opponents {
  readonly peer: string;
  readonly version: string;
  readonly sides: readonly Side[];
  /** Null: told for its own sake. */
  readonly target: Measure["target"];
}

function reach(least: number, aim: number): Measure["target"] {
  return { better: "more", reach: least, aim };
}

/** Rounds of all sides in changing order, the first one ours. */
class Contest {
  readonly #sizes: PeerSizes;
  readonly #sides: readonly Side[];
  readonly #workload: Workload;
  readonly #ledgers: ReadonlyMap<Side, Ledger>;
  /** Records a second of each round that counts, and what a record cost. */
  readonly #rates: ReadonlyMap<Side, number[]>;
  readonly #cpuMicroseconds: ReadonlyMap<Side, number[]>;
  #firstBatch: Batch | null = null;

  constructor(sizes: PeerSizes, sides: readonly Side[]) {
    this.#sizes = sizes;
    this.#sides = sides;
    this.#workload = createWorkload(sizes.users, seed);
    this.#ledgers = new Map(sides.map((side) => [side, new Ledger(sizes.users)]));
    this.#rates = new Map(sides.map((side) => [side, []]));
    this.#cpuMicroseconds = new Map(sides.map((side) => [side, []]));
  }

  async play(): Promise<void> {
    const { rounds, secondsPerRound, warmUpBatches } = this.#sizes;
    const shares = new Map<Side, number>();
    for (const side of this.#sides) shares.set(side, warmUpBatches);
    await this.#playRound(shares, 0);
    for (const [side, rates] of this.#rates) {
      this.#cpuMicroseconds.get(side)?.pop();
      const warmRate = rates.pop() ?? 0;
      const wanted = (warmRate / this.#sizes.batchRecords) * (secondsPerRound ?? 0);
      const least = secondsPerRound === null ? warmUpBatches : Math.ceil(wanted);
      shares.set(side, Math.min(Math.max(least, 1), batchesMax));
    }
    for (let round = 0; round < rounds; round += 1) await this.#playRound(shares, round);
  }

  /** Each side gets as many of the round's batches as it is told. */
  async #playRound(shares: ReadonlyMap<Side, number>, round: number): Promise<void> {
    const most = Math.max(...shares.values());
    const { batchRecords } = this.#sizes;
    const batches = Array.from({ length: most }, () => this.#workload.batch(batchRecords));
    this.#firstBatch ??= batches[0] ?? null;
    const first = round % this.#sides.length;
    for (const side of [...this.#sides.slice(first), ...this.#sides.slice(0, first)]) {
      const share = batches.slice(0, shares.get(side));
      const cpuBefore = process.cpuUsage();
      const serverBefore = side.serverCpuSeconds();
      const sent = await side.countAll(share.map(({ body }) => body));
      const { user, system } = process.cpuUsage(cpuBefore);
      const cpu = user + system + (side.serverCpuSeconds() - serverBefore) * 1e6;
      const records = share.length * batchRecords;
      for (const [index, batch] of share.entries()) {
        this.#ledgers.get(side)?.acknowledge(batch, sent.counted[index] ?? 0);
      }
      this.#rates.get(side)?.push(records / sent.seconds);
      this.#cpuMicroseconds.get(side)?.push(cpu / records);
    }
  }

  async check(): Promise<void> {
    for (const [side, ledger] of this.#ledgers) {
      const again = this.#firstBatch === null ? [] : [this.#firstBatch.body];
      const { counted } = await side.countAll(again);
      const { faults } = ledger.compare(await side.readMeters());
      if (counted[0] !== 0) throw new Error(`${side.name} counted a body twice.`);
      if (faults.length > 0) throw new Error(`${side.name} is wrong: ${faults.join(" ")}`);
    }
  }

  measures(opponents: readonly Opponents[]): readonly Measure[] {
    const [ours] = this.#sides;
    const [own, connections] = [this.#of(ours), connectionCounts.join(" and ")];
    const best = opponents.flatMap(({ peer, version, sides, target }) => {
      const winner = sides.toSorted((a, b) => middle(this.#of(b)) - middle(this.#of(a)))[0];
      return [
        measured(`core : ${peer} by hand`, ratio(own, this.#of(winner)), {
          unit: "times",
          target,
          note: `best of ${sides.length} (${connections} connections): ${winner?.name} ${version}`,
        }),
        measured("  in processor time", ratio(this.#cpuOf(winner), this.#cpuOf(ours)), {
          unit: "times",
        }),
      ];
    });
    const all = [...this.#rates].flatMap(([side, rates]) => [
      measured(`  ${side.name}`, middle(rates), { unit: "/s" }),
      measured("    processor time of a record, both ends", middle(this.#cpuOf(side)), {
        unit: "µs",
      }),
    ]);
    return [...best, ...all];
  }

  #cpuOf(side: Side | undefined): readonly number[] {
    return side === undefined ? [] : (this.#cpuMicroseconds.get(side) ?? []);
  }

  #of(side: Side | undefined): readonly number[] {
    return side === undefined ? [] : (this.#rates.get(side) ?? []);
  }
}

/** Median of the rounds' ratios. */
function ratio(values: readonly number[], besides: readonly number[]): number {
  return middle(values.map((value, round) => value / (besides[round] ?? Number.NaN)));
}

async function measureJournals(sizes: PeerSizes, directory: string): Promise<readonly Measure[]> {
  const workload = createWorkload(sizes.users, seed + 1);
  const sides = [await openSegments(directory), openSqlite(directory)] as const;
  const rates = new Map<JournalSide, number[]>(sides.map((side) => [side, []]));
  const bodiesPerRound = sizes.secondsPerRound === null ? sizes.warmUpBatches : 400;
  for (let round = 0; round <= sizes.rounds; round += 1) {
    const bodies = Array.from(
      { length: bodiesPerRound },
      () => workload.batch(sizes.batchRecords).body,
    );
    for (const side of round % 2 === 0 ? sides : sides.toReversed()) {
      const { seconds } = await side.appendAll(bodies, inFlight);
      // The first round warms up.
      if (round > 0) rates.get(side)?.push((bodies.length * sizes.batchRecords) / seconds);
    }
  }
  for (const side of sides) {
    const last = await side.close();
    if (last === bodiesPerRound * (sizes.rounds + 1)) continue;
    throw new Error(`${side.name} ends with entry ${last}.`);
  }
  const [segments = [], sqlite = []] = sides.map((side) => rates.get(side) ?? []);
  return [
    measured("journal: segment files : SQLite, one row a group", ratio(segments, sqlite), {
      unit: "times",
      note: `groups of ${inFlight} bodies; WAL, synchronous=FULL`,
    }),
    ...sides.map((side) =>
      measured(`  ${side.name}`, middle(rates.get(side) ?? []), { unit: "/s" }),
    ),
  ];
}

function made(directory: string): string {
  mkdirSync(directory, { recursive: true });
  return directory;
}
