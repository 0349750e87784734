// The thread that moves SQLite's log into the file while the projection goes on storing: one
// checkpoint for each message, over a connection of its own that is open only meanwhile. It waits
// for nobody, decides nothing, and gives faults back as values.
import { DatabaseSync } from "node:sqlite";
import { parentPort } from "node:worker_threads";
import { assert } from "../core/problem.ts";

/** Null: as much was moved as could be. */
export type CheckpointAnswer = { readonly errcode: number; readonly message: string } | null;

const port = parentPort;
assert(port !== null, "checkpoint-thread.ts runs as a worker thread");
port.on("message", (path: string) => port.postMessage(checkpoint(path)));

function checkpoint(path: string): CheckpointAnswer {
  let database: DatabaseSync | null = null;
  try {
    database = new DatabaseSync(path, { timeout: 0 });
    database.exec("PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 0");
    database.prepare("PRAGMA wal_checkpoint(PASSIVE)").get();
    return null;
  } catch (error) {
    const errcode = error instanceof Error && "errcode" in error ? Number(error.errcode) : 0;
    return { errcode, message: error instanceof Error ? error.message : String(error) };
  } finally {
    database?.close();
  }
}
