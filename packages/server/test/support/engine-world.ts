// The production engine over a simulated disk, a virtual clock and a seeded random source: opened,
// stopped, killed and cut off from power as often as a test likes. What a real crash would lose is
// lost here too; nothing of an earlier life is handed to the next one but disk and projection.
import type { MeterTypeFields, ProcessorFields } from "../../src/core/definitions.ts";
import { writeJson } from "../../src/core/json.ts";
import type { JsonObject } from "../../src/core/json-value.ts";
import type { Outcome, UsageOutcome } from "../../src/core/outcome.ts";
import type { EpochMs, Zones } from "../../src/core/ports.ts";
import { assert, fail, type Result } from "../../src/core/problem.ts";
import { findProcessor, type Meter, type MeterType, type State } from "../../src/core/state.ts";
import { readUsageBody } from "../../src/core/usage-body.ts";
import { scanContext } from "../../src/core/usage-run.ts";
import type { GroupEngine } from "../../src/engine/engine.ts";
import { type EngineSettings, type OpenEngine, openEngine } from "../../src/engine/open-engine.ts";
import type { OutputStore } from "../../src/engine/stores.ts";
import { IdRuns } from "../../src/ids/id-runs.ts";
import { openJournal } from "../../src/journal/open-journal.ts";
import { createSnapshots } from "../../src/journal/snapshot-store.ts";
import { Projection } from "../../src/projection/database.ts";
import { accountId, defaultMeterType, meterKey, zones } from "./core-world.ts";
import { HeldJournal } from "./held-journal.ts";
import { MemoryOutputs } from "./memory-outputs.ts";
import { createSeededRandom, type SeededRandom } from "./seeded-random.ts";
import { sentBody } from "./sent-body.ts";
import { SimulatedDisk } from "./simulated-disk.ts";
import { simulatedPages } from "./simulated-pages.ts";
import { VirtualClock } from "./virtual-clock.ts";

export { accountId, meterKey };

export interface EngineWorldOptions {
  readonly seed?: number;
  /** Default: 2026-01-01T00:00:00Z. */
  readonly now?: EpochMs;
  readonly zones?: Zones;
  readonly settings?: Partial<EngineSettings>;
  readonly segmentBytesMax?: number;
  /** Ids beyond these go to the disk; without it all of them stay in memory. */
  readonly idsInMemoryMax?: number;
  /** Opens the projection at each start instead of the one in memory. */
  readonly openOutputs?: () => OutputStore;
}

const settingsDefault: EngineSettings = {
  partition: 0,
  futureToleranceMs: 300_000,
  correctionsPerAccountMax: 1_000_000,
  allowClockLeap: false,
  catchUpMax: 10_000_000,
  journalKeepMs: 35 * 86_400_000,
  correctionKeepMs: 183 * 86_400_000,
  snapshotEveryBytes: 1_000_000_000,
};

const journalDirectory = "data/journal";
const snapshotDirectory = "data/snapshots";
export const idsDirectory = "data/ids";

/** One start of the engine until its end. */
interface Life {
  readonly opened: OpenEngine;
  readonly journal: HeldJournal;
  readonly outputs: OutputStore;
}

export interface Logged {
  readonly level: "info" | "warn" | "error";
  readonly message: string;
  readonly fields: object;
}

export class EngineWorld {
  readonly clock: VirtualClock;
  readonly random: SeededRandom;
  readonly logged: Logged[] = [];
  readonly snapshotBytes: number[] = [];
  settings: EngineSettings;
  zones: Zones;
  disk: SimulatedDisk;
  /** The projection in memory; unused where the test opens its own. */
  memory: MemoryOutputs = new MemoryOutputs();
  /** What the engine said when it stopped for good. */
  failure: unknown = null;
  readonly #options: EngineWorldOptions;
  #life: Life | null = null;
  #made = 0;

