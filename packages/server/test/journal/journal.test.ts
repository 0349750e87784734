// The journal on a simulated disk: order, outcomes, failures of every I/O, removal of segments.
import { describe, expect, it } from "vitest";
import { AssertionError } from "../../src/core/problem.ts";
import { openJournal } from "../../src/journal/open-journal.ts";
import { journalDirectory, openedOn, openOn, replayed } from "../support/journal-disk.ts";
import { usageEntries, usageEntry } from "../support/journal-entries.ts";
import { SimulatedCrash, SimulatedDisk } from "../support/simulated-disk.ts";

const durable = { outcome: "durable" };

describe("append and replay", () => {
  it("[JN4] gives the entries back exactly, from any sequence on, after reopening", async () => {
    const disk = new SimulatedDisk(1);
    const first = await openedOn(disk, 400);
    for (const [from, to] of [
      [1, 1],
      [2, 5],
      [6, 6],
      [7, 12],
    ] as const) {
      expect(await first.append(usageEntries(from, to))).toEqual(durable);
    }
    await first.close();
    const journal = await openedOn(disk, 400);
    expect(journal.counters.segments).toBeGreaterThan(2);
    expect([journal.lastSeq, journal.lastTime, journal.startsAfter]).toEqual([12, 1_012, 0]);
    expect(journal.repairs).toEqual([]);
    for (let after = 0; after <= 12; after += 1) {
      expect(await replayed(journal, after)).toStrictEqual(usageEntries(after + 1, 12));
    }
    await journal.close();
  });

  it("[JN4] a replay beside appends gives what was durable when it was asked for", async () => {
    const journal = await openedOn(new SimulatedDisk(1), 300);
    await journal.append(usageEntries(1, 3));
    const entries = journal.replay(0);
    await journal.append(usageEntries(4, 8));
    await journal.append(usageEntries(9, 9));
    const seen: number[] = [];
    for await (const block of entries) seen.push(...block.map((entry) => entry.seq));
    expect(seen).toEqual([1, 2, 3]);
    await journal.close();
  });

  it("[JN4] a block larger than a segment gets a segment of its own", async () => {
    const disk = new SimulatedDisk(1);
    const journal = await openedOn(disk, 200);
    await journal.append([usageEntry(1, 3_000_000)]);
    await journal.append([usageEntry(2, 10)]);
    expect(journal.counters.segments).toBe(2);
    expect((await replayed(journal)).map((entry) => entry.seq)).toEqual([1, 2]);
    await journal.close();
  });

  it("[JN3] a sequence out of order or a time that goes back is a broken promise", async () => {
    const journal = await openedOn(new SimulatedDisk(1));
    await journal.append(usageEntries(1, 2));
    expect(() => journal.append([usageEntry(4)])).toThrow(AssertionError);
    expect(() => journal.append([usageEntry(2)])).toThrow(AssertionError);
    expect(() => journal.append([usageEntry(3), usageEntry(5)])).toThrow(AssertionError);
    expect(() => journal.append([{ ...usageEntry(3), time: 5 }])).toThrow(AssertionError);
    expect(() => journal.append([])).toThrow(AssertionError);
    expect(await journal.append([usageEntry(3)])).toEqual(durable);
    await journal.close();
  });

  it("[JN3] a restore may jump ahead; the jump is read back and is no gap", async () => {
    const disk = new SimulatedDisk(1);
    const journal = await openedOn(disk);
    const far = 1_764_000_000_000_000;
    await journal.append(usageEntries(1, 2));
    const jump = [usageEntry(far), usageEntry(far + 1)];
    expect(await journal.append(jump, { allowJump: true })).toEqual(durable);
    expect(await journal.append([usageEntry(far + 2)])).toEqual(durable);
    await journal.close();
    const again = await openedOn(disk);
    const sequences = (await replayed(again)).map((entry) => entry.seq);
    expect(sequences).toEqual([1, 2, far, far + 1, far + 2]);
    await again.close();
  });

  it("[JN2] a second append in flight, and any use after close, is a broken promise", async () => {
    const journal = await openedOn(new SimulatedDisk(1));
    const first = journal.append([usageEntry(1)]);
    expect(() => journal.append([usageEntry(2)])).toThrow(AssertionError);
    expect(await first).toEqual(durable);
    await journal.close();
    expect(() => journal.append([usageEntry(2)])).toThrow(AssertionError);
    expect(() => journal.replay(0)).toThrow(AssertionError);
    const bound = { beforeSeq: 1, olderThan: 1 };
    await expect(journal.removeSegments(bound)).rejects.toThrow(AssertionError);
  });
});

