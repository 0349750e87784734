// Ends of periods: reset, flush, changed schedules, deletion (docs/spec/periods.md, FL).
import { describe, expect, it } from "vitest";
import type { ResetSchedule } from "../../src/core/definitions.ts";
import { writeJson } from "../../src/core/json.ts";
import { metersPerSweepMax } from "../../src/core/limits.ts";
import { meterDocument } from "../../src/core/meter-document.ts";
import type { Meter, MeterType } from "../../src/core/state.ts";
import { accountId, CoreWorld, meterKey, start } from "../support/core-world.ts";

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

function schedule(fields: Partial<ResetSchedule>): ResetSchedule {
  return { minute: "0", hour: "0", day: "*", month: "*", weekday: "*", ...fields };
}

const daily = schedule({});
const hourly = schedule({ hour: "*" });

function periods(world: CoreWorld): unknown[] {
  return world
    .metered()
    .map(({ periodStart, periodEnd, value }) => [periodStart, periodEnd, value]);
}

function iso(instant: number): string {
  return new Date(instant).toISOString();
}

function patchType(world: CoreWorld, { id }: MeterType, patch: object): void {
  const { outcome } = world.command({ kind: "patch-meter-type", accountId, id, patch });
  expect(outcome.kind).toBe("meter-type");
}

function patchMeter(world: CoreWorld, { id }: Meter, patch: object): void {
  const { outcome } = world.apply({ kind: "patch-meter", accountId, id, patch });
  expect(outcome.kind).toBe("meter");
}

describe("a period", () => {
  it("[FL4] of a new meter runs from its creation to the first boundary in the type's zone", () => {
    const world = new CoreWorld(Date.UTC(2024, 0, 10));
    const monthly = schedule({ day: "1" });
    const table = [
      ["Etc/UTC", "2024-02-01T00:00:00.000Z"],
      ["Europe/Stockholm", "2024-01-31T23:00:00.000Z"],
      ["Asia/Kolkata", "2024-01-31T18:30:00.000Z"],
    ] as const;
    for (const [timezone, end] of table) {
      const meter = world.meter(world.meterType({ timezone, resetSchedule: monthly }));
      expect([iso(meter.periodStart), iso(meter.periodEnd)]).toEqual([iso(world.now), end]);
    }
  });

  it("[FL1] takes what is counted up to its last millisecond, the next takes the boundary", () => {
    for (const offset of [-1, 0, 1]) {
      const world = new CoreWorld();
      const meter = world.meter(world.meterType({ resetSchedule: daily }));
      world.now = start + dayMs + offset;
      world.usage([{ userId: "user", value: 5 }]);
      world.now = start + dayMs + 1;
      world.sweep();
      expect(periods(world)).toEqual([[iso(start), iso(start + dayMs), offset < 0 ? 5 : 0]]);
      expect(meter.counter.count).toBe(offset < 0 ? 0 : 1);
    }
  });

  it("[FL2] that was missed is flushed by itself, and periods tile time", () => {
    const world = new CoreWorld();
    world.meter(world.meterType({ resetSchedule: daily }));
    world.usage([{ userId: "user", value: 3 }]);
    world.now = start + 3 * dayMs + 5;
    world.usage([{ userId: "user", value: 4 }]);
    expect(periods(world)).toEqual([
      [iso(start), iso(start + dayMs), 3],
      [iso(start + dayMs), iso(start + 2 * dayMs), 0],
      [iso(start + 2 * dayMs), iso(start + 3 * dayMs), 0],
    ]);
  });

  it("[FL2] [C3] tiles time over days of 23 and 25 hours", () => {
    const world = new CoreWorld(Date.UTC(2026, 2, 20));
    world.meter(world.meterType({ resetSchedule: daily, timezone: "Europe/Berlin" }));
    world.now = Date.UTC(2026, 10, 5);
    world.sweep();
    const records = world.metered();
    const lengths = new Set<number>();
    for (const [at, record] of records.entries()) {
      const next = records[at + 1];
      if (next !== undefined) expect(next.periodStart).toBe(record.periodEnd);
      const length = Date.parse(String(record.periodEnd)) - Date.parse(String(record.periodStart));
      if (at > 0) lengths.add(length / hourMs);
    }
    expect([...lengths].sort()).toEqual([23, 24, 25]);
    expect(records.length).toBe(230);
  });

  it("[FL3] ends with an emptied counter, and what was inherited stays", () => {
    const world = new CoreWorld();
    const type = world.meterType({ resetSchedule: daily, capacity: 7n });
    const meter = world.meter(type);
    patchMeter(world, meter, { customFields: { a: 1 } });
    world.usage([{ userId: "user", value: 3 }]);
    const before = world.now;
    world.now = start + dayMs;
    world.sweep();
    const document = JSON.parse(writeJson(meterDocument(meter))) as Record<string, unknown>;
    expect(document).toMatchObject({
      value: 0,
      groups: [],
      carryFirst: {},
      carryLast: {},
      meterMetaData: { count: 0, firstEvent: null, lastEvent: null },
      customFields: { a: 1 },
      updatedAt: iso(start + dayMs),
      periodStart: iso(start + dayMs),
    });
    expect(meter.capacity).toBe(7n);
    expect(world.metered()[0]).toMatchObject({ updatedAt: iso(before), customFields: { a: 1 } });
  });

  it("[FL12] goes out with its position, when it went out, and the state before the reset", () => {
    const world = new CoreWorld();
    const meter = world.meter(world.meterType({ resetSchedule: daily }));
    world.now = start + 1_000;
    world.usage([{ userId: "user", value: "2.5" }]);
    world.now = start + dayMs + 700;
    world.sweep();
    expect(world.metered()).toEqual([
      {
        ...(JSON.parse(writeJson(meterDocument(meter))) as object),
        value: 2.5,
        valueExact: "2.5",
        periodStart: iso(start),
        periodEnd: iso(start + dayMs),
        updatedAt: iso(start + 1_000),
        meterMetaData: { count: 1, firstEvent: iso(start + 1_000), lastEvent: iso(start + 1_000) },
        recordId: `0.${world.state.seq}.0`,
        emittedAt: iso(start + dayMs + 700),
      },
    ]);
  });
});

