// The quarter-hour that a counter counts into now, in the counter's own array: its start and its
// minutes stand first, a value for each of its minutes last, and a place beside each group holds what
// the group has of it. It knows nothing of periods, nor where the places of groups are.
import type { Amount } from "./amount.ts";
import type { AggregationType } from "./definitions.ts";
import { ExactCells, type ScaledUnits } from "./exact-cells.ts";
import type { EpochMs } from "./ports.ts";
import { minuteMs } from "./time.ts";

/** Every offset of a modern zone is a multiple of it, so that it serves hours and days of all zones. */
export const quarterMs: number = 15 * minuteMs;
const minutesPerQuarter = 15;

// NaN where no window is open; a bit for each minute that has a value.
const startAt = 0;
const minutesAt = 1;
/** What a subclass keeps begins here. */
export const cellsOfWindow = 2;

const oneBlank: readonly number[] = [Number.NaN];

/** The first instant of the quarter-hour that holds an instant. */
export function quarterOf(at: EpochMs): EpochMs {
  return Math.floor(at / quarterMs) * quarterMs;
}

export abstract class WindowedCells extends ExactCells {
  /** The place of what a group has counted in the window, by the group's order of appearance. */
  protected abstract placeInWindow(group: number): number;
  abstract readonly groups: number;

  /** First instant of the quarter-hour; NaN where no window is open. */
  get windowStart(): EpochMs {
    return this.cells[startAt] ?? Number.NaN;
  }

  get hasWindow(): boolean {
    return !Number.isNaN(this.windowStart);
  }

  /** Whether the open window takes what stands at an instant. */
  isInWindow(at: EpochMs): boolean {
    const start = this.windowStart;
    return at >= start && at < start + quarterMs;
  }

  /** Forgets the window that was open; `start` is the first instant of a quarter-hour. */
  openWindow(start: EpochMs): void {
    this.closeWindow();
    this.cells[startAt] = start;
  }

  /** Forgets what was counted in the window, and counts into none until one is opened. */
  closeWindow(): void {
    if (!this.hasWindow) return;
    const { groups } = this;
    for (let group = 0; group < groups; group += 1) this.clear(this.placeInWindow(group));
    const first = this.minuteValuesAt;
    this.cut(first + 1);
    this.clear(first);
    this.cells[minutesAt] = 0;
    this.cells[startAt] = Number.NaN;
  }

  /** Counts one record that stands at an instant of the window. */
  takeInMinute(at: EpochMs, type: AggregationType, amount: Amount): void {
    const minute = Math.floor((at - this.windowStart) / minuteMs);
    this.add(this.placeOfMinute(minute), type, amount);
  }

  /** Minute of the quarter-hour and value in turns. */
  windowMinutes(): readonly ScaledUnits[] {
    const turns: ScaledUnits[] = [];
    const minutes = this.cells[minutesAt] ?? 0;
    let at = this.minuteValuesAt;
    for (let minute = 0; minute < minutesPerQuarter; minute += 1) {
      if ((minutes & (1 << minute)) === 0) continue;
      turns.push(minute, this.scaledAt(at) ?? 0);
      at += 1;
    }
    return turns;
  }

  /** Null: nothing was counted into the group in this quarter-hour. */
  windowGroup(group: number): ScaledUnits | null {
    return this.scaledAt(this.placeInWindow(group));
  }

  /** The first minute has its place always, so that most windows find all of theirs. */
  protected get minuteValuesAt(): number {
    return this.cells.length - Math.max(1, ones(this.cells[minutesAt] ?? 0));
  }

  protected placeOfMinute(minute: number): number {
    const minutes = this.cells[minutesAt] ?? 0;
    const bit = 1 << minute;
    const at = this.minuteValuesAt + ones(minutes & (bit - 1));
    if ((minutes & bit) !== 0) return at;
    if (minutes !== 0) this.insert(at, oneBlank);
    this.cells[minutesAt] = minutes | bit;
    return at;
  }
}

/** How many bits of a whole number below 2^15 are 1. */
function ones(bits: number): number {
  let left = bits - ((bits >> 1) & 0x5555);
  left = (left & 0x3333) + ((left >> 2) & 0x3333);
  left = (left + (left >> 4)) & 0x0f0f;
  return (left + (left >> 8)) & 0x1f;
}
