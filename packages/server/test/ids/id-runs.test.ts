// Runs of old ids on a simulated and on a real disk: every row is found, none that is not there, and
// what is damaged or missing is refused by name (docs/spec/deduplication.md, DD21 to DD24).
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { type IdRun, idRowWords } from "../../src/core/old-ids.ts";
import { assert } from "../../src/core/problem.ts";
import { IdRuns } from "../../src/ids/id-runs.ts";
import { openPageFile } from "../../src/ids/page-files.ts";
import { pageBytes, rowsPerPage } from "../../src/ids/run-format.ts";
import { openThreadDisk } from "../../src/journal/thread-disk.ts";
import { createSeededRandom } from "../support/seeded-random.ts";
import { SimulatedDisk } from "../support/simulated-disk.ts";
import { simulatedPages } from "../support/simulated-pages.ts";

const directory = "data/ids";

function storeOn(disk: SimulatedDisk, partition = 0): IdRuns {
  return new IdRuns({ disk, openPages: simulatedPages(disk), directory, partition });
}

/** Rows in the order of their keys; `shared` of them begin with one and the same word. */
function rowsOf(count: number, seed: number, shared = 0): Uint32Array {
  const random = createSeededRandom(seed);
  const word = (): number => random.integer(0, 2 ** 32 - 1);
  const rows = Array.from({ length: count }, (_, row) => [
    row < shared ? 77_777_777 : word(),
    ...Array.from({ length: 5 }, word),
    1_000 + row,
  ]);
  return Uint32Array.from(rows.sort((a, b) => (a[0] ?? 0) - (b[0] ?? 0)).flat());
}

async function written(store: IdRuns, rows: Uint32Array, steps = 1): Promise<IdRun> {
  const writer = await store.begin(rows.length / idRowWords);
  assert(writer !== null, "there is room for a run");
  const each = Math.ceil(rows.length / idRowWords / steps) * idRowWords;
  for (let at = 0; at < rows.length; at += each) await writer.write(rows.subarray(at, at + each));
  return writer.commit();
}

function expectFound(store: IdRuns, rows: Uint32Array): void {
  const row = new Uint32Array(idRowWords);
  const other = new Uint32Array(4);
  for (let at = 0; at < rows.length; at += idRowWords) {
    const expected = rows.subarray(at, at + idRowWords);
    if (!store.find(expected.subarray(0, 4), 0, row) || row.some((is, to) => is !== expected[to])) {
      throw new Error(`row ${at / idRowWords} is not found as it was written`);
    }
    other.set(expected.subarray(0, 4));
    other[3] = (other[3] ?? 0) ^ 1;
    if (store.find(other, 0, row)) throw new Error(`a key is found that no run holds`);
  }
}

