// When a message is tried again: the schedule of Standard Webhooks, with jitter so that many
// messages that failed together do not come back together, and what a receiver asks for in
// Retry-After. Pure; chance and time are handed in.
import type { EpochMs } from "../core/ports.ts";
import { dayMs, minuteMs, readInstant } from "../core/time.ts";

const secondMs = 1_000;
const hourMs: number = 60 * minuteMs;

/** Before the first attempt, then after the end of each failed one: 75 h 35 min 5 s in all. */
const waitsMs: readonly number[] = [
  0,
  5 * secondMs,
  5 * minuteMs,
  30 * minuteMs,
  2 * hourMs,
  5 * hourMs,
  10 * hourMs,
  14 * hourMs,
  20 * hourMs,
  24 * hourMs,
];

/** Attempts of one message, or of one resend of it. */
export const attemptsMax: number = waitsMs.length;
/** A wait is longer or shorter by up to this share. */
export const jitterShare = 0.1;
/** The longest wait that a receiver can ask for. */
const retryAfterMsMax: number = dayMs;

export interface FailedAttempt {
  /** Attempts made so far, this one included. */
  readonly attempts: number;
  readonly endedAt: EpochMs;
  /** What Retry-After asks for, in milliseconds; null when it asks for nothing. */
  readonly retryAfterMs: number | null;
  /** From 0 (inclusive) to 1 (exclusive). */
  readonly chance: number;
}

/** When the next attempt is due; null when there is none left. */
export function nextAttemptAt(failed: FailedAttempt): EpochMs | null {
  const wait = waitsMs[failed.attempts];
  if (wait === undefined) return null;
  const jittered = wait * (1 - jitterShare + 2 * jitterShare * failed.chance);
  const asked = Math.min(failed.retryAfterMs ?? 0, retryAfterMsMax);
  return failed.endedAt + Math.round(Math.max(jittered, asked));
}

/**
 * Milliseconds from a Retry-After header: whole seconds, or an HTTP date in its one present form
 * (`Sun, 06 Nov 1994 08:49:37 GMT`). Null for everything else; a date that has passed is 0.
 */
export function readRetryAfter(text: string | null, now: EpochMs): number | null {
  const trimmed = text?.trim() ?? "";
  if (/^\d{1,10}$/.test(trimmed)) return Number.parseInt(trimmed, 10) * secondMs;
  const [, day, name = "", year, time] = httpDate.exec(trimmed) ?? [];
  const month = String(months.indexOf(name) + 1).padStart(2, "0");
  const instant = readInstant(`${year}-${month}-${day}T${time}Z`);
  return instant === undefined ? null : Math.max(0, instant - now);
}

const httpDate = /^[A-Z][a-z]{2}, (\d{2}) ([A-Z][a-z]{2}) (\d{4}) (\d{2}:\d{2}:\d{2}) GMT$/;
const months: readonly string[] = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");
