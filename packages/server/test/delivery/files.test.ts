// Files of file destinations: what belongs together, whole or not at all, named once in the
// manifest, however often the service stops in between.
import { createHash } from "node:crypto";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, describe, expect, it } from "vitest";
import type { Destination, FileFormat } from "../../src/core/destination.ts";
import type { ManifestLine } from "../../src/delivery/file-manifest.ts";
import type { Delivery } from "../../src/delivery/ports.ts";
import { DeliveryWorld, endWorlds } from "../support/delivery-world.ts";

afterEach(endWorlds);

const secondMs = 1_000;

interface Exporting {
  readonly world: DeliveryWorld;
  readonly destination: Destination;
  readonly folder: string;
}

function exporting(format: FileFormat = "ndjson"): Exporting {
  const world = new DeliveryWorld();
  const target = { kind: "file", folder: "billing", format } as const;
  const destination = world.put({ id: "files", outputs: ["reset", "threshold"], target });
  world.start();
  return { world, destination, folder: join(world.exportDirectory, "billing") };
}

function deliveries({ world, destination }: Exporting): readonly Delivery[] {
  return world.desk.list(destination, { limit: 100, skip: 0 }).items;
}

/** Lets records that came together become files, and the files be written. */
async function flush(exported: Exporting, files: number): Promise<void> {
  const { world } = exported;
  await world.advanceBy(3 * secondMs);
  await world.until(
    () =>
      deliveries(exported).length >= files &&
      deliveries(exported).every(
        ({ attemptCount, state }) => attemptCount > 0 && state !== "pending",
      ),
  );
}

function manifest(folder: string): readonly ManifestLine[] {
  const text = readFileSync(join(folder, "manifest.ndjson"), "utf8");
  expect(text.endsWith("\n")).toBe(true);
  return text
    .trim()
    .split("\n")
    .map((line): ManifestLine => JSON.parse(line));
}

/** Everything that the manifest names is there as it says; gives the records' ids. */
function readAll(folder: string): readonly string[] {
  const files = manifest(folder);
  expect(new Set(files.map(({ file }) => file)).size).toBe(files.length);
  return files.flatMap(({ file, records, bytes, sha256, first, last }) => {
    const content = readFileSync(join(folder, file));
    expect(content.length).toBe(bytes);
    expect(createHash("sha256").update(content).digest("hex")).toBe(sha256);
    const ids = content
      .toString()
      .trim()
      .split("\n")
      .map((line): string => JSON.parse(line).recordId);
    expect([ids.length, ids[0], ids.at(-1)]).toEqual([records, first, last]);
    return ids;
  });
}

describe("what belongs together", () => {
  it("[DV68] records that came together make one file for each processor and output", async () => {
    const exported = exporting();
    const { world, folder } = exported;
    world.make(3, "account", "a");
    world.make(2, "account", "b");
    world.make(4, "stranger", "a");
    const now = world.virtual.now();
    world.outputs.add({ accountId: "account", now, kind: "threshold-event", meterKey: "a" });
    await world.advanceBy(secondMs);
    world.make(1, "account", "a");
    await world.advanceBy(secondMs);
    expect(existsSync(folder)).toBe(false);
    await flush(exported, 3);
    const lines = manifest(folder);
    const shown = lines.map(({ file, output, meterKey, records }) => [
      file,
      output,
      meterKey,
      records,
    ]);
    expect(shown.sort()).toEqual([
      ["metered-records-a-0.100.0.ndjson", "reset", "a", 4],
      ["metered-records-b-0.103.0.ndjson", "reset", "b", 2],
      ["threshold-events-a-0.109.0.ndjson", "threshold", "a", 1],
    ]);
    expect(readAll(folder)).toHaveLength(7);
    expect(deliveries(exported).map(({ id, type, state }) => [id, type, state])).toEqual([
      ["file_0.109.0", "file", "delivered"],
      ["file_0.103.0", "file", "delivered"],
      ["file_0.100.0", "file", "delivered"],
    ]);
    expect(deliveries(exported)[0]?.file).toMatchObject({ meterKey: "a", records: 1 });
  });

  it("[DV68] a stream that never pauses makes a file a minute", async () => {
    const exported = exporting();
    const { world, folder } = exported;
    for (let second = 0; second < 150; second++) {
      world.make(1);
      await world.advanceBy(secondMs);
    }
    await flush(exported, 3);
    expect(readAll(folder)).toHaveLength(150);
    expect(manifest(folder)).toHaveLength(3);
  });

  it("[DV68] at most 100,000 records in a file", async () => {
    const exported = exporting();
    const { world, folder } = exported;
    world.make(100_001);
    await flush(exported, 2);
    const counts = manifest(folder).map(({ records }) => records);
    expect(counts.sort()).toEqual([1, 100_000]);
    expect(new Set(readAll(folder)).size).toBe(100_001);
  });

  it("[DV68] a change of the destination ends what was gathered before", async () => {
    const exported = exporting();
    const { world, folder } = exported;
    world.make(2, "account", "a");
    await world.settle();
    world.put({ id: "files", meterKeys: ["b"] });
    await world.settle();
    world.make(2, "account", "a");
    world.make(2, "account", "b");
    await flush(exported, 2);
    const shown = manifest(folder).map(({ meterKey, records }) => [meterKey, records]);
    expect(shown).toEqual([
      ["a", 2],
      ["b", 2],
    ]);
  });

  it("[DV71] as CSV: the line of names, then a line for each record", async () => {
    const exported = exporting("csv");
    exported.world.make(2);
    await flush(exported, 1);
    const [line] = manifest(exported.folder);
    expect(line?.file).toBe("metered-records-Default-0.100.0.csv");
    const text = readFileSync(join(exported.folder, line?.file ?? ""), "utf8");
    expect(text).toBe("recordId\r\n0.100.0\r\n0.101.0\r\n");
  });
});