describe("runs", () => {
  it.each([1, rowsPerPage - 1, rowsPerPage, rowsPerPage + 1, 4_000])(
    "[DD21] of %i rows are found again, also after a start",
    async (count) => {
      const disk = new SimulatedDisk(1);
      const store = storeOn(disk);
      const rows = rowsOf(count, count, Math.min(count, 400));
      const run = await written(store, rows, 7);
      expect(run).toMatchObject({ number: 1, rows: count, newest: 999 + count });
      expectFound(store, rows);
      const later = storeOn(disk.crash(5));
      expect(await later.open([run])).toEqual({ ok: true, value: undefined });
      expectFound(later, rows);
    },
  );

  it("[DD21] are many at once; the row counted last is the answer, and earlier runs can be left out", async () => {
    const disk = new SimulatedDisk(2);
    const store = storeOn(disk);
    const all = Array.from({ length: 12 }, (_, seed) => rowsOf(600, seed + 1));
    const runs: IdRun[] = [];
    for (const rows of all) runs.push(await written(store, rows, 3));
    const again = (all[3] ?? new Uint32Array()).slice();
    for (let at = 6; at < again.length; at += idRowWords) again[at] = 90_000;
    runs.push(await written(store, again));
    const later = storeOn(disk);
    expect((await later.open(runs)).ok).toBe(true);
    const row = new Uint32Array(idRowWords);
    for (const each of [store, later]) {
      for (const [index, rows] of all.entries()) if (index !== 3) expectFound(each, rows);
      expectFound(each, again);
      expect(each.find((all[0] ?? again).subarray(0, 4), 2, row)).toBe(false);
    }
    // The filter is made for the first run, and makes room for all that follow.
    expect(later.filterBytes / 7_800).toBeLessThan(8);
  });

  it("[DD25] that are retired answer no more, and their place is taken again", async () => {
    const disk = new SimulatedDisk(3);
    const store = storeOn(disk);
    const row = new Uint32Array(idRowWords);
    const kept = rowsOf(500, 99);
    const keptRun = await written(store, kept);
    for (let round = 0; round < 1_100; round += 1) {
      const rows = rowsOf(3, round + 1_000);
      const run = await written(store, rows);
      expect(store.find(rows.subarray(0, 4), 0, row)).toBe(true);
      store.retire(run.number);
      expect(store.find(rows.subarray(0, 4), 0, row)).toBe(false);
    }
    expectFound(store, kept);
    expect(store.filterBytes).toBeLessThan(40_000);
    expect(await disk.list(directory)).toHaveLength(1_101);
    await store.removeAllBut(new Set([keptRun.number]));
    expect(await disk.list(directory)).toEqual(["ids-0000000001.bin"]);
  });

  it("[DD25] are 1,023 at most at a time", async () => {
    const disk = new SimulatedDisk(4);
    const store = storeOn(disk);
    for (let run = 0; run < 1_023; run += 1) await written(store, rowsOf(1, run + 1));
    expect(await store.begin(1)).toBeNull();
    store.retire(5);
    expect(await store.begin(1)).toBeNull();
  });
});

describe("a start", () => {
  it("[DD24] refuses a run that is missing, cut off, too long or another's, and names it", async () => {
    const disk = new SimulatedDisk(6);
    const store = storeOn(disk);
    const rows = rowsOf(1_000, 6);
    const run = await written(store, rows);
    const other = await written(store, rowsOf(1_000, 7));
    const path = join(directory, "ids-0000000001.bin");
    const whole = disk.content(path);
    const faultOf = async (from: SimulatedDisk, partition = 0, named = run): Promise<string> => {
      const opened = await storeOn(from, partition).open([named]);
      return opened.ok ? "" : opened.error.message;
    };
    const damaged = (content: Uint8Array | null): SimulatedDisk => {
      const copy = disk.copy(1);
      if (content === null) copy.drop(path);
      else copy.put(path, content);
      return copy;
    };
    expect(await faultOf(damaged(whole))).toBe("");
    expect(await faultOf(damaged(null))).toMatch(
      /ids-0000000001\.bin, byte 0: the file is missing/,
    );
    for (const length of [0, 1, pageBytes, whole.length - pageBytes, whole.length - 1]) {
      expect(await faultOf(damaged(whole.slice(0, length)))).toMatch(/ids-0000000001\.bin, byte/);
    }
    const longer = new Uint8Array(whole.length + pageBytes);
    longer.set(whole);
    expect(await faultOf(damaged(longer))).toMatch(/do not fit its head/);
    expect(await faultOf(damaged(disk.content(join(directory, "ids-0000000002.bin"))))).toMatch(
      /holds other ids than those/,
    );
    expect(await faultOf(disk, 1)).toMatch(/holds other ids/);
    expect(await faultOf(disk, 0, { ...other, number: 1 })).toMatch(/holds other ids/);
  });

  it("[DD24] refuses a run with any bit turned, seed 8", async () => {
    const disk = new SimulatedDisk(8);
    const run = await written(storeOn(disk), rowsOf(400, 8));
    const path = join(directory, "ids-0000000001.bin");
    const whole = disk.content(path);
    const random = createSeededRandom(8);
    const places = Array.from({ length: 150 }, () => random.integer(0, whole.length - 1));
    for (const place of [0, 8, 12, 16, 43, pageBytes, whole.length - 1, ...places]) {
      const copy = disk.copy(1);
      const content = whole.slice();
      content[place] = (content[place] ?? 0) ^ (1 << random.integer(0, 7));
      copy.put(path, content);
      const opened = await storeOn(copy).open([run]);
      expect(opened.ok ? `byte ${place} was not noticed` : opened.error.message).toMatch(
        /ids-0000000001\.bin, byte \d+: .*(?:damaged|newer|other ids)/,
      );
    }
  });

  it("[DD24] a page that is damaged while the engine runs gives no answer", async () => {
    const disk = new SimulatedDisk(9);
    const rows = rowsOf(400, 9);
    const run = await written(storeOn(disk), rows);
    const path = join(directory, "ids-0000000001.bin");
    const content = disk.content(path);
    const pages = (): ReturnType<ReturnType<typeof simulatedPages>> => ({
      read(bytes, position) {
        bytes.set(content.subarray(position, position + bytes.length));
        return bytes.length;
      },
      close: () => {},
    });
    const store = new IdRuns({ disk, openPages: pages, directory, partition: 0 });
    expect((await store.open([run])).ok).toBe(true);
    expectFound(store, rows);
    content[pageBytes + 20] = (content[pageBytes + 20] ?? 0) ^ 4;
    expect(() => expectFound(store, rows)).toThrow(/ids-0000000001\.bin, byte 4096: a page/);
  });
});

