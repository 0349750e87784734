// A real server on a small file system that fills up and empties again under load (EN6, EN18, EN20),
// and one that starts on a full one (RU55).
// Needs the right to mount; where that is missing it says so on stderr, and test/engine/
// outputs-full.test.ts and durability.test.ts have shown the same with faults injected.
import { execFileSync } from "node:child_process";
import { closeSync, cpSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { openProjection } from "../../src/projection/database.ts";
import type { LoadConnection } from "../support/load-connection.ts";
import {
  endProcesses,
  mainFile,
  newDataDirectory,
  runScript,
  startServer,
} from "../support/server-process.ts";
import { connect, fixedClient, liveValues, setUp } from "../support/used-directory.ts";

const fills = 4;
const callers = 4;
let mounted: string | null = null;

afterEach(async () => {
  await endProcesses();
  if (mounted !== null) execFileSync("umount", [mounted]);
  if (mounted !== null) rmSync(mounted, { recursive: true });
  mounted = null;
});

/** A file system of so many MiB, or null where this user may not mount one. */
function mount(megabytes: number): string | null {
  const place = mkdtempSync(join(tmpdir(), "meterhouse-test-"));
  try {
    const options = ["-t", "tmpfs", "-o", `size=${megabytes}m`, "tmpfs", place];
    execFileSync("mount", options, { stdio: "ignore" });
    mounted = place;
    return place;
  } catch {
    rmSync(place, { recursive: true });
    process.stderr.write("full-disk.test.ts: not run, no right to mount a small file system\n");
    return null;
  }
}

/** Writes until there is no room left but a few bytes. */
function fill(file: string): void {
  const handle = openSync(file, "w");
  for (let bytes = 1024 * 1024; bytes >= 512; bytes /= 2) {
    const piece = Buffer.alloc(bytes);
    try {
      while (writeSync(handle, piece) === bytes);
    } catch (error) {
      expect(error).toMatchObject({ code: "ENOSPC" });
    }
  }
  closeSync(handle);
}

interface Seen {
  sent: number;
  /** Records that were counted for certain, and those whose answer left it open. */
  counted: number;
  unknown: number;
  readonly codes: Set<string>;
}

/** One request of two records, of which one cannot be counted. */
async function send(connection: LoadConnection, path: string, seen: Seen): Promise<void> {
  seen.sent += 1;
  const padding = "x".repeat(200);
  const body = [
    { userId: "user", value: 1, padding },
    { userId: "nobody", padding },
  ];
  const { status, text } = await connection.send("POST", path, { body });
  if (status === 200) {
    seen.counted += 1;
    seen.codes.add("ok");
    return;
  }
  expect([status, text]).toEqual([503, expect.stringMatching(/"(store-|overloaded)/)]);
  const { code } = JSON.parse(text) as { code: string };
  seen.codes.add(code);
  if (code.startsWith("store-") && code !== "store-full") seen.unknown += 1;
}

it("[EN6] [EN18] [EN20] writes stop, reads go on, and writes go on as soon as there is room, nothing lost or doubled", async () => {
  const place = mount(24);
  if (place === null) return;
  const directory = join(place, "data");
  cpSync(newDataDirectory(), directory, { recursive: true });
  const server = startServer(directory, { ...fixedClient, METERHOUSE_SNAPSHOT_MEGABYTES: "1" });
  const baseUrl = await server.started;
  const reader = await connect(baseUrl);
  const path = `/meter-processors/${await setUp(reader)}/usage-records`;
  const seen: Seen = { sent: 0, counted: 0, unknown: 0, codes: new Set() };
  let isOver = false;
  const load = async (): Promise<void> => {
    const connection = await connect(baseUrl);
    while (!isOver) await send(connection, path, seen);
    connection.close();
  };
  const loads = Array.from({ length: callers }, load);
  const ballast = join(place, "ballast");
  for (let round = 0; round < fills; round += 1) {
    seen.codes.clear();
    fill(ballast);
    await expect.poll(() => [...seen.codes], { timeout: 20_000 }).toContain("store-full");
    expect((await reader.send("GET", "/meters")).status).toBe(200);
    expect((await reader.send("GET", "/metered-records")).status).toBe(200);
    for (const health of ["/health/live", "/health/ready"]) {
      expect([health, (await reader.send("GET", health)).status]).toEqual([health, 200]);
    }
    rmSync(ballast);
    seen.codes.clear();
    await expect.poll(() => [...seen.codes], { timeout: 20_000 }).toContain("ok");
  }
  isOver = true;
  await Promise.all(loads);
  const value = (await liveValues(reader)).get("user") ?? 0;
  expect(value).toBeGreaterThanOrEqual(seen.counted);
  expect(value).toBeLessThanOrEqual(seen.counted + seen.unknown);
  reader.close();
  server.signal("SIGTERM");
  const exit = await server.exited;
  expect([exit.code, exit.stdout]).toEqual([0, expect.stringContaining("no room for outputs")]);
  const verified = await runScript(join(mainFile, "../../scripts/verify.ts"), [directory], {});
  expect([verified.code, verified.stdout]).toEqual([
    0,
    expect.stringContaining("Everything is well."),
  ]);
}, 120_000);

it("[RU55] on a full disk the start ends with what to do, and goes through when there is room", async () => {
  const place = mount(8);
  if (place === null) return;
  const directory = join(place, "data");
  const first = startServer(directory, fixedClient);
  await first.started;
  first.signal("SIGTERM");
  expect((await first.exited).code).toBe(0);
  const ballast = join(place, "ballast");
  fill(ballast);
  const refused = await startServer(directory, fixedClient).exited;
  expect([refused.code, refused.stderr]).toEqual([
    1,
    expect.stringMatching(/^Meterhouse cannot start: .*free space and start again\.\n$/i),
  ]);
  expect(() => openProjection(join(place, "new.db"))).toThrow(/free space and start again/);
  rmSync(ballast);
  const again = startServer(directory, fixedClient);
  await again.started;
  again.signal("SIGTERM");
  expect((await again.exited).code).toBe(0);
}, 60_000);
