// What a reset schedule may say, and its boundaries in zones whose rules stand in tables. Real
// zones are in test/schedule-vectors.test.ts and test/schedule-oracle.test.ts.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  createFixtureZone,
  createFixtureZones,
  driftRules2025b,
  driftRules2026c,
  type FixtureRules,
} from "../../test/support/fixture-zones.ts";
import type { ResetSchedule } from "./definitions.ts";
import { ExactNumber, type JsonValue } from "./json-value.ts";
import type { Zone } from "./ports.ts";
import { boundariesAfter, compileSchedule, nextBoundary, readResetSchedule } from "./schedule.ts";
import { formatInstant, readInstant } from "./time.ts";

const names = ["minute", "hour", "day", "month", "weekday"] as const;
const utc = createFixtureZone("UTC", { offset: "+00:00", changes: [] });

function fields(text: string): JsonValue {
  const texts = text.split(" ");
  return Object.fromEntries(names.map((name, index) => [name, texts[index] ?? ""]));
}

function read(text: string): ResetSchedule {
  const schedule = readResetSchedule(fields(text), "/resetSchedule");
  if (!schedule.ok) throw new Error(JSON.stringify(schedule.error));
  return schedule.value;
}

function pointers(value: JsonValue | undefined): readonly (string | undefined)[] {
  const schedule = readResetSchedule(value, "/resetSchedule");
  return schedule.ok ? [] : schedule.error.map(({ pointer }) => pointer);
}

function boundaries(
  text: string,
  zone: Zone,
  [after, countMax]: readonly [string, number],
): readonly string[] {
  const found = boundariesAfter(compileSchedule(read(text)), zone, { after: at(after), countMax });
  return found.map((instant) => formatInstant(instant).replace(":00.000Z", "Z"));
}

function at(text: string): number {
  const instant = readInstant(text);
  if (instant === undefined) throw new Error(`${text} is no instant`);
  return instant;
}

