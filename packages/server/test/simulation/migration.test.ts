// The migration of a projection's file from an older format, cut off or failing at every statement:
// the file is then wholly of one format, and the next start brings it to today's with equal rows
// (docs/spec/simulation.md). What is on the disk at each moment is taken as a copy of its files.
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, describe, expect, it } from "vitest";
import { migrate, formatSteps as today } from "../../src/projection/schema.ts";

const folder = mkdtempSync(join(tmpdir(), "migration-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Formats to come: each of several statements, changing rows as well as tables. */
const steps: readonly string[] = [
  ...today,
  "ALTER TABLE names ADD COLUMN kind TEXT; UPDATE names SET kind = 'old ' || name;",
  "CREATE TABLE kinds (kind TEXT PRIMARY KEY) STRICT; INSERT INTO kinds SELECT kind FROM names;",
];
/** Format in which names first have a kind. */
const kindly = today.length + 1;
const rows = ["default-key", "type-1", "NO_METER"];

/** A file of an older format with rows, as a killed process left it. */
function older(path: string, format: number): void {
  const database = new DatabaseSync(path);
  database.exec("PRAGMA journal_mode = WAL");
  migrate(database, steps.slice(0, format));
  const insert = database.prepare("INSERT INTO names (name) VALUES (?)");
  if (format > 0) for (const row of rows) insert.run(row);
  database.close();
}

class Cut extends Error {}

/** Counts statements; at the chosen one it copies the files as they lie there, or fails. */
function failing(database: DatabaseSync, at: number, then: () => void): DatabaseSync {
  let done = 0;
  return new Proxy(database, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== "function") return value;
      return (...given: readonly unknown[]): unknown => {
        if (name === "exec" && done++ === at) then();
        return Reflect.apply(value, target, given);
      };
    },
  });
}

function copied(from: string, to: string): void {
  mkdirSync(to);
  for (const end of ["", "-wal"]) {
    if (existsSync(from + end)) copyFileSync(from + end, join(to, `projection.db${end}`));
  }
}

function formatOf(database: DatabaseSync): unknown {
  return database.prepare("PRAGMA user_version").get()?.user_version;
}

/** Migrates whatever is there to the last format and says what it holds. */
function finished(path: string): { readonly before: unknown; readonly kinds: readonly unknown[] } {
  const database = new DatabaseSync(path);
  const before = formatOf(database);
  migrate(database, steps);
  const kinds = database.prepare("SELECT kind FROM kinds ORDER BY kind").all();
  expect(formatOf(database)).toBe(steps.length);
  database.close();
  return { before, kinds: kinds.map(({ kind }) => kind) };
}

describe("crash points", () => {
  it.each([1, today.length, kindly])(
    "[SI7] [SI8] migration from format %d: every statement, killed and failing",
    (format) => {
      const expected = rows.map((row) => `old ${row}`).sort();
      let recoveries = 0;
      for (let at = 0, isMet = true; isMet; at += 1) {
        isMet = false;
        const place = join(folder, `${format}-${at}`);
        mkdirSync(place);
        const path = join(place, "projection.db");
        older(path, format);
        const database = new DatabaseSync(path);
        const image = join(place, "killed");
        const wrapped = failing(database, at, () => {
          isMet = true;
          copied(path, image);
          throw new Cut("the statement failed");
        });
        if (format === kindly) database.exec("UPDATE names SET kind = 'old ' || name");
        try {
          migrate(wrapped, steps);
        } catch (error) {
          if (!(error instanceof Cut)) throw error;
        }
        database.close();
        for (const found of isMet ? [path, join(image, "projection.db")] : [path]) {
          const { before, kinds } = finished(found);
          expect(steps.map((_, at) => at + 1)).toContain(before);
          expect(kinds).toEqual(expected);
          recoveries += 1;
        }
      }
      expect(recoveries).toBeGreaterThan(4);
    },
  );
});
