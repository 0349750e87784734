// More than the server can take: callers with single records alone, then beside a flood that offers
// many times what the store takes, over a disk that is made slow. What does not fit must be refused
// with Retry-After, and the queue must keep to its bounds. Measures; how fast is enough is said by
// the reader, but for what can only be a fault.
import { readFileSync } from "node:fs";
import { queuedBytesMax, queuedCommandsMax, usageBodyBytesMax } from "../../src/core/limits.ts";
import { withTwin } from "./injections.ts";
import { clock, LoadCaller, newTally } from "./load-caller.ts";
import { connect } from "./metered-world.ts";
import { type RunningLife, Scenario } from "./scenario.ts";
import type { Verdict } from "./verdict.ts";

export interface OverloadResult extends Verdict {
  /** Milliseconds of single records that were accepted. */
  readonly normal: Latency;
  readonly overloaded: Latency;
  /** Requests offered and answered 503. */
  readonly offered: number;
  readonly refused: number;
  readonly refusedAs: Readonly<Record<string, number>>;
  readonly queuedBytesPeak: number;
  readonly queuedCommandsPeak: number;
  readonly residentPeakMiB: number;
}

interface Latency {
  readonly p50: number;
  readonly p99: number;
  readonly answers: number;
}

interface OverloadOptions {
  readonly directory: string;
  readonly seed: number;
  /** Callers with single records, and those of the flood, whose requests are as large as may be. */
  readonly singles: number;
  readonly flooders: number;
  readonly seconds: number;
}

const sampleMs = 100;
/** Records of one request of the flood, and thousands of characters of each: about 3.3 MB. */
const floodShape = { sizes: [800], padding: 4 };

export async function runOverload(options: OverloadOptions): Promise<OverloadResult> {
  const { seed, singles, flooders, seconds } = options;
  const shape = { sizes: [1] };
  const scenario = new Scenario({ ...options, connections: singles, shape, hasMonthly: false });
  const flood = Array.from(
    { length: flooders },
    (_, index) => new LoadCaller(`f${index}`, seed * 7_919 + index, floodShape),
  );
  // Each write and sync takes so long, which no machine of a test has by itself.
  const slow = { call: "fdatasyncSync", when: 0, file: "/", action: "slow" } as const;
  const life = await scenario.begin(withTwin(slow));
  const faults: string[] = [];
  const note = (error: unknown): void => void faults.push(`a call failed: ${String(error)}`);
  const steady = scenario.load(life).catch(note);
  await clock.sleepUntil(clock.now() + seconds * 1_000);
  const normal = takeLatency(scenario.callers);
  const tally = newTally();
  const floodLife = { ...life, shared: { ...life.shared, tally, recent: [] } };
  const flooding = Promise.all(
    flood.map((caller) => caller.run(floodLife, floodLife.shared)),
  ).catch(note);
  const peaks = await watch(life, seconds * 1_000);
  const overloaded = takeLatency(scenario.callers);
  life.isOver = true;
  floodLife.isOver = true;
  await Promise.all([steady, flooding]);
  life.server.signal("SIGTERM");
  const { code } = await life.server.exited;
  if (code !== 0) faults.push(`ended with ${code}`);
  const refused = tally.refused + scenario.tally.refused;
  const offered = tally.requests + scenario.tally.requests;
  faults.push(...faultsOf({ ...peaks, refused }));
  const without = tally.withoutRetryAfter + scenario.tally.withoutRetryAfter;
  if (without > 0) faults.push(`${without} refusals without Retry-After`);
  const verdict = await scenario.judge(flood);
  const all = [...faults, ...verdict.faults];
  const { refusedAs } = tally;
  return { ...verdict, ...peaks, faults: all, normal, overloaded, offered, refused, refusedAs };
}

interface Peaks {
  queuedBytesPeak: number;
  queuedCommandsPeak: number;
  residentPeakMiB: number;
}

function faultsOf(seen: Peaks & { refused: number }): readonly string[] {
  const faults: string[] = [];
  if (seen.refused === 0) faults.push("nothing was refused: there was no overload");
  // The last one that is taken may pass the bound (EN5).
  if (seen.queuedBytesPeak > queuedBytesMax + usageBodyBytesMax) {
    faults.push(`${seen.queuedBytesPeak} bytes waited`);
  }
  if (seen.queuedCommandsPeak > queuedCommandsMax) {
    faults.push(`${seen.queuedCommandsPeak} commands waited`);
  }
  return faults;
}

async function watch(life: RunningLife, forMs: number): Promise<Peaks> {
  const peaks: Peaks = { queuedBytesPeak: 0, queuedCommandsPeak: 0, residentPeakMiB: 0 };
  const connection = await connect(life.baseUrl);
  const end = clock.now() + forMs;
  while (clock.now() < end) {
    const { text } = await connection.send("GET", "/metrics", { accept: "*/*" });
    const read = (name: string): number =>
      Number(new RegExp(`^${name} (\\d+)`, "m").exec(text)?.[1] ?? 0);
    peaks.queuedBytesPeak = Math.max(peaks.queuedBytesPeak, read("meterhouse_queue_bytes"));
    peaks.queuedCommandsPeak = Math.max(
      peaks.queuedCommandsPeak,
      read("meterhouse_queue_commands"),
    );
    peaks.residentPeakMiB = Math.max(peaks.residentPeakMiB, residentMiB(life.server.pid));
    await clock.sleepUntil(clock.now() + sampleMs);
  }
  connection.close();
  return peaks;
}

/** Memory of a process that the system holds for it; 0 where it does not tell. */
export function residentMiB(pid: number): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    return Math.round(Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0) / 1_024);
  } catch {
    return 0;
  }
}

/** Of what was answered since the last time. */
export function takeLatency(callers: readonly LoadCaller[]): Latency {
  const all: number[] = [];
  for (const caller of callers) {
    for (const latency of caller.latencies) all.push(latency);
    caller.latencies = [];
  }
  all.sort((one, other) => one - other);
  const at = (share: number): number => Math.round(all[Math.floor(all.length * share)] ?? 0);
  return { p50: at(0.5), p99: at(0.99), answers: all.length };
}
