// Snapshot files on a simulated disk: round trips, crashes and faults of every I/O, damage.
import { Buffer } from "node:buffer";
import { crc32 } from "node:zlib";
import { describe, expect, it } from "vitest";
import type { Section } from "../../src/core/snapshot.ts";
import type { Disk } from "../../src/journal/disk.ts";
import {
  type LatestSnapshot,
  readLatestSnapshot,
  writeSnapshot,
} from "../../src/journal/snapshot-files.ts";
import { encodeSnapshotHead } from "../../src/journal/snapshot-format.ts";
import { SimulatedCrash, SimulatedDisk } from "../support/simulated-disk.ts";

const directory = "data/snapshots";
const reached = { startsAfter: 0, lastSeq: 1_000 };

function sectionsOf(seq: number): Section[] {
  return [
    { name: "head", text: `{"seq":${seq}}` },
    { name: "ids", bytes: Uint8Array.from({ length: 700 }, (_, index) => (index * seq) & 0xff) },
    { name: "", text: "" },
    { name: "\ufeffname", text: "\ufeff\u0000\u{1f600}".repeat(50) },
  ];
}

async function write(disk: Disk, seq: number): Promise<number> {
  const written = await writeSnapshot(disk, directory, {
    partition: 0,
    seq,
    sections: sectionsOf(seq),
  });
  if (!written.ok) throw written.error;
  return written.value.neededAfter;
}

function read(disk: Disk, journal = reached): ReturnType<typeof readLatestSnapshot> {
  return readLatestSnapshot(disk, directory, { partition: 0, journal });
}

async function latest(disk: Disk, journal = reached): Promise<LatestSnapshot> {
  const found = await read(disk, journal);
  if (!found.ok) throw found.error;
  return found.value;
}

async function collect(found: LatestSnapshot): Promise<Section[]> {
  const sections: Section[] = [];
  for await (const section of found.snapshot?.sections() ?? []) sections.push(section);
  return sections;
}

function pathOf(seq: number): string {
  return `${directory}/snapshot-${String(seq).padStart(16, "0")}.bin`;
}

describe("snapshots", () => {
  it("[JN14] come back exactly, and the last two are kept", async () => {
    const disk = new SimulatedDisk(1);
    expect(await latest(disk)).toEqual({ snapshot: null, repairs: [] });
    expect([await write(disk, 10), await write(disk, 20), await write(disk, 30)]).toEqual([
      0, 10, 20,
    ]);
    expect(await disk.list(directory)).toHaveLength(2);
    const found = await latest(disk.crash(1));
    expect(found.snapshot?.seq).toBe(30);
    expect(await collect(found)).toEqual(sectionsOf(30));
    expect(await collect(found)).toEqual(sectionsOf(30));
    expect(await write(disk, 30)).toBe(20);
  });

  it("[JN14] sections larger than a piece come back, drawn one by one", async () => {
    const disk = new SimulatedDisk(1);
    const large = new Uint8Array(9_000_000).fill(7);
    const text = "\u00e9x".repeat(2_000_000);
    async function* sections(): AsyncGenerator<Section> {
      yield { name: "a", bytes: large };
      yield { name: "b", text };
    }
    const written = await writeSnapshot(disk, directory, {
      partition: 0,
      seq: 5,
      sections: sections(),
    });
    expect(written.ok && written.value.bytes).toBeGreaterThan(15_000_000);
    const [first, second] = await collect(await latest(disk));
    expect(first !== undefined && "bytes" in first && Buffer.compare(first.bytes, large)).toBe(0);
    expect(second !== undefined && "text" in second && second.text === text).toBe(true);
  });

  it("[JN15] a crash at any I/O of writing leaves the earlier snapshot or the new one", async () => {
    for (let at = 0, crashed = true; crashed; at += 1) {
      for (let seed = 0; seed < 12; seed += 1) {
        const disk = new SimulatedDisk(seed);
        await write(disk, 10);
        await write(disk, 20);
        disk.plan({ at, kind: "crash" });
        crashed = await write(disk, 30).then(
          () => false,
          (error: unknown) => {
            if (!(error instanceof SimulatedCrash)) throw error;
            return true;
          },
        );
        for (const after of [disk.crash(seed), disk.restart(seed)]) {
          const found = await latest(after);
          const seq = found.snapshot?.seq ?? 0;
          expect(crashed ? [20, 30] : [30]).toContain(seq);
          expect(await collect(found)).toEqual(sectionsOf(seq));
          expect(found.repairs).toEqual([]);
          expect((await after.list(directory)).filter((name) => name.endsWith(".tmp"))).toEqual([]);
          expect(await write(after, 40)).toBe(seq);
        }
      }
    }
  });

  it.each(["ENOSPC", "EIO", "short-write", "sync-failure"] as const)(
    "[JN15] %s at any I/O of writing is an error that harms no snapshot",
    async (kind) => {
      for (let at = 0; at < 20; at += 1) {
        const disk = new SimulatedDisk(at);
        await write(disk, 10);
        await write(disk, 20);
        disk.plan({ at, kind });
        const snapshot = { partition: 0, seq: 30, sections: sectionsOf(30) };
        const written = await writeSnapshot(disk, directory, snapshot);
        disk.plan(null);
        const found = await latest(disk);
        expect([20, 30]).toContain(found.snapshot?.seq);
        if (written.ok) expect(found.snapshot?.seq).toBe(30);
        expect(await collect(found)).toEqual(sectionsOf(found.snapshot?.seq ?? 0));
      }
    },
  );

  it("[JN15] a source that throws leaves no half snapshot behind", async () => {
    const disk = new SimulatedDisk(1);
    function* sections(): Generator<Section> {
      yield { name: "a", text: "b" };
      throw new RangeError("the state cannot be written");
    }
    const writing = writeSnapshot(disk, directory, { partition: 0, seq: 1, sections: sections() });
    await expect(writing).rejects.toThrow(RangeError);
    expect(await disk.list(directory)).toEqual([]);
  });
});

