// Usage over time against a naive telling that keeps every record: after random histories of late,
// early and repeated timestamps, period ends, restarts and retention, every window of every answer
// and every period's windows together must be equal, digit for digit.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { combine } from "../../src/core/aggregation.ts";
import { apply } from "../../src/core/apply.ts";
import type { AggregationType } from "../../src/core/definitions.ts";
import type { Output } from "../../src/core/output.ts";
import { waitingAt } from "../../src/core/settling.ts";
import { type Meter, type MeterType, State } from "../../src/core/state.ts";
import { openPieces, tellUsage, type UsageWindow } from "../../src/core/usage-answer.ts";
import { type WindowSize, windowEnd, windowSizes, windowStart } from "../../src/core/usage-grid.ts";
import { openProjection, type Projection } from "../../src/projection/database.ts";
import { CoreWorld, zones } from "../support/core-world.ts";

const seed = Number(process.env.SEED ?? "20261122");
const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;
/** The night before clocks go forward in Berlin: 2026-03-28T20:00:00Z. */
const begin = Date.UTC(2026, 2, 28, 20);
const zoneNames = ["Europe/Berlin", "Etc/UTC", "Asia/Kolkata", "America/New_York"];
const schedules = [
  { everyMs: 5 * minute, minute: "*/5", hour: "*" },
  { everyMs: hour, minute: "0", hour: "*" },
  { everyMs: day, minute: "0", hour: "0" },
];

const recordArbitrary = fc.record({
  /** Milliseconds before now; null: no timestamp. */
  ago: fc.oneof(
    { weight: 2, arbitrary: fc.constant(null) },
    { weight: 2, arbitrary: fc.integer({ min: 0, max: 20 * minute }) },
    { weight: 1, arbitrary: fc.integer({ min: 0, max: 2 * day }) },
  ),
  value: fc.oneof(
    { weight: 4, arbitrary: fc.integer({ min: -500, max: 500 }).map(String) },
    { weight: 2, arbitrary: fc.integer({ min: -5_000, max: 5_000 }).map((n) => `${n}e-3`) },
    { weight: 1, arbitrary: fc.constantFrom("0.000000000000000001", "90071992547409931", "1e19") },
  ),
  region: fc.constantFrom("x", "y", "__proto__"),
});

const stepArbitrary = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("usage" as const),
      records: fc.array(recordArbitrary, { minLength: 1, maxLength: 5 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("wait" as const),
      ms: fc.oneof(fc.integer({ min: 0, max: 20 * minute }), fc.integer({ min: 0, max: 5 * hour })),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: "sweep" as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: "restart" as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: "age" as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: "store" as const }) },
);

const historyArbitrary = fc.record({
  aggregation: fc.constantFrom<AggregationType[]>("sum", "increment", "max", "min"),
  schedule: fc.constantFrom(...schedules),
  zone: fc.constantFrom(...zoneNames),
  /** Each request flushes; ended periods wait for two hours; neither. */
  mode: fc.constantFrom("run", "settling", "plain"),
  steps: fc.array(stepArbitrary, { minLength: 1, maxLength: 25 }),
});

type History = typeof historyArbitrary extends fc.Arbitrary<infer T> ? T : never;

/** A record as it was counted. */
interface Counted {
  readonly at: number;
  readonly periodStart: number;
  readonly amount: bigint;
  readonly region: string;
}

class Told {
  readonly world = new CoreWorld(begin + 123);
  readonly counted: Counted[] = [];
  readonly #history: History;
  readonly #type: MeterType;
  readonly #meterId: string;
  readonly #projection: Projection;
  #stored = 0;
  #isAged = false;

