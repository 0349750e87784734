// Backups of a running server under load (docs/spec/backup.md, BK3, BK12): each is sound, holds what
// was acknowledged before it began and a prefix of what every caller sent, and after a restore the
// callers can send everything again without counting anything twice.
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { makeBackup } from "../../src/backup/make-backup.ts";
import { assert } from "../../src/core/problem.ts";
import { openThreadDisk } from "../../src/journal/thread-disk.ts";
import { requestHold } from "../../src/runtime/control-socket.ts";
import type { LoadConnection } from "../support/load-connection.ts";
import {
  endProcesses,
  mainFile,
  newDataDirectory,
  runScript,
  startServer,
} from "../support/server-process.ts";
import { connect, fixedClient, liveValues, setUp } from "../support/used-directory.ts";

const callers = 4;
const backups = 2;
/** Bounds the test where backups take long. */
const recordsPerCallerMax = 6_000;
const settings = { ...fixedClient, METERHOUSE_SNAPSHOT_MEGABYTES: "1" };
/** Fills the journal, so that snapshots are written and segments grow meanwhile. */
const padding = "x".repeat(300);

afterEach(endProcesses);

interface Caller {
  readonly user: string;
  readonly connection: LoadConnection;
  sent: number;
  acknowledged: number;
}

function script(name: string): string {
  return join(mainFile, `../../scripts/${name}.ts`);
}

/** Records of value 1, numbered: a meter's value says how many of them were counted. */
async function send(caller: Caller, path: string, count: number): Promise<void> {
  const records = Array.from({ length: count }, (_, index) => ({
    userId: caller.user,
    value: 1,
    id: `${caller.user}-${caller.sent + index + 1}`,
    padding,
  }));
  caller.sent += count;
  const answer = await caller.connection.ask("POST", path, records);
  expect(answer).toMatchObject({ received: count, rejected: 0 });
  caller.acknowledged += count;
}

/** Sends until told to stop, a growing batch each time. */
async function load(caller: Caller, path: string, isOver: () => boolean): Promise<void> {
  for (let round = 0; !isOver() && caller.sent < recordsPerCallerMax; round += 1) {
    await send(caller, path, 1 + (round % 40));
  }
}

interface Bounds {
  readonly target: string;
  /** By user: acknowledged before the backup began, sent before it ended. */
  readonly least: ReadonlyMap<string, number>;
  readonly most: ReadonlyMap<string, number>;
}

function counts(
  all: readonly Caller[],
  what: "sent" | "acknowledged",
): ReadonlyMap<string, number> {
  return new Map(all.map((caller) => [caller.user, caller[what]]));
}

async function backUp(directory: string, target: string, all: readonly Caller[]): Promise<Bounds> {
  const least = counts(all, "acknowledged");
  const exit = await runScript(script("backup"), [target], { METERHOUSE_DATA_DIR: directory });
  expect([exit.code, exit.stderr]).toEqual([0, ""]);
  expect(exit.stdout).toMatch(/Backup of everything up to entry \d+, \d+ bytes/);
  return { target, least, most: counts(all, "sent") };
}

it("[BK3] [BK12] backups under load are sound prefixes, and a restored server counts on exactly once", async () => {
  const directory = newDataDirectory();
  const server = startServer(directory, settings);
  const baseUrl = await server.started;
  const first = await connect(baseUrl);
  const path = `/meter-processors/${await setUp(first)}/usage-records`;
  const all: Caller[] = [];
  for (let index = 0; index < callers; index += 1) {
    const connection = await connect(baseUrl);
    all.push({ user: `user-${index}`, connection, sent: 0, acknowledged: 0 });
  }
  for (const caller of all) await send(caller, path, 1);
  let isOver = false;
  const loads = Promise.all(all.map((caller) => load(caller, path, () => isOver)));
  // Told of below; a backup that fails before must not hide behind it.
  loads.catch(() => undefined);
  const made: Bounds[] = [];
  for (let index = 0; index < backups; index += 1) {
    made.push(await backUp(directory, join(directory, `../backup-${index}`), all));
  }
  isOver = true;
  await loads;
  server.signal("SIGKILL");
  await server.exited;
  expect(made.at(-1)?.least).not.toEqual(made[0]?.least);
  for (const [index, bounds] of made.entries()) {
    const verified = await runScript(script("verify"), [bounds.target], {});
    expect([index, verified.code, verified.stdout]).toEqual([
      index,
      0,
      expect.stringContaining("Everything is well."),
    ]);
  }
  const last = made.at(-1);
  assert(last !== undefined, "backups were made");
  await expectRestored(last, { restored: join(directory, "../restored"), all, path });
}, 120_000);

async function expectRestored(
  { target, least, most }: Bounds,
  { restored, all, path }: { restored: string; all: readonly Caller[]; path: string },
): Promise<void> {
  const exit = await runScript(script("restore"), [target, restored], {});
  expect([exit.code, exit.stderr]).toEqual([0, ""]);
  const server = startServer(restored, settings);
  const connection = await connect(await server.started);
  const values = await liveValues(connection);
  for (const { user } of all) {
    const value = values.get(user) ?? 0;
    expect([user, value >= (least.get(user) ?? 0), value <= (most.get(user) ?? 0)]).toEqual([
      user,
      true,
      true,
    ]);
  }
  for (const { user, sent } of all) {
    const again = { user, connection, sent: 0, acknowledged: 0 };
    while (again.sent < sent) await send(again, path, Math.min(1_000, sent - again.sent));
  }
  const after = await liveValues(connection);
  expect(after).toEqual(
    new Map([...after.keys()].map((user) => [user, counts(all, "sent").get(user)])),
  );
  connection.close();
  server.signal("SIGTERM");
  expect((await server.exited).code).toBe(0);
}

it("[BK3] a server that stops meanwhile makes the backup fail, and nothing is left of it", async () => {
  const directory = newDataDirectory();
  const server = startServer(directory, settings);
  await server.started;
  const held = await requestHold(directory);
  assert(held.ok && held.value !== null, "the files are held");
  const { isHeld, lastSeq } = held.value;
  const disk = openThreadDisk();
  const target = join(directory, "../backup");
  const made = await makeBackup({
    source: {
      directory,
      isHeld,
      async lastSeq() {
        const seq = await lastSeq();
        server.signal("SIGTERM");
        await server.exited;
        return seq;
      },
    },
    target,
    disk,
    version: "1",
    now: 0,
    tell: () => {},
  });
  await disk.close();
  expect(made).toMatchObject({ ok: false, error: expect.stringContaining("The server went away") });
  expect(readdirSync(join(directory, ".."))).toEqual(["data"]);
});