describe("failures of an append", () => {
  it.each(["ENOSPC", "short-write"] as const)(
    "[JN5] %s at any I/O is refused, leaves nothing, and passes",
    async (kind) => {
      for (let at = 0; at < 30; at += 1) {
        const disk = new SimulatedDisk(at);
        const journal = await openedOn(disk, 300);
        await journal.append(usageEntries(1, 2));
        disk.plan({ at, kind, forever: true });
        const outcomes: string[] = [];
        let next = 3;
        for (let turn = 0; turn < 6; turn += 1) {
          const { outcome } = await journal.append(usageEntries(next, next + 1));
          outcomes.push(outcome);
          if (outcome === "durable") next += 2;
        }
        expect(outcomes).not.toContain("broken");
        if (at === 0) expect(outcomes).toContain("refused");
        disk.plan(null);
        expect(await journal.append([usageEntry(next)])).toEqual(durable);
        await journal.close();
        const again = await openedOn(disk.crash(at));
        expect(again.repairs).toEqual([]);
        expect(await replayed(again)).toStrictEqual(usageEntries(1, next));
        await again.close();
      }
    },
  );

  it.each(["EIO", "sync-failure"] as const)(
    "[JN6] %s at any I/O ends all appending; after a restart what was acknowledged is there",
    async (kind) => {
      for (let at = 0; at < 14; at += 1) {
        const disk = new SimulatedDisk(at);
        const journal = await openedOn(disk, 300);
        await journal.append(usageEntries(1, 2));
        disk.plan({ at, kind });
        let acknowledged = 2;
        let broken = false;
        for (let turn = 0; turn < 8; turn += 1) {
          const { outcome } = await journal.append(
            usageEntries(acknowledged + 1, acknowledged + 2),
          );
          if (broken) expect(outcome).toBe("broken");
          broken = outcome === "broken";
          if (outcome === "durable") acknowledged += 2;
        }
        const again = await openedOn(disk.restart(at));
        const sequences = (await replayed(again)).map((entry) => entry.seq);
        expect(sequences.length === acknowledged || sequences.length === acknowledged + 2).toBe(
          true,
        );
        expect(broken || sequences.length === acknowledged).toBe(true);
        expect(sequences).toEqual(sequences.map((_, index) => index + 1));
        await again.close();
      }
    },
  );

  it("[JN6] no room, and no way to take back what was half-written, ends all appending", async () => {
    const disk = new SimulatedDisk(3);
    const journal = await openedOn(disk);
    await journal.append([usageEntry(1)]);
    disk.plan({ at: 0, kind: "short-write" });
    const appending = journal.append([usageEntry(2)]);
    disk.plan({ at: 0, kind: "EIO", forever: true });
    expect((await appending).outcome).toBe("broken");
    disk.plan(null);
    expect((await journal.append([usageEntry(2)])).outcome).toBe("broken");
  });

  it("[JN7] what a reopened journal shows outlives a crash, even after a failed sync", async () => {
    let shown = 0;
    for (let seed = 0; seed < 60; seed += 1) {
      const disk = new SimulatedDisk(seed);
      const journal = await openedOn(disk);
      await journal.append(usageEntries(1, 2));
      disk.plan({ at: 0, kind: "sync-failure", forever: true });
      expect((await journal.append(usageEntries(3, 60))).outcome).toBe("broken");
      const restarted = disk.restart(seed);
      const again = await openedOn(restarted);
      shown = again.lastSeq;
      const afterCrash = await openedOn(restarted.crash(seed));
      expect(await replayed(afterCrash)).toStrictEqual(usageEntries(1, shown));
    }
    expect(shown).toBe(60);
  });
});

