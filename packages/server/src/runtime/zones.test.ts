// Names that are zones and names that are not, and spans against Temporal asked instant by instant.
import { describe, expect, it } from "vitest";
import { createSeededRandom, seedOf } from "../../test/support/seeded-random.ts";
import { createTemporalZones } from "./zones.ts";

const zones = createTemporalZones();
const seed = seedOf(20261);

describe("names", () => {
  it.each([
    ...["Etc/UTC", "UTC", "Europe/Berlin", "Asia/Kolkata", "Asia/Calcutta", "Europe/Kyiv"],
    ...["US/Eastern", "EST5EDT", "Etc/GMT-14", "Etc/GMT+12", "Africa/Abidjan", "GMT"],
    ...["America/Argentina/ComodRivadavia", "America/Port-au-Prince", "GB-Eire"],
  ])("[RS21] [RS22] %s is a zone and keeps its name", (name) => {
    expect(zones.get(name)?.id).toBe(name);
    expect(zones.get(name)).toBe(zones.get(name));
  });

  it.each(
    [
      ...[
        "+02:00",
        "-00:00",
        "Z",
        "europe/berlin",
        "EUROPE/BERLIN",
        "utc",
        "GMT+2",
        "Mars/Phobos",
        "",
      ],
      ...[
        "America/New_York ",
        " Etc/UTC",
        "\u0000Etc/UTC",
        "Etc/UTC\u0000",
        "Etc/UTC\n",
        "localtime",
      ],
      ...[
        "Factory",
        "posixrules",
        "Etc/Unknown",
        "Etc",
        "Etc/",
        "__proto__",
        "constructor",
        "\ud800",
      ],
      ...["2024-01-01T00:00[UTC]", "[UTC]", "UTC[u-ca=iso8601]", "Europe/ Berlin", "Εtc/UTC"],
      ...["a".repeat(1_000_000), "../UTC", "Etc/../UTC", "posix/Etc/UTC", "right/Etc/UTC"],
    ].map((name) => ({ name, shown: JSON.stringify(name.slice(0, 30)) })),
  )("[RS21] $shown is no zone", ({ name }) => {
    expect(zones.get(name)).toBeUndefined();
  });
});

describe("spans", () => {
  const names = ["America/New_York", "Africa/Casablanca", "Pacific/Apia", "Australia/Lord_Howe"];
  it.each([...names, "Europe/Dublin", "Etc/UTC", "Asia/Kolkata"])(
    `[RS20] of %s tile time and have Temporal's offsets, seed ${seed}`,
    (name) => {
      const zone = zones.get(name);
      const random = createSeededRandom(seed);
      for (let round = 0; round < 2_000; round += 1) {
        const instant =
          random.integer(-2_000_000_000, 2_000_000_000) * 1_500 + random.integer(0, 999);
        const span = zone?.spanAt(instant);
        if (zone === undefined || span === undefined) return expect.fail("no zone");
        expect(span.start <= instant && instant < span.end).toBe(true);
        expect(span.offsetMs).toBe(offsetAt(name, instant));
        if (span.end < Infinity) expect(zone.spanAt(span.end).start).toBe(span.end);
        if (span.start > -Infinity) {
          expect(zone.spanAt(span.start)).toEqual(span);
          expect(zone.spanAt(span.start - 1).end).toBe(span.start);
          expect(offsetAt(name, span.start)).toBe(span.offsetMs);
        }
      }
    },
  );

  it("[RS20] are there at the ends of time", () => {
    const zone = zones.get("America/New_York");
    expect(zone?.spanAt(8.64e15).end).toBe(Infinity);
    expect(zone?.spanAt(-8.64e15).start).toBe(-Infinity);
  });
});

function offsetAt(name: string, instant: number): number {
  const zoned = Temporal.Instant.fromEpochMilliseconds(instant).toZonedDateTimeISO(name);
  return zoned.offsetNanoseconds / 1e6;
}
