// Copies a file of SQLite while a server may be writing to it, and opens one that nobody writes to.
// Works through SQLite alone, so that a copy is always of one moment; never changes what it reads.
import { closeSync, openSync, statSync } from "node:fs";
import { backup, DatabaseSync } from "node:sqlite";
import { pathToFileURL } from "node:url";

/** Pages copied in one go; between them the caller is told. */
const pagesAtOnce = 2_048;
const pageBytes = 4_096;

/**
 * Makes `to`, which must not exist and is its owner's alone, as the file is at the time of the call,
 * with what `read` finds in it then; it is on disk when this resolves, its name need not be. Writers
 * go on; they cannot shorten their log meanwhile.
 */
export async function copyDatabase<Facts>(
  files: {
    readonly from: string;
    readonly to: string;
    readonly progress: (bytes: number) => void;
  },
  read: (source: DatabaseSync) => Facts,
): Promise<Facts> {
  const source = new DatabaseSync(files.from, { readOnly: true, timeout: 5_000 });
  try {
    source.exec("BEGIN");
    // Begins the reading: what is committed from now on is not in the copy.
    const facts = read(source);
    closeSync(openSync(files.to, "wx", 0o600));
    await backup(source, files.to, {
      rate: pagesAtOnce,
      progress: () => files.progress(pagesAtOnce * pageBytes),
    });
    makePlain(files.to);
    return facts;
  } finally {
    source.close();
  }
}

/** A file without a log beside it is opened so that none is made: nobody writes to it. */
export function openUnwritten(file: string): DatabaseSync {
  const url = pathToFileURL(file);
  const log = statSync(`${file}-wal`, { throwIfNoEntry: false });
  if (log === undefined || log.size === 0) url.searchParams.set("immutable", "1");
  return new DatabaseSync(url, { readOnly: true });
}

/** What SQLite's own check says; empty when all is well. */
export function integrityFaults(database: DatabaseSync): readonly string[] {
  return database
    .prepare("PRAGMA integrity_check(20)")
    .all()
    .map((row) => String(Object.values(row)[0]))
    .filter((text) => text !== "ok");
}

/** A copy is one file alone, which can be read where nobody may write. */
function makePlain(file: string): void {
  const copy = new DatabaseSync(file);
  try {
    copy.exec("PRAGMA journal_mode = DELETE");
  } finally {
    copy.close();
  }
}