describe("an I/O that fails or crashes, each in turn", () => {
  it.each(["EIO", "ENOSPC", "short-write", "sync-failure", "crash"] as const)(
    "[DD23] %s leaves the runs before and no half one",
    async (kind) => {
      const before = rowsOf(700, 1);
      const rows = rowsOf(900, 2);
      for (let at = 0; ; at += 1) {
        const disk = new SimulatedDisk(at);
        const store = storeOn(disk);
        const first = await written(store, before);
        disk.plan({ at, kind });
        const done = await written(store, rows).then(
          (run) => run,
          () => null,
        );
        if (done === null && kind !== "crash") {
          disk.plan(null);
          expectFound(store, before);
          const second = await written(store, rows);
          expect(second.number, `I/O ${at}`).toBe(3);
          expectFound(store, rows);
        }
        const later = storeOn(disk.crash(at + 7));
        expect((await later.open([first])).ok, `I/O ${at}`).toBe(true);
        expectFound(later, before);
        // What a stop left has a name that is not given again.
        expect((await written(later, rows)).number).toBeGreaterThan(1);
        expectFound(later, rows);
        if (done !== null) break;
        expect(at).toBeLessThan(100);
      }
    },
  );
});

describe("a real directory", () => {
  const made: string[] = [];
  afterEach(() => {
    for (const path of made.splice(0)) rmSync(path, { recursive: true });
  });

  it("[DD21] [DD24] keeps runs over starts", async () => {
    const root = mkdtempSync(join(tmpdir(), "meterhouse-ids-"));
    made.push(root);
    const disk = openThreadDisk();
    const place = { disk, openPages: openPageFile, directory: join(root, "ids"), partition: 0 };
    const store = new IdRuns(place);
    expect(readdirSync(root)).toEqual([]);
    const all = [rowsOf(3_000, 1), rowsOf(2_000, 2)];
    const runs: IdRun[] = [];
    for (const rows of all) runs.push(await written(store, rows, 5));
    for (const rows of all) expectFound(store, rows);
    store.close();
    const later = new IdRuns(place);
    expect((await later.open(runs)).ok).toBe(true);
    for (const rows of all) expectFound(later, rows);
    later.close();
    rmSync(join(root, "ids", "ids-0000000002.bin"));
    const refused = await new IdRuns(place).open(runs);
    expect(refused.ok ? "" : refused.error.message).toMatch(/ids-0000000002\.bin.*missing/);
    await disk.close();
  });
});
