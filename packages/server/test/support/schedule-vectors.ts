// Boundaries that were worked out by hand or by independent programs before this one was written:
// the reference table of reset schedules. Zone names need the zone data of Node.

export interface ScheduleVector {
  readonly id: string;
  /** Minute, hour, day, month, weekday. */
  readonly schedule: string;
  readonly zone: string;
  /** Exclusive; to the minute or to the second. */
  readonly after: string;
  /** The next boundaries, to the minute. */
  readonly next: readonly string[];
  readonly why: string;
}

/** id; schedule; zone; after: next boundaries (reason) */
const table = `
VU1; 0 0 1 * *; Etc/UTC; 2023-07-05T22:01:04Z -> 2023-08-01T00:00Z 2023-09-01T00:00Z (matches the period in the API page sample)
VU2; 0 0 1 * *; Etc/UTC; 2023-08-01T00:00Z -> 2023-09-01T00:00Z (strictly after)
VU3; */15 * * * *; Etc/UTC; 2026-05-05T12:07:30Z -> 2026-05-05T12:15Z 2026-05-05T12:30Z 2026-05-05T12:45Z (after)
VU4; 0 0 31 * *; Etc/UTC; 2026-01-31T00:00Z -> 2026-03-31T00:00Z 2026-05-31T00:00Z 2026-07-31T00:00Z (31st: short months skipped)
VU5; 0 0 30 * *; Etc/UTC; 2026-01-30T00:00Z -> 2026-03-30T00:00Z 2026-04-30T00:00Z (30th: February skipped)
VU6; 0 0 29 2 *; Etc/UTC; 2024-02-29T00:00Z -> 2028-02-29T00:00Z (leap day)
VU8; 0 0 29 2 *; Etc/UTC; 1999-06-01T00:00Z -> 2000-02-29T00:00Z (2000 is a leap year)
VU9; 0 0 13 * 5; Etc/UTC; 2026-01-01T00:00Z -> 2026-01-02T00:00Z 2026-01-09T00:00Z 2026-01-13T00:00Z 2026-01-16T00:00Z (OR rule (Friday or the 13th))
VU10; 30 4 1,15 * 5; Etc/UTC; 2026-05-01T00:00Z -> 2026-05-01T04:30Z 2026-05-08T04:30Z 2026-05-15T04:30Z 2026-05-22T04:30Z (crontab(5) manual example)
VU11; 0 0 */2 * 1; Etc/UTC; 2026-06-01T00:00Z -> 2026-06-15T00:00Z 2026-06-29T00:00Z 2026-07-13T00:00Z (*/2 begins with *: AND)
VU12; 0 0 1-31 * 1; Etc/UTC; 2026-06-01T00:00Z -> 2026-06-02T00:00Z 2026-06-03T00:00Z (1-31 is restricted: OR, so daily)
VU14; 0 0 * * 7; Etc/UTC; 2026-06-01T00:00Z -> 2026-06-07T00:00Z 2026-06-14T00:00Z (7 = Sunday)
VU15; 0 0 * JAN,jul MON-FRI; Etc/UTC; 2026-06-30T12:00Z -> 2026-07-01T00:00Z 2026-07-02T00:00Z 2026-07-03T00:00Z (names, case-insensitive, month filter)
VU16; 59 23 31 12 *; Etc/UTC; 2016-12-31T23:59Z -> 2017-12-31T23:59Z (leap second at 2016-12-31 23:59:60 ignored)
VU18; 0 0-23/6 * * *; Etc/UTC; 2026-06-01T06:00Z -> 2026-06-01T12:00Z 2026-06-01T18:00Z 2026-06-02T00:00Z (stepped range)
VG1; 30 2 * * *; America/New_York; 2026-03-07T07:30Z -> 2026-03-08T07:00Z 2026-03-09T06:30Z (gap: first instant after it)
VG2; 0 2 * * *; America/New_York; 2026-03-07T07:00Z -> 2026-03-08T07:00Z 2026-03-09T06:00Z (gap start itself)
VG3; 0 0 * * *; America/New_York; 2026-03-08T04:59Z -> 2026-03-08T05:00Z 2026-03-09T04:00Z (23-hour day)
VG4; */30 2 * * *; America/New_York; 2026-03-07T07:30Z -> 2026-03-09T06:00Z 2026-03-09T06:30Z (interval schedule: dropped in gap)
VG5; 0 * * * *; America/New_York; 2026-03-08T05:30Z -> 2026-03-08T06:00Z 2026-03-08T07:00Z 2026-03-08T08:00Z (hourly across gap)
VG6; 0 2,3 * * *; America/New_York; 2026-03-08T00:00Z -> 2026-03-08T07:00Z 2026-03-09T06:00Z (gap result coalesces with 03:00)
VG8; 30 2 29 3 *; Europe/Berlin; 2026-01-01T00:00Z -> 2026-03-29T01:00Z 2027-03-29T00:30Z (yearly schedule hits the gap)
VG9; 15 2 * * 0; Europe/Berlin; 2026-03-22T02:00Z -> 2026-03-29T01:00Z 2026-04-05T00:15Z (weekly schedule hits the gap)
VG10; 0 0 * * *; Africa/Cairo; 2025-04-23T22:00Z -> 2025-04-24T22:00Z 2025-04-25T21:00Z (gap at midnight (day starts 01:00))
VG11; 0 0 1 * *; Africa/Cairo; 2025-04-15T00:00Z -> 2025-04-30T21:00Z (month start unaffected)
VG13; 15 2 * * *; Australia/Lord_Howe; 2025-10-04T00:00Z -> 2025-10-04T15:30Z 2025-10-05T15:15Z (30-minute gap)
VG14; 0 0 4 11 *; America/Sao_Paulo; 2018-10-01T00:00Z -> 2018-11-04T03:00Z (historic midnight gap)
VG16; 0 0 * * *; Pacific/Apia; 2011-12-29T10:00Z -> 2011-12-30T10:00Z 2011-12-31T10:00Z (same, daily: one boundary only)
VG19; 30 1 * * *; Europe/Dublin; 2026-03-28T12:00Z -> 2026-03-29T01:00Z 2026-03-30T00:30Z (zone modelled with negative DST)
VO1; 30 1 * * *; America/New_York; 2026-10-31T12:00Z -> 2026-11-01T05:30Z 2026-11-02T06:30Z (overlap: first pass only)
VO2; */30 1 * * *; America/New_York; 2026-11-01T00:00Z -> 2026-11-01T05:00Z 2026-11-01T05:30Z 2026-11-01T06:00Z 2026-11-01T06:30Z 2026-11-02T06:00Z (interval: both passes)
VO3; 0 * * * *; America/New_York; 2026-11-01T04:30Z -> 2026-11-01T05:00Z 2026-11-01T06:00Z 2026-11-01T07:00Z (hourly: both passes)
VO4; 0 0 * * *; America/New_York; 2026-11-01T03:00Z -> 2026-11-01T04:00Z 2026-11-02T05:00Z (25-hour day)
VO7; 0 0 * * *; Atlantic/Azores; 2026-10-24T12:00Z -> 2026-10-25T00:00Z 2026-10-26T01:00Z (midnight happens twice)
VO9; 0 0 * * *; Asia/Beirut; 2025-10-25T12:00Z -> 2025-10-25T22:00Z 2025-10-26T22:00Z (00:00 reached only after the repeat)
VO10; 45 1 * * *; Australia/Lord_Howe; 2026-04-04T00:00Z -> 2026-04-04T14:45Z 2026-04-05T15:15Z (30-minute overlap)
VO12; 30 1 * * *; America/New_York; 2026-11-01T05:30Z -> 2026-11-02T06:30Z (start inside second pass)
VO14; 0 0 1 3 *; Asia/Almaty; 2024-02-01T00:00Z -> 2024-02-29T19:00Z (same change, next boundary)
VO16; 30 2 * * *; Africa/Casablanca; 2025-04-05T12:00Z -> 2025-04-06T02:00Z 2025-04-07T01:30Z (Ramadan: gap)
VZ1; 0 0 1 * *; Asia/Kathmandu; 2026-04-15T00:00Z -> 2026-04-30T18:15Z (+05:45)
VZ2; 0 0 1 * *; Pacific/Chatham; 2026-05-15T00:00Z -> 2026-05-31T11:15Z (+12:45)
VZ3; 0 0 1 1 *; Pacific/Kiritimati; 2025-06-01T00:00Z -> 2025-12-31T10:00Z (+14)
VZ4; 0 0 1 1 *; Etc/GMT+12; 2025-06-01T00:00Z -> 2026-01-01T12:00Z (POSIX sign: UTC-12)
VZ7; 0 0 * * *; America/Asuncion; 2025-03-22T12:00Z -> 2025-03-23T03:00Z 2025-03-24T03:00Z (permanent summer time since 2024 (needs tzdata 2024b+))
VZ9; 0 0 1 * *; Europe/London; 2026-03-15T00:00Z -> 2026-03-31T23:00Z 2026-04-30T23:00Z 2026-05-31T23:00Z (BST month starts)
VZ10; 0 0 1 * *; Asia/Kolkata; 2026-01-31T18:30Z -> 2026-02-28T18:30Z (+05:30)
VG21; 0 0 * * *; Africa/Cairo; 2026-04-23T00:00Z -> 2026-04-23T22:00Z 2026-04-24T21:00Z (midnight gap, 2026)
VZ11; 0 0 * * *; America/New_York; 2026-06-30T23:59:59Z -> 2026-07-01T04:00Z (after)
VL1; 0 0 L * *; Etc/UTC; 2026-01-15T00:00Z -> 2026-01-31T00:00Z 2026-02-28T00:00Z 2026-03-31T00:00Z 2026-04-30T00:00Z (last day)
VL2; 0 0 L 2 *; Etc/UTC; 2027-03-01T00:00Z -> 2028-02-29T00:00Z 2029-02-28T00:00Z (last of February)
VL3; 0 0 L * *; America/New_York; 2026-01-31T05:00Z -> 2026-02-28T05:00Z 2026-03-31T04:00Z (strictly after, EST then EDT)
VL4; 30 2 L 3 *; Europe/Berlin; 2024-01-01T00:00Z -> 2024-03-31T01:00Z (last day is the gap day)
VL5; 0 0 15,L * *; Etc/UTC; 2026-02-14T12:00Z -> 2026-02-15T00:00Z 2026-02-28T00:00Z 2026-03-15T00:00Z (in a list)
VL6; 0 0 L * 5; Etc/UTC; 2026-02-20T00:00Z -> 2026-02-27T00:00Z 2026-02-28T00:00Z 2026-03-06T00:00Z (OR with Friday)
VL7; 0 0 1 * ?; Asia/Tokyo; 2026-02-20T00:00Z -> 2026-02-28T15:00Z (? as *)
VL8; 59 23 L 12 *; Pacific/Auckland; 2026-02-20T00:00Z -> 2026-12-31T10:59Z (year end, UTC+13)
VL9; 30 0 L 10 *; Asia/Beirut; 2026-01-01T00:00Z -> 2026-10-30T22:30Z (after the October change)
P1; 0 0 1 * *; Etc/UTC; 2024-01-10T00:00Z -> 2024-02-01T00:00Z 2024-03-01T00:00Z (a new meter's first period ends)
P2; 0 0 1 * *; Europe/Stockholm; 2024-01-10T12:00Z -> 2024-01-31T23:00Z 2024-02-29T23:00Z 2024-03-31T22:00Z (time zone)
P3; 0 0 1 * *; America/New_York; 2024-02-10T00:00Z -> 2024-03-01T05:00Z 2024-04-01T04:00Z (time zone)
P4; 0 0 1 * *; Asia/Kolkata; 2024-01-10T00:00Z -> 2024-01-31T18:30Z 2024-02-29T18:30Z (half-hour zone)
P5; 0 0 L * *; Etc/UTC; 2024-02-10T00:00Z -> 2024-02-29T00:00Z 2024-03-31T00:00Z 2024-04-30T00:00Z (last day, leap year)
P6; 0 0 31 * *; Etc/UTC; 2024-02-10T00:00Z -> 2024-03-31T00:00Z 2024-05-31T00:00Z 2024-07-31T00:00Z (31st)
P7; */5 * * * *; Etc/UTC; 2024-01-10T00:00Z -> 2024-01-10T00:05Z 2024-01-10T00:10Z 2024-01-10T00:15Z (strict successor)
P8; 0 0 13 * 5; Etc/UTC; 2024-09-02T00:00Z -> 2024-09-06T00:00Z 2024-09-13T00:00Z 2024-09-20T00:00Z (either day matches)
P9; 0 0 1 * *; Etc/UTC; 2024-02-01T00:00Z -> 2024-03-01T00:00Z (created exactly on a boundary)
S2; 30 2 * * *; Europe/Stockholm; 2024-10-26T00:00Z -> 2024-10-26T00:30Z 2024-10-27T00:30Z 2024-10-28T01:30Z (first pass only)
S3; 0 0 * * *; Africa/Cairo; 2024-04-25T00:00Z -> 2024-04-25T22:00Z 2024-04-26T21:00Z (midnight does not exist)
S4; 0 * * * *; Europe/Stockholm; 2024-10-26T23:30Z -> 2024-10-27T00:00Z 2024-10-27T01:00Z 2024-10-27T02:00Z (both passes)
VV1; 0 0 31 2 1; Etc/UTC; 2026-01-15T00:00Z -> 2026-02-02T00:00Z (Mondays of February by the either rule)
VY1; 0 0 29 2 */7; Etc/UTC; 2096-01-01T00:00Z -> 2128-02-29T00:00Z (a 29 February that is a Sunday)
VY2; 0 0 29 2 *; Etc/UTC; 2096-03-01T00:00Z -> 2104-02-29T00:00Z (2100 is no leap year)
VY3; 59 23 31 12 *; Etc/UTC; 2037-12-31T23:59Z -> 2038-12-31T23:59Z (beyond 32-bit seconds)
`;

export const scheduleVectors: readonly ScheduleVector[] = table.trim().split("\n").map(toVector);

function toVector(line: string): ScheduleVector {
  const match = /^(\w+); ([^;]+); (\S+); (\S+) -> ([^(]+) \((.+)\)$/.exec(line);
  if (match === null) throw new Error(`no vector: ${line}`);
  const [, id = "", schedule = "", zone = "", after = "", next = "", why = ""] = match;
  return { id, schedule, zone, after, next: next.split(" "), why };
}
