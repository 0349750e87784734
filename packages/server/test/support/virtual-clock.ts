// A clock that tests move by hand. Time stands still until it is moved; sleepers are woken in the
// order of their instants, each with the clock showing exactly that instant. Never reads the real
// time, so that a test's outcome does not depend on the machine.
import type { CancelSignal, Clock, EpochMs } from "../../src/core/ports.ts";

interface Sleeper {
  readonly began: EpochMs;
  readonly instant: EpochMs;
  readonly wake: () => void;
}

/** Sleepers woken by one `advanceTo`; more means that a sleeper falls asleep in the past. */
const wakesMax = 1_000_000;

export class VirtualClock implements Clock {
  #now: EpochMs;
  #monotonic = 0;
  /** In the order in which they fell asleep. */
  readonly #sleepers = new Set<Sleeper>();

  /** The default is 2026-01-01T00:00:00Z. */
  constructor(now: EpochMs = 1_767_225_600_000) {
    this.#now = now;
  }

  now(): EpochMs {
    return this.#now;
  }

  monotonic(): number {
    return this.#monotonic;
  }

  sleepUntil(instant: EpochMs, signal?: CancelSignal): Promise<void> {
    if (instant <= this.#now || signal?.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#sleepers.delete(sleeper);
        signal?.removeEventListener("abort", wake);
        resolve();
      };
      const sleeper: Sleeper = { began: this.#now, instant, wake };
      this.#sleepers.add(sleeper);
      signal?.addEventListener("abort", wake, { once: true });
    });
  }

  /** How many sleep now. */
  get sleeping(): number {
    return this.#sleepers.size;
  }

  /** The instant at which the next one wakes; undefined when nobody sleeps. */
  get nextWake(): EpochMs | undefined {
    return this.#earliest(Number.POSITIVE_INFINITY)?.instant;
  }

  /**
   * Sets the wall clock at once, forwards or back, as an operator would; the monotonic clock does
   * not move. Everyone whose instant has come is woken, in order, seeing the new time.
   */
  set(instant: EpochMs): void {
    this.#now = instant;
    for (const { began, wake } of [...this.#sleepers]) if (instant < began) wake();
    this.#wakeDue(instant);
  }

  /**
   * Lets time pass until `instant`: stops at the instant of each sleeper on the way and lets what
   * was woken run, and perhaps fall asleep again, before going on. Never goes back.
   */
  async advanceTo(instant: EpochMs): Promise<void> {
    await turn();
    for (let wakes = 0; wakes < wakesMax; wakes++) {
      const next = this.#earliest(instant);
      if (next === undefined) {
        this.#moveTo(instant);
        return;
      }
      this.#moveTo(next.instant);
      next.wake();
      await turn();
    }
    throw new Error(`more than ${wakesMax} wakes before ${instant}`);
  }

  /** `advanceTo` from now. */
  advanceBy(durationMs: number): Promise<void> {
    return this.advanceTo(this.#now + durationMs);
  }

  #moveTo(instant: EpochMs): void {
    if (instant <= this.#now) return;
    this.#monotonic += instant - this.#now;
    this.#now = instant;
  }

  #wakeDue(limit: EpochMs): void {
    // Bounded: those that fall asleep again do so in a later job.
    for (let next = this.#earliest(limit); next !== undefined; next = this.#earliest(limit)) {
      next.wake();
    }
  }

  #earliest(limit: EpochMs): Sleeper | undefined {
    let found: Sleeper | undefined;
    for (const sleeper of this.#sleepers) {
      if (sleeper.instant > limit) continue;
      if (found === undefined || sleeper.instant < found.instant) found = sleeper;
    }
    return found;
  }
}

/** Lets every promise that can go on go on, and what the event loop has ready. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
