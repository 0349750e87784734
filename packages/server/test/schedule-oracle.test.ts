// Random schedules around real clock changes, against a scan of every UTC minute by the words of
// the rules, and against the library croner where it means the same.
import { Cron } from "croner";
import { describe, expect, it } from "vitest";
import { boundariesAfter, compileSchedule, readResetSchedule } from "../src/core/schedule.ts";
import { createTemporalZones } from "../src/runtime/zones.ts";
import { type OracleSchedule, scanWindow, slowBoundaries } from "./support/schedule-oracle.ts";
import { createSeededRandom, type SeededRandom, seedOf } from "./support/seeded-random.ts";

const seed = seedOf(4711);
const zones = createTemporalZones();
const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

const names = [
  ...["America/New_York", "Europe/Berlin", "Europe/London", "Europe/Dublin", "Africa/Cairo"],
  ...["Africa/Casablanca", "Asia/Beirut", "Atlantic/Azores", "Australia/Lord_Howe", "Asia/Gaza"],
  ...["Pacific/Auckland", "Pacific/Chatham", "Pacific/Apia", "Pacific/Kiritimati", "Asia/Tehran"],
  ...["America/Sao_Paulo", "America/Asuncion", "America/Santiago", "America/St_Johns"],
  ...["America/Caracas", "Asia/Kathmandu", "Asia/Almaty", "Asia/Pyongyang", "Antarctica/Troll"],
  ...["Pacific/Kwajalein", "Pacific/Norfolk", "America/Havana", "America/Vancouver", "Etc/UTC"],
  ...["Asia/Kolkata", "Antarctica/Casey", "America/Scoresbysund"],
];

/** Windows of seven days; the three in the middle are compared. */
const windowsPerZone = 4;
const schedulesPerWindow = 25;

/** A change of the zone's clocks from 1975 to 2040, or any instant where there is none. */
function centreOf(name: string, random: SeededRandom): number {
  const from = Date.UTC(random.integer(1975, 2039), random.integer(0, 11), 1);
  const zoned = Temporal.Instant.fromEpochMilliseconds(from).toZonedDateTimeISO(name);
  const direction = random.chance(0.5) ? "next" : "previous";
  const change = zoned.getTimeZoneTransition(direction)?.epochMilliseconds ?? from;
  return change > Date.UTC(1975) && change < Date.UTC(2041) ? change : from;
}

function item(random: SeededRandom, low: number, high: number): string {
  const first = random.integer(low, high);
  const last = random.integer(first, high);
  const step = random.integer(1, Math.max(1, Math.floor(high / 2)));
  const kind = random.integer(0, 7);
  if (kind === 0) return `*/${step}`;
  if (kind === 1) return `${first}-${last}`;
  if (kind === 2) return `${first}-${last}/${step}`;
  return `${first}`;
}

function list(random: SeededRandom, low: number, high: number): string {
  const count = random.pick([1, 1, 1, 2, 3]);
  return Array.from({ length: count }, () => item(random, low, high)).join();
}

function randomSchedule(random: SeededRandom): OracleSchedule {
  const near = random.chance(0.8) ? 4 : 23;
  const day = random.pick([
    "*",
    "*",
    "*",
    "?",
    "L",
    list(random, 1, 31),
    `L,${list(random, 1, 31)}`,
  ]);
  const weekday = random.pick(["*", "*", "*", "?", "sun-TUE", "Sat", list(random, 0, 7)]);
  return {
    minute: random.chance(0.1) ? "*" : list(random, 0, 59),
    hour: random.chance(0.15) ? "*" : list(random, 0, near),
    day,
    month: random.pick(["*", "*", "*", "JAN-jun,7-12", list(random, 1, 12)]),
    weekday,
  };
}

function textOf({ minute, hour, day, month, weekday }: OracleSchedule): string {
  return [minute, hour, day, month, weekday].join(" ");
}

