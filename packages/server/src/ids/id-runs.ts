// The runs of old ids of one partition, in one directory, with the filter that tells which of them to
// look into. A run is in force from the end of its writing until it is retired; which runs are in
// force after a start, the snapshot says. A missing or damaged one is refused by name, never skipped.
import { join } from "node:path";
import { type IdRun, idRowWords, type OldIds } from "../core/old-ids.ts";
import { KeyBatch, OldIdFilter, runSlotsMax } from "../core/old-ids-filter.ts";
import { assert, fail, ok, type Result } from "../core/problem.ts";
import { OpenRun } from "./open-run.ts";
import type { OpenPages, RunDisk } from "./run-disk.ts";
import { IdRunDamage } from "./run-format.ts";
import { RunScan } from "./run-scan.ts";
import { RunFileWriter } from "./run-writer.ts";

export interface IdRunsOptions {
  readonly disk: RunDisk;
  readonly openPages: OpenPages;
  readonly directory: string;
  readonly partition: number;
}

/** A run that is being written. After a failure of any call `abandon` ends it. */
export interface IdRunWriter {
  readonly number: number;
  /** Takes rows whose keys follow those before, seven words each. */
  write(rows: Uint32Array): Promise<void>;
  /** The run is durable and in force when it resolves. */
  commit(): Promise<IdRun>;
  abandon(): Promise<void>;
}

export class IdRuns implements OldIds {
  readonly #options: IdRunsOptions;
  readonly #bySlot: (OpenRun | "taken" | "retired" | undefined)[] = [];
  #filter: OldIdFilter | null = null;
  #next = 1;
  #isReady = false;

  constructor(options: IdRunsOptions) {
    this.#options = options;
  }

  /** Bytes of memory that the filter takes. */
  get filterBytes(): number {
    return this.#filter?.bytes ?? 0;
  }

  /** Reads and checks the runs that a snapshot names; they are in force then. */
  async open(named: readonly IdRun[]): Promise<Result<void, Error>> {
    if (named.length === 0) return ok(undefined);
    try {
      await this.#openAll(named);
      return ok(undefined);
    } catch (error) {
      if (error instanceof Error) return fail(error);
      throw error;
    }
  }