describe("a changed meter type", () => {
  it("[FL6] has its new schedule after the current period of a meter, at once for new ones", () => {
    const world = new CoreWorld(start + 5 * hourMs);
    const type = world.meterType({ resetSchedule: daily });
    const old = world.meter(type, "old");
    world.now = start + 6 * hourMs;
    patchType(world, type, { resetSchedule: hourly });
    const fresh = world.meter(type, "new");
    expect(iso(old.periodEnd)).toBe(iso(start + dayMs));
    expect(iso(fresh.periodEnd)).toBe(iso(start + 7 * hourMs));
    world.now = start + dayMs;
    world.sweep();
    expect(iso(old.periodEnd)).toBe(iso(start + 25 * hourMs));
    expect(iso(fresh.periodEnd)).toBe(iso(start + 25 * hourMs));
  });

  it("[FL6] [C9] one millisecond before or at the end of a period changes the next one only", () => {
    for (const offset of [-1, 0, 1]) {
      const world = new CoreWorld();
      const type = world.meterType({ resetSchedule: daily });
      const meter = world.meter(type);
      world.now = start + dayMs + offset;
      patchType(world, type, { resetSchedule: hourly });
      world.now = start + 3 * dayMs;
      world.sweep();
      const ends = world.metered().map(({ periodEnd }) => periodEnd);
      expect(ends[0]).toBe(iso(start + dayMs));
      const second = offset < 0 ? start + 25 * hourMs : start + 2 * dayMs;
      expect(ends[1]).toBe(iso(second));
      expect(meter.periodEnd).toBe(start + 3 * dayMs + hourMs);
    }
  });

  it("[FL6] that was lagging when the schedule changed still owes its old boundaries", () => {
    const world = new CoreWorld();
    const type = world.meterType({ resetSchedule: daily });
    world.meter(type);
    world.now = start + 2 * dayMs + hourMs;
    patchType(world, type, { resetSchedule: schedule({ hour: "12" }) });
    world.now = start + 4 * dayMs;
    world.sweep();
    const ends = world.metered().map(({ periodEnd }) => Date.parse(String(periodEnd)) - start);
    expect(ends).toEqual([dayMs, 2 * dayMs, 3 * dayMs, 3 * dayMs + 12 * hourMs]);
  });

  it("[FL6] keeps the zone of the meters that it has", () => {
    const world = new CoreWorld(start + hourMs);
    const type = world.meterType({ resetSchedule: daily, timezone: "Etc/UTC" });
    const old = world.meter(type, "old");
    patchType(world, type, { timezone: "Asia/Tokyo" });
    const fresh = world.meter(type, "new");
    expect([old.timezone, fresh.timezone]).toEqual(["Etc/UTC", "Asia/Tokyo"]);
    expect([iso(old.periodEnd), iso(fresh.periodEnd)]).toEqual([
      "2026-01-02T00:00:00.000Z",
      "2026-01-01T15:00:00.000Z",
    ]);
    patchType(world, type, { resetSchedule: schedule({ hour: "6" }) });
    world.now = start + 2 * dayMs;
    world.sweep();
    expect([iso(old.periodEnd), iso(fresh.periodEnd)]).toEqual([
      "2026-01-03T06:00:00.000Z",
      "2026-01-03T21:00:00.000Z",
    ]);
  });

  it("[FL7] that has ended flushes only what was updated, and its periods move on", () => {
    const world = new CoreWorld();
    const type = world.meterType({ resetSchedule: daily });
    const meter = world.meter(type);
    world.usage([{ userId: "user", value: 1 }]);
    patchType(world, type, { activeTo: start + dayMs + hourMs });
    world.now = start + 2 * dayMs - 1;
    world.usage([{ userId: "user", value: 2, timestamp: start + dayMs }]);
    world.now = start + 5 * dayMs;
    world.sweep();
    expect(periods(world)).toEqual([
      [iso(start), iso(start + dayMs), 1],
      [iso(start + dayMs), iso(start + 2 * dayMs), 2],
    ]);
    expect(iso(meter.periodEnd)).toBe(iso(start + 6 * dayMs));
  });
});