function boundariesBetween(
  schedule: OracleSchedule,
  name: string,
  { after, until }: { readonly after: number; readonly until: number },
): readonly number[] | undefined {
  const read = readResetSchedule({ ...schedule }, "");
  const zone = zones.get(name);
  if (!read.ok || zone === undefined) return undefined;
  return boundariesAfter(compileSchedule(read.value), zone, { after, until, countMax: 100_000 });
}

const tally = { schedules: 0, boundaries: 0, comparable: 0 };

describe("against a scan of every minute", () => {
  it.each(names.map((name, index) => [name, seed + index] as const))(
    "[RS10] [RS11] [RS13] [RS15] [RS17] in %s, seed %d",
    (name, ownSeed) => {
      const random = createSeededRandom(ownSeed);
      for (let count = 0; count < windowsPerZone; count += 1) {
        const centre = Math.floor(centreOf(name, random) / hourMs) * hourMs;
        const window = scanWindow(name, centre - 3.5 * dayMs, centre + 3.5 * dayMs);
        for (let round = 0; round < schedulesPerWindow; round += 1) {
          const schedule = randomSchedule(random);
          const spread = random.pick([3 * hourMs, 36 * hourMs]);
          const after = centre + random.integer(-spread, spread);
          const until = centre + 1.5 * dayMs;
          const found = boundariesBetween(schedule, name, { after, until });
          if (found === undefined) continue;
          const expected = slowBoundaries(schedule, window).filter(
            (at) => at > after && at <= until,
          );
          const where = `${textOf(schedule)} in ${name} after ${new Date(after).toISOString()}`;
          expect(found, `seed ${ownSeed}: ${where}`).toEqual(expected);
          tally.schedules += 1;
          tally.boundaries += expected.length;
        }
      }
    },
  );

  it("[RS10] compared thousands of schedules", () => {
    expect(tally.schedules).toBeGreaterThan(2_000);
    expect(tally.boundaries).toBeGreaterThan(10_000);
  });
});

/** croner takes `*\/2` of a day field for a restriction, and loses resets of gaps at midnight. */
function isComparable({ day, weekday }: OracleSchedule): boolean {
  const isStep = /^\*./;
  return ![day, weekday].some((text) => isStep.test(text) || text === "?");
}

function hasGap(name: string, from: number, to: number): boolean {
  const offsets = [from, Math.round((from + to) / 2), to].map(
    (at) => Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(name).offsetNanoseconds,
  );
  return offsets.some((offset, index) => offset > (offsets[index - 1] ?? Infinity));
}

describe("against croner", () => {
  it.each(names.map((name, index) => [name, seed + 1_000 + index] as const))(
    "[RS10] [RS17] in %s outside gaps, seed %d",
    (name, ownSeed) => {
      const random = createSeededRandom(ownSeed);
      for (let round = 0; round < 30; round += 1) {
        const centre = Math.floor(centreOf(name, random) / hourMs) * hourMs;
        const schedule = randomSchedule(random);
        const after = centre - random.integer(0, 30 * hourMs);
        const until = centre + 2 * dayMs;
        if (!isComparable(schedule) || hasGap(name, after - dayMs, until)) continue;
        const found = boundariesBetween(schedule, name, { after, until });
        if (found === undefined) continue;
        const cron = new Cron(textOf(schedule), { timezone: name, fixedTimeRule: "no-wildcard" });
        const runs = cron.nextRuns(12, new Date(after)).map((run) => run.getTime());
        const where = `${textOf(schedule)} in ${name} after ${new Date(after).toISOString()}`;
        expect(found.slice(0, 12), `seed ${ownSeed}: ${where}`).toEqual(
          runs.filter((at) => at <= until),
        );
        tally.comparable += 1;
      }
    },
  );

  it("[RS10] compared hundreds of schedules", () => {
    expect(tally.comparable).toBeGreaterThan(200);
  });
});
