// Who may send a large body now: so many bytes of them are received at a time, the others wait with
// their sockets unread, in the order they came. Waiting is bounded by number and by time. A body that
// comes slowly must never keep others waiting: it loses its place to the next and comes beside them.
import {
  queueWaitMsMax,
  receivedBytesMax,
  receivingBytesMin,
  receivingLookMs,
  slowBodiesBytesMax,
  waitingBodiesMax,
} from "../core/limits.ts";
import type { Clock } from "../core/ports.ts";

/** A large body that wants to come. After `refuse` it has left. */
export interface LargeBody {
  /** What it has announced, or may have at most. */
  readonly bytes: number;
  /** All of it has come; it stays until it has been read. */
  readonly isComplete: boolean;
  /** Called once, perhaps at once: it may come. */
  begin(): void;
  /** Called at most once: it will not be taken. */
  refuse(): void;
}

export class LargeBodies {
  readonly #clock: Clock;
  /** In the order they came, with the time on the monotonic clock. */
  readonly #waiting = new Map<LargeBody, number>();
  /** Those in a place, with the bytes that came since the last look. */
  readonly #placed = new Map<LargeBody, number>();
  #placedBytes = 0;
  /** Those that lost their place. */
  readonly #slow = new Set<LargeBody>();
  #slowBytes = 0;
  #isPlacing = false;
  #isWatching = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  enter(body: LargeBody): void {
    if (this.#waiting.size >= waitingBodiesMax) {
      body.refuse();
      return;
    }
    this.#waiting.set(body, this.#clock.monotonic());
    this.#place();
    if (this.#waiting.size > 0 && !this.#isWatching) void this.#watch();
  }

  /** So many more bytes came. False: it has lost its place and should not hurry. */
  came(body: LargeBody, bytes: number): boolean {
    const before = this.#placed.get(body);
    if (before === undefined) return false;
    this.#placed.set(body, before + bytes);
    return true;
  }

  /** It has been read, or will not come; more than once does no harm. */
  leave(body: LargeBody): void {
    if (this.#placed.delete(body)) this.#placedBytes -= body.bytes;
    else if (this.#slow.delete(body)) this.#slowBytes -= body.bytes;
    else if (!this.#waiting.delete(body)) return;
    this.#place();
  }

  /** Gives places as long as there is room for the next. One whose `begin` leaves again makes room. */
  #place(): void {
    if (this.#isPlacing) return;
    this.#isPlacing = true;
    try {
      for (const body of this.#waiting.keys()) {
        const isAlone = this.#placed.size === 0;
        if (!isAlone && this.#placedBytes + body.bytes > receivedBytesMax) break;
        this.#waiting.delete(body);
        this.#placedBytes += body.bytes;
        // The first look may come at once.
        this.#placed.set(body, receivingBytesMin);
        body.begin();
      }
    } finally {
      this.#isPlacing = false;
    }
  }

  /** Looks again and again, while somebody waits. */
  async #watch(): Promise<void> {
    this.#isWatching = true;
    while (this.#waiting.size > 0) {
      await this.#clock.sleepUntil(this.#clock.now() + receivingLookMs);
      // What has come meanwhile is counted first, lest our own slowness looks like theirs.
      await new Promise((resolve) => setImmediate(resolve));
      this.#look();
    }
    this.#isWatching = false;
  }

  #look(): void {
    for (const [body, bytes] of this.#placed) {
      if (body.isComplete) continue;
      this.#placed.set(body, 0);
      if (bytes < receivingBytesMin) this.#slowDown(body);
    }
    this.#place();
    const before = this.#clock.monotonic() - queueWaitMsMax;
    for (const [body, since] of this.#waiting) {
      if (since > before) break;
      this.#waiting.delete(body);
      body.refuse();
    }
  }

  /** Takes the place of a body. It goes on coming, unless too many do so already. */
  #slowDown(body: LargeBody): void {
    this.#placed.delete(body);
    this.#placedBytes -= body.bytes;
    if (this.#slowBytes + body.bytes > slowBodiesBytesMax) {
      body.refuse();
      return;
    }
    this.#slow.add(body);
    this.#slowBytes += body.bytes;
  }
}
