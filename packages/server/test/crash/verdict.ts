// The end of every run against one data directory: what had no answer is sent again, then all that
// was counted is read and held against the histories, before and after one more start. Sums and the
// server's own books must say the same as the records.
import type { LoadHistory, ObservedMeter } from "../support/load-history.ts";
import type { ServerProcess } from "../support/server-process.ts";
import { type HistoryFiles, readHistory } from "./history-files.ts";
import { type Life, type LoadCaller, newTally } from "./load-caller.ts";
import { connect, conservationOf, observe, setUp, type World } from "./metered-world.ts";

export interface Verdict {
  /** Sentences, none when everything is as promised. */
  readonly faults: readonly string[];
  /** Distinct records that were acknowledged. */
  readonly records: number;
  readonly meters: number;
  readonly periods: number;
}

export interface JudgedRun {
  readonly historyDirectory: string;
  readonly hasMonthly: boolean;
  readonly files: HistoryFiles;
  readonly callers: readonly LoadCaller[];
  start(): ServerProcess;
}

/** Starts the server twice; closes the histories. */
export async function judge(run: JudgedRun): Promise<Verdict> {
  const server = run.start();
  const baseUrl = await server.started;
  const { types } = await resend(run, baseUrl);
  run.files.close();
  const { history } = readHistory(run.historyDirectory);
  const first = await compare({ history, types }, baseUrl);
  server.signal("SIGTERM");
  const { code } = await server.exited;
  const again = run.start();
  const second = await compare({ history, types }, await again.started);
  again.signal("SIGTERM");
  const { code: lastCode } = await again.exited;
  const ends = code === 0 && lastCode === 0 ? [] : [`stopped with ${code} and ${lastCode}`];
  return { ...second, faults: [...first.faults, ...second.faults, ...ends].slice(0, 20) };
}

async function resend({ files, callers, hasMonthly }: JudgedRun, baseUrl: string): Promise<World> {
  const world = await setUp(baseUrl, hasMonthly);
  const life: Life = { baseUrl, mayEnd: false, isOver: false, onEvent: () => undefined };
  const shared = { world, files, recent: [], tally: newTally() };
  for (const caller of callers) await caller.run(life, shared, "open");
  return world;
}

interface Judged {
  readonly history: LoadHistory;
  /** Each record is counted into a meter of each of so many types. */
  readonly types: number;
}

async function compare({ history, types }: Judged, baseUrl: string): Promise<Verdict> {
  const meters = await observe(baseUrl);
  const connection = await connect(baseUrl);
  const books = await conservationOf(connection);
  connection.close();
  const records = history.acknowledged;
  const faults = [...history.faults(meters)];
  const part = (name: string): number => books.get(name) ?? -1;
  const equal = (what: string, one: number | bigint, other: number | bigint): void => {
    if (one !== other) faults.push(`${what}: ${one} is not ${other}`);
  };
  equal("records counted and acknowledged", part("counted"), records.length);
  equal(
    "records received and judged",
    part("received"),
    part("counted") + part("duplicates") + part("rejected"),
  );
  equal(
    "records accepted and metered, live or discarded",
    part("accepted"),
    part("metered") + part("live") + part("discarded"),
  );
  const sent = records.reduce((sum, { value }) => sum + BigInt(value), 0n);
  equal("sum of values", sumOf(meters), BigInt(types) * sent);
  const periods = meters.reduce((count, meter) => count + meter.periods.length, 0);
  return { faults, records: records.length, meters: meters.length, periods };
}

function sumOf(meters: readonly ObservedMeter[]): bigint {
  return meters
    .flatMap(({ periods }) => periods)
    .reduce((sum, { valueExact }) => sum + BigInt(valueExact), 0n);
}
