// One caller: sends numbered records, single and in batches, some of them bad, some again, and on a
// new start first whatever had no answer. Writes each call to its history file. It decides nothing
// about right or wrong but what an answer must look like.
import { createSystemClock } from "../../src/runtime/system-ports.ts";
import type { LoadConnection, PlainAnswer } from "../support/load-connection.ts";
import type { RecordAnswer, SentRecord } from "../support/load-history.ts";
import { createSeededRandom, type SeededRandom } from "../support/seeded-random.ts";
import type { HistoryFiles } from "./history-files.ts";
import { changeSchedule, connect, type World } from "./metered-world.ts";

/** Of one user, below the bound of groups of one meter. */
const recordsPerUser = 800;
/** Records of requests; most are single ones, most records come in batches. */
const usualSizes: readonly number[] = [1, 1, 1, 1, 5, 20, 50, 200];
const refusalPauseMs = 20;
/** Requests of others that may be sent once more. */
const recentMax = 256;

export const clock = createSystemClock();

/** One start of the server, as the callers see it. */
export interface Life {
  readonly baseUrl: string;
  /** From now on calls may fail; set before whatever ends the server. */
  mayEnd: boolean;
  /** It stops in good order: a new connection may be refused, but no call that was sent may fail. */
  isStopping?: boolean;
  /** Nothing new is sent. */
  isOver: boolean;
  /** Called with the number of records at each sending and each answer. */
  onEvent(records: number): void;
}

/** What all callers share. */
export interface Shared {
  readonly world: World;
  readonly files: HistoryFiles;
  /** Answered requests, of any caller, to be sent again by any other. */
  readonly recent: (readonly SentRecord[])[];
  readonly tally: Tally;
}

/** How a caller's load differs from the usual. */
export interface Shape {
  readonly sizes?: readonly number[];
  /** Users that take turns; new ones come for ever when it is not set. */
  readonly users?: number;
  /** Thousands of characters that each record carries beside what counts. */
  readonly padding?: number;
  /** Milliseconds between a request and the next; none when it is not set. */
  readonly everyMs?: number;
}

export interface Tally {
  requests: number;
  acknowledged: number;
  duplicates: number;
  rejected: number;
  unknown: number;
  /** Answers 503, and those of them without a whole number in Retry-After. */
  refused: number;
  withoutRetryAfter: number;
  /** Codes of the refusals, and how often. */
  refusedAs: Record<string, number>;
  definitionChanges: number;
}

export function newTally(): Tally {
  return {
    requests: 0,
    acknowledged: 0,
    duplicates: 0,
    rejected: 0,
    unknown: 0,
    refused: 0,
    withoutRetryAfter: 0,
    refusedAs: {},
    definitionChanges: 0,
  };
}

export class LoadCaller {
  readonly name: string;
  /** Has a token; from now on its one connection is open. */
  isConnected = false;
  /** Milliseconds of each answered request since it was last emptied. */
  latencies: number[] = [];
  readonly #random: SeededRandom;
  readonly #shape: Shape;
  #sent: number;
  /** Without an answer, each to be sent again as it was. */
  #open: (readonly SentRecord[])[];
  /** Had no answer once: may have been counted, so a refusal does not settle them. */
  readonly #unsettled: WeakSet<readonly SentRecord[]>;

  constructor(name: string, seed: number, given: Before & Shape = noneBefore) {
    const { before = { sent: 0, open: [] }, ...shape } = given;
    this.name = name;
    this.#shape = shape;
    this.#random = createSeededRandom(seed);
    this.#sent = before.sent;
    this.#open = [...before.open];
    this.#unsettled = new WeakSet(before.open);
  }