describe("reading", () => {
  it.each([
    ...["0 0 L * *", "0 0 15,L * ?", "0 0 29 2 *", "0 0 31 2 1", "0 0 * * SUN-SAT", "0 0 * * 5-7"],
    ...["*/59 * * * *", "*/15,7 * * * *", "00 09 01 01 07", "0-59/59 0-23/23 1-31/31 1-12/12 */7"],
    ...["0 0 ? * ?", "0 0 * feb-Apr/2,12 mon,WED-5", "5,5,5 0 1 * *", "0 0 31 1-12 *"],
    ...["0 0 29 2 */7", `${Array.from({ length: 60 }, (_, n) => n).join()} 0 1 * *`],
  ])("[RS4] [RS5] [RS6] [RS7] [RS9] %s is accepted and kept as sent", (text) => {
    expect(readResetSchedule(fields(text), "")).toEqual({ ok: true, value: fields(text) });
  });

  it.each([
    ["0 0 30 2 *", ""],
    ["0 0 31 4,6,9,11 *", ""],
    ["0 0 30,31 2 ?", ""],
    ["0 0 30 feb */2", ""],
  ])("[RS9] %s matches no date", (text, member) => {
    expect(pointers(fields(text))).toEqual([`/resetSchedule${member}`]);
  });

  it.each([
    ...["60 * * * *", "*/0 * * * *", "*/60 * * * *", "5/15 * * * *", "1,,2 * * * *", ", * * * *"],
    ...[
      "-5 * * * *",
      "1.5 * * * *",
      "0x1 * * * *",
      "٣ * * * *",
      "１ * * * *",
      "@daily",
      "000 * * * *",
    ],
    ...["1-2-3 * * * *", "*-5 * * * *", "1- * * * *", "*/ * * * *", "*/1/2 * * * *", "** * * * *"],
    ...[
      "+1 * * * *",
      "1e1 * * * *",
      "? * * * *",
      "JAN * * * *",
      "1, * * * *",
      "*/-1 * * * *",
      "/5 * * * *",
    ],
    ...["10-5 * * * *", "0-60 * * * *", "L * * * *", "H * * * *", "~ * * * *", "!5 * * * *"],
  ])("[RS4] [RS5] [RS8] %s is refused at the minute", (text) => {
    expect(pointers(fields(text))).toContain("/resetSchedule/minute");
  });

  it.each([
    ...[
      "* 24 * * *|hour",
      "0 */24 * * *|hour",
      "0 ? 1 * *|hour",
      "0 L 1 * *|hour",
      "0 1-24 1 * *|hour",
    ],
    ...[
      "0 0 0 * *|day",
      "0 0 32 * *|day",
      "0 0 10-5 * *|day",
      "0 0 */0 * *|day",
      "0 0 */32 * *|day",
    ],
    ...["0 0 L-3 * *|day", "0 0 LW * *|day", "0 0 1,? * *|day", "0 0 15W * *|day", "0 0 l * *|day"],
    ...[
      "0 0 L/2 * *|day",
      "0 0 1-L * *|day",
      "0 0 ?/2 * *|day",
      "0 0 MON * *|day",
      "0 0 *,? * *|day",
    ],
    ...[
      "0 0 1 13 *|month",
      "0 0 1 0 *|month",
      "0 0 1 L *|month",
      "0 0 1 foo *|month",
      "0 0 1 ? *|month",
    ],
    ...[
      "0 0 1 JANUARY *|month",
      "0 0 1 DEC-JAN *|month",
      "0 0 1 */13 *|month",
      "0 0 1 ſEP *|month",
    ],
    ...[
      "0 0 * * 8|weekday",
      "0 0 * * SAT-SUN|weekday",
      "0 0 * * 5#2|weekday",
      "0 0 * * 5L|weekday",
    ],
    ...["0 0 * * L|weekday", "0 0 * * */8|weekday", "0 0 * * SUN/2|weekday", "0 0 * * ſun|weekday"],
  ])("[RS5] [RS6] [RS7] [RS8] %s is refused at that member", (row) => {
    const [text = "", member] = row.split("|");
    expect(pointers(fields(text))).toEqual([`/resetSchedule/${member}`]);
  });

  it.each(
    [
      " 0",
      "0 ",
      "0\n",
      "0, 1",
      "\t0",
      "",
      " ",
      "\u00000",
      "0\u0000",
      "\ud800",
      "٠",
      new Array(300).fill("0").join(),
      "0".repeat(100_000),
      ",".repeat(100_000),
      "*/2,".repeat(61),
      null,
      true,
      [],
      ["0"],
      {},
      [0],
      1.5,
      -1,
      1e21,
      60,
      new ExactNumber("1e400"),
    ].map((minute: JsonValue) => ({ minute })),
  )("[RS4] [RS2] a minute that is wrong, row %$, is refused", ({ minute }) => {
    const others = { hour: "0", day: "1", month: "*", weekday: "*" };
    expect(pointers({ minute, ...others })).toEqual(["/resetSchedule/minute"]);
  });

  it("[RS2] numbers count as their text", () => {
    const sent = { minute: 0, hour: new ExactNumber("1.0"), day: 1, month: "01", weekday: -0 };
    const kept = { minute: "0", hour: "1", day: "1", month: "01", weekday: "0" };
    expect(readResetSchedule(sent, "/r")).toEqual({ ok: true, value: kept });
  });

  it("[RS1] [RS3] all faults are told at once, each where it is and with what is allowed", () => {
    const sent = JSON.parse('{"minute":"60","hour":null,"day":"W","a/b~c":1,"__proto__":{}}');
    const read = readResetSchedule(sent, "/resetSchedule");
    const faults = read.ok ? [] : read.error;
    const root = "/resetSchedule";
    expect(faults.map(({ pointer }) => pointer)).toEqual([
      `${root}/a~1b~0c`,
      `${root}/__proto__`,
      ...names.map((name) => `${root}/${name}`),
    ]);
    expect(faults.find(({ pointer }) => pointer === `${root}/minute`)?.detail).toContain("0 to 59");
    expect(faults.find(({ pointer }) => pointer === `${root}/day`)?.detail).toContain(
      "L for the last",
    );
    expect(faults.find(({ pointer }) => pointer === `${root}/month`)?.detail).toContain(
      "is required",
    );
    expect(faults.every(({ detail }) => detail.length < 300)).toBe(true);
  });

  it("[RS1] what is no object, or has nothing of its own, is refused", () => {
    for (const value of [undefined, null, "0 0 1 * *", 5, ["0", "0", "1", "*", "*"], true]) {
      expect(pointers(value)).toEqual(["/resetSchedule"]);
    }
    expect(pointers({})).toEqual(names.map((name) => `/resetSchedule/${name}`));
    expect(pointers(Object.create({ minute: "0" }))).toHaveLength(5);
  });
});