describe("whole or not at all", () => {
  it("[DV69] nothing is left but files, each with its line, for owner and group alone", async () => {
    const exported = exporting();
    exported.world.make(1_000);
    await flush(exported, 1);
    const { folder } = exported;
    expect(readdirSync(folder).sort()).toEqual([
      "manifest.ndjson",
      "metered-records-Default-0.100.0.ndjson",
    ]);
    for (const name of readdirSync(folder)) {
      expect(statSync(join(folder, name)).mode & 0o007).toBe(0);
    }
  });

  it("[DV70] a stop before the line is in the manifest: the same file, one line", async () => {
    const exported = exporting();
    const { world, folder } = exported;
    world.make(10);
    await flush(exported, 1);
    const [line] = manifest(folder);
    const name = join(folder, line?.file ?? "");
    // As a kill leaves it: begun, the file renamed, perhaps half of its line written.
    const ends = [
      () => rmSync(join(folder, "manifest.ndjson")),
      () => writeFileSync(join(folder, "manifest.ndjson"), JSON.stringify(line).slice(0, 50)),
      () => writeFileSync(name, "half of it"),
      () => rmSync(name),
      () => truncateSync(join(folder, "manifest.ndjson"), 0),
      () => writeFileSync(join(folder, `.${line?.file}.partial`), "half of it"),
    ];
    for (const end of ends) {
      await world.stop();
      end();
      const database = new DatabaseSync(join(world.directory, "deliveries.db"));
      database.exec("UPDATE deliveries SET state = 'pending', finished_at = NULL, due_at = 0");
      database.close();
      world.start();
      await flush(exported, 1);
      expect(manifest(folder)).toEqual([line]);
      expect(readAll(folder)).toHaveLength(10);
      expect(readdirSync(folder)).toHaveLength(2);
    }
  });

  it("[DV70] what was only gathered is gathered again", async () => {
    const exported = exporting();
    const { world, folder } = exported;
    world.make(5);
    await world.advanceBy(secondMs);
    await world.stop();
    world.make(5);
    world.start();
    await flush(exported, 1);
    expect(readAll(folder)).toHaveLength(10);
    expect(manifest(folder)).toHaveLength(1);
  });

  it("[DV62] a file that is sent again is written again, without a second line", async () => {
    const exported = exporting();
    const { world, destination, folder } = exported;
    world.make(10);
    await flush(exported, 1);
    const before = manifest(folder);
    rmSync(join(folder, before[0]?.file ?? ""));
    expect(world.desk.resend(destination, "file_0.100.0", "client").ok).toBe(true);
    await flush(exported, 1);
    expect(manifest(folder)).toEqual(before);
    expect(readAll(folder)).toHaveLength(10);
    expect(deliveries(exported)[0]?.attempts.map(({ replay }) => replay)).toEqual([false, true]);
  });

  it("[DV63] a range of time: the files with records of it", async () => {
    const exported = exporting();
    const { world, destination, folder } = exported;
    for (let times = 0; times < 3; times++) {
      world.make(10);
      await flush(exported, times + 1);
    }
    const began = world.virtual.now() - 6 * secondMs;
    const range = { from: began, to: began + secondMs };
    const resent = world.desk.resendRange(destination, range, "client");
    expect(resent).toEqual({ ok: true, value: { matched: 10 } });
    await flush(exported, 3);
    expect(deliveries(exported).map(({ attemptCount }) => attemptCount)).toEqual([1, 2, 1]);
    expect(readAll(folder)).toHaveLength(30);
  });
});

describe("a folder that cannot be written", () => {
  it("[DV72] the file is tried again by the schedule and the reason is shown", async () => {
    const exported = exporting();
    const { world, folder } = exported;
    mkdirSync(world.exportDirectory);
    // A plain file where the folder should be stops the superuser too.
    writeFileSync(folder, "");
    world.make(1);
    await world.advanceBy(3 * secondMs);
    await world.until(() => deliveries(exported)[0]?.attemptCount === 1);
    const [delivery] = deliveries(exported);
    expect(delivery).toMatchObject({ state: "pending", attemptCount: 1 });
    expect(delivery?.attempts[0]?.error).toMatch(/failed here \((EEXIST|ENOTDIR)\)/);
    rmSync(folder);
    await world.advanceBy(6 * secondMs);
    await flush(exported, 1);
    expect(readAll(folder)).toHaveLength(1);
  });

  it("[DV67] records that are no longer stored: the file fails, and none is left", async () => {
    const exported = exporting();
    const { world, folder } = exported;
    world.make(3);
    const [, second] = world.outputs.list;
    const find = world.outputs.find.bind(world.outputs);
    world.outputs.find = (kind, position) =>
      position === second?.position ? undefined : find(kind, position);
    await flush(exported, 1);
    expect(deliveries(exported)[0]).toMatchObject({ state: "failed", attemptCount: 1 });
    expect(deliveries(exported)[0]?.attempts[0]?.error).toMatch(/no longer stored/);
    expect(readdirSync(folder)).toEqual([]);
  });

  it("[DV61] a test makes a file and removes it", async () => {
    const { world, destination, folder } = exporting();
    const tested = await world.desk.test(destination);
    expect(tested).toMatchObject({ ok: true, value: { type: "test", state: "delivered" } });
    expect(readdirSync(folder)).toEqual([]);
    rmSync(folder, { recursive: true });
    writeFileSync(folder, "");
    chmodSync(folder, 0o400);
    const refused = await world.desk.test(destination);
    expect(refused).toMatchObject({ ok: true, value: { type: "test", state: "failed" } });
  });
});