describe("delete on reset", () => {
  it("[FL8] takes the meter away with its last metered record, which shows the flag", () => {
    const world = new CoreWorld();
    const meter = world.meter(world.meterType({ resetSchedule: daily }));
    world.usage([{ userId: "user", value: 1 }]);
    patchMeter(world, meter, { deleteOnReset: true });
    world.now = start + 3 * dayMs;
    const outcome = world.usage([{ userId: "user", value: 1 }]);
    expect(outcome.results[0]).toMatchObject({ outcome: "rejected", reason: "NO_METER" });
    expect(world.metered()).toHaveLength(1);
    expect(world.metered()[0]).toMatchObject({ value: 1, deleteOnReset: true });
    expect(world.live(meter)).toBeUndefined();
    expect(meter.type.numberOfMeters).toBe(0);
  });

  it("[FL8] is cancelled by setting it back before the boundary, not after it", () => {
    for (const offset of [-1, 0]) {
      const world = new CoreWorld();
      const meter = world.meter(world.meterType({ resetSchedule: daily }));
      patchMeter(world, meter, { deleteOnReset: true });
      world.now = start + dayMs + offset;
      const patch = { deleteOnReset: false };
      const { outcome } = world.apply({ kind: "patch-meter", accountId, id: meter.id, patch });
      expect(outcome.kind).toBe(offset < 0 ? "meter" : "refused");
      world.now = start + dayMs;
      world.sweep();
      expect(world.live(meter) !== undefined).toBe(offset < 0);
    }
  });

  it("[FL9] a DELETE flushes what ended and discards what is open", () => {
    const world = new CoreWorld();
    const meter = world.meter(world.meterType({ resetSchedule: daily }));
    world.usage([{ userId: "user", value: 1 }]);
    world.now = start + dayMs;
    world.usage([{ userId: "user", value: 2 }]);
    const { outcome } = world.apply({ kind: "delete-meter", accountId, id: meter.id });
    expect(outcome.kind).toBe("deleted");
    world.now = start + 9 * dayMs;
    world.sweep();
    expect(periods(world)).toEqual([[iso(start), iso(start + dayMs), 1]]);
  });
});

