// What passes by itself and what does not (docs/spec/engine.md, EN18): a projection that somebody
// else has locked, and SQLite's codes for a full or failing disk.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, expect, it } from "vitest";
import { NoRoomError } from "../../src/core/problem.ts";
import { openProjection } from "../../src/projection/database.ts";
import { isDiskFull, roomFault } from "../../src/projection/projection-error.ts";

let directory = "";

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "meterhouse-test-"));
});

afterEach(() => rmSync(directory, { recursive: true, force: true }));

it("[EN18] a locked file can be written again as soon as it is free, with the same call", () => {
  const file = join(directory, "projection.db");
  const projection = openProjection(file);
  const other = new DatabaseSync(file);
  other.exec("BEGIN IMMEDIATE");
  expect(() => projection.store([], 7)).toThrow(NoRoomError);
  expect(() => projection.flush()).toThrow(NoRoomError);
  expect(projection.appliedSeq).toBe(0);
  other.exec("ROLLBACK");
  projection.store([], 7);
  projection.flush();
  expect(projection.appliedSeq).toBe(7);
  other.close();
  projection.close();
});

it("[EN18] [EN7] a full disk and a failed read or write pass by themselves, a failed sync never does", () => {
  const fault = (errcode: number): Error => Object.assign(new Error("from SQLite"), { errcode });
  // SQLITE_BUSY, IOERR, FULL, CANTOPEN, IOERR_READ, IOERR_WRITE, IOERR_TRUNCATE.
  for (const code of [5, 10, 13, 14, 266, 778, 1_546]) {
    expect([code, roomFault(fault(code))]).toEqual([code, expect.any(NoRoomError)]);
  }
  // SQLITE_IOERR_FSYNC, IOERR_DIR_FSYNC, CORRUPT, NOTADB, CONSTRAINT, READONLY.
  for (const code of [1_034, 1_290, 11, 26, 19, 8]) {
    const error = fault(code);
    expect([code, roomFault(error) === error]).toEqual([code, true]);
  }
  expect(roomFault("text")).toBe("text");
});

it("[RU55] a full disk is told from other faults", () => {
  const fault = (code: object): Error => Object.assign(new Error("fault"), code);
  for (const code of [{ errcode: 13 }, { code: "ENOSPC" }, { code: "EDQUOT" }]) {
    expect([code, isDiskFull(fault(code))]).toEqual([code, true]);
  }
  for (const code of [{ errcode: 10 }, { code: "EIO" }, { code: 28 }, {}]) {
    expect([code, isDiskFull(fault(code))]).toEqual([code, false]);
  }
  expect(isDiskFull("ENOSPC")).toBe(false);
});