  constructor(history: History, projection: Projection) {
    this.#history = history;
    this.#projection = projection;
    const { aggregation, zone: timezone, schedule } = history;
    const clock = { minute: schedule.minute, hour: schedule.hour };
    const resetSchedule = { ...clock, day: "*", month: "*", weekday: "*" };
    this.#type = this.world.meterType({
      ...{ aggregation, timezone, resetSchedule },
      activeFrom: begin - 10 * day,
    });
    const groupBy = [{ fields: ["region"] }];
    const all = { customName: "", ignoreCondition: true, conditionRelation: "and" as const };
    this.world.processor({
      flushType: history.mode === "run" ? "ALL_FILES" : "TIMEOUT",
      settlingSeconds: history.mode === "settling" ? 7_200 : 0,
      guidingRules: [
        { ...all, conditions: [], matchCategory: "DEFAULT", groupBy, otherOperations: [] },
      ],
    });
    this.#meterId = this.world.meter(this.#type).id;
  }

  get meter(): Meter {
    const meter = this.world.state.meters.get(this.#meterId);
    if (meter === undefined) throw new Error("The meter is gone.");
    return meter;
  }

  step(step: History["steps"][number]): void {
    switch (step.kind) {
      case "wait":
        this.world.now += step.ms;
        break;
      case "sweep":
        this.world.sweep();
        break;
      case "restart":
        this.world.restart();
        break;
      case "age":
        this.age();
        break;
      case "store":
        this.store();
        break;
      case "usage":
        this.#usage(step.records);
    }
  }

  /** What the projection has not got yet. */
  store(): void {
    const { outputs, state } = this.world;
    this.#projection.store(outputs.slice(this.#stored), state.seq);
    this.#stored = outputs.length;
  }

  /** As retention would in weeks, from one chunk of two rows to the next. */
  age(): void {
    this.store();
    this.#isAged = true;
    const before = this.world.now - 3 * hour;
    for (const list of ["usage-minutes", "usage-quarters"] as const) {
      while (this.#projection.prune(list, before, 2) === 2);
    }
  }

  /** An answer and what it should be, window by window. */
  compare(size: WindowSize, { from, to }: { from: number; to: number }, zoneName: string): void {
    // What was made days of the meter's zone is told in no other form.
    if (this.#isAged && (size !== "P1D" || zoneName !== this.#history.zone)) return;
    this.store();
    const zone = zones.get(zoneName);
    if (zone === undefined) throw new Error(`There is no zone ${zoneName}.`);
    const { meter } = this;
    const { aggregation } = this.#history;
    const question = {
      size,
      zone,
      aggregation,
      from,
      to,
      openedAt: begin + 123,
      groupBy: "region",
    };
    const kept = this.#projection.usage.pieces({
      meterId: this.#meterId,
      from: Math.floor(windowStart(size, from, zone) / (15 * minute)) * 15 * minute,
      to: windowEnd(size, to - 1, zone),
      detail: size === "PT1M" ? "minutes" : size === "PT1H" ? "quarters" : "quarters-and-days",
      withGroups: true,
    });
    const open = openPieces(meter, question);
    const windows = tellUsage(question, [...(kept ?? []), ...open]) ?? [];
    const told = windows.filter(({ value }) => value !== null);
    expect(told.map(textOf(size))).toEqual(this.#expected(size, { from, to }, zoneName));
    for (const [index, { start, end }] of windows.entries()) {
      expect(end).toBeGreaterThan(start);
      if (index > 0) expect(start).toBe(windows[index - 1]?.end);
    }
  }

  /** The windows of each period that ended, together. */
  comparePeriods(zoneName: string): void {
    const zone = zones.get(zoneName);
    if (zone === undefined || this.#isAged) return;
    this.store();
    const range = { from: begin - day, to: this.world.now + day };
    const pieces = this.#projection.usage.pieces({
      ...{ meterId: this.#meterId, withGroups: false, detail: "quarters" },
      from: Math.floor(range.from / day) * day,
      to: range.to,
    });
    const { aggregation } = this.#history;
    const question = {
      size: "PT1H",
      zone,
      aggregation,
      ...range,
      openedAt: 0,
      groupBy: null,
    } as const;
    const windows = tellUsage(question, pieces ?? []) ?? [];
    for (const record of this.world.metered()) {
      const [from, to] = [instantOf(record.periodStart), instantOf(record.periodEnd)];
      const own = windows.filter(({ start, end }) => start >= from && end <= to);
      const values = own.flatMap(({ value }) => (value === null ? [] : [value]));
      const [first = 0n, ...rest] = values;
      const all = rest.reduce((one, other) => combine(aggregation, one, other), first);
      expect(all).toBe(scaled(String(record.valueExact)));
    }
  }

  #usage(records: readonly { ago: number | null; value: string; region: string }[]): void {
    const { world } = this;
    world.sweep();
    const wire = records.map(({ ago, value, region }) => {
      const used = ago === null ? world.now : world.now - ago;
      const { periodStart, periodEnd, last } = this.#periodOf(used);
      const at = used >= periodStart && used < periodEnd ? used : world.now;
      const amount = this.#history.aggregation === "increment" ? 10n ** 18n : scaled(value);
      const place = Math.max(periodStart, Math.min(at, last));
      this.counted.push({ at: place, periodStart, amount, region });
      const timestamp = ago === null ? {} : { timestamp: new Date(used).toISOString() };
      return { userId: "user", value, ...JSON.parse(`{"region":"${region}"}`), ...timestamp };
    });
    expect(world.usage(wire).counted).toBe(records.length);
  }

  /** The period that takes usage of that time, and the last instant at which it can stand there. */
  #periodOf(used: number): { periodStart: number; periodEnd: number; last: number } {
    const waiting = waitingAt(this.meter, used);
    const { periodStart, periodEnd } = waiting ?? this.meter;
    if (waiting !== null) return { periodStart, periodEnd, last: periodEnd - 1 };
    const { now } = this.world;
    return { periodStart, periodEnd, last: this.#history.mode === "run" ? now - 1 : now };
  }

  #expected(
    size: WindowSize,
    { from, to }: { from: number; to: number },
    zoneName: string,
  ): readonly string[] {
    const cells = new Map<string, Counted[]>();
    const first = labelOf(size, from, zoneName);
    const last = labelOf(size, to - 1, zoneName);
    for (const record of [...this.counted].sort((a, b) => a.periodStart - b.periodStart)) {
      const label = labelOf(size, record.at, zoneName);
      if (record.at < from && label !== first) continue;
      if (record.at >= to && label !== last) continue;
      const name = `${label} ${Math.max(record.periodStart, 0)}`;
      cells.set(name, [...(cells.get(name) ?? []), record]);
    }
    const { aggregation } = this.#history;
    const value = (records: readonly Counted[]): string => {
      const [start, ...rest] = records.map(({ amount }) => amount);
      return String(rest.reduce((one, other) => combine(aggregation, one, other), start ?? 0n));
    };
    const rows = [...cells.values()].map((records) => {
      const regions = [...new Set(records.map(({ region }) => region))].sort();
      const groups = regions.map(
        (region) => `${region}=${value(records.filter((record) => record.region === region))}`,
      );
      const sortKey = Math.min(...records.map(({ at }) => at));
      return { sortKey, text: `${value(records)} ${size === "PT1M" ? "" : groups.join()}` };
    });
    return rows.sort((a, b) => a.sortKey - b.sortKey).map(({ text }) => text);
  }
}

