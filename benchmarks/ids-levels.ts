// The core with more and more known ids: fills the memory of ids as counting would, lets the spiller
// move what is too much to files, and measures at each level.
import { readConfig } from "../packages/server/src/config.ts";
import { apply } from "../packages/server/src/core/apply.ts";
import type { EntryBody } from "../packages/server/src/core/entry.ts";
import { readMeter } from "../packages/server/src/core/meter.ts";
import { readMeterType } from "../packages/server/src/core/meter-type.ts";
import type { Result } from "../packages/server/src/core/problem.ts";
import { readProcessor } from "../packages/server/src/core/processor.ts";
import { type Processor, State } from "../packages/server/src/core/state.ts";
import { readUsageBody } from "../packages/server/src/core/usage-body.ts";
import { IdSpiller } from "../packages/server/src/engine/id-spiller.ts";
import { IdRuns } from "../packages/server/src/ids/id-runs.ts";
import { openPageFile } from "../packages/server/src/ids/page-files.ts";
import { openThreadDisk } from "../packages/server/src/journal/thread-disk.ts";
import { createTemporalZones } from "../packages/server/src/runtime/zones.ts";
import { createWorkload, meterKey, meterType, processor, userIdOf } from "./workload.ts";

export interface IdSizes {
  readonly ids: number;
  /** Null: as the engine's default. */
  readonly inMemoryMax: number | null;
  readonly meters: number;
  readonly rounds: number;
  /** Batches of 1,000 records of a round. */
  readonly batches: number;
}

export interface Level {
  readonly known: number;
  readonly inMemory: number;
  readonly runs: number;
  readonly residentBytes: number;
  /** Bytes of the tables in memory for each id there. */
  readonly memoryBytesPerId: number;
  readonly filterBytes: number;
  /** Medians of this thread's processor time: records never seen, records of the level's last round, records of the first level. */
  readonly microsPerRecord: number;
  /** The first of these beside that of a core with few ids, in turns, divided. */
  readonly ratio: number;
  readonly microsPerDuplicate: number;
  readonly microsPerOldDuplicate: number;
  /** Processor time of this thread for moving ids to files, for each id added. */
  readonly spillMicrosPerId: number;
  /** The longest that anything else had to wait meanwhile, in processor time of this thread. */
  readonly longestSliceMs: number;
}

const accountId = "00000000-0000-4000-8000-000000000001";
const start = 1_760_000_000_000;
/** 36 records a second: a hundred million in 33 days, all of them in the window. */
const msPerRecord = 28;
const batchRecords = 1_000;

export async function measureIds(directory: string, sizes: IdSizes): Promise<readonly Level[]> {
  const disk = openThreadDisk();
  const place = { directory, partition: 0 };
  const store = new IdRuns({ disk, openPages: openPageFile, ...place });
  try {
    const few = new Bench(store, { ...sizes, inMemoryMax: 1_000_000_000 });
    const bench = new Bench(store, sizes);
    // Once to warm up.
    await bench.measure(few);
    const levels: Level[] = [];
    for (const known of [0, sizes.ids / 10, sizes.ids / 2, sizes.ids]) {
      await bench.fill(Math.floor(known));
      levels.push(await bench.measure(few));
    }
    return levels;
  } finally {
    store.close();
    await disk.close();
  }
}

class Bench {
  readonly #state = new State();
  readonly #store: IdRuns;
  readonly #spiller: IdSpiller;
  readonly #processor: Processor;
  readonly #workload: ReturnType<typeof createWorkload>;
  readonly #rounds: number;
  readonly #batches: number;
  readonly #chance = words();
  #now = start;
  #known = 0;
  #filled = 0;
  #spillMicros = 0;
  #longestSliceMs = 0;
  #first: readonly string[] = [];

  constructor(store: IdRuns, sizes: IdSizes) {
    this.#store = store;
    this.#rounds = sizes.rounds;
    this.#batches = sizes.batches;
    const inMemoryMax = sizes.inMemoryMax ?? taken(readConfig({})).idsInMemoryMax;
    const log = { info: nothing, warn: raise, error: raise };
    this.#spiller = new IdSpiller({ state: this.#state, store, inMemoryMax, log });
    this.#workload = createWorkload(sizes.meters, 20_231_116);
    this.#processor = this.#prepare(sizes.meters);
  }

