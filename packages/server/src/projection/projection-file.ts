// The projection's file as such: who may read it, and how SQLite is set up for it. Knows nothing of
// what the tables hold.
import { chmodSync, closeSync, existsSync, fsyncSync, openSync } from "node:fs";
import { dirname } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import type { Zones } from "../core/ports.ts";
import { migrate } from "./schema.ts";

export interface ProjectionOptions {
  /** Memory for pages of the file, in MiB. */
  readonly cacheMiB?: number;
  /** MiB written beside the file before they are moved into it. */
  readonly walMiB?: number;
  /** Rules of the zones whose days usage over time is kept by; without them days are those of UTC. */
  readonly zones?: Zones;
}

const pageBytes = 4_096;

/** Makes the file where it is missing. SQLite gives its side files the rights of the file itself. */
export function restrictRights(path: string): void {
  const isNew = !existsSync(path);
  closeSync(openSync(path, "a", 0o600));
  for (const part of [path, `${path}-wal`, `${path}-shm`]) {
    if (existsSync(part)) chmodSync(part, 0o600);
  }
  if (!isNew) return;
  const folder = openSync(dirname(path), "r");
  fsyncSync(folder);
  closeSync(folder);
}

export function migrateAndTune(database: DatabaseSync, options: ProjectionOptions): void {
  const walPages = Math.ceil(((options.walMiB ?? 64) * 1024 * 1024) / pageBytes);
  database.exec(
    `PRAGMA trusted_schema = OFF; PRAGMA cache_size = ${-(options.cacheMiB ?? 64) * 1024}`,
  );
  migrate(database);
  database.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
    PRAGMA wal_autocheckpoint = ${walPages}; PRAGMA temp_store = MEMORY`);
}
