// The projection's file: opening, formats, storing in groups, replay, reset, and what is left
// after a process was killed in the middle of it.
import { spawn } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { openProjection, type Projection } from "../../src/projection/database.ts";
import { ProjectionError } from "../../src/projection/projection-error.ts";
import { applicationId, formatSteps, migrate } from "../../src/projection/schema.ts";
import { outputsOfEntry } from "./entry-outputs.ts";
import { at, correction, listed, metered, newFile, open, superseded } from "./outputs.ts";

const firstPage = { limit: 100, skip: 0, sortOrder: "ASC" } as const;

/** Everything that can be listed, to compare two projections. */
function contents(projection: Projection): unknown {
  const filter = { accountId: "a" };
  return {
    seq: projection.appliedSeq,
    meters: projection.listMeters({ ...filter, limit: 100, skip: 0 }),
    records: projection.listMeteredRecords(filter, firstPage),
    streamed: [...projection.streamMeteredRecords(filter, "DESC")],
    items: projection.listCorrections(filter, { limit: 100, skip: 0 }),
    waiting: projection.listCorrections({ ...filter, state: "waiting" }, { limit: 1, skip: 0 })
      .total,
  };
}

function upTo(seq: number, first = 1): readonly ReturnType<typeof outputsOfEntry>[number][] {
  return Array.from({ length: seq - first + 1 }, (_, i) => outputsOfEntry(first + i)).flat();
}

function faultOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof ProjectionError) return error.code;
    throw error;
  }
  return "none";
}

describe("the projection's file", () => {
  it("[PR1] is readable by its owner only, side files included", () => {
    const file = newFile();
    writeFileSync(file, "", { mode: 0o644 });
    open(file).store([listed({ id: "m" })], 1);
    for (const part of [file, `${file}-wal`, `${file}-shm`]) {
      expect(statSync(part).mode & 0o777, part).toBe(0o600);
    }
  });

  it("[PR2] of a newer format is refused and left as it is", () => {
    const file = newFile();
    open(file).close();
    const raw = new DatabaseSync(file);
    raw.exec(`PRAGMA user_version = ${formatSteps.length + 1}`);
    raw.close();
    const before = readFileSync(file);
    expect(faultOf(() => openProjection(file))).toBe("newer-format");
    const formats = `has format ${formatSteps.length + 1}; this version reads formats up to ${formatSteps.length}`;
    expect(() => openProjection(file)).toThrow(formats);
    expect(readFileSync(file).equals(before)).toBe(true);
  });

  it("[PR2] that is a database of something else, or none, is refused and left as it is", () => {
    const file = newFile();
    const raw = new DatabaseSync(file);
    raw.exec("CREATE TABLE other (x); INSERT INTO other VALUES (1)");
    raw.close();
    const before = readFileSync(file);
    expect(faultOf(() => openProjection(file))).toBe("not-a-projection");
    expect(readFileSync(file).equals(before)).toBe(true);
    const text = newFile();
    writeFileSync(text, "no database at all, but long enough to be looked at".repeat(100));
    expect(faultOf(() => openProjection(text))).toBe("unreadable");
    const folder = newFile();
    mkdirSync(folder);
    expect(faultOf(() => openProjection(folder))).toBe("unreadable");
  });

  it("[PR3] an older format is brought up to date step by step, each whole or not at all", () => {
    const raw = new DatabaseSync(newFile());
    const steps = ["CREATE TABLE t (a); INSERT INTO t VALUES (1)", "ALTER TABLE t ADD b DEFAULT 2"];
    migrate(raw, steps.slice(0, 1));
    migrate(raw, steps);
    migrate(raw, steps);
    expect({ ...raw.prepare("SELECT * FROM t").get() }).toEqual({ a: 1, b: 2 });
    const failing = "INSERT INTO t (a) VALUES (9); INSERT INTO missing VALUES (1)";
    expect(() => migrate(raw, [...steps, failing])).toThrow(/missing/);
    expect({ ...raw.prepare("SELECT count(*) AS n FROM t").get() }).toEqual({ n: 1 });
    expect({ ...raw.prepare("PRAGMA user_version").get() }).toEqual({ user_version: 2 });
    expect({ ...raw.prepare("PRAGMA application_id").get() }).toEqual({
      application_id: applicationId,
    });
    raw.close();
  });

  it("[PR4] keeps everything, and the sequence, when it is opened again", () => {
    const file = newFile();
    const first = open(file);
    expect(first.appliedSeq).toBe(0);
    first.store(upTo(5), 5);
    first.store([], 1.7e15);
    const before = contents(first);
    first.close();
    expect(contents(open(file))).toEqual(before);
  });
});

