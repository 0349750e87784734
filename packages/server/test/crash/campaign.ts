// Many lives of one data directory under load, each ended by what the seed draws, and a judgement
// over all of them at the end. Everything that it needs to go on after its own end is in its
// directory: the data, the history of each caller, and the counts of what was injected.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createSeededRandom, type SeededRandom } from "../support/seeded-random.ts";
import type { ServerProcess } from "../support/server-process.ts";
import { HistoryFiles, readHistory } from "./history-files.ts";
import { drawInjection, type Injection, judgeEnding, startInjected } from "./injections.ts";
import { clock, type Life, LoadCaller, newTally, type Shared, type Tally } from "./load-caller.ts";
import { setUp, type World } from "./metered-world.ts";
import { judge, type Verdict } from "./verdict.ts";

export interface CampaignOptions {
  /** Holds or will hold everything; may have been left by an earlier run with the same seed. */
  readonly directory: string;
  readonly seed: number;
  readonly connections: number;
  readonly kills: number;
  /** Acknowledged records to reach. */
  readonly records: number;
  /** MiB; small makes many snapshots. */
  readonly snapshotMegabytes: number;
  /** No new life begins when it gives false: the run is out of time. */
  readonly goesOn?: () => boolean;
  readonly onProgress?: (line: string) => void;
}

export interface CampaignResult extends Verdict {
  readonly kills: number;
  readonly tally: Tally;
  /** What happened how often. */
  readonly injected: ReadonlyMap<string, number>;
}

/** What a run leaves for the next one. */
interface Kept {
  kills: number;
  lives: number;
  tally: Tally;
  injected: Map<string, number>;
  faults: string[];
}

/** A life that nobody has ended by then hangs. */
const lifeMsMax = 60_000;

export async function runCampaign(options: CampaignOptions): Promise<CampaignResult> {
  const { directory } = options;
  mkdirSync(join(directory, "data"), { recursive: true, mode: 0o700 });
  const hasStrace = spawnSync("strace", ["-V"]).status === 0;
  const run = new CampaignRun(options, hasStrace);
  await run.toTheEnd();
  const verdict = await judge({
    historyDirectory: join(directory, "history"),
    hasMonthly: true,
    start: () => run.start({ kind: "stop" }),
    ...run.parts,
  });
  const { kills, tally, injected } = run.kept;
  const faults = [...run.kept.faults, ...verdict.faults];
  if (kills === 0) faults.push("nothing was injected");
  return { ...verdict, faults, kills, tally, injected };
}

class CampaignRun {
  readonly kept: Kept;
  readonly parts: { readonly files: HistoryFiles; readonly callers: readonly LoadCaller[] };
  readonly #options: CampaignOptions;
  readonly #hasStrace: boolean;
  readonly #recent: Shared["recent"] = [];
  #world: World | null = null;

  constructor(options: CampaignOptions, hasStrace: boolean) {
    this.#options = options;
    this.#hasStrace = hasStrace;
    this.kept = readKept(options.directory);
    const { history, stamp } = readHistory(join(options.directory, "history"));
    const files = new HistoryFiles(join(options.directory, "history"), stamp);
    const callers = Array.from({ length: options.connections }, (_, index) => {
      const name = `c${index}`;
      const open = history.unanswered.filter(([first]) => first?.id.startsWith(`${name}.`));
      const seed = options.seed * 1_000 + index + this.kept.lives;
      return new LoadCaller(name, seed, { before: { sent: history.lastNumberOf(name), open } });
    });
    this.parts = { files, callers };
  }