describe("damaged and missing snapshots", () => {
  it("[JN16] with any bit of the newest flipped, the older one is used and it is told", async () => {
    const disk = new SimulatedDisk(1);
    await write(disk, 10);
    await write(disk, 20);
    const content = disk.content(pathOf(20));
    for (let bit = 0; bit < content.length * 8; bit += 1) {
      const copy = disk.copy(1);
      const damaged = content.slice();
      damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      copy.put(pathOf(20), damaged);
      const found = await latest(copy);
      expect(found.snapshot?.seq).toBe(10);
      expect(found.repairs).toEqual([expect.stringContaining(`${pathOf(20)}: damaged at byte `)]);
      expect(await copy.list(directory)).toContain("snapshot-0000000000000020.bin.damaged");
    }
    for (let length = 0; length < content.length; length += 1) {
      const copy = disk.copy(1);
      copy.put(pathOf(20), content.subarray(0, length));
      expect((await latest(copy)).snapshot?.seq).toBe(10);
    }
    const longer = disk.copy(1);
    longer.put(pathOf(20), Buffer.concat([content, Buffer.alloc(1)]));
    expect((await latest(longer)).snapshot?.seq).toBe(10);
  });

  it("[JN16] damage that the journal cannot make up for is refused, and nothing is changed", async () => {
    const disk = new SimulatedDisk(1);
    await write(disk, 10);
    await write(disk, 20);
    const content = disk.content(pathOf(20)).fill(0, 40, 50);
    disk.put(pathOf(20), content);
    const found = await read(disk, { startsAfter: 11, lastSeq: 25 });
    expect(found).toMatchObject({ ok: false, error: { kind: "damaged", file: pathOf(20) } });
    expect(disk.content(pathOf(20))).toEqual(content);
    expect((await latest(disk, { startsAfter: 10, lastSeq: 25 })).snapshot?.seq).toBe(10);
  });

  it("[JN16] without any sound snapshot the journal alone will do, if it is whole", async () => {
    const disk = new SimulatedDisk(1);
    await write(disk, 10);
    disk.put(pathOf(10), new Uint8Array(5));
    const found = await latest(disk);
    expect([found.snapshot, found.repairs.length]).toEqual([null, 1]);
    const missing = await read(new SimulatedDisk(1), { startsAfter: 1, lastSeq: 2 });
    expect(missing).toMatchObject({ ok: false, error: { kind: "missing", file: directory } });
  });

  it("[JN17] a journal that ends before the newest snapshot is refused", async () => {
    const disk = new SimulatedDisk(1);
    await write(disk, 10);
    expect((await latest(disk, { startsAfter: 0, lastSeq: 10 })).snapshot?.seq).toBe(10);
    const found = await read(disk, { startsAfter: 0, lastSeq: 9 });
    expect(found).toMatchObject({ ok: false, error: { kind: "missing", file: pathOf(10) } });
    expect(String(found.ok ? "" : found.error)).toContain("the journal ends with entry 9");
  });

  it("[JN10] a snapshot of another format, another partition or another name is not used", async () => {
    const disk = new SimulatedDisk(1);
    await write(disk, 10);
    const other = await readLatestSnapshot(disk, directory, { partition: 3, journal: reached });
    expect(other).toMatchObject({ ok: false, error: { kind: "wrong-partition" } });
    disk.put(pathOf(12), disk.content(pathOf(10)));
    expect((await latest(disk)).snapshot?.seq).toBe(10);
    for (const version of [1, 3]) {
      const head = encodeSnapshotHead({ partition: 0, seq: 20 });
      head.writeUInt32BE(version, 8);
      head.writeUInt32BE(crc32(head.subarray(0, 12)), 12);
      disk.put(pathOf(20), head.subarray(0, 16));
      const found = await read(disk);
      expect(found).toMatchObject({ ok: false, error: { kind: "newer-version", offset: 8 } });
    }
  });
});
