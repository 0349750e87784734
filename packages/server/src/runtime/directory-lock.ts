// The lock of a data directory: one process at a time. An exclusive transaction kept open on lock.db,
// because the system takes that lock back whenever the process ends, however it ends. It must never
// wait, and never tell a caller to delete anything.
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { dirname, join, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { fail, ok, type Result } from "../core/problem.ts";

export interface DirectoryLock {
  readonly directory: string;
  /** Ends the lock; a second call does nothing. */
  release(): void;
}

export interface LockFault {
  readonly code: "directory-in-use" | "directory-not-usable";
  /** One or two sentences for a person: what is wrong and how to mend it. */
  readonly detail: string;
}

/** Makes the directory, owner-only, when it is not there. Never waits. */
export function lockDirectory(directory: string): Result<DirectoryLock, LockFault> {
  const path = join(directory, "lock.db");
  let database: DatabaseSync | null = null;
  try {
    makeDirectory(resolve(directory));
    createForOwner(path);
    database = new DatabaseSync(path, { timeout: 0 });
    database.exec("BEGIN EXCLUSIVE");
    writeFileSync(holderPath(directory), holderText(), { mode: 0o600 });
    return ok(lockOf(directory, database));
  } catch (error) {
    database?.close();
    return fail(isBusy(error) ? inUse(directory) : notUsable(directory, error));
  }
}

/**
 * Not `recursive` where the parent is there: Node never returns from that when a file system such as
 * /proc answers ENOENT.
 */
function makeDirectory(path: string): void {
  if (existsSync(path)) return;
  mkdirSync(path, { recursive: !existsSync(dirname(path)), mode: 0o700 });
}

/**
 * Never opens a file that is there: closing any handle of it would take away this process's own
 * lock, as POSIX has it.
 */
function createForOwner(path: string): void {
  if (!existsSync(path)) closeSync(openSync(path, "ax", 0o600));
}

/** Open locks: one that nobody else refers to would be closed, and lost, by the garbage collector. */
const held = new Set<DatabaseSync>();

function lockOf(directory: string, database: DatabaseSync): DirectoryLock {
  held.add(database);
  return {
    directory,
    release: () => {
      if (held.delete(database)) database.close();
    },
  };
}

/** Says who holds the lock; of use only while it is held. */
function holderPath(directory: string): string {
  return join(directory, "lock.txt");
}

function holderText(): string {
  return `process ${process.pid} on ${hostname()}\n`;
}

function isBusy(error: unknown): boolean {
  return (
    error instanceof Error &&
    "errcode" in error &&
    typeof error.errcode === "number" &&
    (error.errcode & 0xff) === sqliteBusy
  );
}

const sqliteBusy = 5;
const sqliteFull = 13;

function isDiskFull(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if ("errcode" in error) return error.errcode === sqliteFull;
  return "code" in error && error.code === "ENOSPC";
}

function inUse(directory: string): LockFault {
  const holder = readHolder(directory);
  const named = holder === null ? "" : ` (it called itself ${holder})`;
  const detail =
    `The data directory ${directory} is in use by another running server${named}. ` +
    "Stop that one first, or choose another directory with METERHOUSE_DATA_DIR.";
  return { code: "directory-in-use", detail };
}

function readHolder(directory: string): string | null {
  try {
    const text = readFileSync(holderPath(directory), "utf8").trim();
    return /^process [0-9]+ on \S+$/u.test(text) ? text : null;
  } catch {
    return null;
  }
}

function notUsable(directory: string, error: unknown): LockFault {
  if (isDiskFull(error)) {
    const room = `The disk of the data directory ${directory} has no room: free space and start again.`;
    return { code: "directory-not-usable", detail: room };
  }
  const reason = error instanceof Error ? error.message : String(error);
  const detail =
    `The data directory ${directory} cannot be used: ${reason}. It must be a directory that ` +
    "this user may write to; choose another one with METERHOUSE_DATA_DIR.";
  return { code: "directory-not-usable", detail };
}