  /** Ids as counting would add them, at its pace on the clock. */
  async fill(known: number): Promise<void> {
    const fingerprint = new Uint32Array(4);
    const content = new Uint32Array(2);
    const { ids } = this.#processor;
    while (this.#known < known) {
      const until = Math.min(known, this.#known + 20_000);
      this.#filled += until - this.#known;
      for (; this.#known < until; this.#known += 1) {
        for (let word = 0; word < 4; word += 1) fingerprint[word] = this.#chance();
        this.#now += msPerRecord;
        ids.add(fingerprint, content, this.#now, 0);
      }
      this.#state.time = this.#now;
      await this.#spill();
    }
  }

  async measure(few: Bench): Promise<Level> {
    const fresh: number[] = [];
    const beside: number[] = [];
    const again: number[] = [];
    const oldAgain: number[] = [];
    for (let round = 0; round < this.#rounds; round += 1) {
      beside.push(few.#round(few.#texts(), "counted"));
      const texts = this.#texts();
      if (this.#first.length === 0) this.#first = texts;
      fresh.push(this.#round(texts, "counted"));
      this.#known += texts.length * batchRecords;
      again.push(this.#round(texts, "duplicates"));
      oldAgain.push(this.#round(this.#first, "duplicates"));
      await this.#spill();
    }
    globalThis.gc?.();
    const { ids } = this.#processor;
    return {
      known: this.#known,
      inMemory: ids.rows,
      runs: this.#state.idRuns.length,
      residentBytes: process.memoryUsage.rss(),
      memoryBytesPerId: ids.bytes / ids.rows,
      filterBytes: this.#store.filterBytes,
      microsPerRecord: median(fresh),
      ratio: median(fresh) / median(beside),
      microsPerDuplicate: median(again),
      microsPerOldDuplicate: median(oldAgain),
      spillMicrosPerId: this.#filled === 0 ? 0 : this.#spillMicros / this.#filled,
      longestSliceMs: this.#longestSliceMs,
    };
  }

  #texts(): readonly string[] {
    return Array.from({ length: this.#batches }, () =>
      this.#workload.batch(batchRecords).body.toString(),
    );
  }

  /** Microseconds for each record. */
  #round(texts: readonly string[], outcome: "counted" | "duplicates"): number {
    const begun = busyMicros();
    for (const text of texts) {
      const raw = taken(readUsageBody({ form: "json", text, invalidLines: [] }));
      this.#now += msPerRecord * batchRecords;
      const body: EntryBody = { kind: "usage", accountId, meterKey, body: raw.body };
      const entry = { seq: this.#state.seq + 1, time: this.#now, body };
      const result = apply(this.#state, entry, raw).outcome;
      if (result.kind !== "usage" || result[outcome] !== batchRecords) {
        throw new Error(`Not all records were ${outcome}.`);
      }
    }
    return (busyMicros() - begun) / (texts.length * batchRecords);
  }

  /** Moves what is too much to files; nothing else happens meanwhile. */
  async #spill(): Promise<void> {
    let isDone = false;
    const begun = busyMicros();
    let sliceBegun = begun;
    void this.#spiller.keepUp().then(() => {
      isDone = true;
    });
    do {
      await new Promise((resolve) => setImmediate(resolve));
      const now = busyMicros();
      this.#longestSliceMs = Math.max(this.#longestSliceMs, (now - sliceBegun) / 1_000);
      sliceBegun = now;
    } while (!isDone);
    this.#spillMicros += busyMicros() - begun;
  }

  #prepare(meters: number): Processor {
    const zones = createTemporalZones();
    const key = "00112233445566778899aabbccddeeff";
    this.#apply({ kind: "genesis", partition: 0, fingerprintKey: key });
    this.#apply({ kind: "create-account", accountId, name: "benchmark", meterKey: "unused" });
    const { fields } = taken(readProcessor(processor));
    this.#apply({ kind: "create-processor", accountId, meterKey, fields });
    const typeFields = taken(readMeterType(meterType, { zones, now: this.#now }));
    const boundaries = [start + 400 * 86_400_000];
    this.#apply({
      kind: "create-meter-type",
      accountId,
      id: "type",
      fields: typeFields,
      boundaries,
    });
    const made = Array.from({ length: meters }, (_, user) => ({
      id: `meter-${user}`,
      fields: taken(readMeter({ userId: userIdOf(user), meterTypeId: "type", meterKey })),
    }));
    this.#apply({ kind: "create-meters", accountId, meters: made });
    const found = this.#state.accounts.get(accountId)?.processors.get(meterKey);
    if (found === undefined) throw new Error("The processor was not made.");
    return found;
  }

  #apply(body: EntryBody): void {
    const { outcome } = apply(this.#state, { seq: this.#state.seq + 1, time: this.#now, body });
    if (outcome.kind === "refused") throw new Error(outcome.problem.detail);
  }
}

/** Processor time of this thread: other programs lengthen the time that passes, and this hardly. */
function busyMicros(): number {
  const { user, system } = process.threadCpuUsage();
  return user + system;
}

/** A xorshift generator: random words, the same in every run. */
function words(): () => number {
  let [a, b, c, d] = [0x1234_5678, 0x9abc_def0, 0x0fed_cba9, 0x8765_4321];
  return () => {
    const mixed = a ^ (a << 11);
    [a, b, c] = [b, c, d];
    d = d ^ (d >>> 19) ^ mixed ^ (mixed >>> 8);
    return d >>> 0;
  };
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;
}

function taken<T>(result: Result<T, unknown>): T {
  if (!result.ok) throw new Error(`Refused: ${JSON.stringify(result.error)}`);
  return result.value;
}

function nothing(): void {}

function raise(fields: object, message: string): void {
  throw new Error(message, { cause: fields });
}
