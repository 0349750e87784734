// Backup, restore and verify where the journal no longer begins with the first entry and older ids
// stand in runs on disk (docs/spec/backup.md, BK1, BK9): then the snapshots are all there is.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, expect, it } from "vitest";
import { makeBackup } from "../../src/backup/make-backup.ts";
import { restoreBackup } from "../../src/backup/restore-backup.ts";
import { verifyData } from "../../src/backup/verify-data.ts";
import { writeJson } from "../../src/core/json.ts";
import type { UsageOutcome } from "../../src/core/outcome.ts";
import { assert } from "../../src/core/problem.ts";
import { readUsageBody } from "../../src/core/usage-body.ts";
import { dataDirectory } from "../../src/data-directory.ts";
import { type OpenEngine, openEngine } from "../../src/engine/open-engine.ts";
import { IdRuns } from "../../src/ids/id-runs.ts";
import { openPageFile } from "../../src/ids/page-files.ts";
import { openJournal } from "../../src/journal/open-journal.ts";
import { createSnapshots } from "../../src/journal/snapshot-store.ts";
import { openThreadDisk } from "../../src/journal/thread-disk.ts";
import { openProjection } from "../../src/projection/database.ts";
import { accountId, defaultMeterType, meterKey, zones } from "../support/core-world.ts";
import { createSeededRandom } from "../support/seeded-random.ts";
import { VirtualClock } from "../support/virtual-clock.ts";

const disk = openThreadDisk();
const clock = new VirtualClock();
const partition = 0;
const silent = (): void => {};
const requests = 60;
let place = "";

beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), "meterhouse-test-"));
});

afterEach(() => rmSync(place, { recursive: true, force: true }));
afterAll(() => disk.close());

async function open(root: string, restoredAt: number | null = null): Promise<OpenEngine> {
  const places = dataDirectory(root);
  const journal = await openJournal({
    disk,
    directory: places.journal,
    partition,
    segmentBytesMax: 2_000,
  });
  assert(journal.ok, "the journal opens");
  const opened = await openEngine({
    journal: journal.value,
    snapshots: createSnapshots(disk, { directory: places.snapshots, partition }),
    ids: {
      store: new IdRuns({ disk, openPages: openPageFile, directory: places.ids, partition }),
      inMemoryMax: 40,
    },
    outputs: openProjection(places.projection),
    clock,
    random: createSeededRandom(1),
    zones,
    restoredAt,
    settings: {
      partition,
      futureToleranceMs: 300_000,
      correctionsPerAccountMax: 1_000,
      correctionKeepMs: 183 * 86_400_000,
      allowClockLeap: false,
      catchUpMax: 1_000,
      journalKeepMs: 0,
      snapshotEveryBytes: 3_000,
    },
    telemetry: {
      recordsJudged: silent,
      groupCommitted: silent,
      outputsReleased: silent,
      snapshotWritten: silent,
    },
    log: { info: silent, warn: silent, error: silent },
    onFailed: silent,
  });
  assert(opened.ok, opened.ok ? "" : opened.error);
  return opened.value;
}

async function count({ engine }: OpenEngine, request: number): Promise<UsageOutcome> {
  const records = Array.from({ length: 5 }, (_, index) => ({
    userId: "user",
    value: 1,
    id: `id-${request}-${index}`,
  }));
  const read = readUsageBody({ form: "json", text: writeJson(records), invalidLines: [] });
  assert(read.ok, "the records can be read");
  const outcome = await engine.count(accountId, meterKey, read.value);
  assert(outcome.ok, "the records were taken");
  return outcome.value;
}

/** A directory whose journal has lost its beginning, ended without a last snapshot or with one. */
async function used(root: string): Promise<void> {
  const opened = await open(root);
  const { engine } = opened;
  await engine.execute({ kind: "create-account", accountId, name: "test", meterKey });
  const type = { ...defaultMeterType, name: "Calls" };
  await engine.execute({ kind: "create-meter-type", accountId, id: "type", fields: type });
  const fields = { userId: "user", meterKey, meterType: { id: "type" }, customFields: {} };
  await engine.execute({ kind: "create-meters", accountId, meters: [{ id: "meter", fields }] });
  for (let request = 0; request < requests; request += 1) {
    clock.set(clock.now() + 60_000);
    expect((await count(opened, request)).counted).toBe(5);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await opened.close();
}

async function findings(root: string): Promise<readonly string[]> {
  const lines: string[] = [];
  await verifyData(
    root,
    disk,
    ({ isFault, text }) => void lines.push(`${isFault ? "FAULT" : "ok"} ${text}`),
  );
  return lines;
}

function faultsIn(lines: readonly string[]): readonly string[] {
  return lines.filter((line) => line.startsWith("FAULT"));
}

it("[BK1] [BK7] [BK9] a backup without the first entries has the snapshots and the ids that they name", async () => {
  const data = join(place, "data");
  await used(data);
  const target = join(place, "backup");
  const source = {
    directory: data,
    lastSeq: async () => ({ ok: true, value: null }) as const,
    isHeld: () => true,
  };
  const made = await makeBackup({ source, target, disk, version: "1", now: 0, tell: silent });
  expect(made.ok).toBe(true);
  const manifest = JSON.parse(readFileSync(join(target, "manifest.json"), "utf8"));
  expect(manifest.journalStartsAfter).toBeGreaterThan(3);
  expect(readdirSync(join(target, "ids")).length).toBeGreaterThan(0);
  for (const root of [data, target]) {
    const lines = await findings(root);
    expect(faultsIn(lines)).toEqual([]);
    expect(lines.join("\n")).toMatch(/replayed from the snapshot at \d+/);
    expect(lines.join("\n")).toMatch(/ids of snapshot-\d+\.bin: \d+ runs, every page sound/);
  }
  const directory = join(place, "restored");
  const restored = restoreBackup({ backup: target, directory, tell: silent });
  assert(restored.ok, "the backup was restored");
  const opened = await open(directory, restored.value.seq);
  for (let request = 0; request < requests; request += 1) {
    expect((await count(opened, request)).duplicates).toBe(5);
  }
  expect(opened.engine.state.meters.get("meter")?.counter.count).toBe(5 * requests);
  await opened.close();
  expect(faultsIn(await findings(directory))).toEqual([]);
});

it("[BK9] verify names a run of ids that is damaged or gone", async () => {
  const data = join(place, "data");
  await used(data);
  const [name] = readdirSync(join(data, "ids")).sort().reverse();
  assert(name !== undefined, "there are runs of ids");
  const path = join(data, "ids", name);
  const bytes = readFileSync(path);
  bytes.writeUInt8(bytes.readUInt8(bytes.length - 9) ^ 1, bytes.length - 9);
  writeFileSync(path, bytes);
  expect(faultsIn(await findings(data)).join("\n")).toContain(name);
  rmSync(path);
  expect(faultsIn(await findings(data)).join("\n")).toContain(name);
});
