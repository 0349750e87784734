// The journal: appends groups of entries durably, gives them back in order, and removes what nobody
// needs any more. The only source of truth: an append is either durable as a whole or answers why
// not, and after a failed sync nothing is ever accepted again. It must never repair by guessing.
//
// Modes: open ──append refused──► open      (no room: cut back to the durable end, room may return)
//        open ──sync or I/O error──► broken (every later append answers "broken")
//        open, broken ──close──► closed     (any further call is a broken promise)
import type { Entry } from "../core/entry.ts";
import type { EpochMs } from "../core/ports.ts";
import { assert, fail, ok, type Result } from "../core/problem.ts";
import { type EncodedBlock, encodeBlock } from "./blocks.ts";
import { asDiskError, type Disk, type DiskError, type DiskFile } from "./disk.ts";
import { replaySegments, type Segment } from "./replay.ts";
import { encodeSegmentHead, segmentHeadBytes, segmentPath } from "./segments.ts";

export type AppendOutcome =
  /** On disk as a whole; it will be replayed. */
  | { readonly outcome: "durable" }
  /** There was no room; nothing of it is left, and a later append may succeed. */
  | { readonly outcome: "refused"; readonly cause: DiskError }
  /** Unknown whether it will be replayed. Nothing is accepted any more: stop and start again. */
  | { readonly outcome: "broken"; readonly cause: DiskError };

export interface JournalCounters {
  readonly segments: number;
  /** Bytes of all segments on disk. */
  readonly bytes: number;
  readonly blocksAppended: number;
  readonly entriesAppended: number;
  readonly bytesAppended: number;
}

/** What opening found out; made by `openJournal`. */
export interface JournalStart {
  readonly disk: Disk;
  readonly directory: string;
  readonly partition: number;
  readonly segmentBytesMax: number;
  /** In order; the last one is active. Empty for a new journal. */
  readonly segments: readonly Segment[];
  readonly activeFile: DiskFile | null;
  readonly lastSeq: number;
  readonly lastTime: EpochMs;
  readonly repairs: readonly string[];
}

export class Journal {
  readonly partition: number;
  /** Sentences for the log: what the last stop left half-written and opening has cut off. */
  readonly repairs: readonly string[];
  readonly #disk: Disk;
  readonly #directory: string;
  readonly #segmentBytesMax: number;
  readonly #segments: Segment[];
  #file: DiskFile | null;
  #lastSeq: number;
  #lastTime: EpochMs;
  #inFlight: Promise<AppendOutcome> | null = null;
  #removing = false;
  #broken: DiskError | null = null;
  #closed = false;
  readonly #appended = { blocks: 0, entries: 0, bytes: 0 };

  constructor(start: JournalStart) {
    this.partition = start.partition;
    this.repairs = start.repairs;
    this.#disk = start.disk;
    this.#directory = start.directory;
    this.#segmentBytesMax = start.segmentBytesMax;
    this.#segments = [...start.segments];
    this.#file = start.activeFile;
    this.#lastSeq = start.lastSeq;
    this.#lastTime = start.lastTime;
  }

  /** The last durable entry; 0 when there is none. */
  get lastSeq(): number {
    return this.#lastSeq;
  }

  /** Time of the last durable entry; no later one may be older. */
  get lastTime(): EpochMs {
    return this.#lastTime;
  }

  /**
   * Every entry after this one is here: 0 until the first removal of a segment. A snapshot can be
   * continued when its sequence is not smaller.
   */
  get startsAfter(): number {
    return this.#segments[0]?.previousSeq ?? 0;
  }

  get counters(): JournalCounters {
    return {
      segments: this.#segments.length,
      bytes: this.#segments.reduce((sum, segment) => sum + segment.bytes, 0),
      blocksAppended: this.#appended.blocks,
      entriesAppended: this.#appended.entries,
      bytesAppended: this.#appended.bytes,
    };
  }

