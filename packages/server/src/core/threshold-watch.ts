// What a period remembers of its meter's thresholds: which were told, and a bound below which none
// can be reached. It belongs to one counter and goes with it; judging is in crossings.ts.

export class ThresholdWatch {
  /** Marks of the thresholds that were told, in that order. */
  fired: readonly string[];
  /** Below this value none is reached; too low rather than too high. */
  near: number = Number.NEGATIVE_INFINITY;

  constructor(fired: readonly string[] = []) {
    this.fired = fired;
  }
}
