// Our segment files beside a journal in SQLite: the same groups of entries, encoded the same way,
// each durable before the next. SQLite keeps one row a group in WAL mode with synchronous=FULL. It
// is here only to be compared with; nothing of the product stands on it.
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { Entry } from "../../packages/server/src/core/entry.ts";
import { encodeBlock } from "../../packages/server/src/journal/blocks.ts";
import { openJournal } from "../../packages/server/src/journal/open-journal.ts";
import { openThreadDisk } from "../../packages/server/src/journal/thread-disk.ts";
import type { LoadResult } from "../load.ts";
import { meterKey } from "../workload.ts";

export interface JournalSide {
  readonly name: string;
  /** Appends the bodies, so many of them to one group. */
  appendAll(bodies: readonly Buffer[], perGroup: number): Promise<Timing>;
  /** Closes it and gives the number of the last entry that is in it. */
  close(): Promise<number>;
}

type Timing = Pick<LoadResult, "seconds" | "latenciesMs">;

/** The journal of the product, with its disk thread. */
export async function openSegments(directory: string): Promise<JournalSide> {
  const disk = openThreadDisk();
  const opened = await openJournal({ disk, directory: join(directory, "segments"), partition: 0 });
  if (!opened.ok) throw opened.error;
  const journal = opened.value;
  const append = async (entries: readonly Entry[]): Promise<void> => {
    const { outcome } = await journal.append(entries);
    if (outcome !== "durable") throw new Error(`The journal answered ${outcome}.`);
  };
  const entries = entriesOf();
  return {
    name: "segment files",
    appendAll: (bodies, perGroup) => appendGroups(append, entries, { bodies, perGroup }),
    async close(): Promise<number> {
      const { lastSeq } = journal;
      await journal.close();
      await disk.close();
      return lastSeq;
    },
  };
}

export function openSqlite(directory: string): JournalSide {
  const database = new DatabaseSync(join(directory, "journal.db"));
  database.exec(
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; " +
      "CREATE TABLE groups (last_seq INTEGER PRIMARY KEY, block BLOB NOT NULL) STRICT;",
  );
  const insert = database.prepare("INSERT INTO groups (last_seq, block) VALUES (?, ?)");
  let written = 0;
  const append = async (group: readonly Entry[]): Promise<void> => {
    const { bytes, lastSeq } = encodeBlock(written, group);
    insert.run(lastSeq, bytes);
    written = lastSeq;
  };
  const entries = entriesOf();
  return {
    name: "SQLite, one row a group",
    appendAll: (bodies, perGroup) => appendGroups(append, entries, { bodies, perGroup }),
    async close(): Promise<number> {
      const row = database.prepare("SELECT max(last_seq) AS last FROM groups").get();
      database.close();
      return Number(row?.last ?? 0);
    },
  };
}

type MakeEntries = (bodies: readonly Buffer[]) => readonly Entry[];

/** Usage entries as the engine makes them, numbered on from call to call. */
function entriesOf(): MakeEntries {
  let seq = 0;
  return (bodies) =>
    bodies.map((body) => {
      const text = body.toString("utf8");
      const usage = { form: "json", text, invalidLines: [] } as const;
      seq += 1;
      return {
        seq,
        time: 1_700_000_000_000,
        body: { kind: "usage", accountId, meterKey, body: usage },
      };
    });
}

const accountId = "00000000-0000-4000-8000-000000000001";

async function appendGroups(
  append: (entries: readonly Entry[]) => Promise<void>,
  entriesFor: MakeEntries,
  { bodies, perGroup }: { readonly bodies: readonly Buffer[]; readonly perGroup: number },
): Promise<Timing> {
  const latenciesMs = new Float64Array(bodies.length);
  const begun = performance.now();
  for (let first = 0; first < bodies.length; first += perGroup) {
    const groupBegun = performance.now();
    const group = bodies.slice(first, first + perGroup);
    await append(entriesFor(group));
    latenciesMs.fill(performance.now() - groupBegun, first, first + group.length);
  }
  return { seconds: (performance.now() - begun) / 1_000, latenciesMs };
}
