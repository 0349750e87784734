// Hours and days where clocks change, and open quarter-hours with many groups and great amounts.
import { describe, expect, it } from "vitest";
import { Amount } from "../../src/core/amount.ts";
import { OpenWindow, quarterMs, scaledToDecimal } from "../../src/core/open-window.ts";
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

describe("an open quarter-hour", () => {
  it("[UW1] keeps minutes and groups apart, in whatever order they come", () => {
    const window = new OpenWindow(quarterMs);
    const amount = new Amount();
    for (const [minute, text] of [
      [14, "1"],
      [0, "0.25"],
      [7, "2"],
      [0, "0.5"],
    ] as const) {
      amount.read(text);
      window.take(quarterMs + minute * 60_000 + 59_999, "sum", amount);
      window.takeInGroup(minute, "sum", amount);
    }
    expect([window.scale, window.minutes()]).toEqual([3, [0, 750, 7, 2_000, 14, 1_000]]);
    expect([0, 1, 7, 14, 15].map((at) => window.group(at))).toEqual([
      750,
      null,
      2_000,
      1_000,
      null,
    ]);
    const again = OpenWindow.fromRow(JSON.parse(JSON.stringify(window.toRow())));
    expect([again.minutes(), again.group(7), again.group(1)]).toEqual([
      window.minutes(),
      2_000,
      null,
    ]);
  });

  it.each([
    ["sum", 90_071_992_547_409_930n * 10n ** 18n + 1n],
    ["increment", 4n * 10n ** 18n],
    ["max", 90_071_992_547_409_920n * 10n ** 18n],
    ["min", 1n],
  ] as const)(
    "[UW2] %s of great and small amounts is exact, in a thousand groups",
    (type, whole) => {
      const window = new OpenWindow(0);
      const amount = new Amount();
      const read = ["0.01", "90071992547409920", "0.000000000000000001", "9.99"];
      for (const text of read) {
        amount.read(text);
        window.take(0, type, amount);
        for (let group = 0; group < 1_000; group += 1) window.takeInGroup(group, type, amount);
      }
      expect(scaledToDecimal(window.minutes()[1] ?? 0, window.scale)).toBe(whole);
      expect(window.group(999)).toBe(window.minutes()[1]);
      const again = OpenWindow.fromRow(JSON.parse(JSON.stringify(window.toRow())));
      expect(again.group(0)).toBe(window.group(0));
    },
  );
});