describe("a sweep", () => {
  it("[FL10] closes by period end, then by id, as many as it may", () => {
    const world = new CoreWorld();
    const [slow, fast] = [daily, hourly].map((resetSchedule) => world.meterType({ resetSchedule }));
    if (slow === undefined || fast === undefined) throw new Error("two types were made");
    const meters = [3, 1, 2].map((at) => world.meter(slow, `s${at}`));
    const quick = world.meter(fast, "f");
    world.now = start + dayMs;
    expect(world.apply({ kind: "end-periods", limit: 25 }).outcome).toEqual({
      kind: "periods-ended",
      count: 25,
    });
    const ids = world.metered().map(({ id }) => id);
    expect(new Set(ids.slice(0, 23))).toEqual(new Set([quick.id]));
    world.sweep();
    const last = world
      .metered()
      .slice(23)
      .map(({ id }) => id);
    expect(last).toEqual([...meters.map(({ id }) => id), quick.id].sort());
  });

  it("[FL10] goes on in the same order after a restart in its middle", () => {
    const run = (restart: boolean): unknown[] => {
      const world = new CoreWorld();
      const type = world.meterType({ resetSchedule: daily });
      for (let at = 0; at < 50; at += 1) world.meter(type, `user-${(at * 37) % 50}`);
      world.now = start + dayMs;
      world.apply({ kind: "end-periods", limit: 20 });
      if (restart) world.restart();
      world.apply({ kind: "end-periods", limit: metersPerSweepMax });
      return world.metered();
    };
    expect(run(true)).toEqual(run(false));
    expect(run(true)).toHaveLength(50);
  });
});

describe("flushType ALL_FILES", () => {
  it("[FL11] flushes every meter of the processor after each request", () => {
    const world = new CoreWorld();
    world.processor({ flushType: "ALL_FILES" });
    const type = world.meterType({ resetSchedule: daily });
    world.meter(type, "a");
    world.meter(type, "b");
    const other = world.meter(type, "c", "other-key");
    world.now = start + hourMs;
    const late = world.meter(type, "late");
    world.usage([
      { userId: "a", value: 1 },
      { userId: "late", value: 9 },
    ]);
    expect(periods(world)).toEqual([
      [iso(start), iso(start + hourMs), 1],
      [iso(start), iso(start + hourMs), 0],
    ]);
    expect(iso(late.periodStart)).toBe(iso(start + hourMs));
    expect(late.counter.count).toBe(1);
    expect(world.live(other)?.periodStart).toBe(start);
    world.now += 1;
    world.usage([]);
    expect(periods(world).at(-1)).toEqual([iso(start + hourMs), iso(start + hourMs + 1), 9]);
    expect(iso(late.periodEnd)).toBe(iso(start + dayMs));
  });
});

describe("changed zone rules", () => {
  it("[FL13] [C12] move ends that lie in the future, once, and none that passed", () => {
    const world = new CoreWorld();
    const type = world.meterType({ resetSchedule: daily });
    const meter = world.meter(type);
    world.now = start + dayMs + hourMs;
    world.sweep();
    const moved = [2, 3, 4].map((day) => start + day * dayMs + 30 * 60_000);
    const timetables = [{ timezone: "Etc/UTC", boundaries: moved }];
    for (const _time of [1, 2]) {
      world.apply({ kind: "replan", meterTypeId: type.id, timetables });
      expect(meter.periodEnd).toBe(moved[0]);
    }
    world.now = start + 3 * dayMs + hourMs;
    world.sweep();
    expect(world.metered().map(({ periodEnd }) => periodEnd)).toEqual([
      iso(start + dayMs),
      ...moved.slice(0, 2).map(iso),
    ]);
    expect(meterKey).toBe(meter.meterKey);
  });
});