  constructor(options: EngineWorldOptions = {}) {
    this.#options = options;
    this.clock = new VirtualClock(options.now);
    this.random = createSeededRandom(options.seed ?? 1);
    this.disk = new SimulatedDisk(this.#draw());
    this.zones = options.zones ?? zones;
    this.settings = { ...settingsDefault, ...options.settings };
  }

  /** A world whose engine runs and has an account; a refusal fails the test. */
  static async open(options: EngineWorldOptions = {}): Promise<EngineWorld> {
    const world = new EngineWorld(options);
    await world.started();
    await world.execute({ kind: "create-account", accountId, name: "test", meterKey });
    return world;
  }

  get life(): Life {
    assert(this.#life !== null, "the engine runs");
    return this.#life;
  }

  get engine(): GroupEngine {
    return this.life.opened.engine;
  }

  get state(): State {
    return this.engine.state;
  }

  get journal(): HeldJournal {
    return this.life.journal;
  }

  /** Opens the engine on what the disk holds, or says why it does not open. */
  async start(): Promise<Result<OpenEngine, string>> {
    assert(this.#life === null, "the engine is stopped");
    const { segmentBytesMax = 1_000_000, openOutputs, idsInMemoryMax } = this.#options;
    const { partition } = this.settings;
    const place = { disk: this.disk, directory: journalDirectory, partition, segmentBytesMax };
    const found = await openJournal(place);
    if (!found.ok) return fail(found.error.message);
    const journal = new HeldJournal(found.value);
    const outputs = openOutputs?.() ?? this.memory;
    const { disk } = this;
    const opened = await openEngine({
      ...this.#surroundings(disk),
      journal,
      outputs,
      ...(isProjection(outputs) ? { corrections: outputs.corrections.worked } : {}),
      snapshots: createSnapshots(disk, { directory: snapshotDirectory, partition }),
      ...(idsInMemoryMax === undefined
        ? {}
        : { ids: { store: idRuns(disk), inMemoryMax: idsInMemoryMax } }),
    });
    if (opened.ok) this.#life = { opened: opened.value, journal, outputs };
    else if (openOutputs !== undefined) outputs.close();
    return opened;
  }

  async started(): Promise<OpenEngine> {
    const opened = await this.start();
    assert(opened.ok, opened.ok ? "" : `the engine does not open: ${opened.error}`);
    return opened.value;
  }

  /** Drains, writes a snapshot, closes. */
  async stop(): Promise<void> {
    await this.life.opened.close();
    this.#end(null);
  }

  async restart(): Promise<OpenEngine> {
    await this.stop();
    return this.started();
  }

  /** The process is gone, the system is not: what was written is there, synced or not. */
  kill(): void {
    this.disk = this.disk.restart(this.#draw());
    this.#end(null);
  }

  /** The machine is gone: of what was not synced, the seed decides. */
  powerCut(): void {
    const old = this.disk;
    this.disk = old.crash(this.#draw());
    old.restart(0);
    this.#end(this.random);
  }

  execute(command: Parameters<GroupEngine["execute"]>[0]): Promise<Result<Outcome>> {
    return this.engine.execute(command);
  }

  /** Sends records as one request. */
  usage(records: readonly JsonObject[], key = meterKey): Promise<Result<UsageOutcome>> {
    const { state } = this.engine;
    const context = scanContext(state, findProcessor(state, accountId, key));
    const read = readUsageBody(sentBody(writeJson(records)), "all", context);
    assert(read.ok, "the records can be read");
    return this.engine.count(accountId, key, read.value);
  }

  /** A daily sum in UTC unless the fields say otherwise. */
  async meterType(fields: Partial<MeterTypeFields> = {}): Promise<MeterType> {
    this.#made += 1;
    const id = `type-${this.#made}`;
    const all = { ...defaultMeterType, name: `Type ${this.#made}`, ...fields };
    const made = await this.execute({ kind: "create-meter-type", accountId, id, fields: all });
    assert(made.ok && made.value.kind === "meter-type", "the meter type was made");
    return made.value.meterType;
  }

  async meter(type: MeterType, userId = "user", key = meterKey): Promise<Meter> {
    this.#made += 1;
    const id = `meter-${String(this.#made).padStart(6, "0")}`;
    const fields = { userId, meterKey: key, meterType: { id: type.id }, customFields: {} };
    const made = await this.execute({ kind: "create-meters", accountId, meters: [{ id, fields }] });
    assert(made.ok && made.value.kind === "meters", "meters were made");
    const result = made.value.results[0];
    assert(result?.ok === true, "the meter was made");
    return result.value;
  }

  async patchProcessor(patch: Partial<ProcessorFields>): Promise<void> {
    const patched = await this.execute({ kind: "patch-processor", accountId, meterKey, patch });
    assert(patched.ok, "the processor was changed");
  }

  /** Lets the event loop go round once. */
  turn(): Promise<void> {
    return new Promise((resolve) => setImmediate(resolve));
  }

  /** Lets the engine finish everything that waits or is due at the clock's time. */
  async settle(turnsMax = 1_000_000): Promise<void> {
    for (let turns = 0; turns < turnsMax; turns += 1) {
      await this.turn();
      if (this.failure !== null || this.isIdle) return;
      this.engine.wake();
    }
    throw new Error("the engine does not come to rest");
  }

  /** Resolves when the snapshot that is being written, if there is one, is done. */
  async snapshotDone(): Promise<void> {
    const release = await this.life.opened.holdFiles();
    release();
  }

  get isIdle(): boolean {
    const { engine, journal } = this;
    const { outputs } = this.life;
    const due = engine.state.due.earliest() ?? Number.POSITIVE_INFINITY;
    const isWorking = isProjection(outputs) && engine.state.correctionActions.size > 0;
    const isQueued = journal.appending || engine.queued.commands > 0;
    return !isQueued && !isWorking && due > this.clock.now();
  }

  #surroundings(
    disk: SimulatedDisk,
  ): Omit<Parameters<typeof openEngine>[0], "journal" | "outputs" | "snapshots"> {
    const log =
      (level: Logged["level"]) =>
      (fields: object, message: string): void => {
        if (this.disk === disk) this.logged.push({ level, message, fields });
      };
    return {
      clock: this.clock,
      random: this.random,
      zones: this.zones,
      settings: this.settings,
      log: { info: log("info"), warn: log("warn"), error: log("error") },
      telemetry: {
        recordsJudged: () => {},
        groupCommitted: () => {},
        outputsReleased: () => {},
        snapshotWritten: ({ bytes }) => void this.snapshotBytes.push(bytes),
      },
      onFailed: (cause) => {
        // An engine of an earlier life may still notice that its disk is gone.
        if (this.disk === disk) this.failure ??= cause;
      },
    };
  }

  #end(powerCut: SeededRandom | null): void {
    if (this.#options.openOutputs === undefined) this.memory = this.memory.reopened(powerCut);
    this.#life = null;
    this.failure = null;
  }

  #draw(): number {
    return this.random.integer(0, 2 ** 31);
  }
}

function isProjection(outputs: OutputStore): outputs is Projection {
  return outputs instanceof Projection;
}

function idRuns(disk: SimulatedDisk): IdRuns {
  return new IdRuns({
    disk,
    openPages: simulatedPages(disk),
    directory: idsDirectory,
    partition: settingsDefault.partition,
  });
}
