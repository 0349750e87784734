// The published schedule, its jitter, and what Retry-After may ask for.
import { describe, expect, it } from "vitest";
import { attemptsMax, nextAttemptAt, readRetryAfter } from "../../src/delivery/retry-schedule.ts";

const hourMs = 3_600_000;

/** Sum of all waits when chance is always the same. */
function whole(chance: number): number {
  let now = 0;
  for (let attempts = 1; attempts < attemptsMax; attempts++) {
    now = nextAttemptAt({ attempts, endedAt: now, retryAfterMs: null, chance }) ?? Number.NaN;
  }
  return now;
}

describe("the schedule", () => {
  it("[DV44] ten attempts over 75 h 35 min 5 s, a tenth more or less", () => {
    const published = 75 * hourMs + 35 * 60_000 + 5_000;
    expect(attemptsMax).toBe(10);
    expect(whole(0.5)).toBe(published);
    expect(whole(0)).toBeCloseTo(published * 0.9, -2);
    expect(whole(1 - 2 ** -32)).toBeCloseTo(published * 1.1, -2);
    const last = { attempts: 10, endedAt: 0, retryAfterMs: null, chance: 0.5 };
    expect(nextAttemptAt(last)).toBeNull();
    expect(nextAttemptAt({ ...last, retryAfterMs: 1_000 })).toBeNull();
  });

  it.each([
    [null, 5_000],
    [1_000, 5_000],
    [60_000, 60_000],
    [24 * hourMs, 24 * hourMs],
    [24 * hourMs + 1, 24 * hourMs],
    [1e15, 24 * hourMs],
  ])("[DV47] asked for %d ms, waits %d ms", (retryAfterMs, expected) => {
    expect(nextAttemptAt({ attempts: 1, endedAt: 7, retryAfterMs, chance: 0.5 })).toBe(
      7 + expected,
    );
  });
});

/** 1994-11-06T08:49:00Z. */
const now = 784_111_740_000;

it.each([
  ["120", 120_000],
  [" 120 ", 120_000],
  ["0", 0],
  ["9999999999", 9_999_999_999_000],
  ["Sun, 06 Nov 1994 08:49:37 GMT", 37_000],
  ["Sun, 06 Nov 1994 08:48:00 GMT", 0],
  ["99999999999", null],
  ["-1", null],
  ["1.5", null],
  ["1e3", null],
  ["", null],
  ["soon", null],
  ["Sunday, 06-Nov-94 08:49:37 GMT", null],
  ["Sun, 31 Feb 1994 08:49:37 GMT", null],
  ["Sun, 06 Foo 1994 08:49:37 GMT", null],
  ["Sun, 06 Nov 1994 08:49:37 +0100", null],
  [null, null],
])("[DV47] Retry-After %j is %d ms", (text, expected) => {
  expect(readRetryAfter(text, now)).toBe(expected);
});
