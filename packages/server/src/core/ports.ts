// The seam between the pure core and the world: what the system needs from outside. Production
// adapters live in runtime/, journal/ and projection/; tests put a virtual clock, a seeded random
// source, fixture zones and a simulated disk in their places.

/** Milliseconds since 1970-01-01T00:00:00Z, an integer. */
export type EpochMs = number;

/** Wall clock for facts, monotonic clock for durations. */
export interface Clock {
  now(): EpochMs;
  /** Milliseconds on a clock that never goes back; only differences mean something. */
  monotonic(): number;
  /**
   * Resolves when `now() >= instant`, or as soon as `signal` is aborted; and early when the clock
   * was set back behind the beginning of the sleep, since then nobody knows how long it would last.
   */
  sleepUntil(instant: EpochMs, signal?: CancelSignal): Promise<void>;
}

/** The part of AbortSignal that the core may know of. */
export interface CancelSignal {
  readonly aborted: boolean;
  addEventListener(type: "abort", listener: () => void, options?: { once?: boolean }): void;
  removeEventListener(type: "abort", listener: () => void): void;
}

export interface Random {
  uuid(): string;
  bytes(count: number): Uint8Array;
}

/** A stretch of time in which a zone's clocks keep one offset: `start <= t < end`. */
export interface ZoneSpan {
  /** -Infinity before the zone's first change. */
  readonly start: EpochMs;
  /** The instant of the next change; Infinity after the last one. */
  readonly end: EpochMs;
  /** How far the zone's clocks are ahead of UTC, in milliseconds; less than a day either way. */
  readonly offsetMs: number;
}

/** Time-zone rules of one zone (docs/spec/schedules.md): Temporal in production, fixtures in tests. */
export interface Zone {
  /** The name as the caller spelled it. */
  readonly id: string;
  /**
   * The span that holds an instant, which must be within `instantMax` of core/time.ts. Spans tile
   * time: `spanAt(span.end)` is the next one, `spanAt(span.start - 1)` the one before.
   */
  spanAt(instant: EpochMs): ZoneSpan;
}

export interface Zones {
  /** Undefined when the zone's name is not known exactly as spelled (RS21). */
  get(name: string): Zone | undefined;
}
