// A journal whose appends a test can hold back, before they reach the disk or after, and which
// remembers what each group was made of. Everything else is the journal underneath.
import type { Entry } from "../../src/core/entry.ts";
import type { EpochMs } from "../../src/core/ports.ts";
import type { Result } from "../../src/core/problem.ts";
import type { AppendOutcome, JournalStore } from "../../src/engine/stores.ts";

/** Kinds of the entries of one group, and their time. */
export interface GroupFact {
  readonly kinds: readonly string[];
  readonly time: EpochMs;
  readonly firstSeq: number;
}

interface Gate {
  readonly when: "before" | "after";
  readonly opened: Promise<void>;
}

export class HeldJournal implements JournalStore {
  /** Groups handed to the journal, in order, refused ones too. */
  readonly groups: GroupFact[] = [];
  readonly #inner: JournalStore;
  #gate: Gate | null = null;
  #appending = false;

  constructor(inner: JournalStore) {
    this.#inner = inner;
  }

  /** Holds every append back, before it is written or after it is durable; the result lets go. */
  hold(when: Gate["when"] = "before"): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#gate = { when, opened: promise };
    return () => {
      this.#gate = null;
      resolve();
    };
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
    const kinds = entries.map(({ body }) => body.kind);
    this.groups.push({ kinds, time: entries[0]?.time ?? 0, firstSeq: entries[0]?.seq ?? 0 });
    this.#appending = true;
    try {
      if (this.#gate?.when === "before") await this.#gate.opened;
      const outcome = await this.#inner.append(entries, options);
      if (this.#gate?.when === "after") await this.#gate.opened;
      return outcome;
    } finally {
      this.#appending = false;
    }
  }

  replay(afterSeq: number): AsyncIterable<readonly Entry[]> {
    return this.#inner.replay(afterSeq);
  }

  removeSegments(bounds: {
    readonly beforeSeq: number;
    readonly olderThan: EpochMs;
  }): Promise<Result<number, Error>> {
    return this.#inner.removeSegments(bounds);
  }

  close(): Promise<void> {
    return this.#inner.close();
  }
}
