// What the engine needs of the stores under it, declared here so that it depends on none of them.
// journal/ and projection/ have these shapes; tests put simulated ones in their place.
import type { Entry, ExpireCorrections, WaitingItem } from "../core/entry.ts";
import type { IdRun, OldIds } from "../core/old-ids.ts";
import type { RejectionReason } from "../core/outcome.ts";
import type { Output, Position } from "../core/output.ts";
import type { EpochMs } from "../core/ports.ts";
import type { Result } from "../core/problem.ts";
import type { Section } from "../core/snapshot.ts";

export type AppendOutcome =
  | { readonly outcome: "durable" }
  /** Nothing of it is left; the next append may succeed. */
  | { readonly outcome: "refused"; readonly cause: Error }
  /** Unknown whether it is on disk; nothing more is accepted. */
  | { readonly outcome: "broken"; readonly cause: Error };

export interface JournalStore {
  /** Every entry after this one is there; 0 until the first removal. */
  readonly startsAfter: number;
  readonly lastSeq: number;
  readonly counters: { readonly bytes: number; readonly bytesAppended: number };
  /** What opening had to cut off or remove, as sentences for the log. */
  readonly repairs: readonly string[];
  /** Resolves when the group is durable as a whole, or says why not. One at a time. */
  append(
    entries: readonly Entry[],
    options?: {
      /** The first sequence may lie further ahead (restore). */
      readonly allowJump?: boolean;
    },
  ): Promise<AppendOutcome>;
  /** Entries after `afterSeq`, in order. Throws an error that names the place of damage. */
  replay(afterSeq: number): AsyncIterable<readonly Entry[]>;
  /** Removes whole segments that end before `beforeSeq` and before `olderThan`. */
  removeSegments(bounds: {
    readonly beforeSeq: number;
    readonly olderThan: EpochMs;
  }): Promise<Result<number, Error>>;
  close(): Promise<void>;
}

export interface SnapshotStore {
  /** Durable when it resolves. `neededAfter`: the journal's entries after it must stay. */
  write(snapshot: {
    readonly seq: number;
    readonly sections: AsyncIterable<Section>;
  }): Promise<Result<{ readonly bytes: number; readonly neededAfter: number }, Error>>;
  /**
   * The newest snapshot whose following entries the journal still has, checked only while its
   * sections are read: when they throw, what came of them is nothing. Null, or when it fails:
   * `readLatest` says how it stands.
   */
  readNewest(journal: {
    readonly startsAfter: number;
    readonly lastSeq: number;
  }): Promise<LatestSnapshot["snapshot"]>;
  /** The newest whole snapshot whose following entries the journal still has. */
  readLatest(journal: {
    readonly startsAfter: number;
    readonly lastSeq: number;
  }): Promise<Result<LatestSnapshot, Error>>;
}

export interface LatestSnapshot {
  readonly snapshot: {
    readonly seq: number;
    readonly sections: () => AsyncIterable<Section>;
  } | null;
  readonly repairs: readonly string[];
}

/** The projections: what outputs become. */
export interface OutputStore {
  /** The last entry whose outputs are stored. */
  readonly appliedSeq: number;
  /**
   * Stores outputs of entries up to `seq` in one transaction, each once. Throws `NoRoomError` when
   * nothing was stored and the same call may be made again; any other error is the end.
   */
  store(outputs: readonly Output[], seq: number): void;
  /** Everything stored so far survives a power cut. Throws like `store`. */
  flush(): void;
  close(): void;
}

/** Data correction as the projection keeps it, for whoever works on it. */
export interface CorrectionItems {
  /**
   * The account's items at these positions, in the same order; null for one that does not wait. It
   * may be fewer, but is one at least: texts of more than `unitsMax` UTF-16 units wait for the next.
   */
  waiting(
    accountId: string,
    positions: readonly Position[],
    unitsMax: number,
  ): readonly (WaitingItem | null)[];
  /** Items that were not changed since `before`, the oldest first. */
  stale(before: EpochMs, limit: number): ExpireCorrections["items"];
}

/** Where ids go that memory has no room for (docs/spec/deduplication.md, DD19 and on). */
export interface OldIdStore extends OldIds {
  /** Reads and checks the runs that a snapshot names. The error names what is missing or damaged. */
  open(named: readonly IdRun[]): Promise<Result<void, Error>>;
  /** Null: there are as many runs as there can be. */
  begin(rows: number): Promise<IdRunWriter | null>;
  /** The run answers no more; its file stays. */
  retire(run: number): void;
  /** Removes the files of all runs but these. Never while a run is being written. */
  removeAllBut(kept: ReadonlySet<number>): Promise<void>;
  close(): void;
}

/** A run that is being written; each call may reject, and then `abandon` ends it. */
export interface IdRunWriter {
  /** Never given twice. */
  readonly number: number;
  /** Rows of seven words, their keys after those before. */
  write(rows: Uint32Array): Promise<void>;
  /** Durable and in force when it resolves. */
  commit(): Promise<IdRun>;
  abandon(): Promise<void>;
}

/** What the engine tells of its work. */
export interface EngineTelemetry {
  recordsJudged(fact: {
    readonly counted: number;
    readonly duplicates: number;
    readonly rejected: ReadonlyMap<RejectionReason, number>;
  }): void;
  groupCommitted(fact: {
    readonly entries: number;
    readonly bytes: number;
    readonly durationMs: number;
  }): void;
  outputsReleased(fact: {
    readonly kind: "metered-record" | "threshold-event" | "correction";
    readonly count: number;
  }): void;
  snapshotWritten(fact: { readonly bytes: number; readonly durationMs: number }): void;
}

export interface EngineLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}
