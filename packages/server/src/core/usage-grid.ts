// The windows of usage over time: minutes, and hours and days of a zone's clocks, which tile time.
// Where clocks change, an hour or a day is as long as it really was. Zone rules come from outside.
import type { EpochMs, Zone } from "./ports.ts";
import { dayMs, minuteMs } from "./time.ts";

export const windowSizes = ["PT1M", "PT1H", "P1D"] as const;
export type WindowSize = (typeof windowSizes)[number];

const hourMs = 60 * minuteMs;
/** How long windows are where no clocks change. */
export const windowMs: Readonly<Record<WindowSize, number>> = {
  PT1M: minuteMs,
  PT1H: hourMs,
  P1D: dayMs,
};

/** How far back windows of a size are answered for (UW6); days only in the meter's own zone. */
export const windowsKeptMs: Readonly<Record<WindowSize, number>> = {
  PT1M: 48 * hourMs,
  PT1H: 40 * dayMs,
  P1D: 400 * dayMs,
};

/** Windows of one answer. */
export const windowsPerAnswerMax = 1_500;

/** The first instant of the window that holds an instant. */
export function windowStart(size: WindowSize, at: EpochMs, zone: Zone): EpochMs {
  const length = windowMs[size];
  if (size === "PT1M") return Math.floor(at / length) * length;
  let span = zone.spanAt(at);
  const number = Math.floor((at + span.offsetMs) / length);
  for (;;) {
    const start = number * length - span.offsetMs;
    if (start >= span.start) return start;
    // Clocks changed within the window, unless it was another hour or day before the change.
    const change = span.start;
    span = zone.spanAt(change - 1);
    if (Math.floor((change - 1 + span.offsetMs) / length) !== number) return change;
  }
}

/** The first instant of the next window. */
export function windowEnd(size: WindowSize, at: EpochMs, zone: Zone): EpochMs {
  const length = windowMs[size];
  if (size === "PT1M") return (Math.floor(at / length) + 1) * length;
  let span = zone.spanAt(at);
  const number = Math.floor((at + span.offsetMs) / length);
  for (;;) {
    const end = (number + 1) * length - span.offsetMs;
    if (end < span.end) return end;
    const change = span.end;
    span = zone.spanAt(change);
    // The same hour or day goes on, unless clocks went back to its very beginning: then it is another.
    const local = change + span.offsetMs;
    if (local % length === 0 || Math.floor(local / length) !== number) return change;
  }
}