  async toTheEnd(): Promise<void> {
    const { kills, records, goesOn = () => true, seed } = this.#options;
    const { kept } = this;
    while ((kept.kills < kills || kept.tally.acknowledged < records) && goesOn()) {
      // Each life draws from its own seed, so that a run that goes on draws what it would have.
      const random = createSeededRandom(seed * 100_000 + kept.lives);
      const isFirst = this.#world === null;
      const injection = isFirst
        ? ({ kind: "kill" } as const)
        : drawInjection(random, this.#hasStrace);
      await this.#live(injection, random);
      kept.lives += 1;
      writeKept(this.#options.directory, kept);
      if (kept.faults.length > 0) return;
      if (kept.lives % 10 === 0) this.#options.onProgress?.(progressOf(kept));
    }
  }

  start(injection: Injection): ServerProcess {
    const { directory, snapshotMegabytes } = this.#options;
    return startInjected(join(directory, "data"), injection, {
      METERHOUSE_SNAPSHOT_MEGABYTES: String(snapshotMegabytes),
    });
  }

  async #live(injection: Injection, random: SeededRandom): Promise<void> {
    rmSync(join(this.#options.directory, "strace.log"), { force: true });
    const server = this.start(injection);
    const hanging = new AbortController();
    const end = { wasSignalled: false, hangs: false };
    const signal = (name: "SIGKILL" | "SIGTERM"): void => {
      end.wasSignalled = true;
      server.signal(name);
    };
    void clock.sleepUntil(clock.now() + lifeMsMax, hanging.signal).then(() => {
      if (hanging.signal.aborted) return;
      end.hangs = true;
      signal("SIGKILL");
    });
    if (injection.kind === "kill while starting") {
      await server.logged(injection.event);
      signal("SIGKILL");
    } else {
      const name = injection.kind === "stop" ? "SIGTERM" : "SIGKILL";
      await this.#loadUntilEnd(
        server,
        this.#lifeOf(injection, random, () => signal(name)),
      );
    }
    const exit = await server.exited;
    hanging.abort();
    this.#note(injection, judgeEnding(injection, exit, { ...end, directory: this.#dataDirectory }));
    if (end.hangs) this.kept.faults.push(`a life hung (${JSON.stringify(injection)})`);
  }

  get #dataDirectory(): string {
    return join(this.#options.directory, "data");
  }

  /** Ends after a random count of records went out and were answered. */
  #lifeOf(injection: Injection, random: SeededRandom, end: () => void): Omit<Life, "baseUrl"> {
    const { kills, records } = this.#options;
    const { kept } = this;
    const left = Math.max(1, records - kept.tally.acknowledged) / Math.max(1, kills - kept.kills);
    // Time for a fault to come before the signal does.
    const factor = "fault" in injection ? 12 : 4;
    const endAt = random.integer(1, Math.ceil(factor * left) + 200);
    let events = 0;
    const life: Omit<Life, "baseUrl"> = {
      // Faults of the disk end it when they like.
      mayEnd: "fault" in injection,
      isOver: false,
      onEvent: (count) => {
        events += count;
        if (life.isOver || events < endAt) return;
        life.isOver = true;
        life.mayEnd = true;
        end();
      },
    };
    return life;
  }

  async #loadUntilEnd(server: ServerProcess, plan: Omit<Life, "baseUrl">): Promise<void> {
    const baseUrl = await server.started.catch((error: unknown) => {
      if (!plan.mayEnd) throw error;
      return null;
    });
    if (baseUrl === null) return;
    const life: Life = Object.assign(plan, { baseUrl });
    this.#world ??= await setUp(baseUrl);
    const shared: Shared = {
      world: this.#world,
      files: this.parts.files,
      recent: this.#recent,
      tally: this.kept.tally,
    };
    void server.exited.then(() => {
      life.isOver = true;
    });
    await Promise.all(this.parts.callers.map((caller) => caller.run(life, shared)));
  }

  #note(injection: Injection, { what, isKill, fault }: ReturnType<typeof judgeEnding>): void {
    const { kept } = this;
    kept.injected.set(what, (kept.injected.get(what) ?? 0) + 1);
    if (isKill) kept.kills += 1;
    if (fault !== null) kept.faults.push(`${JSON.stringify(injection)}: ${fault}`);
  }
}

function progressOf({ kills, lives, tally }: Kept): string {
  const { acknowledged, unknown, refused } = tally;
  return `${lives} lives, ${kills} kills, ${acknowledged} acknowledged, ${unknown} unknown, ${refused} refused`;
}

function readKept(directory: string): Kept {
  const file = join(directory, "campaign.json");
  if (!existsSync(file)) {
    return { kills: 0, lives: 0, tally: newTally(), injected: new Map(), faults: [] };
  }
  const read = JSON.parse(readFileSync(file, "utf8")) as Omit<Kept, "injected"> & {
    injected: [string, number][];
  };
  return { ...read, injected: new Map(read.injected) };
}

function writeKept(directory: string, kept: Kept): void {
  const text = JSON.stringify({ ...kept, injected: [...kept.injected] });
  writeFileSync(join(directory, "campaign.json"), text);
}
