// Where things lie in a data directory: one table for the server, for backups and for checks. A
// backup has the same places, and its manifest beside them.
import { join } from "node:path";

export interface DataDirectory {
  readonly root: string;
  readonly journal: string;
  readonly snapshots: string;
  /** Runs of ids that no longer stand in memory. */
  readonly ids: string;
  readonly projection: string;
  /** What was delivered to whom, and how far. */
  readonly deliveries: string;
  readonly keys: string;
}

export function dataDirectory(root: string): DataDirectory {
  return {
    root,
    journal: join(root, "journal"),
    snapshots: join(root, "snapshots"),
    ids: join(root, "ids"),
    projection: join(root, "projection.db"),
    deliveries: join(root, "deliveries.db"),
    keys: join(root, "keys"),
  };
}
