// Time zones made of tables: the rules of a test stand in the test, whatever zone data the machine
// has. Two rule sets of one name show what a change of zone data does.
import type { EpochMs, Zone, ZoneSpan, Zones } from "../../src/core/ports.ts";

/** A change of clocks: from this instant on, local time is `offset` (`+01:00`) ahead of UTC. */
export type FixtureChange = readonly [at: string, offset: string];

export interface FixtureRules {
  /** Before the first change. */
  readonly offset: string;
  /** Ascending. */
  readonly changes: readonly FixtureChange[];
}

export function createFixtureZones(rules: Readonly<Record<string, FixtureRules>>): Zones {
  const zones = new Map(Object.entries(rules).map(([id, one]) => [id, createFixtureZone(id, one)]));
  return { get: (name) => zones.get(name) };
}

export function createFixtureZone(id: string, { offset, changes }: FixtureRules): Zone {
  const starts: readonly EpochMs[] = [-Infinity, ...changes.map(([at]) => Date.parse(at))];
  const offsets = [offset, ...changes.map(([, next]) => next)].map(offsetMsOf);
  const spans: readonly ZoneSpan[] = starts.map((start, index) => ({
    start,
    end: starts[index + 1] ?? Infinity,
    offsetMs: offsets[index] ?? 0,
  }));
  return {
    id,
    spanAt(instant: EpochMs): ZoneSpan {
      const span = spans.find(({ start, end }) => start <= instant && instant < end);
      if (span === undefined) throw new Error(`${id} has no span at ${instant}`);
      return span;
    },
  };
}

/** Reads `±hh:mm` or `±hh:mm:ss`. */
function offsetMsOf(text: string): number {
  const match = /^([+-])(\d\d):(\d\d)(?::(\d\d))?$/.exec(text);
  if (match === null) throw new Error(`${text} is no offset`);
  const [, sign, hours = "", minutes = "", seconds = "0"] = match;
  const total = [hours, minutes, seconds].reduce((sum, part) => sum * 60 + Number(part), 0);
  return (sign === "-" ? -1 : 1) * total * 1_000;
}

/** The rules of tzdata 2025b and of 2026c where they differ (numbers in UTC). */
export const driftRules2025b: Readonly<Record<string, FixtureRules>> = {
  "America/Vancouver": {
    offset: "-08:00",
    changes: [
      ["2026-03-08T10:00:00Z", "-07:00"],
      ["2026-11-01T09:00:00Z", "-08:00"],
      ["2027-03-14T10:00:00Z", "-07:00"],
      ["2027-11-07T09:00:00Z", "-08:00"],
    ],
  },
  "Africa/Casablanca": {
    offset: "+00:00",
    changes: [
      ["2026-03-22T02:00:00Z", "+01:00"],
      ["2027-02-07T02:00:00Z", "+00:00"],
      ["2027-03-14T02:00:00Z", "+01:00"],
    ],
  },
};

export const driftRules2026c: Readonly<Record<string, FixtureRules>> = {
  "America/Vancouver": { offset: "-08:00", changes: [["2026-03-08T10:00:00Z", "-07:00"]] },
  "Africa/Casablanca": {
    offset: "+00:00",
    changes: [
      ["2026-03-22T02:00:00Z", "+01:00"],
      ["2026-09-20T01:00:00Z", "+00:00"],
    ],
  },
};
