// What a world knows of its journal from outside: the entries that were durable, the group that was
// in flight, and which call each entry came from. After a crash it says whether what is left is what
// may be left: everything durable, and the group in flight wholly or not at all.
import { isDeepStrictEqual } from "node:util";
import type { Entry } from "../../src/core/entry.ts";
import type { AppendOutcome, JournalStore } from "../../src/engine/stores.ts";

/** One call of a caller, and what it was told. */
export interface Attempt {
  readonly label: string;
  /** Entry that the call became; null before, and when it became none. */
  seq: number | null;
  /** `waiting` until an answer or the end of the engine's life. */
  state: "waiting" | "answered" | "lost";
  /** Texts of the outcome; null where the answer was a problem or there is none. */
  outcome: readonly string[] | null;
  /** Code of the problem that it was told. */
  problem: string | null;
}

export class Ledger {
  /** Durable entries, the first one first. */
  readonly entries: Entry[] = [];
  /** By an object that the command and its entry share. */
  readonly #attempts = new WeakMap<object, Attempt>();
  #inFlight: readonly Entry[] = [];

  expect(shared: object, attempt: Attempt): void {
    this.#attempts.set(shared, attempt);
  }

  begin(entries: readonly Entry[]): void {
    this.#inFlight = entries;
    for (const entry of entries) {
      const attempt = this.#attemptOf(entry);
      if (attempt !== undefined) attempt.seq = entry.seq;
    }
  }

  end(outcome: AppendOutcome["outcome"]): void {
    if (outcome === "broken") return;
    if (outcome === "durable") this.entries.push(...this.#inFlight);
    else this.#forget();
    this.#inFlight = [];
  }

  /** Compares what a start finds with what is known; a sentence where it may not be so. */
  async recover(journal: JournalStore): Promise<string | null> {
    const known = this.entries.length;
    if (journal.lastSeq < known)
      return `entry ${known} was durable, ${journal.lastSeq} is the last`;
    const found: Entry[] = [];
    for await (const entries of journal.replay(known)) found.push(...entries);
    const isThere = found.length > 0 && areSameEntries(found, this.#inFlight);
    if (found.length > 0 && !isThere) {
      return `after entry ${known} neither nothing nor the group in flight was found`;
    }
    if (isThere) this.entries.push(...this.#inFlight);
    else this.#forget();
    this.#inFlight = [];
    return null;
  }

  #forget(): void {
    for (const entry of this.#inFlight) {
      const attempt = this.#attemptOf(entry);
      if (attempt !== undefined) attempt.seq = null;
    }
  }

  #attemptOf({ body }: Entry): Attempt | undefined {
    for (const shared of sharedWith(body)) {
      const attempt = this.#attempts.get(shared);
      if (attempt !== undefined) return attempt;
    }
    return undefined;
  }
}

/** Whether the entries are the same, whether or not a body has its bytes beside its text. */
export function areSameEntries(some: readonly Entry[], others: readonly Entry[]): boolean {
  return isDeepStrictEqual(some.map(withoutBytes), others.map(withoutBytes));
}

function withoutBytes(entry: Entry): Entry {
  if (entry.body.kind !== "usage") return entry;
  const { bytes: _bytes, ...body } = entry.body.body;
  return { ...entry, body: { ...entry.body, body } };
}

/** The objects of a command that its entry keeps: itself, or what it was made from. */
export function sharedWith(command: object): readonly object[] {
  const parts = ["body", "fields", "patch"].map(
    (name) => (command as Readonly<Record<string, unknown>>)[name],
  );
  return [
    command,
    ...parts.filter((part) => typeof part === "object" && part !== null),
  ] as object[];
}

/** The journal underneath, with a ledger that sees every append. */
export function watched(inner: JournalStore, ledger: Ledger): WatchedJournal {
  return new WatchedJournal(inner, ledger);
}

async function early(appending: Promise<AppendOutcome>): Promise<AppendOutcome> {
  await appending.catch(() => null);
  return { outcome: "durable" };
}

export class WatchedJournal implements JournalStore {
  readonly #inner: JournalStore;
  readonly #ledger: Ledger;
  #appending = false;
  /** False: the engine that writes is gone, and nobody may learn from it any more. */
  isWatched = true;
  /** Sabotage: says that a group is durable before it is. */
  isHasty = false;

  constructor(inner: JournalStore, ledger: Ledger) {
    this.#inner = inner;
    this.#ledger = ledger;
  }

  get appending(): boolean {
    return this.#appending;
  }

  get startsAfter(): number {
    return this.#inner.startsAfter;
  }

  get lastSeq(): number {
    return this.#inner.lastSeq;
  }

  get counters(): JournalStore["counters"] {
    return this.#inner.counters;
  }

  get repairs(): readonly string[] {
    return this.#inner.repairs;
  }

  async append(
    entries: readonly Entry[],
    options?: { readonly allowJump?: boolean },
  ): Promise<AppendOutcome> {
    if (this.isWatched) this.#ledger.begin(entries);
    this.#appending = true;
    try {
      const appending = this.#inner.append(entries, options);
      const appended = this.isHasty ? await early(appending) : await appending;
      if (this.isWatched) this.#ledger.end(appended.outcome);
      return appended;
    } finally {
      this.#appending = false;
    }
  }

  replay(afterSeq: number): AsyncIterable<readonly Entry[]> {
    return this.#inner.replay(afterSeq);
  }

  removeSegments(
    bounds: Parameters<JournalStore["removeSegments"]>[0],
  ): ReturnType<JournalStore["removeSegments"]> {
    return this.#inner.removeSegments(bounds);
  }

  close(): Promise<void> {
    return this.#inner.close();
  }
}