const spring: FixtureRules = { offset: "+01:00", changes: [["2026-03-29T01:00:00Z", "+02:00"]] };
const autumn: FixtureRules = { offset: "+02:00", changes: [["2026-10-25T01:00:00Z", "+01:00"]] };
/** The whole of 30 December does not exist. */
const dateLine: FixtureRules = { offset: "-10:00", changes: [["2011-12-30T10:00:00Z", "+14:00"]] };

describe("boundaries", () => {
  it("[RS10] are local minutes, also where the offset has seconds", () => {
    const zone = createFixtureZone("Old", { offset: "+00:19:32", changes: [] });
    const [first] = boundariesAfter(compileSchedule(read("0 0 * * *")), zone, {
      after: at("1900-01-01T00:00:00Z"),
      countMax: 1,
    });
    expect(formatInstant(first ?? NaN)).toBe("1900-01-01T23:40:28.000Z");
  });

  it("[RS11] both day fields must match when one begins with a star, else either", () => {
    const june = "2026-06-01T00:00:00Z";
    const mondays = ["2026-06-15T00:00Z", "2026-06-29T00:00Z", "2026-07-13T00:00Z"];
    expect(boundaries("0 0 */2 * 1", utc, [june, 3])).toEqual(mondays);
    expect(boundaries("0 0 1-31 * 1", utc, [june, 2])).toEqual([
      "2026-06-02T00:00Z",
      "2026-06-03T00:00Z",
    ]);
    expect(boundaries("0 0 ? * 1", utc, [june, 1])).toEqual(["2026-06-08T00:00Z"]);
    expect(boundaries("0 0 10 * */6", utc, [june, 1])).toEqual(["2026-10-10T00:00Z"]);
    expect(boundaries("0 0 10 * 0,6", utc, [june, 2])).toEqual([
      "2026-06-06T00:00Z",
      "2026-06-07T00:00Z",
    ]);
  });

  it("[RS12] months without the day are left out", () => {
    const months = boundaries("0 0 31 * *", utc, ["2026-01-01T00:00:00Z", 7]).map((one) =>
      one.slice(5, 7),
    );
    expect(months).toEqual(["01", "03", "05", "07", "08", "10", "12"]);
    expect(boundaries("0 0 29 2 *", utc, ["2096-02-29T00:00:00Z", 1])).toEqual([
      "2104-02-29T00:00Z",
    ]);
  });

  it("[RS13] are strictly after, strictly ascending, and bounded by count and end", () => {
    const hourly = compileSchedule(read("0 * * * *"));
    const after = at("2026-01-01T00:00:00Z");
    expect(nextBoundary(hourly, utc, after)).toBe(after + 3_600_000);
    expect(nextBoundary(hourly, utc, after - 1)).toBe(after);
    expect(boundariesAfter(hourly, utc, { after, countMax: 0 })).toEqual([]);
    const until = after + 2 * 3_600_000;
    const found = boundariesAfter(hourly, utc, { after, countMax: 9, until });
    expect(found).toEqual([after + 3_600_000, until]);
    expect(boundariesAfter(hourly, utc, { after, countMax: 9, until: after })).toEqual([]);
  });

  it("[RS13] a search ends after 41 years, and at the end of time", () => {
    const never = { minute: "0", hour: "0", day: "30", month: "2", weekday: "*" };
    expect(nextBoundary(compileSchedule(never), utc, at("2026-01-01T00:00:00Z"))).toBeUndefined();
    const rare = compileSchedule(read("0 0 29 2 */7"));
    const found = boundariesAfter(rare, utc, { after: at("2060-03-01T00:00:00Z"), countMax: 3 });
    expect(found.map((one) => formatInstant(one).slice(0, 4))).toEqual(["2088", "2128", "2156"]);
    expect(nextBoundary(compileSchedule(read("0 0 1 1 *")), utc, 8.64e15)).toBeUndefined();
  });

  it("[RS14] [RS15] in a gap a fixed time fires at its end, an interval not at all", () => {
    const zone = createFixtureZone("Spring", spring);
    const day = "2026-03-28T12:00:00Z";
    expect(boundaries("30 2 * * *", zone, [day, 2])).toEqual([
      "2026-03-29T01:00Z",
      "2026-03-30T00:30Z",
    ]);
    expect(boundaries("*/30 2 * * *", zone, [day, 2])).toEqual([
      "2026-03-30T00:00Z",
      "2026-03-30T00:30Z",
    ]);
    expect(boundaries("30 2-2/1 * * *", zone, [day, 1])).toEqual(["2026-03-30T00:30Z"]);
    expect(boundaries("15-20 2 29 3 *", zone, [day, 1])).toEqual(["2026-03-29T01:00Z"]);
  });

  it("[RS16] the end of a gap is one boundary", () => {
    const zone = createFixtureZone("Spring", spring);
    const found = boundaries("0,30 2,3 * * *", zone, ["2026-03-28T12:00:00Z", 3]);
    expect(found).toEqual(["2026-03-29T01:00Z", "2026-03-29T01:30Z", "2026-03-30T00:00Z"]);
    expect(boundaries("30 2 * * *", zone, ["2026-03-29T01:00:00Z", 1])).toEqual([
      "2026-03-30T00:30Z",
    ]);
    expect(boundaries("30 2 * * *", zone, ["2026-03-29T00:59:59.999Z", 1])).toEqual([
      "2026-03-29T01:00Z",
    ]);
  });

  it("[RS15] a day that was left out fires at the first instant after it", () => {
    const zone = createFixtureZone("DateLine", dateLine);
    const after = "2011-12-29T10:00:00Z";
    expect(boundaries("0 0 * * *", zone, [after, 2])).toEqual([
      "2011-12-30T10:00Z",
      "2011-12-31T10:00Z",
    ]);
    expect(boundaries("0 12 30 * *", zone, [after, 2])).toEqual([
      "2011-12-30T10:00Z",
      "2012-01-29T22:00Z",
    ]);
    expect(boundaries("*/30 12 30 12 *", zone, [after, 1])).toEqual(["2012-12-29T22:00Z"]);
  });

  it("[RS14] [RS17] in an overlap a fixed time fires first, an interval on both passes", () => {
    const zone = createFixtureZone("Autumn", autumn);
    const day = "2026-10-24T12:00:00Z";
    expect(boundaries("30 2 * * *", zone, [day, 2])).toEqual([
      "2026-10-25T00:30Z",
      "2026-10-26T01:30Z",
    ]);
    const passes = ["2026-10-25T00:30Z", "2026-10-25T01:30Z", "2026-10-26T01:30Z"];
    expect(boundaries("30-59/30 2 * * *", zone, [day, 3])).toEqual(passes);
    expect(boundaries("30 2 * * *", zone, ["2026-10-25T00:30:00Z", 1])).toEqual([
      "2026-10-26T01:30Z",
    ]);
    expect(boundaries("30 2 * * *", zone, ["2026-10-25T01:10:00Z", 1])).toEqual([
      "2026-10-26T01:30Z",
    ]);
    expect(boundaries("0 3 * * *", zone, ["2026-10-25T01:10:00Z", 1])).toEqual([
      "2026-10-25T02:00Z",
    ]);
  });

  it("[RS18] every day has one midnight, 23 and 25 hours included", () => {
    const springs = boundaries("0 0 * * *", createFixtureZone("S", spring), [
      "2026-03-28T12:00:00Z",
      2,
    ]);
    expect(springs).toEqual(["2026-03-28T23:00Z", "2026-03-29T22:00Z"]);
    const autumns = boundaries("0 0 * * *", createFixtureZone("A", autumn), [
      "2026-10-24T12:00:00Z",
      2,
    ]);
    expect(autumns).toEqual(["2026-10-24T22:00Z", "2026-10-25T23:00Z"]);
  });

  const vancouver = "2026-10-31T12:00:00Z";
  const casablanca = "2026-09-19T12:00:00Z";
  it.each([
    ["2025b", "America/Vancouver", vancouver, "11-01T07:00Z 11-02T08:00Z 11-03T08:00Z"],
    ["2026c", "America/Vancouver", vancouver, "11-01T07:00Z 11-02T07:00Z 11-03T07:00Z"],
    ["2025b", "Africa/Casablanca", casablanca, "09-19T23:00Z 09-20T23:00Z"],
    ["2026c", "Africa/Casablanca", casablanca, "09-19T23:00Z 09-21T00:00Z"],
  ])("[RS20] rules %s of %s after %s give %s", (...[version, name, after, expected]) => {
    const rules = version === "2025b" ? driftRules2025b : driftRules2026c;
    const zone = createFixtureZones(rules).get(name) ?? utc;
    const next = expected.split(" ").map((one) => `2026-${one}`);
    expect(boundaries("0 0 * * *", zone, [after, next.length])).toEqual(next);
  });

  it("[RS20] newer rules change nothing before the first change", () => {
    for (const [name, after, until] of [
      ["America/Vancouver", "2026-01-01T00:00:00Z", "2026-11-01T08:59:59Z"],
      ["Africa/Casablanca", "2026-01-01T00:00:00Z", "2026-09-20T00:59:59Z"],
    ] as const) {
      const [older, newer] = [driftRules2025b, driftRules2026c].map((rules) =>
        boundariesAfter(
          compileSchedule(read("*/20 * * * *")),
          createFixtureZones(rules).get(name) ?? utc,
          {
            after: at(after),
            until: at(until),
            countMax: 100_000,
          },
        ),
      );
      expect(older?.length).toBeGreaterThan(18_000);
      expect(newer).toEqual(older);
    }
  });

  it("[RS13] asking for many and asking one by one give the same", () => {
    const zone = createFixtureZones(driftRules2025b).get("America/Vancouver") ?? utc;
    const text = fc.constantFrom(
      "0 2 * * *",
      "*/7 1-3 * * *",
      "30 1,2 * * 0",
      "0 0 L * *",
      "15 * 8 * 0",
    );
    const start = fc.integer({ min: at("2026-01-01T00:00:00Z"), max: at("2027-12-31T00:00:00Z") });
    fc.assert(
      fc.property(text, start, (schedule, after) => {
        const compiled = compileSchedule(read(schedule));
        const many = boundariesAfter(compiled, zone, { after, countMax: 40 });
        let last = after;
        for (const expected of many) {
          expect(nextBoundary(compiled, zone, last)).toBe(expected);
          last = expected;
        }
      }),
    );
  });

  it("[RS13] ten thousand minutes are found without going back", () => {
    let asked = 0;
    const counted: Zone = {
      id: "counted",
      spanAt(instant) {
        asked += 1;
        return createFixtureZone("Spring", spring).spanAt(instant);
      },
    };
    const every = compileSchedule(read("* * * * *"));
    const after = at("2026-03-28T12:00:00Z");
    const found = boundariesAfter(every, counted, { after, countMax: 10_000 });
    expect(found.at(-1)).toBe(after + 10_000 * 60_000);
    expect(asked).toBeLessThan(5);
  });
});
