// The load of the benchmark: records of users drawn by Zipf's law, with decimals, a UUID of their
// own, two fields to group by and one to carry. The same seed gives the same records. What each
// body must add to each meter is kept beside it, so that the result can be checked.

export interface Batch {
  /** A JSON array of records, or one record where it was asked for. */
  readonly body: Buffer;
  /** Number of the user of each record. */
  readonly users: Uint32Array;
  /** Value of each record, in thousandths. */
  readonly thousandths: Uint32Array;
}

export interface Workload {
  /** Ids go on from batch to batch: no record is ever a duplicate. */
  batch(records: number): Batch;
  /** A body with one record, not in an array. */
  single(): Batch;
}

export const meterKey = "bench";

/** As sent to POST /meter-processors. */
export const processor = {
  meterKey,
  name: "Benchmark",
  guidingRules: [
    {
      ignoreCondition: true,
      matchCategory: "bench",
      groupBy: [{ fields: ["model"] }, { fields: ["region"] }],
      otherOperations: [{ field: "session", operation: "carry-last" }],
    },
  ],
};

/** As sent to POST /meter-types. Its period does not end while the benchmark runs. */
export const meterType = {
  name: "Benchmark",
  unit: "tokens",
  category: "bench",
  aggregation: { type: "sum" },
  timezone: "Etc/UTC",
  resetSchedule: { minute: "0", hour: "0", day: "1", month: "1", weekday: "*" },
};

export function userIdOf(user: number): string {
  return `user-${String(user).padStart(6, "0")}@example.com`;
}

/** The users' numbers are 0 to `users` - 1; number 0 is drawn most often. */
export function createWorkload(users: number, seed: number): Workload {
  const chance = createChance(seed);
  const drawUser = zipf(users, chance);
  const run = seed.toString(16).padStart(8, "0");
  let made = 0;
  const record = (batch: Batch, index: number): string => {
    const user = drawUser();
    const amount = 1 + Math.floor(chance() * 99_999);
    batch.users[index] = user;
    batch.thousandths[index] = amount;
    made += 1;
    const value = `${Math.floor(amount / 1_000)}.${String(amount % 1_000).padStart(3, "0")}`;
    const model = `model-${Math.floor(chance() * 8)}`;
    const region = `region-${Math.floor(chance() * 4)}`;
    const id = `${run}-0000-4000-8000-${made.toString(16).padStart(12, "0")}`;
    return (
      `{"id":"${id}","userId":"${userIdOf(user)}","value":${value},` +
      `"model":"${model}","region":"${region}","session":"s-${made % 1_000}"}`
    );
  };
  const filled = (records: number, write: (texts: string[]) => string): Batch => {
    const users = new Uint32Array(records);
    const empty = { body: Buffer.alloc(0), users, thousandths: new Uint32Array(records) };
    const texts = Array.from({ length: records }, (_, index) => record(empty, index));
    return { ...empty, body: Buffer.from(write(texts)) };
  };
  return {
    batch: (records) => filled(records, (texts) => `[${texts.join(",")}]`),
    single: () => filled(1, (texts) => texts.join("")),
  };
}

/** Weight 1/rank: with 100,000 users the first gets about 8 % of all records. */
function zipf(count: number, chance: () => number): () => number {
  const upTo = new Float64Array(count);
  let sum = 0;
  for (let rank = 0; rank < count; rank += 1) {
    sum += 1 / (rank + 1);
    upTo[rank] = sum;
  }
  return () => {
    const drawn = chance() * sum;
    let low = 0;
    let high = count - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((upTo[middle] ?? 0) > drawn) high = middle;
      else low = middle + 1;
    }
    return low;
  };
}

/** From 0 to 1, the same draws for the same seed (mulberry32). */
function createChance(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
