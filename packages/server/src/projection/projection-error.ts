// Why the projection's file cannot be used. Thrown, not returned: the start stops on it, and
// nothing that a caller of the API sends can bring it about. And which errors of SQLite pass by
// themselves, so that the same call may be made again.
import { NoRoomError } from "../core/problem.ts";

export type ProjectionFault =
  /** Written by a newer version. */
  | "newer-format"
  /** An SQLite file of something else; it was not touched. */
  | "not-a-projection"
  /** The disk has no room for it; what it holds stays as it is. */
  | "no-room"
  /** No SQLite file, or one that the disk or the rights keep us from reading. */
  | "unreadable"
  /** Emptied for a rebuild while somebody was reading a stream from it. */
  | "emptied";

export class ProjectionError extends Error {
  override readonly name = "ProjectionError";
  readonly code: ProjectionFault;

  constructor(code: ProjectionFault, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Why the file at the path cannot be opened, naming it. */
export function openingFault(path: string, error: unknown): ProjectionError {
  if (error instanceof ProjectionError) {
    return new ProjectionError(error.code, `${path}: ${error.message}`);
  }
  if (isDiskFull(error)) {
    const told = `${path}: The disk has no room to open it: free space and start again.`;
    return new ProjectionError("no-room", told, { cause: error });
  }
  const reason = error instanceof Error ? error.message : String(error);
  const detail = `${path}: The file cannot be opened as a projection (${reason}).`;
  return new ProjectionError("unreadable", detail, { cause: error });
}

/** A `NoRoomError` where the error may pass by itself, else the error as it is. */
export function roomFault(error: unknown): unknown {
  if (!(error instanceof Error) || !("errcode" in error)) return error;
  const { errcode } = error;
  if (typeof errcode !== "number" || isSyncFailure(errcode)) return error;
  if (!passing.has(errcode & 0xff)) return error;
  const detail = `The projection cannot be written now: ${error.message}.`;
  return new NoRoomError(detail, { cause: error });
}

/** Whether the error says that the disk is full: SQLite's SQLITE_FULL, or the system's. */
export function isDiskFull(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if ("errcode" in error) return error.errcode === sqliteFull;
  return "code" in error && (error.code === "ENOSPC" || error.code === "EDQUOT");
}

const sqliteFull = 13;

/** A failed sync never passes, whoever met it. */
export function isSyncFailure(errcode: number): boolean {
  return syncFailures.has(errcode);
}

/** SQLITE_BUSY, SQLITE_IOERR, SQLITE_FULL, SQLITE_CANTOPEN. */
const passing: ReadonlySet<number> = new Set([5, 10, 13, 14]);

/**
 * SQLITE_IOERR_FSYNC, SQLITE_IOERR_DIR_FSYNC: what the system shows afterwards need not be on disk,
 * so that nothing may be built upon it.
 */
const syncFailures: ReadonlySet<number> = new Set([1_034, 1_290]);