describe("storing", () => {
  it("[PR5] the same outputs again, whole or overlapping, change nothing", () => {
    const once = open();
    for (let seq = 1; seq <= 12; seq += 1) once.store(outputsOfEntry(seq), seq);
    const again = open();
    again.store(upTo(4), 4);
    again.store(upTo(4), 4);
    again.store(upTo(2), 2);
    again.store(upTo(9, 3), 9);
    again.store(upTo(12), 12);
    again.store(upTo(7, 5), 7);
    expect(contents(again)).toEqual(contents(once));
    expect(contents(once)).toMatchObject({ seq: 12, waiting: 13, meters: { total: 1 } });
  });

  it("[PR5] an output that is stored already is ignored even in a later group", () => {
    const projection = open();
    projection.store([metered(at(1)), correction(at(1, 1))], 1);
    projection.store([metered(at(1), { json: "other" }), correction(at(1, 1)), metered(at(2))], 2);
    const page = projection.listMeteredRecords({ accountId: "a" }, firstPage);
    expect(page).toMatchObject({
      value: { total: 2, records: ['{"recordId":"1.0"}', metered(at(2)).json] },
    });
    expect(projection.listCorrections({ accountId: "a" }, { limit: 9, skip: 0 }).total).toBe(1);
  });

  it("[PR6] a group that fails leaves no trace, and the next one is stored", () => {
    const projection = open();
    projection.store(upTo(3), 3);
    const before = contents(projection);
    const names = { accountId: "new account", meterKey: "new key" };
    const bad = [
      ...outputsOfEntry(4),
      metered(at(4, 9), names),
      superseded(at(2, 3), 4),
      metered(at(4, 8), names),
    ];
    expect(() => projection.store(bad, 4)).toThrow(/order of their positions/);
    expect(() => projection.store([metered(at(5))], 4)).toThrow(/entry of its group/);
    expect(contents(projection)).toEqual(before);
    projection.store([...outputsOfEntry(4), metered(at(4, 9), names)], 4);
    const page = projection.listMeteredRecords(names, firstPage);
    expect(page).toMatchObject({ value: { total: 1 } });
  });

  it("[PR7] after a flush the file alone holds everything", () => {
    const file = newFile();
    const projection = open(file);
    projection.store(upTo(6), 6);
    projection.flush();
    const copy = newFile();
    copyFileSync(file, copy);
    expect(contents(open(copy))).toEqual(contents(projection));
  });

  it("[PR7] a flush does not fail because another process reads the file", () => {
    const file = newFile();
    const projection = open(file);
    projection.store(upTo(2), 2);
    const reader = new DatabaseSync(file);
    reader.exec("BEGIN");
    reader.prepare("SELECT * FROM meters").all();
    projection.store(upTo(6), 6);
    projection.flush();
    const copy = newFile();
    copyFileSync(file, copy);
    copyFileSync(`${file}-wal`, `${copy}-wal`);
    expect(contents(open(copy))).toEqual(contents(projection));
    reader.close();
  });

  it("[PR8] a reset empties it, and a rebuild gives the same", () => {
    const projection = open();
    projection.store(upTo(7), 7);
    const before = contents(projection);
    const stream = projection.streamMeteredRecords({ accountId: "a" }, "ASC");
    projection.reset();
    expect(contents(projection)).toEqual({ ...(contents(open()) as object) });
    projection.store(upTo(7), 7);
    expect(contents(projection)).toEqual(before);
    expect(faultOf(() => [...stream])).toBe("emptied");
  });

  it("[PR9] a process killed while storing leaves whole groups and their sequence", async () => {
    const file = newFile();
    for (const lines of [1, 40]) {
      const script = fileURLToPath(new URL("./store-until-killed.ts", import.meta.url));
      const child = spawn(process.execPath, [script, file], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      let printed = 0;
      let seen = 0;
      for await (const line of createInterface({ input: child.stdout })) {
        printed = Number(line);
        seen += 1;
        if (seen === lines) child.kill("SIGKILL");
      }
      expect(seen).toBeGreaterThanOrEqual(lines);
      const projection = open(file);
      const seq = projection.appliedSeq;
      expect(seq % 3).toBe(0);
      expect(seq).toBeGreaterThanOrEqual(printed);
      const straight = open();
      straight.store(upTo(seq), seq);
      expect(contents(projection)).toEqual(contents(straight));
      projection.store(upTo(seq + 2), seq + 2);
      straight.store(upTo(seq + 2, seq + 1), seq + 2);
      expect(contents(projection)).toEqual(contents(straight));
      projection.reset();
      projection.close();
    }
  });
});
