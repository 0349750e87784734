// The reference table of boundaries against the zone data of Node.
import { describe, expect, it } from "vitest";
import type { ResetSchedule } from "../src/core/definitions.ts";
import { boundariesAfter, compileSchedule, readResetSchedule } from "../src/core/schedule.ts";
import { formatInstant } from "../src/core/time.ts";
import { createTemporalZones } from "../src/runtime/zones.ts";
import { type ScheduleVector, scheduleVectors } from "./support/schedule-vectors.ts";

const zones = createTemporalZones();

function scheduleOf(text: string): ResetSchedule {
  const [minute = "", hour = "", day = "", month = "", weekday = ""] = text.split(" ");
  const read = readResetSchedule({ minute, hour, day, month, weekday }, "/resetSchedule");
  if (!read.ok) throw new Error(JSON.stringify(read.error));
  return read.value;
}

function boundariesOf({ schedule, zone, after, next }: ScheduleVector): readonly string[] {
  const rules = zones.get(zone);
  if (rules === undefined) throw new Error(`there is no zone ${zone}`);
  const query = { after: Date.parse(after), countMax: next.length };
  const found = boundariesAfter(compileSchedule(scheduleOf(schedule)), rules, query);
  return found.map((instant) => formatInstant(instant).replace(":00.000Z", "Z"));
}

describe("reference boundaries", () => {
  it("[RS10] there are more than seventy", () => {
    expect(scheduleVectors.length).toBeGreaterThan(70);
  });

  it.each(scheduleVectors)("[RS10] $id: $schedule in $zone after $after ($why)", (vector) => {
    expect(boundariesOf(vector)).toEqual(vector.next);
  });
});

describe("single rules in real zones", () => {
  const vector = { id: "", why: "" };

  it("[RS19] a leap second is no minute of its own", () => {
    const next = ["2016-12-31T23:59Z", "2017-01-01T00:00Z", "2017-01-01T00:01Z"];
    const after = "2016-12-31T23:58:30Z";
    const every = { ...vector, schedule: "* * * * *", zone: "Etc/UTC", after, next };
    expect(boundariesOf(every)).toEqual(next);
  });

  it("[RS20] boundaries go on for centuries", () => {
    const query = { after: Date.parse("2026-01-01T00:00:00Z"), countMax: 10_000 };
    const zone = zones.get("Europe/London");
    if (zone === undefined) throw new Error("no zone");
    const found = boundariesAfter(compileSchedule(scheduleOf("0 0 1 * *")), zone, query);
    expect(found).toHaveLength(10_000);
    const hours = new Set(found.map((instant) => formatInstant(instant).slice(11, 19)));
    expect([...hours].sort()).toEqual(["00:00:00", "23:00:00"]);
  });
});
