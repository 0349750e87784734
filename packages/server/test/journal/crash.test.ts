// Crashes at every I/O of a journal's life: appends, new segments, removals, a refused append, and
// recovery itself. After each, the disk is what several seeds make of the un-synced rest.
import { describe, expect, it } from "vitest";
import type { Journal } from "../../src/journal/journal.ts";
import { segmentPath } from "../../src/journal/segments.ts";
import { journalDirectory, openedOn, replayed } from "../support/journal-disk.ts";
import { usageEntries } from "../support/journal-entries.ts";
import { seedOf } from "../support/seeded-random.ts";
import { SimulatedCrash, SimulatedDisk } from "../support/simulated-disk.ts";

const seeds = Array.from({ length: 8 }, (_, index) => seedOf(500) + index);
/** Groups by size of their entries; some blocks cover several sectors. */
const groups = [
  [3, 40],
  [1, 700],
  [5, 300],
  [1, 30],
  [2, 900],
  [4, 60],
] as const;

interface Told {
  /** The last entry that was answered durable. */
  acknowledged: number;
  /** The last entry of the group that was being appended. */
  attempted: number;
  /** Entries up to this one may have been removed. */
  removable: number;
}

/** Does everything that a journal does, until it is over or the disk crashes. */
async function live(journal: Journal, told: Told): Promise<void> {
  for (const [index, [count, bytes]] of groups.entries()) {
    const from = told.acknowledged + 1;
    told.attempted = told.acknowledged + count;
    const { outcome } = await journal.append(usageEntries(from, told.attempted, bytes));
    expect(outcome).toBe("durable");
    told.acknowledged = told.attempted;
    if (index === 3) {
      told.removable = 4;
      await journal.removeSegments({ beforeSeq: 5, olderThan: 1e12 });
    }
  }
  await journal.close();
}

async function untilCrash(disk: SimulatedDisk, told: Told): Promise<boolean> {
  try {
    await live(await openedOn(disk, 1_000), told);
    return false;
  } catch (error) {
    if (error instanceof SimulatedCrash) return true;
    throw error;
  }
}

/** Each entry that was answered is there as it was, each group wholly or not at all. */
async function checkRecovered(disk: SimulatedDisk, told: Told): Promise<number> {
  const journal = await openedOn(disk, 1_000);
  const entries = await replayed(journal);
  expect(journal.startsAfter).toBeLessThanOrEqual(told.removable);
  expect([told.acknowledged, told.attempted]).toContain(journal.lastSeq);
  expect(entries.map(({ seq }) => seq)).toEqual(
    entries.map((_, index) => journal.startsAfter + 1 + index),
  );
  expect(journal.startsAfter + entries.length).toBe(journal.lastSeq);
  const ends = groupEnds();
  for (const entry of entries) {
    const group = groups[ends.findIndex((end) => entry.seq <= end)];
    expect(entry).toStrictEqual(usageEntries(entry.seq, entry.seq, group?.[1])[0]);
  }
  await journal.close();
  return journal.lastSeq;
}

function groupEnds(): number[] {
  let end = 0;
  return groups.map(([count]) => {
    end += count;
    return end;
  });
}

function nothingTold(): Told {
  return { acknowledged: 0, attempted: 0, removable: 0 };
}

describe("crashes", () => {
  it(`[JN22] [JN2] [JN8] at every I/O, seeds from ${seeds[0]}: nothing acknowledged is lost`, async () => {
    let at = 0;
    for (let crashed = true; crashed; at += 1) {
      for (const seed of seeds) {
        const disk = new SimulatedDisk(seed);
        disk.plan({ at, kind: "crash" });
        const told = nothingTold();
        crashed = await untilCrash(disk, told);
        const found = disk.crash(seed);
        const lastSeq = await checkRecovered(found, told);
        // What a recovery showed stays, whatever the next crash does.
        const shown = { ...told, acknowledged: lastSeq, attempted: lastSeq };
        expect(await checkRecovered(found.crash(seed), shown)).toBe(lastSeq);
        const killed = disk.restart(seed);
        const seq = await checkRecovered(killed, told);
        const journal = await openedOn(killed, 1_000);
        await journal.append(usageEntries(seq + 1, seq + 2, 1_500));
        const again = await openedOn(killed.crash(seed), 1_000);
        expect(again.lastSeq).toBe(seq + 2);
      }
    }
    expect(at).toBeGreaterThan(30);
  });

  it(`[JN22] [JN8] during recovery, at every I/O, seeds from ${seeds[0]}`, async () => {
    for (const seed of seeds) {
      for (let first = 5; first < 60; first += 3) {
        const disk = new SimulatedDisk(seed);
        disk.plan({ at: first, kind: "crash" });
        const told = nothingTold();
        if (!(await untilCrash(disk, told))) break;
        const found = disk.crash(seed);
        for (let second = 0, crashed = true; crashed; second += 1) {
          const again = found.copy(seed);
          again.plan({ at: second, kind: "crash" });
          crashed = await openedOn(again, 1_000).then(
            () => false,
            (error: unknown) => {
              if (!(error instanceof SimulatedCrash)) throw error;
              return true;
            },
          );
          await checkRecovered(again.crash(seed + second), told);
        }
      }
    }
  });

  it(`[JN5] after a refused append, at every I/O, seeds from ${seeds[0]}`, async () => {
    for (let at = 0; at < 12; at += 1) {
      for (const seed of seeds) {
        const disk = new SimulatedDisk(seed);
        const journal = await openedOn(disk);
        await journal.append(usageEntries(1, 3));
        const size = await disk.size(segmentPath(journalDirectory, 0));
        disk.plan({ at: 0, kind: "short-write" });
        expect((await journal.append(usageEntries(4, 9, 200))).outcome).toBe("refused");
        expect(await disk.size(segmentPath(journalDirectory, 0))).toBe(size);
        const told = { acknowledged: 3, attempted: 3, removable: 0 };
        disk.plan({ at, kind: "crash" });
        try {
          told.attempted = 4;
          await journal.append(usageEntries(4, 4));
          told.acknowledged = 4;
        } catch (error) {
          if (!(error instanceof SimulatedCrash)) throw error;
        }
        const again = await openedOn(disk.crash(seed));
        expect([told.acknowledged, told.attempted]).toContain(again.lastSeq);
        expect(await replayed(again)).toStrictEqual(usageEntries(1, again.lastSeq));
      }
    }
  });
});
