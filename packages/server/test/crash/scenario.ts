// One data directory with callers and their histories, for runs of one shape: a full disk, stops in
// good order, too much load. Starts servers and lives; what is expected of them is said elsewhere.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { type HowToStart, type ServerProcess, startServer } from "../support/server-process.ts";
import { HistoryFiles, readHistory } from "./history-files.ts";
import {
  type Life,
  LoadCaller,
  newTally,
  type Shape,
  type Shared,
  type Tally,
} from "./load-caller.ts";
import { clientId, clientSecret, setUp, type World } from "./metered-world.ts";
import { judge, type Verdict } from "./verdict.ts";

export interface ScenarioOptions {
  /** Holds or will hold the histories and, unless told otherwise, the data. */
  readonly directory: string;
  readonly dataDirectory?: string;
  readonly seed: number;
  readonly connections: number;
  readonly shape?: Shape;
  readonly hasMonthly?: boolean;
  readonly settings?: Readonly<Record<string, string>>;
}

/** A server that runs, and what its callers see. */
export interface RunningLife extends Life {
  readonly server: ServerProcess;
  readonly shared: Shared;
  /** Records that were sent or answered. */
  events: number;
}

export class Scenario {
  readonly callers: readonly LoadCaller[];
  readonly files: HistoryFiles;
  readonly tally: Tally = newTally();
  readonly dataDirectory: string;
  readonly #options: ScenarioOptions;
  #world: World | null = null;

  constructor(options: ScenarioOptions) {
    this.#options = options;
    const { directory, connections, seed, shape = {} } = options;
    this.dataDirectory = options.dataDirectory ?? join(directory, "data");
    mkdirSync(this.dataDirectory, { recursive: true, mode: 0o700 });
    const { history, stamp } = readHistory(join(directory, "history"));
    this.files = new HistoryFiles(join(directory, "history"), stamp);
    this.callers = Array.from({ length: connections }, (_, index) => {
      const name = `c${index}`;
      const open = history.unanswered.filter(([first]) => first?.id.startsWith(`${name}.`));
      const before = { sent: history.lastNumberOf(name), open };
      return new LoadCaller(name, seed * 1_000 + index + stamp, { ...shape, before });
    });
  }

  start(how: HowToStart = {}): ServerProcess {
    const env = {
      METERHOUSE_CLIENT_ID: clientId,
      METERHOUSE_CLIENT_SECRET: clientSecret,
      ...this.#options.settings,
    };
    return startServer(this.dataDirectory, env, how);
  }

  /** Starts a server; nobody calls it yet. */
  async begin(how: HowToStart = {}): Promise<RunningLife> {
    const server = this.start(how);
    const baseUrl = await server.started;
    this.#world ??= await setUp(baseUrl, this.#options.hasMonthly ?? true);
    const { files, tally } = this;
    const shared: Shared = { world: this.#world, files, recent: [], tally };
    const life: RunningLife = {
      server,
      baseUrl,
      shared,
      events: 0,
      mayEnd: false,
      isOver: false,
      onEvent: (records) => {
        life.events += records;
      },
    };
    return life;
  }

  /** All callers, or some, until the life is over. */
  async load(life: RunningLife, callers = this.callers): Promise<void> {
    await Promise.all(callers.map((caller) => caller.run(life, life.shared)));
  }

  /** Starts the server twice more; nothing can be sent afterwards. `more` called besides. */
  judge(more: readonly LoadCaller[] = []): Promise<Verdict> {
    return judge({
      historyDirectory: join(this.#options.directory, "history"),
      hasMonthly: this.#options.hasMonthly ?? true,
      files: this.files,
      callers: [...this.callers, ...more],
      start: () => this.start(),
    });
  }
}