  find(key: Uint32Array, firstRun: number, row: Uint32Array): boolean {
    if (this.#filter === null) return false;
    let found = false;
    for (const slot of this.#filter.candidates(key)) {
      const run = this.#bySlot[slot];
      if (run instanceof OpenRun && run.number >= firstRun) found = run.find(key, row, found);
    }
    return found;
  }

  /** Begins a run of about so many rows; null when there are as many runs as can be. */
  async begin(rows: number): Promise<IdRunWriter | null> {
    const slot = this.#freeSlot();
    if (slot === null) return null;
    await this.#prepare();
    const { disk, directory, partition } = this.#options;
    this.#filter ??= new OldIdFilter(rows * 4);
    const number = this.#next;
    this.#next += 1;
    const path = runPath(directory, number);
    const file = new RunFileWriter(await disk.create(`${path}${temporarySuffix}`), {
      partition,
      number,
      rows,
    });
    this.#bySlot[slot] = "taken";
    const feeder = new FilterFeeder(this.#filter, slot);
    const retired = this.#slotsThatAre("retired");
    return {
      number,
      write: async (batch) => {
        await feeder.feed(batch);
        await file.write(batch);
      },
      commit: async () => {
        await feeder.end();
        const run = await file.end();
        await disk.rename(`${path}${temporarySuffix}`, path);
        await disk.syncDirectory(directory);
        this.#filter?.sweptAll(retired);
        for (const free of retired) this.#bySlot[free] = undefined;
        this.#putInForce(slot, run, file.firstWords);
        return run;
      },
      abandon: async () => {
        this.#retireSlot(slot);
        await file.close().catch(ignore);
        await disk.remove(`${path}${temporarySuffix}`).catch(ignore);
      },
    };
  }

  /** The run answers no more; its file stays until `removeAllBut`. */
  retire(number: number): void {
    const slot = this.#bySlot.findIndex((run) => run instanceof OpenRun && run.number === number);
    const run = this.#bySlot[slot];
    if (!(run instanceof OpenRun)) return;
    run.close();
    this.#retireSlot(slot);
  }

  /** Removes the files of all other runs. A run that is being written has no such file yet. */
  async removeAllBut(kept: ReadonlySet<number>): Promise<void> {
    const { disk, directory } = this.#options;
    if (!this.#isReady) return;
    const numbers = (await disk.list(directory)).flatMap(runNumber);
    const removed = numbers.filter((number) => !kept.has(number) && number < this.#next);
    for (const number of removed) await disk.remove(runPath(directory, number));
    if (removed.length > 0) await disk.syncDirectory(directory);
  }

  close(): void {
    for (const run of this.#bySlot) if (run instanceof OpenRun) run.close();
    this.#bySlot.length = 0;
    this.#filter = null;
  }

  async #openAll(named: readonly IdRun[]): Promise<void> {
    assert(named.length <= runSlotsMax, "a snapshot names no more runs than there can be");
    await this.#prepare();
    const { disk, directory, partition } = this.#options;
    const names = new Set((await disk.list(directory)).flatMap(runNumber));
    const scans = named.map((run) => new RunScan(disk, runPath(directory, run.number), run));
    for (const scan of scans) {
      if (!names.has(scan.run.number)) {
        throw new IdRunDamage(scan.path, { page: 0, what: "the file is missing" });
      }
      await scan.begin(partition);
    }
    const rows = named.reduce((sum, run) => sum + run.rows, 0);
    // The filter is made for many more keys than it is told of: so many will hardly come again.
    this.#filter = new OldIdFilter(rows / 8);
    await fillFilter(this.#filter, scans);
    for (const [slot, { run, firstWords }] of scans.entries()) {
      this.#putInForce(slot, run, firstWords);
    }
  }

  /** Makes the directory, removes what a stop left half-written, finds a number that is free. */
  async #prepare(): Promise<void> {
    if (this.#isReady) return;
    const { disk, directory } = this.#options;
    await disk.makeDirectory(directory);
    for (const name of await disk.list(directory)) {
      if (name.endsWith(temporarySuffix)) await disk.remove(join(directory, name));
      const written = runNumber(name.replace(temporarySuffix, ""));
      for (const number of written) this.#next = Math.max(this.#next, number + 1);
    }
    this.#isReady = true;
  }

  #putInForce(slot: number, run: IdRun, firstWords: Uint32Array): void {
    const path = runPath(this.#options.directory, run.number);
    const file = this.#options.openPages(path);
    this.#bySlot[slot] = new OpenRun(run.number, { path, file, firstWords });
  }

  #retireSlot(slot: number): void {
    this.#bySlot[slot] = "retired";
    this.#filter?.retire(slot);
  }

  #freeSlot(): number | null {
    for (let slot = 0; slot < runSlotsMax; slot += 1) {
      if (this.#bySlot[slot] === undefined) return slot;
    }
    return null;
  }

  #slotsThatAre(what: "retired"): readonly number[] {
    return [...this.#bySlot.entries()].flatMap(([slot, is]) => (is === what ? [slot] : []));
  }
}

/** Marks that are moved before others get their turn: a few milliseconds. */
const marksPerSlice = 500_000;
const temporarySuffix = ".tmp";

/** The file of a run. */
export function runPath(directory: string, number: number): string {
  return join(directory, `ids-${String(number).padStart(10, "0")}.bin`);
}

function runNumber(name: string): readonly number[] {
  const digits = /^ids-([0-9]{10})\.bin$/u.exec(name)?.[1];
  return digits === undefined ? [] : [Number.parseInt(digits, 10)];
}

/** What could not be cleared away now is a leftover of the next start. */
function ignore(): void {}

/** Brings the keys of one run into the filter, group by group. */
class FilterFeeder {
  readonly #filter: OldIdFilter;
  readonly #slot: number;
  readonly #batch = new KeyBatch();
  #group = 0;
  #moved = 0;

  constructor(filter: OldIdFilter, slot: number) {
    this.#filter = filter;
    this.#slot = slot;
  }

  async feed(rows: Uint32Array): Promise<void> {
    for (let at = 0; at < rows.length; at += idRowWords) {
      const first = rows[at] ?? 0;
      const group = this.#filter.groupOf(first);
      while (this.#group < group) await this.#next();
      this.#batch.push(first, rows[at + 1] ?? 0, this.#slot);
    }
  }

  async end(): Promise<void> {
    while (this.#group < this.#filter.groups) await this.#next();
  }

  /** Lets others go on now and then: with many ids each group is large. */
  async #next(): Promise<void> {
    this.#filter.change(this.#group, this.#batch);
    this.#moved += this.#filter.marksOf(this.#group);
    this.#batch.clear();
    this.#group += 1;
    if (this.#moved < marksPerSlice) return;
    this.#moved = 0;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** All runs at once, group by group, so that each group is made once and has no room to spare. */
async function fillFilter(filter: OldIdFilter, scans: readonly RunScan[]): Promise<void> {
  const batch = new KeyBatch();
  for (let group = 0; group < filter.groups; group += 1) {
    batch.clear();
    for (const [slot, scan] of scans.entries()) {
      for (;;) {
        takeGroup(scan, batch, { filter, group, slot });
        if (scan.at < scan.end || !(await scan.more())) break;
      }
    }
    filter.change(group, batch);
  }
}

function takeGroup(
  scan: RunScan,
  batch: KeyBatch,
  { filter, group, slot }: { filter: OldIdFilter; group: number; slot: number },
): void {
  while (scan.at < scan.end) {
    const at = scan.at * idRowWords;
    const first = scan.rows[at] ?? 0;
    if (filter.groupOf(first) !== group) return;
    batch.push(first, scan.rows[at + 1] ?? 0, slot);
    scan.at += 1;
  }
}
