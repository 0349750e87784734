// Damage of every kind to a small log: each bit, each length, each sector. Whatever is damaged, no
// wrong entry is ever given, and an earlier one is missing only with an error that names the place.
import { Buffer } from "node:buffer";
import { crc32 } from "node:zlib";
import { describe, expect, it } from "vitest";
import { blockHeadBytes } from "../../src/journal/blocks.ts";
import { JournalDamage } from "../../src/journal/damage.ts";
import { encodeSegmentHead, segmentHeadBytes, segmentPath } from "../../src/journal/segments.ts";
import { journalDirectory, openedOn, openOn, readAll } from "../support/journal-disk.ts";
import { usageEntries } from "../support/journal-entries.ts";
import { SimulatedDisk } from "../support/simulated-disk.ts";

interface Log {
  readonly disk: SimulatedDisk;
  readonly paths: readonly string[];
  /** Where the last block begins, in the last file, and the sequence before it. */
  readonly lastBlock: { readonly offset: number; readonly previousSeq: number };
}

const lastSeq = 10;

/** Two segments: 1 to 5, then 6 to 7, 8, 9 to 10. */
async function smallLog(): Promise<Log> {
  const disk = new SimulatedDisk(1);
  const first = await openedOn(disk, 600);
  for (const [from, to] of [
    [1, 2],
    [3, 3],
    [4, 5],
  ] as const) {
    await first.append(usageEntries(from, to, 30));
  }
  await first.close();
  const second = await openedOn(disk, 1);
  await second.append(usageEntries(6, 7, 30));
  await second.close();
  const third = await openedOn(disk);
  await third.append(usageEntries(8, 8, 30));
  const offset = disk.content(segmentPath(journalDirectory, 5)).length;
  await third.append(usageEntries(9, lastSeq, 30));
  await third.close();
  const paths = (await disk.list(journalDirectory)).map((name) => `${journalDirectory}/${name}`);
  expect(paths).toEqual([segmentPath(journalDirectory, 0), segmentPath(journalDirectory, 5)]);
  return { disk, paths, lastBlock: { offset, previousSeq: 8 } };
}

/** Damages one file of a copy, and checks what may come of it. */
async function check(
  log: Log,
  path: string,
  damage: { readonly content: Uint8Array; readonly firstByte: number; readonly lastByte: number },
): Promise<void> {
  const disk = log.disk.copy(2);
  disk.put(path, damage.content);
  const { entries, error, repairs } = await readAll(disk);
  expect(entries).toStrictEqual(usageEntries(1, entries.length, 30));
  if (entries.length === lastSeq) return expect(error).toBeNull();
  if (error === null) {
    // Zeros from one block to the end look like one long torn write.
    const isLast = path === log.paths.at(-1) && damage.lastByte >= log.lastBlock.offset;
    expect({ isLast, repairs }).toEqual({ isLast: true, repairs: 1 });
    if (damage.firstByte >= log.lastBlock.offset) {
      expect(entries.length).toBe(log.lastBlock.previousSeq);
    }
    const again = await readAll(disk);
    return expect([again.entries.length, again.repairs]).toEqual([entries.length, 0]);
  }
  if (!(error instanceof JournalDamage)) throw error;
  expect(error.file).toBe(path);
  expect(error.offset).toBeLessThanOrEqual(damage.firstByte);
  expect(error.message).toContain(`byte ${error.offset}`);
  expect(disk.content(path)).toEqual(damage.content);
}

describe("damaged files", () => {
  it("[JN8] [JN9] every bit flipped: refused with the place, or the last block cut", async () => {
    const log = await smallLog();
    for (const path of log.paths) {
      const content = log.disk.content(path);
      for (let bit = 0; bit < content.length * 8; bit += 1) {
        const damaged = content.slice();
        damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        await check(log, path, { content: damaged, firstByte: bit >> 3, lastByte: bit >> 3 });
      }
    }
  });

  it("[JN9] two damaged places never make an earlier entry vanish", async () => {
    const log = await smallLog();
    const path = log.paths[1] ?? "";
    const content = log.disk.content(path);
    for (let first = 0; first < log.lastBlock.offset; first += 1) {
      const damaged = content.slice();
      damaged[first] = (damaged[first] ?? 0) ^ 0x10;
      // The payload of the last block as well: a torn write after the damage.
      damaged[content.length - 1] = (damaged[content.length - 1] ?? 0) ^ 0x01;
      const disk = log.disk.copy(3);
      disk.put(path, damaged);
      const { error } = await readAll(disk);
      expect(error).toBeInstanceOf(JournalDamage);
    }
  });

  it("[JN8] [JN9] every length: what is missing is cut back to a block or refused", async () => {
    const log = await smallLog();
    const [first = "", last = ""] = log.paths;
    const whole = log.disk.content(first);
    for (let length = 0; length < whole.length; length += 1) {
      await check(log, first, {
        content: whole.subarray(0, length),
        firstByte: length,
        lastByte: length,
      });
    }
    const content = log.disk.content(last);
    for (let length = 0; length < content.length; length += 1) {
      const disk = log.disk.copy(2);
      disk.put(last, content.subarray(0, length));
      const { entries, error } = await readAll(disk);
      expect(error).toBeNull();
      expect(entries).toStrictEqual(usageEntries(1, entries.length, 30));
      if (length >= log.lastBlock.offset) expect(entries.length).toBe(log.lastBlock.previousSeq);
    }
  });

  it("[JN8] [JN9] ranges of zeros anywhere, and zeros after the end", async () => {
    const log = await smallLog();
    for (const path of log.paths) {
      const content = log.disk.content(path);
      for (let start = 0; start < content.length; start += 16) {
        for (const length of [16, 64, 512]) {
          const damaged = content.slice().fill(0, start, start + length);
          await check(log, path, {
            content: damaged,
            firstByte: start,
            lastByte: start + length - 1,
          });
        }
      }
    }
    const last = log.paths[1] ?? "";
    const content = new Uint8Array(log.disk.content(last).length + 4_096);
    content.set(log.disk.content(last));
    const disk = log.disk.copy(2);
    disk.put(last, content);
    expect(await readAll(disk)).toMatchObject({ error: null, repairs: 1, entries: { length: 10 } });
  });

  it("[JN9] what is refused names file, byte and remedy, and changes nothing", async () => {
    const { disk, paths } = await smallLog();
    const path = paths[1] ?? "";
    const content = disk.content(path);
    content[segmentHeadBytes + 60] = 0xff;
    disk.put(path, content);
    const opened = await openOn(disk);
    expect(String(opened.ok ? "" : opened.error.message)).toBe(
      `${path}, byte ${segmentHeadBytes}: the block of entries 6 to 7 is damaged. Nothing was ` +
        "changed. Keep a copy of the data directory, check the disk, and restore the latest backup.",
    );
    expect(disk.content(path)).toEqual(content);
  });
});

