// The engine without HTTP, in this process: bodies as text are read, judged, journaled with the
// real journal, applied and answered. Beside it the bare disk: the same bytes appended to a file and
// made durable by one fdatasync for as many bodies as the engine may have in flight.
import { closeSync, fdatasyncSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { readConfig } from "../packages/server/src/config.ts";
import { readMeter } from "../packages/server/src/core/meter.ts";
import { meterDocument } from "../packages/server/src/core/meter-document.ts";
import { readMeterType } from "../packages/server/src/core/meter-type.ts";
import type { UsageOutcome } from "../packages/server/src/core/outcome.ts";
import type { Problem, Result } from "../packages/server/src/core/problem.ts";
import { readProcessor } from "../packages/server/src/core/processor.ts";
import { findProcessor } from "../packages/server/src/core/state.ts";
import { type RawRecords, readUsageBody } from "../packages/server/src/core/usage-body.ts";
import { scanContext } from "../packages/server/src/core/usage-run.ts";
import type { Engine } from "../packages/server/src/engine/engine.ts";
import { usageBodyOf } from "../packages/server/src/http/usage-text.ts";
import { openStore } from "../packages/server/src/open-store.ts";
import { openLog } from "../packages/server/src/runtime/log.ts";
import { createTelemetry } from "../packages/server/src/runtime/telemetry.ts";
import type { MeterReading } from "./ledger.ts";
import type { LoadResult } from "./load.ts";
import { meterKey, meterType, processor, userIdOf } from "./workload.ts";

export interface CoreSide {
  /** As `sendAll` does over HTTP. */
  countAll(bodies: readonly Buffer[], inFlight: number): Promise<LoadResult>;
  readMeters(): readonly MeterReading[];
  close(): Promise<void>;
}

const accountId = "00000000-0000-4000-8000-000000000001";
const metersPerEntry = 10_000;

export async function openCoreSide(
  users: number,
  dataDirectory: string,
  settings: Readonly<Record<string, string>> = {},
): Promise<CoreSide> {
  const config = taken(readConfig({ ...settings, METERHOUSE_DATA_DIR: dataDirectory }));
  const { log } = openLog({ level: "silent", format: "json", isTerminal: false });
  const surroundings = { log, telemetry: createTelemetry(), onFailed: fault };
  const store = taken(await openStore(config, surroundings));
  const engine = taken(await store.recover());
  await makeMeters(engine, users);
  return {
    countAll: (bodies, inFlight) => countAll(engine, bodies, inFlight),
    readMeters: () => {
      const byUser = engine.state.accounts.get(accountId)?.keys.get(meterKey)?.byUser;
      return [...(byUser?.meters() ?? [])].map(meterDocument);
    },
    close: () => store.close(),
  };
}

/** Appends every body, `perSync` of them to one fdatasync. */
export function appendAll(
  directory: string,
  bodies: readonly Buffer[],
  perSync: number,
): Pick<LoadResult, "seconds" | "latenciesMs"> {
  const file = openSync(join(directory, "bare-append"), "a", 0o600);
  const latenciesMs = new Float64Array(bodies.length);
  const begun = performance.now();
  for (let first = 0; first < bodies.length; first += perSync) {
    const groupBegun = performance.now();
    const group = bodies.slice(first, first + perSync);
    for (const body of group) writeSync(file, body);
    fdatasyncSync(file);
    latenciesMs.fill(performance.now() - groupBegun, first, first + group.length);
  }
  const seconds = (performance.now() - begun) / 1_000;
  closeSync(file);
  return { seconds, latenciesMs };
}

async function makeMeters(engine: Engine, users: number): Promise<void> {
  const { zones, clock } = engine;
  const typeFields = taken(readMeterType(meterType, { zones, now: clock.now() }));
  const { fields } = taken(readProcessor(processor));
  const id = engine.random.uuid();
  const made = [
    { kind: "create-account", accountId, name: "benchmark", meterKey: "unused" },
    { kind: "create-processor", accountId, meterKey, fields },
    { kind: "create-meter-type", accountId, id, fields: typeFields },
  ] as const;
  for (const command of made) taken(await engine.execute(command));
  for (let first = 0; first < users; first += metersPerEntry) {
    const count = Math.min(metersPerEntry, users - first);
    const meters = Array.from({ length: count }, (_, index) => ({
      id: engine.random.uuid(),
      fields: taken(readMeter({ userId: userIdOf(first + index), meterTypeId: id, meterKey })),
    }));
    taken(await engine.execute({ kind: "create-meters", accountId, meters }));
  }
}

async function countAll(
  engine: Engine,
  bodies: readonly Buffer[],
  inFlight: number,
): Promise<LoadResult> {
  const latenciesMs = new Float64Array(bodies.length);
  const counted = new Uint32Array(bodies.length);
  let next = 0;
  const processor = findProcessor(engine.state, accountId, meterKey);
  const serve = async (): Promise<void> => {
    for (let index = next++; index < bodies.length; index = next++) {
      const begun = performance.now();
      const body = taken(usageBodyOf("application/json", bodies[index] ?? Buffer.alloc(0)));
      const context = scanContext(engine.state, processor);
      const raw = taken(readUsageBody(body, "uncounted", context));
      counted[index] = taken(await countWithRetries(engine, raw)).counted;
      latenciesMs[index] = performance.now() - begun;
    }
  };
  const begun = performance.now();
  await Promise.all(Array.from({ length: inFlight }, serve));
  return { seconds: (performance.now() - begun) / 1_000, latenciesMs, counted };
}

/** What is refused for want of room comes again, as callers do; the time counts. */
async function countWithRetries(
  engine: Engine,
  raw: RawRecords,
): Promise<Result<UsageOutcome, Problem>> {
  for (let attempt = 0; ; attempt += 1) {
    const counted = await engine.count(accountId, meterKey, raw);
    const isFull = !counted.ok && counted.error.code === "overloaded";
    if (!isFull || attempt === retriesMax) return counted;
    await sleep(retryMs);
  }
}

const retryMs = 20;
const retriesMax = 500;

function taken<T>(result: Result<T, unknown>): T {
  if (!result.ok) throw new Error(`The engine refused: ${JSON.stringify(result.error)}`);
  return result.value;
}

function fault(cause: unknown): never {
  throw new Error("The engine failed.", { cause });
}