function textOf(size: WindowSize): (window: UsageWindow) => string {
  return ({ value, groups }) => {
    const texts = groups.map((group) => `${group.key}=${group.value}`).sort();
    return `${value} ${size === "PT1M" ? "" : texts.join()}`;
  };
}

/** Which window an instant lies in, by a second source of zone rules. */
function labelOf(size: WindowSize, at: number, zone: string): string {
  const parts = { year: "numeric", month: "2-digit", day: "2-digit" } as const;
  const clock = { hour: "2-digit", hourCycle: "h23", timeZoneName: "longOffset" } as const;
  if (size === "PT1M") return String(Math.floor(at / minute));
  const all = size === "P1D" ? parts : { ...parts, ...clock };
  return formatterOf(zone, all).format(at);
}

const formatters = new Map<string, Intl.DateTimeFormat>();

function formatterOf(timeZone: string, parts: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const name = `${timeZone} ${parts.hour}`;
  let formatter = formatters.get(name);
  if (formatter === undefined) {
    formatter = new Intl.DateTimeFormat("en", { ...parts, timeZone });
    formatters.set(name, formatter);
  }
  return formatter;
}

function instantOf(text: unknown): number {
  return Date.parse(String(text));
}

/** An amount times 10^18, from plain digits or with an exponent. */
function scaled(text: string): bigint {
  const [digits = "0", exponent = "0"] = text.split("e");
  const [whole = "0", fraction = ""] = digits.split(".");
  const sign = whole.startsWith("-") ? -1n : 1n;
  const all = BigInt(`${whole.replace("-", "")}${fraction}`);
  return sign * all * 10n ** BigInt(18 - fraction.length + Number(exponent));
}

function run(check: (told: Told, history: History) => void, numRuns: number): void {
  const directory = mkdtempSync(join(tmpdir(), "usage-over-time-"));
  const projection = openProjection(join(directory, "projection.db"), { zones });
  try {
    fc.assert(
      fc.property(historyArbitrary, (history) => {
        projection.reset();
        const told = new Told(history, projection);
        for (const step of history.steps) told.step(step);
        check(told, history);
      }),
      { seed, numRuns },
    );
  } finally {
    projection.close();
    rmSync(directory, { recursive: true });
  }
}

describe(`random histories, seed ${seed}`, () => {
  it("[UW1] [UW3] [UW5] every window equals recomputation from all records", () => {
    run((told) => {
      const { now } = told.world;
      for (const size of windowSizes) {
        const from = Math.max(begin - day, now - (size === "PT1M" ? 20 * hour : 30 * day));
        for (const zone of zoneNames) told.compare(size, { from, to: now + 1 }, zone);
      }
      told.compare("PT1H", { from: now - 90 * minute, to: now - 17 * minute }, "Asia/Kolkata");
    }, 150);
  });

  it("[UW2] the windows of a period combine to the value of its metered record", () => {
    run((told, { zone }) => {
      told.world.now += day;
      told.world.sweep();
      told.comparePeriods(zone);
    }, 100);
  });

  it("[UW8] a replay tells the same windows, byte for byte", () => {
    run((told) => {
      const state = new State();
      const outputs: Output[] = [];
      for (const entry of told.world.entries) outputs.push(...apply(state, entry).outputs);
      const windows = (all: readonly Output[]): readonly Output[] =>
        all.filter(({ kind }) => kind === "usage-window");
      expect(windows(outputs)).toEqual(windows(told.world.outputs));
      const open = [...state.meters.values()].map(({ counter }) => counter.toRow());
      expect(open).toEqual([told.meter.counter.toRow()]);
    }, 60);
  });
});