  /** Sends until the life is over, or only what is open. Resolves when no call is on its way. */
  async run(life: Life, shared: Shared, only: "open" | "all" = "all"): Promise<void> {
    const connection = await connect(life.baseUrl).catch(unlessEnding(life));
    if (connection === null) return;
    this.isConnected = true;
    const open = this.#open;
    this.#open = [];
    while (!life.isOver && (only === "all" || open.length > 0)) {
      const records = open.shift() ?? this.#next(shared);
      const isAlive = await this.#send(connection, records, { life, shared });
      if (!isAlive) break;
      if (this.#random.chance(0.002)) await this.#change(connection, { life, shared });
      if (this.#shape.everyMs !== undefined && !life.isOver) {
        await clock.sleepUntil(clock.now() + this.#shape.everyMs);
      }
    }
    this.isConnected = false;
    this.#open.push(...open);
    connection.close();
  }

  #next({ recent }: Shared): readonly SentRecord[] {
    if (recent.length > 0 && this.#random.chance(0.05)) return this.#random.pick(recent);
    const { users = Number.MAX_SAFE_INTEGER, sizes = usualSizes } = this.#shape;
    const user = Math.floor(this.#sent / recordsPerUser) % users;
    const room = recordsPerUser - (this.#sent % recordsPerUser);
    const count = Math.min(room, this.#random.pick(sizes));
    const hasBad = this.#random.chance(0.03);
    return Array.from({ length: count }, () => {
      this.#sent += 1;
      // Written as null, which is rejected.
      const isBad = hasBad && this.#random.chance(0.5);
      const value = isBad ? Number.NaN : this.#random.integer(1, 1_000_000);
      return { id: `${this.name}.${this.#sent}`, userId: `${this.name}-${user}`, value };
    });
  }

  /** False when the connection is of no more use. */
  async #send(
    connection: LoadConnection,
    records: readonly SentRecord[],
    { life, shared }: { life: Life; shared: Shared },
  ): Promise<boolean> {
    const { tally } = shared;
    const attempt = shared.files.invoke(this.name, records);
    tally.requests += 1;
    life.onEvent(records.length);
    const begun = clock.monotonic();
    try {
      const body = this.#padded(records);
      const answer = await connection.send("POST", shared.world.usagePath, { body });
      if (answer.status === 200) {
        const { results } = JSON.parse(answer.text) as { results: Results };
        const told = results.map(answerOf);
        attempt.answered(told);
        this.latencies.push(clock.monotonic() - begun);
        count(tally, told);
        remember(shared, records, told);
      } else if (answer.status === 503) {
        this.#refused(answer, { attempt, records, tally });
        await clock.sleepUntil(clock.now() + refusalPauseMs);
      } else throw new Error(`${answer.status} ${answer.text}`);
      life.onEvent(records.length);
      return answer.headers.connection !== "close";
    } catch (error) {
      attempt.lost();
      tally.unknown += 1;
      this.#keep(records);
      unlessEnding(life)(error);
      return false;
    }
  }

  #refused(
    answer: PlainAnswer,
    { attempt, records, tally }: Pick<Shared, "tally"> & Refused,
  ): void {
    if (!/^\d+$/.test(answer.headers["retry-after"] ?? "")) tally.withoutRetryAfter += 1;
    const { code } = JSON.parse(answer.text) as { code: string };
    tally.refusedAs[code] = (tally.refusedAs[code] ?? 0) + 1;
    if (/^store-(?:failed|late)$/.test(code)) {
      attempt.lost();
      tally.unknown += 1;
      this.#keep(records);
      return;
    }
    attempt.refused();
    tally.refused += 1;
    if (this.#unsettled.has(records) || this.#random.chance(0.5)) this.#open.push(records);
  }

  #keep(records: readonly SentRecord[]): void {
    this.#open.push(records);
    this.#unsettled.add(records);
  }

  #padded(records: readonly SentRecord[]): readonly object[] {
    const { padding } = this.#shape;
    if (padding === undefined) return records;
    const names = Array.from({ length: padding }, (_, index) => `pad${index}`);
    const pads = Object.fromEntries(names.map((name) => [name, "x".repeat(1_000)]));
    return records.map((record) => ({ ...record, ...pads }));
  }

  async #change(connection: LoadConnection, at: { life: Life; shared: Shared }): Promise<void> {
    const { world, tally } = at.shared;
    try {
      await changeSchedule(connection, world, this.#random.chance(0.7));
      tally.definitionChanges += 1;
    } catch (error) {
      unlessEnding(at.life)(error);
    }
  }
}

interface Refused {
  readonly attempt: ReturnType<HistoryFiles["invoke"]>;
  readonly records: readonly SentRecord[];
}

interface Before {
  /** What the history says of the caller's earlier runs. */
  readonly before?: {
    /** The number of its last record. */
    readonly sent: number;
    readonly open: readonly (readonly SentRecord[])[];
  };
}

const noneBefore: Before & Shape = {};

function unlessEnding(life: Life): (error: unknown) => null {
  return (error) => {
    const code = error instanceof Error && "code" in error ? error.code : "";
    const isShut = life.isStopping === true && code === "ECONNREFUSED";
    if (!life.mayEnd && !isShut) throw error;
    return null;
  };
}

type Results = readonly { outcome: RecordAnswer["outcome"]; meters?: readonly { id: string }[] }[];

function answerOf({ outcome, meters = [] }: Results[number]): RecordAnswer {
  return { outcome, meters: meters.map(({ id }) => id) };
}

function count(tally: Tally, told: readonly RecordAnswer[]): void {
  for (const { outcome } of told) {
    if (outcome === "counted") tally.acknowledged += 1;
    else if (outcome === "duplicate") tally.duplicates += 1;
    else tally.rejected += 1;
  }
}

function remember(
  { recent }: Shared,
  records: readonly SentRecord[],
  told: readonly RecordAnswer[],
): void {
  if (told.some(({ outcome }) => outcome === "rejected")) return;
  recent.push(records);
  if (recent.length > recentMax) recent.shift();
}