describe("files that are missing, foreign or newer", () => {
  it("[JN9] a missing first, middle or renamed segment is refused", async () => {
    const disk = new SimulatedDisk(1);
    const journal = await openedOn(disk, 1);
    for (let seq = 1; seq <= 4; seq += 1) await journal.append(usageEntries(seq, seq));
    await journal.close();
    const middle = disk.copy(1);
    middle.drop(segmentPath(journalDirectory, 1));
    const { entries, error } = await readAll(middle);
    expect(entries).toHaveLength(1);
    expect(error).toMatchObject({ kind: "damaged", file: segmentPath(journalDirectory, 0) });
    const first = disk.copy(1);
    first.drop(segmentPath(journalDirectory, 0));
    expect((await openedOn(first)).startsAfter).toBe(1);
    const renamed = disk.copy(1);
    renamed.put(segmentPath(journalDirectory, 7), disk.content(segmentPath(journalDirectory, 3)));
    expect((await readAll(renamed)).error).toMatchObject({ kind: "damaged", offset: 20 });
  });

  it("[JN9] a file without a head is removed only where a new one was being made", async () => {
    const { disk } = await smallLog();
    const inPlace = disk.copy(1);
    inPlace.put(segmentPath(journalDirectory, 10), new Uint8Array(20));
    expect(await readAll(inPlace)).toMatchObject({ error: null, repairs: 1 });
    expect(await inPlace.list(journalDirectory)).toHaveLength(2);
    const elsewhere = disk.copy(1);
    elsewhere.put(segmentPath(journalDirectory, 12), new Uint8Array(20));
    expect((await readAll(elsewhere)).error).toMatchObject({ kind: "damaged" });
    const alone = new SimulatedDisk(1);
    alone.put(segmentPath(journalDirectory, 12), new Uint8Array(20));
    expect((await readAll(alone)).error).toMatchObject({ kind: "missing" });
    const fresh = new SimulatedDisk(1);
    fresh.put(segmentPath(journalDirectory, 0), new Uint8Array(0));
    expect(await readAll(fresh)).toMatchObject({ error: null, repairs: 1 });
  });

  it("[JN10] a newer format is refused as such, a damaged version is not taken for one", async () => {
    const { disk, paths } = await smallLog();
    const head = encodeSegmentHead({ partition: 0, previousSeq: 0, previousTime: 0 });
    head.writeUInt32BE(2, 8);
    const damagedVersion = disk.copy(1);
    const path = paths[0] ?? "";
    damagedVersion.put(path, Buffer.concat([head, disk.content(path).subarray(head.length)]));
    expect((await readAll(damagedVersion)).error).toMatchObject({ kind: "damaged" });
    head.writeUInt32BE(crc32(head.subarray(0, 12)), 12);
    const newer = disk.copy(1);
    newer.put(path, head.subarray(0, 16));
    const { error } = await readAll(newer);
    expect(error).toMatchObject({ kind: "newer-version", file: path });
    expect(String(error)).toContain("Start the release that wrote it, or a later one.");
  });

  it("[JN12] a sound block with an entry of a later release is refused, naming the place", async () => {
    const { disk, paths } = await smallLog();
    const path = paths[1] ?? "";
    const content = Buffer.from(disk.content(path));
    const payload = segmentHeadBytes + blockHeadBytes;
    content[payload + 12] = 9;
    const end = payload + content.readUInt32BE(segmentHeadBytes + 28);
    content.writeUInt32BE(crc32(content.subarray(payload, end)), segmentHeadBytes + 32);
    const head = content.subarray(segmentHeadBytes, segmentHeadBytes + 36);
    content.writeUInt32BE(crc32(head), segmentHeadBytes + 36);
    disk.put(path, content);
    const { entries, error } = await readAll(disk);
    expect(entries).toHaveLength(5);
    const place = { kind: "newer-version", file: path, offset: segmentHeadBytes };
    expect(error).toMatchObject(place);
    expect(String(error)).toContain("an entry has the unknown version 9");
  });
});
