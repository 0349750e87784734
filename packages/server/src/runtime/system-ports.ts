// The real clock and the real random source behind core/ports.ts. The only file of the system that
// may ask for the date or set a timer, so that every other one runs on a virtual clock in tests.
// Must never keep a sleeper's instant as a duration: the wall clock may be set meanwhile.
import { randomBytes, randomUUID } from "node:crypto";
import type { CancelSignal, Clock, EpochMs, Random } from "../core/ports.ts";
import { assert } from "../core/problem.ts";

/**
 * The longest time between two looks at the wall clock: a leap of it, or a machine that slept, is
 * noticed within it. Under the 2 s in which a due meter must be closed (RU11).
 */
export const clockLookMs = 1_000;

/** Wall clock and monotonic clock of this machine. */
export function createSystemClock(): Clock {
  return createClock({
    now: () => Date.now(),
    monotonic: () => performance.now(),
    wait: waitWithTimer,
  });
}

/** What a clock is made of: two readings, and one bounded wait that a signal ends early. */
export interface ClockParts {
  now(): EpochMs;
  monotonic(): number;
  /** Resolves after `durationMs` (at most `clockLookMs`) or when the signal is aborted. */
  wait(durationMs: number, signal: CancelSignal | undefined): Promise<void>;
}

/** Sleeps in short steps and looks at the wall clock after each (RU11). */
export function createClock(parts: ClockParts): Clock {
  return {
    now: () => parts.now(),
    monotonic: () => parts.monotonic(),
    async sleepUntil(instant: EpochMs, signal?: CancelSignal): Promise<void> {
      assert(!Number.isNaN(instant), "an instant to sleep until must be a number");
      const began = parts.now();
      // Bounded by the instant; an instant that never comes is ended by the signal.
      while (!signal?.aborted) {
        const now = parts.now();
        const leftMs = instant - now;
        if (leftMs <= 0 || now < began) return;
        await parts.wait(Math.min(leftMs, clockLookMs), signal);
      }
    },
  };
}

/** Randomness of the operating system, fit for secrets. */
export function createSystemRandom(): Random {
  return {
    uuid: () => randomUUID(),
    bytes: (count: number) => new Uint8Array(randomBytes(count)),
  };
}

function waitWithTimer(durationMs: number, signal: CancelSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, durationMs);
    signal?.addEventListener("abort", end, { once: true });
  });
}
