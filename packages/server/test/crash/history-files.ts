// What callers sent and were told, one file for each caller, written before the request leaves and
// after its answer came: so a run can be killed, gone on with, and judged from the files alone.
// A line is [stamp, kind, call, what]; stamps order the lines of all files. It judges nothing.
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import {
  type Attempt,
  LoadHistory,
  type RecordAnswer,
  type SentRecord,
} from "../support/load-history.ts";

/** Answers of records that follow each other and were told the same, and how many they are. */
type Run = readonly [outcome: RecordAnswer["outcome"], meters: readonly string[], count: number];
type Triple = readonly [id: string, userId: string, value: number | null];

type Line =
  | readonly [stamp: number, kind: "invoke", call: number, records: readonly Triple[]]
  | readonly [stamp: number, kind: "ok", call: number, answers: readonly Run[]]
  | readonly [stamp: number, kind: "rejected" | "unknown", call: number, why: string];

export class HistoryFiles {
  readonly #directory: string;
  readonly #files = new Map<string, number>();
  #stamp: number;

  /** Goes on after what the directory holds; `stamp` is the one that `readHistory` gave. */
  constructor(directory: string, stamp: number) {
    mkdirSync(directory, { recursive: true });
    this.#directory = directory;
    this.#stamp = stamp;
  }

  /** Written when it returns: a request without a second line is an unknown one. */
  invoke(caller: string, records: readonly SentRecord[]): Omit<Attempt, "records"> {
    const call = this.#stamp;
    const triples = records.map(({ id, userId, value }): Triple => [id, userId, value]);
    this.#write(caller, [this.#next(), "invoke", call, triples]);
    return {
      answered: (answers) => this.#write(caller, [this.#next(), "ok", call, runsOf(answers)]),
      refused: () => this.#write(caller, [this.#next(), "rejected", call, ""]),
      lost: () => this.#write(caller, [this.#next(), "unknown", call, ""]),
    };
  }

  close(): void {
    for (const file of this.#files.values()) closeSync(file);
    this.#files.clear();
  }

  #next(): number {
    this.#stamp += 1;
    return this.#stamp;
  }

  /** The line break comes first, so that a line that was cut off spoils no other. */
  #write(caller: string, line: Line): void {
    let file = this.#files.get(caller);
    if (file === undefined) {
      file = openSync(join(this.#directory, `${caller}.jsonl`), "a");
      this.#files.set(caller, file);
    }
    writeSync(file, `\n${JSON.stringify(line)}`);
  }
}

/** The history of all files, and the stamp of the last line; requests without an answer are lost. */
export function readHistory(directory: string): { history: LoadHistory; stamp: number } {
  const history = new LoadHistory();
  const open = new Map<number, Attempt>();
  let stamp = 0;
  for (const line of linesOf(directory)) {
    stamp = line[0];
    if (line[1] === "invoke") {
      open.set(line[2], history.invoke(line[3].map(recordOf)));
      continue;
    }
    const attempt = open.get(line[2]);
    if (attempt === undefined) throw new Error(`line ${stamp} ends a call that never began`);
    open.delete(line[2]);
    if (line[1] === "ok") attempt.answered(line[3].flatMap(answersOf));
    else if (line[1] === "rejected") attempt.refused();
    else attempt.lost();
  }
  for (const attempt of open.values()) attempt.lost();
  return { history, stamp };
}

function linesOf(directory: string): readonly Line[] {
  mkdirSync(directory, { recursive: true });
  const lines: Line[] = [];
  for (const name of readdirSync(directory)) {
    for (const text of readFileSync(join(directory, name), "utf8").split("\n")) {
      const line = text === "" ? null : parse(text);
      if (line !== null) lines.push(line);
    }
  }
  return lines.sort((one, other) => one[0] - other[0]);
}

/** Null for a line that the end of the run cut off: it says nothing that can be relied on. */
function parse(text: string): Line | null {
  try {
    return JSON.parse(text, intern) as Line;
  } catch {
    return null;
  }
}

const known = new Map<string, string>();

/** The ids of meters and users come a million times; one text of each is enough. */
function intern(_key: string, value: unknown): unknown {
  if (typeof value !== "string" || value.includes(".")) return value;
  const first = known.get(value);
  if (first !== undefined) return first;
  known.set(value, value);
  return value;
}

function recordOf([id, userId, value]: Triple): SentRecord {
  return { id, userId, value: value ?? Number.NaN };
}

function runsOf(answers: readonly RecordAnswer[]): readonly Run[] {
  const runs: [RecordAnswer["outcome"], readonly string[], number][] = [];
  for (const { outcome, meters } of answers) {
    const last = runs.at(-1);
    const isSame = last !== undefined && last[0] === outcome && last[1].join() === meters.join();
    if (isSame) last[2] += 1;
    else runs.push([outcome, meters, 1]);
  }
  return runs;
}

function answersOf([outcome, meters, count]: Run): readonly RecordAnswer[] {
  const answer = { outcome, meters };
  return Array.from({ length: count }, () => answer);
}
