// A disk that fills up under load, again and again: writes are refused, reads go on, and writing goes
// on without a restart when there is room. A small tmpfs where it may be mounted; the twin, which
// makes the disk thread's writes fail while a file is there, works everywhere.
import { spawnSync } from "node:child_process";
import {
  closeSync,
  mkdirSync,
  openSync,
  rmSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import type { HowToStart } from "../support/server-process.ts";
import { withTwin } from "./injections.ts";
import { clock } from "./load-caller.ts";
import { connect } from "./metered-world.ts";
import { type RunningLife, Scenario } from "./scenario.ts";
import type { Verdict } from "./verdict.ts";

export interface DiskFullResult extends Verdict {
  readonly rounds: number;
  readonly refused: number;
  readonly readsWhileFull: number;
}

/** Where the data lies, and how it gets full. */
interface Place {
  readonly dataDirectory: string;
  readonly how: HowToStart;
  fill(): void;
  free(): void;
  remove(): void;
}

const lookEveryMs = 5;
/** A disk that fills without a refusal, or room that nobody takes, is a fault by then. */
const waitMsMax = 30_000;
const readsEachRound = 20;

/** Null where nothing can be mounted. */
export function mountSmallDisk(directory: string, megabytes: number): Place | null {
  const at = join(directory, "small-disk");
  mkdirSync(at, { recursive: true });
  const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", `size=${megabytes}m`, "tmpfs", at]);
  if (mounted.status !== 0) return null;
  const ballast = join(at, "ballast");
  return {
    dataDirectory: join(at, "data"),
    how: {},
    fill: () => fillUp(ballast),
    free: () => unlinkSync(ballast),
    remove: () => void spawnSync("umount", [at]),
  };
}

export function twinOfFullDisk(directory: string, action: "ENOSPC" | "short"): Place {
  const file = join(directory, "disk-is-full");
  return {
    dataDirectory: join(directory, "data"),
    how: withTwin({ call: "writeSync", when: 0, file, action }),
    fill: () => writeFileSync(file, ""),
    free: () => rmSync(file),
    remove: () => undefined,
  };
}

function fillUp(ballast: string): void {
  const file = openSync(ballast, "w");
  try {
    for (let size = 1 << 20; size >= 512; size >>= 1) writeUntilFull(file, size);
  } finally {
    closeSync(file);
  }
}

function writeUntilFull(file: number, size: number): void {
  const bytes = new Uint8Array(size);
  try {
    while (writeSync(file, bytes) === size);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ENOSPC")) throw error;
  }
}

export async function runDiskFull(
  place: Place,
  options: {
    readonly directory: string;
    readonly seed: number;
    readonly connections: number;
    readonly rounds: number;
  },
): Promise<DiskFullResult> {
  const scenario = new Scenario({ ...options, dataDirectory: place.dataDirectory });
  const faults: string[] = [];
  let reads = 0;
  try {
    const life = await scenario.begin(place.how);
    const loading = scenario.load(life).catch((error: unknown) => {
      faults.push(`a call failed: ${String(error)}`);
      life.isOver = true;
    });
    for (let round = 1; round <= options.rounds && !life.isOver; round += 1) {
      reads += await fillAndFree({ place, scenario, life, faults });
    }
    life.isOver = true;
    await loading;
    life.server.signal("SIGTERM");
    const { code } = await life.server.exited;
    if (code !== 0) faults.push(`ended with ${code} after there was room again`);
    const { refused, withoutRetryAfter } = scenario.tally;
    if (refused === 0) faults.push("the disk was never full");
    if (withoutRetryAfter > 0) faults.push(`${withoutRetryAfter} refusals without Retry-After`);
    const verdict = await scenario.judge();
    const all = [...faults, ...verdict.faults];
    return { ...verdict, faults: all, rounds: options.rounds, refused, readsWhileFull: reads };
  } finally {
    place.remove();
  }
}

/** One round; gives the reads that were answered while writes were refused. */
async function fillAndFree({
  place,
  scenario,
  life,
  faults,
}: {
  place: Place;
  scenario: Scenario;
  life: RunningLife;
  faults: string[];
}): Promise<number> {
  const { tally } = scenario;
  const before = tally.acknowledged;
  if (!(await until(() => tally.acknowledged > before + 200 || life.isOver))) {
    faults.push("writing does not go on although there is room");
    life.isOver = true;
    return 0;
  }
  const refusedBefore = tally.refused;
  place.fill();
  if (!(await until(() => tally.refused > refusedBefore + 20 || life.isOver))) {
    faults.push("a full disk refuses nobody");
  }
  const reads = await readAll(life, faults);
  place.free();
  return reads;
}

async function readAll(life: RunningLife, faults: string[]): Promise<number> {
  const connection = await connect(life.baseUrl);
  let reads = 0;
  for (; reads < readsEachRound; reads += 1) {
    const path = reads % 2 === 0 ? "/meters?limit=5" : "/metered-records?limit=5";
    const { status } = await connection.send("GET", path);
    if (status !== 200) faults.push(`${path} was ${status} while the disk was full`);
  }
  connection.close();
  return reads;
}

async function until(isSo: () => boolean): Promise<boolean> {
  const end = clock.now() + waitMsMax;
  while (!isSo()) {
    if (clock.now() > end) return false;
    await clock.sleepUntil(clock.now() + lookEveryMs);
  }
  return true;
}
