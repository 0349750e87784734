// A lane: the deliveries of one destination on their way, and how many of them may be under way at
// once. A receiver that answers gets more at a time, one that fails fewer, down to one; so what a
// dead receiver can occupy is small. Holds a bounded number of rows; the rest stays in the file.
import type { Destination } from "../core/destination.ts";
import type { EpochMs } from "../core/ports.ts";
import type { DeliveryRows, DueRow } from "./delivery-rows.ts";
import type { Gathering } from "./file-planner.ts";
import type { LaneRow } from "./lane-rows.ts";

/** Attempts of one destination at a time. */
const laneAttemptsMax = 8;
/** Due rows read at once. */
const readyMax = 32;
/** An answer that takes longer is no reason to send more at a time. */
const slowMs = 3_000;

export class Lane {
  readonly no: number;
  destination: Destination;
  row: LaneRow;
  /** Outputs may wait after the cursor. */
  isBehind = true;
  /** The destination is being disabled; nothing is attempted until that is decided. */
  isBeingDisabled = false;
  /** Of a file destination: outputs that are no file yet. */
  gathering: Gathering | null = null;
  /** While pending deliveries are made due after it was enabled: the last one that was. */
  hastenedTo = 0;
  /** Its destination was deleted. */
  isRemoved = false;
  /** A test message is under way. */
  isBeingTested = false;
  /** Attempts under way, with what ends them. */
  readonly inFlight: Map<number, AbortController> = new Map();
  /** Of those the ones that are to go out once more, whatever comes of the attempt. */
  readonly resent: Set<number> = new Set();
  #ready: DueRow[] = [];
  /** When it makes sense to look for due rows. */
  #lookAt: EpochMs = Number.NEGATIVE_INFINITY;
  #allowance = 1;

  constructor(row: LaneRow, destination: Destination) {
    this.no = row.no;
    this.row = row;
    this.destination = destination;
  }

  get isFile(): boolean {
    return this.destination.target.kind === "file";
  }

  get isOpen(): boolean {
    return this.destination.enabled && !this.isBeingDisabled;
  }

  /** Its receiver has answered lately: its attempts end soon. */
  get isTrusted(): boolean {
    return this.#allowance > 1;
  }

  get hasRoom(): boolean {
    return this.inFlight.size < (this.isFile ? 1 : this.#allowance);
  }

  /** When it may have something due; in the past while it waits for room. */
  get dueAt(): EpochMs {
    return this.#ready.length > 0 ? Number.NEGATIVE_INFINITY : this.#lookAt;
  }

  /** Rows were added or changed: the earliest is due then. */
  wakeAt(instant: EpochMs): void {
    this.#lookAt = Math.min(this.#lookAt, instant);
  }

  /** What was read is no longer known to be true. */
  forgetReady(): void {
    this.#ready = [];
    this.#lookAt = Number.NEGATIVE_INFINITY;
  }

  hasDue(rows: DeliveryRows, now: EpochMs): boolean {
    if (this.#ready.length > 0) return true;
    if (this.#lookAt > now) return false;
    const limit = readyMax + this.inFlight.size;
    const found = rows.due(this.no, now, limit);
    this.#ready = found.filter(({ no }) => !this.inFlight.has(no)).reverse();
    const isAll = found.length < limit;
    this.#lookAt = isAll ? rows.dueNext(this.no, now) : Number.NEGATIVE_INFINITY;
    return this.#ready.length > 0;
  }

  /** The row that has been due longest; only after `hasDue`. */
  take(): DueRow | undefined {
    return this.#ready.pop();
  }

  /** Twice as many after an answer that came soon, half as many after a failure. */
  learn(ended: {
    readonly isSuccess: boolean;
    readonly durationMs: number;
    /** The receiver asked for less, or let us wait in vain. */
    readonly isOverloaded: boolean;
  }): void {
    if (ended.isOverloaded) this.#allowance = 1;
    else if (!ended.isSuccess) this.#allowance = Math.max(1, this.#allowance >> 1);
    else if (ended.durationMs < slowMs) {
      this.#allowance = Math.min(laneAttemptsMax, this.#allowance * 2);
    }
  }
}
