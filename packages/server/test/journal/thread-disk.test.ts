// The disk thread and the journal on a real directory.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Disk } from "../../src/journal/disk.ts";
import { openJournal } from "../../src/journal/open-journal.ts";
import { readLatestSnapshot, writeSnapshot } from "../../src/journal/snapshot-files.ts";
import { openThreadDisk } from "../../src/journal/thread-disk.ts";
import { replayed } from "../support/journal-disk.ts";
import { usageEntries, usageEntry } from "../support/journal-entries.ts";

let root: string;
let disk: Disk;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "meterhouse-journal-"));
  disk = openThreadDisk();
});

afterEach(async () => {
  await disk.close();
  rmSync(root, { recursive: true, force: true });
});

function owned(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(Buffer.from(text));
}

async function open(segmentBytesMax = 4_096): ReturnType<typeof openJournal> {
  return openJournal({ disk, directory: join(root, "a/journal"), partition: 0, segmentBytesMax });
}

describe("real files", () => {
  it("[JN4] [JN11] a journal is written, rotated, reopened, replayed and shortened", async () => {
    const first = await open();
    if (!first.ok) throw first.error;
    for (let seq = 1; seq <= 30; seq += 3) {
      const outcome = await first.value.append(usageEntries(seq, seq + 2, 400));
      expect(outcome).toEqual({ outcome: "durable" });
    }
    await first.value.close();
    const again = await open();
    if (!again.ok) throw again.error;
    const journal = again.value;
    expect(await replayed(journal)).toStrictEqual(usageEntries(1, 30, 400));
    const files = readdirSync(join(root, "a/journal"));
    expect(files.length).toBe(journal.counters.segments);
    expect(files.length).toBeGreaterThan(2);
    const removed = await journal.removeSegments({ beforeSeq: 31, olderThan: 1e12 });
    expect(removed).toEqual({ ok: true, value: files.length - 1 });
    expect(readdirSync(join(root, "a/journal"))).toHaveLength(1);
    await journal.close();
  });

  it("[JN8] a torn last write is cut on a real file", async () => {
    const first = await open();
    if (!first.ok) throw first.error;
    await first.value.append(usageEntries(1, 3));
    await first.value.append(usageEntries(4, 6));
    await first.value.close();
    const [name = ""] = readdirSync(join(root, "a/journal"));
    const path = join(root, "a/journal", name);
    truncateSync(path, statSync(path).size - 5);
    const again = await open();
    if (!again.ok) throw again.error;
    expect(again.value.repairs).toEqual([expect.stringContaining(`${path}: cut `)]);
    expect(await again.value.append([usageEntry(4)])).toEqual({ outcome: "durable" });
    expect(await replayed(again.value)).toStrictEqual(usageEntries(1, 4));
    await again.value.close();
  });

  it("[JN14] a snapshot is written and read", async () => {
    const directory = join(root, "snapshots");
    const sections = [{ name: "a", text: "b".repeat(5_000_000) }];
    const written = await writeSnapshot(disk, directory, { partition: 0, seq: 4, sections });
    expect(written).toMatchObject({ ok: true });
    const journal = { startsAfter: 0, lastSeq: 4 };
    const found = await readLatestSnapshot(disk, directory, { partition: 0, journal });
    const read = [];
    const snapshot = found.ok ? found.value.snapshot : null;
    for await (const section of snapshot?.sections() ?? []) read.push(section);
    expect(read).toEqual(sections);
  });

  it("[JN18] files and directories are the owner's alone", async () => {
    const opened = await open();
    if (!opened.ok) throw opened.error;
    await opened.value.append([usageEntry(1)]);
    await opened.value.close();
    const [name = ""] = readdirSync(join(root, "a/journal"));
    expect(statSync(join(root, "a")).mode & 0o777).toBe(0o700);
    expect(statSync(join(root, "a/journal")).mode & 0o777).toBe(0o700);
    expect(statSync(join(root, "a/journal", name)).mode & 0o777).toBe(0o600);
  });

  it("[JN19] what the system refuses comes back as a kind with the system's code", async () => {
    const path = join(root, "file");
    await expect(disk.read(path, 0, 1)).rejects.toMatchObject({ kind: "missing", code: "ENOENT" });
    await expect(disk.open(path)).rejects.toMatchObject({ kind: "missing" });
    const file = await disk.create(path);
    await expect(disk.create(path)).rejects.toMatchObject({ kind: "exists", code: "EEXIST" });
    await expect(disk.list(path)).rejects.toMatchObject({ kind: "failed", code: "ENOTDIR" });
    await file.writeDurably(0, owned("hello"));
    await file.writeDurably(8, owned("you"));
    expect(Buffer.from(await disk.read(path, 4, 100)).toString()).toBe("o\0\0\0you");
    await file.truncateDurably(2);
    expect(await disk.size(path)).toBe(2);
    const bytes = owned("moved");
    const writing = file.writeDurably(2, bytes);
    expect(bytes.length).toBe(0);
    await writing;
    await file.close();
    const closed = file.writeDurably(0, owned("x"));
    await expect(closed).rejects.toMatchObject({ kind: "failed", code: "EBADF", path });
  });

  it("[JN19] a disk that was closed fails every call", async () => {
    const other = openThreadDisk();
    await other.makeDirectory(join(root, "b"));
    await other.close();
    await expect(other.list(root)).rejects.toMatchObject({ kind: "failed", code: "CLOSED" });
  });

  it("[JN5] a file that may not grow is refused, and goes on when it may", async () => {
    const script = join(root, "full.mjs");
    const source = new URL("../../src/journal/", import.meta.url);
    writeFileSync(script, fullDiskScript(source.href, join(root, "small")));
    const child = spawn("bash", ["-c", `ulimit -S -f 8; exec "$0" "$1"`, process.execPath, script]);
    const output: string[] = [];
    child.stdout.on("data", (data) => output.push(String(data)));
    child.stderr.on("data", (data) => output.push(String(data)));
    await once(child, "close");
    expect(output.join("")).toBe("durable refused SHORT durable 1,2\n");
  });
});

/** A journal under a limit of 8 kB a file: 5 kB fit, 9 kB do not, 1 kB fits again. */
function fullDiskScript(source: string, directory: string): string {
  return `
import { openJournal } from "${source}open-journal.ts";
import { openThreadDisk } from "${source}thread-disk.ts";
process.on("SIGXFSZ", () => {});
const disk = openThreadDisk();
const { value: journal } = await openJournal({ disk, directory: "${directory}", partition: 0 });
const entry = (seq, bytes) => ({ seq, time: 1, body: { kind: "usage", accountId: "a",
  meterKey: "k", body: { form: "json", text: "x".repeat(bytes), invalidLines: [] } } });
const first = await journal.append([entry(1, 5000)]);
const second = await journal.append([entry(2, 9000)]);
const third = await journal.append([entry(2, 1000)]);
const seen = [];
for await (const block of journal.replay(0)) seen.push(...block.map(({ seq }) => seq));
console.log(first.outcome, second.outcome, second.cause.code, third.outcome, seen.join(","));
await journal.close();
await disk.close();
`;
}