describe("removal of segments", () => {
  const everything = { beforeSeq: 1_000, olderThan: 1e12 };

  it("[JN11] removes whole segments that are both unneeded and old, never the active one", async () => {
    const disk = new SimulatedDisk(1);
    const journal = await openedOn(disk, 200);
    for (let seq = 1; seq <= 9; seq += 3) await journal.append(usageEntries(seq, seq + 2, 80));
    expect(journal.counters.segments).toBe(3);
    const bounds = [
      [{ beforeSeq: 3, olderThan: 1e12 }, 0],
      [{ beforeSeq: 1_000, olderThan: 1_003 }, 0],
      [{ beforeSeq: 4, olderThan: 1_004 }, 1],
      [everything, 1],
      [everything, 0],
    ] as const;
    for (const [bound, removed] of bounds) {
      expect(await journal.removeSegments(bound)).toEqual({ ok: true, value: removed });
    }
    expect([journal.startsAfter, journal.lastSeq]).toEqual([6, 9]);
    expect(() => journal.replay(5)).toThrow(AssertionError);
    await journal.close();
    const again = await openedOn(disk.crash(1));
    expect(await replayed(again)).toStrictEqual(usageEntries(7, 9, 80));
    await again.close();
  });

  it("[JN11] a removal that was not synced makes no gap when the next one is", async () => {
    for (let seed = 0; seed < 40; seed += 1) {
      const disk = new SimulatedDisk(seed);
      const journal = await openedOn(disk, 200);
      for (let seq = 1; seq <= 12; seq += 3) await journal.append(usageEntries(seq, seq + 2, 80));
      disk.plan({ at: 2, kind: "sync-failure" });
      const removed = await journal.removeSegments({ beforeSeq: 4, olderThan: 1e12 });
      expect(removed).toMatchObject({ ok: false, error: { code: "EIO" } });
      disk.plan({ at: 2, kind: "crash" });
      await expect(journal.removeSegments(everything)).rejects.toThrow(SimulatedCrash);
      const again = await openedOn(disk.crash(seed));
      const entries = await replayed(again);
      expect(entries).toStrictEqual(usageEntries(again.startsAfter + 1, 12, 80));
    }
  });

  it("[JN11] keeps the segment before one that holds no block yet", async () => {
    const disk = new SimulatedDisk(1);
    const journal = await openedOn(disk, 200);
    await journal.append(usageEntries(1, 3, 80));
    disk.plan({ at: 4, kind: "ENOSPC" });
    expect((await journal.append(usageEntries(4, 6, 80))).outcome).toBe("refused");
    disk.plan(null);
    expect(journal.counters.segments).toBe(2);
    expect(await journal.removeSegments(everything)).toEqual({ ok: true, value: 0 });
    await journal.close();
    const again = await openedOn(disk);
    expect([again.lastSeq, again.counters.segments]).toEqual([3, 2]);
    expect(await again.append([usageEntry(4)])).toEqual(durable);
    await again.close();
  });

  it("[JN10] another partition's directory is refused", async () => {
    const disk = new SimulatedDisk(1);
    const journal = await openedOn(disk);
    await journal.append([usageEntry(1)]);
    await journal.close();
    const opened = await openJournal({ disk, directory: journalDirectory, partition: 7 });
    expect(opened).toMatchObject({ ok: false, error: { kind: "wrong-partition" } });
  });

  it("[JN6] a disk that fails while opening gives its error and no journal", async () => {
    const disk = new SimulatedDisk(1);
    const journal = await openedOn(disk, 200);
    for (let seq = 1; seq <= 9; seq += 3) await journal.append(usageEntries(seq, seq + 2, 80));
    await journal.close();
    for (let at = 0; ; at += 1) {
      disk.plan({ at, kind: "EIO" });
      const opened = await openOn(disk);
      if (disk.operations <= at) break;
      expect(opened).toMatchObject({ ok: false, error: { name: "DiskError", code: "EIO" } });
    }
  });
});