  /**
   * The entries after `afterSeq` that are durable at the time of the call, one item a block. May run
   * beside appends. Throws `JournalDamage` and `DiskError`; what was given before stays right.
   */
  replay(afterSeq: number): AsyncIterable<readonly Entry[]> {
    assert(!this.#closed, "the journal is closed");
    assert(afterSeq >= this.startsAfter, `entries after ${afterSeq} are no longer in the journal`);
    const range = { afterSeq, lastSeq: this.#lastSeq };
    return replaySegments(this.#disk, [...this.#segments], range);
  }

  /**
   * Makes one group durable, all or nothing. One call at a time. Sequences go on without gaps and
   * times never back; with `allowJump` the first sequence may lie further ahead (restore).
   */
  append(
    entries: readonly Entry[],
    { allowJump = false }: { readonly allowJump?: boolean } = {},
  ): Promise<AppendOutcome> {
    assert(!this.#closed, "the journal is closed");
    assert(this.#inFlight === null, "one group is in flight at a time");
    if (this.#broken !== null) {
      return Promise.resolve({ outcome: "broken", cause: this.#broken });
    }
    this.#checkOrder(entries, allowJump);
    const writing = this.#write(encodeBlock(this.#lastSeq, entries), entries.length);
    this.#inFlight = writing.finally(() => {
      this.#inFlight = null;
    });
    return this.#inFlight;
  }

  /**
   * Removes whole segments, oldest first, whose entries are all before `beforeSeq` and older than
   * `olderThan`; never the active one. Gives their number. May run beside appends, not beside itself.
   */
  async removeSegments(bound: {
    readonly beforeSeq: number;
    readonly olderThan: EpochMs;
  }): Promise<Result<number, DiskError>> {
    assert(!this.#closed, "the journal is closed");
    assert(!this.#removing, "one removal runs at a time");
    this.#removing = true;
    let removed = 0;
    try {
      // An earlier removal may not have been synced; a gap would arise if the next one came first.
      await this.#disk.syncDirectory(this.#directory);
      for (let path = this.#removable(bound); path !== null; path = this.#removable(bound)) {
        await this.#disk.remove(path);
        this.#segments.shift();
        await this.#disk.syncDirectory(this.#directory);
        removed += 1;
      }
      return ok(removed);
    } catch (error) {
      return fail(asDiskError(error));
    } finally {
      this.#removing = false;
    }
  }

  /** Waits for the append in flight. The disk stays open. */
  async close(): Promise<void> {
    assert(!this.#closed, "the journal is closed");
    this.#closed = true;
    await this.#inFlight;
    await this.#file?.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#closed) await this.close();
  }

  #checkOrder(entries: readonly Entry[], allowJump: boolean): void {
    let seq = this.#lastSeq;
    let time = this.#lastTime;
    for (const [index, entry] of entries.entries()) {
      const follows = entry.seq === seq + 1 || (allowJump && index === 0 && entry.seq > seq);
      assert(follows, `entry ${entry.seq} does not follow entry ${seq}`);
      assert(entry.time >= time, `entry ${entry.seq} is older than the one before it`);
      seq = entry.seq;
      time = entry.time;
    }
  }

  async #write(block: EncodedBlock, entryCount: number): Promise<AppendOutcome> {
    const length = block.bytes.length;
    const active = this.#segments.at(-1);
    if (active === undefined || this.#isFull(active, length)) {
      const failure = await this.#rotate();
      if (failure !== null) return failure;
    }
    const segment = this.#segments.at(-1);
    const file = this.#file;
    assert(segment !== undefined && file !== null, "there is an active segment");
    try {
      await file.writeDurably(segment.bytes, block.bytes);
    } catch (error) {
      return await this.#giveUp(asDiskError(error), () => file.truncateDurably(segment.bytes));
    }
    this.#segments[this.#segments.length - 1] = { ...segment, bytes: segment.bytes + length };
    this.#lastSeq = block.lastSeq;
    this.#lastTime = block.lastTime;
    this.#appended.blocks += 1;
    this.#appended.entries += entryCount;
    this.#appended.bytes += length;
    return { outcome: "durable" };
  }

  #isFull(segment: Segment, blockBytes: number): boolean {
    const isEmpty = segment.bytes <= segmentHeadBytes;
    return !isEmpty && segment.bytes + blockBytes > this.#segmentBytesMax;
  }

  /** Begins a new segment: head and name are durable before the first block is written. */
  async #rotate(): Promise<AppendOutcome | null> {
    const path = segmentPath(this.#directory, this.#lastSeq);
    const start = { previousSeq: this.#lastSeq, previousTime: this.#lastTime };
    const head = encodeSegmentHead({ partition: this.partition, ...start });
    let file: DiskFile | null = null;
    try {
      file = await this.#disk.create(path);
      await file.writeDurably(0, head);
      await this.#disk.syncDirectory(this.#directory);
      await this.#file?.close();
    } catch (error) {
      const created = file;
      return await this.#giveUp(asDiskError(error), async () => {
        if (created === null) return;
        await created.close();
        await this.#disk.remove(path);
        await this.#disk.syncDirectory(this.#directory);
      });
    }
    this.#file = file;
    this.#segments.push({ path, ...start, bytes: segmentHeadBytes });
    return null;
  }

  /** Where there was only no room, takes back what was half-done; anything else is the end. */
  async #giveUp(cause: DiskError, takeBack: () => Promise<void>): Promise<AppendOutcome> {
    if (cause.kind === "full") {
      try {
        await takeBack();
        return { outcome: "refused", cause };
      } catch (error) {
        this.#broken = asDiskError(error);
        return { outcome: "broken", cause: this.#broken };
      }
    }
    this.#broken = cause;
    return { outcome: "broken", cause };
  }

  #removable(bound: { readonly beforeSeq: number; readonly olderThan: EpochMs }): string | null {
    const [oldest, next] = this.#segments;
    if (oldest === undefined || next === undefined) return null;
    // A segment without a block yet cannot vouch for the sequence before it.
    if (next.bytes <= segmentHeadBytes) return null;
    const isOver = next.previousSeq < bound.beforeSeq && next.previousTime < bound.olderThan;
    return isOver ? oldest.path : null;
  }
}
