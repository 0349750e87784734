// Hours and days where clocks change, and open quarter-hours with many groups and great amounts.
import { describe, expect, it } from "vitest";
import { Amount } from "../../src/core/amount.ts";
import { Counter, type CounterRow } from "../../src/core/counter.ts";
import { scaledToDecimal } from "../../src/core/exact-cells.ts";
import { quarterMs } from "../../src/core/open-window.ts";
import type { Zone } from "../../src/core/ports.ts";
import { type WindowSize, windowEnd, windowStart } from "../../src/core/usage-grid.ts";
import { zones } from "../support/core-world.ts";

function zoneOf(name: string): Zone {
  const zone = zones.get(name);
  if (zone === undefined) throw new Error(`There is no zone ${name}.`);
  return zone;
}

/** Starts of the windows from the one that holds `from` until `to`, without date and seconds. */
function starts(
  size: WindowSize,
  name: string,
  { from, to }: { readonly from: string; readonly to: string },
): readonly string[] {
  const zone = zoneOf(name);
  const told: string[] = [];
  let at = windowStart(size, Date.parse(from), zone);
  while (at < Date.parse(to)) {
    told.push(new Date(at).toISOString().slice(5, 16));
    const end = windowEnd(size, at, zone);
    for (const inside of [at, at + 1, end - 1]) {
      expect([windowStart(size, inside, zone), windowEnd(size, inside, zone)]).toEqual([at, end]);
    }
    at = end;
  }
  return told;
}

describe("windows of a zone", () => {
  it.each([
    [
      "P1D",
      "Europe/Berlin",
      "2026-03-28T12:00Z",
      "2026-03-30T12:00Z",
      ["03-27T23:00", "03-28T23:00", "03-29T22:00"],
    ],
    [
      "P1D",
      "Europe/Berlin",
      "2026-10-24T12:00Z",
      "2026-10-26T12:00Z",
      ["10-23T22:00", "10-24T22:00", "10-25T23:00"],
    ],
    [
      "PT1H",
      "Europe/Berlin",
      "2026-10-25T00:30Z",
      "2026-10-25T02:30Z",
      ["10-25T00:00", "10-25T01:00", "10-25T02:00"],
    ],
    [
      "PT1H",
      "Asia/Kathmandu",
      "2026-01-01T00:30Z",
      "2026-01-01T01:30Z",
      ["01-01T00:15", "01-01T01:15"],
    ],
    // Clocks go back by half an hour, at 02:00: the hour from 01:00 lasts 90 minutes.
    [
      "PT1H",
      "Australia/Lord_Howe",
      "2026-04-04T13:30Z",
      "2026-04-04T17:00Z",
      ["04-04T13:00", "04-04T14:00", "04-04T15:30", "04-04T16:30"],
    ],
    // They go forward by it, at 02:00: half of the hour from 02:00 is missing.
    [
      "PT1H",
      "Australia/Lord_Howe",
      "2026-10-03T14:30Z",
      "2026-10-03T17:00Z",
      ["10-03T14:30", "10-03T15:30", "10-03T16:00"],
    ],
    // There is no midnight on the day when clocks go forward at it.
    [
      "P1D",
      "Africa/Cairo",
      "2026-04-23T12:00Z",
      "2026-04-25T00:00Z",
      ["04-22T22:00", "04-23T22:00", "04-24T21:00"],
    ],
    [
      "PT1M",
      "Europe/Berlin",
      "2026-03-29T00:59:30Z",
      "2026-03-29T01:01Z",
      ["03-29T00:59", "03-29T01:00"],
    ],
  ] as const)("[UW5] %s in %s from %s", (size, zone, from, to, expected) => {
    expect(starts(size, zone, { from, to })).toEqual(expected);
  });
});

/** Decimal places, minutes and groups of the open window. */
function shown(counter: Counter): readonly unknown[] {
  const groups = Array.from({ length: counter.groups }, (_, at) => counter.windowGroup(at));
  return [counter.places, counter.windowMinutes(), groups];
}

/** As a snapshot would bring it back. */
function restored(counter: Counter): Counter {
  return Counter.fromRow(JSON.parse(JSON.stringify(counter.toRow())) as CounterRow);
}

describe("an open quarter-hour", () => {
  it("[UW1] keeps minutes and groups apart, in whatever order they come", () => {
    const counter = new Counter(0, 4 * quarterMs, 0);
    counter.openWindow(quarterMs);
    const amount = new Amount();
    for (const [minute, text] of [
      [14, "1"],
      [0, "0.25"],
      [7, "2"],
      [0, "0.5"],
    ] as const) {
      amount.read(text);
      counter.takeInMinute(quarterMs + minute * 60_000 + 59_999, "sum", amount);
      if (!counter.takeInGroup(minute, "sum", amount)) counter.addGroup(minute, "sum", amount);
    }
    const whole = [3, [0, 750, 7, 2_000, 14, 1_000], [1_000, 750, 2_000]];
    expect(shown(counter)).toEqual(whole);
    expect(shown(restored(counter))).toEqual(whole);
    counter.openWindow(2 * quarterMs);
    expect(shown(counter)).toEqual([3, [], [null, null, null]]);
    expect(counter.takeInGroup(7, "sum", amount)).toBe(true);
    counter.takeInMinute(2 * quarterMs, "sum", amount);
    expect(shown(counter)).toEqual([3, [0, 500], [null, null, 500]]);
    counter.closeWindow();
    expect(counter.takeInGroup(7, "sum", amount)).toBe(true);
    expect([counter.hasWindow, ...shown(counter)]).toEqual([false, 3, [], [null, null, null]]);
    expect([counter.groups, counter.groupValue(2)]).toEqual([3, 3n * 10n ** 18n]);
  });

  it.each([
    ["sum", 90_071_992_547_409_930n * 10n ** 18n + 1n],
    ["increment", 4n * 10n ** 18n],
    ["max", 90_071_992_547_409_920n * 10n ** 18n],
    ["min", 1n],
  ] as const)(
    "[UW2] %s of great and small amounts is exact, in a thousand groups",
    (type, whole) => {
      const counter = new Counter(0, quarterMs, 0);
      counter.openWindow(0);
      const amount = new Amount();
      const read = ["0.01", "90071992547409920", "0.000000000000000001", "9.99"];
      for (const text of read) {
        amount.read(text);
        for (let group = 0; group < 1_000; group += 1) {
          if (!counter.takeInGroup(group, type, amount)) counter.addGroup(group, type, amount);
        }
        // Minutes make room behind groups, and groups before minutes.
        for (const minute of [7, 0, 14]) counter.takeInMinute(minute * 60_000, type, amount);
      }
      const minutes = counter.windowMinutes();
      expect(minutes).toEqual([0, minutes[1], 7, minutes[1], 14, minutes[1]]);
      expect(scaledToDecimal(minutes[1] ?? 0, counter.places)).toBe(whole);
      for (const each of [counter, restored(counter)]) {
        expect([each.groups, each.windowGroup(0), each.windowGroup(999)]).toEqual([
          1_000,
          minutes[1],
          minutes[1],
        ]);
        expect(each.groupValue(999)).toBe(whole);
      }
    },
  );
});
