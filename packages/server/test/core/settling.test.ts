// Settling and late usage over the core alone: which period a record counts in, when an ended period
// is flushed, and what happens to meters that go meanwhile.
import { describe, expect, it } from "vitest";
import { conservationFault } from "../../src/core/conservation.ts";
import type { ProcessorPatch } from "../../src/core/definitions.ts";
import type { JsonObject } from "../../src/core/json-value.ts";
import { preview } from "../../src/core/preview.ts";
import type { Meter } from "../../src/core/state.ts";
import { readUsageBody } from "../../src/core/usage-body.ts";
import { accountId, CoreWorld, meterKey, start } from "../support/core-world.ts";
import { stateDigest } from "../support/state-digest.ts";

const secondMs = 1_000;
const minuteMs = 60_000;
const hourMs = 3_600_000;
const hourly = { minute: "0", hour: "*", day: "*", month: "*", weekday: "*" };
const iso = (instant: number): string => new Date(instant).toISOString();

/** One hourly meter of a processor that lets ended periods wait. */
class Settled {
  readonly world: CoreWorld;
  readonly meter: Meter;

  constructor(fields: ProcessorPatch = {}, types = 1) {
    this.world = new CoreWorld();
    this.patch({ settlingSeconds: 600, ...fields });
    const meters = Array.from({ length: types }, () =>
      this.world.meter(this.world.meterType({ resetSchedule: hourly })),
    );
    const [first] = meters;
    if (first === undefined) throw new Error("a meter was made");
    this.meter = first;
  }

  patch(patch: ProcessorPatch): void {
    const { outcome } = this.world.apply({ kind: "patch-processor", accountId, meterKey, patch });
    expect(outcome.kind).toBe("processor");
  }

  at(offsetMs: number): this {
    this.world.now = start + offsetMs;
    return this;
  }

  /** Counts a record of that time; what became of it. */
  use(offsetMs: number | null, value = 1, fields: JsonObject = {}): string {
    const timestamp = offsetMs === null ? {} : { timestamp: iso(start + offsetMs) };
    const [result] = this.world.usage([{ userId: "user", value, ...timestamp, ...fields }]).results;
    return result?.outcome === "rejected" ? result.reason : (result?.outcome ?? "");
  }

  sweep(): this {
    this.world.sweep();
    expect(conservationFault(this.world.state)).toBeNull();
    return this;
  }

  /** Hour and value of each metered record of the meter. */
  get flushed(): readonly string[] {
    return this.world
      .metered()
      .filter(({ id }) => id === this.meter.id)
      .map(({ periodStart, value }) => `${String(periodStart).slice(11, 13)}=${value}`);
  }

  /** Hour and value of each period that waits. */
  get waiting(): readonly string[] {
    return (this.world.live(this.meter)?.settling?.periods ?? []).map(
      ({ counter }) =>
        `${iso(counter.periodStart).slice(11, 13)}=${(counter.value ?? 0n) / 10n ** 18n}`,
    );
  }
}

describe("an ended period", () => {
  it("[SL1] waits from its boundary on, while the next one is open", () => {
    const settled = new Settled().at(10 * minuteMs);
    settled.use(null, 5);
    settled.at(hourMs).sweep();
    expect([settled.flushed, settled.waiting]).toEqual([[], ["00=5"]]);
    expect(settled.world.live(settled.meter)?.periodStart).toBe(start + hourMs);
    settled.at(hourMs + 600 * secondMs - 1).sweep();
    expect(settled.waiting).toHaveLength(1);
    settled.at(hourMs + 600 * secondMs).sweep();
    expect([settled.flushed, settled.waiting]).toEqual([["00=5"], []]);
    expect(settled.world.metered()[0]?.emittedAt).toBe(iso(start + hourMs + 600 * secondMs));
  });

  it("[SL2] takes what lies in it, to the millisecond, and nothing else", () => {
    const settled = new Settled().at(2 * hourMs + minuteMs);
    settled.sweep();
    expect(settled.waiting).toEqual(["01=0"]);
    for (const [offset, value] of [
      [hourMs, 1],
      [2 * hourMs - 1, 10],
      [2 * hourMs, 100],
      [null, 1_000],
      [hourMs - 1, 10_000],
    ] as const) {
      expect(settled.use(offset, value)).toBe("counted");
    }
    expect(settled.waiting).toEqual(["01=11"]);
    expect((settled.meter.counter.value ?? 0n) / 10n ** 18n).toBe(11_100n);
  });

  it("[SL2] takes groups, carried fields and thresholds along", () => {
    const settled = new Settled({
      guidingRules: [
        {
          customName: "",
          ignoreCondition: true,
          conditionRelation: "and",
          conditions: [],
          matchCategory: "DEFAULT",
          groupBy: [{ fields: ["region"] }],
          otherOperations: [{ field: "note", operation: "carry-last" }],
        },
      ],
    });
    const { world, meter } = settled;
    const threshold = { name: "t", absoluteValue: 3n * 10n ** 18n };
    const thresholds = [{ ...threshold, capacityPercentage: null, customFields: null }];
    world.apply({ kind: "patch-meter", accountId, id: meter.id, patch: { thresholds } });
    settled.at(minuteMs).use(null, 2, { region: "n" });
    settled.at(hourMs + minuteMs).use(30 * minuteMs, 1, { region: "s", note: "late" });
    const events = world.outputs.filter(({ kind }) => kind === "threshold-event");
    expect(events).toHaveLength(1);
    expect(
      JSON.parse(String(events[0] && "json" in events[0] ? events[0].json : "")),
    ).toMatchObject({
      periodStart: iso(start),
      value: 3,
    });
    settled.at(2 * hourMs).sweep();
    expect(world.metered()[0]).toMatchObject({
      value: 3,
      carryLast: { note: "late" },
      groups: [
        { key: "n", value: 2 },
        { key: "s", value: 1 },
      ],
    });
  });

  it("[SL2] that is the first of its meter also takes what was before the meter was made", () => {
    const settled = new Settled({ lateUsage: "correct" });
    const { world } = settled;
    world.apply({
      kind: "patch-meter-type",
      accountId,
      id: settled.meter.type.id,
      patch: { activeFrom: start - 10 * hourMs },
      timetables: [],
    });
    expect(settled.use(-hourMs, 1)).toBe("counted");
    settled.at(hourMs + minuteMs).sweep();
    expect(settled.use(-hourMs, 1)).toBe("counted");
    expect(settled.waiting).toEqual(["00=2"]);
    settled.at(2 * hourMs).sweep();
    expect(settled.use(-hourMs, 1)).toBe("PERIOD_CLOSED");
  });

  it("[SL3] [SL5] waits as long as was said then, but no longer than a later one", () => {
    const settled = new Settled({ settlingSeconds: 3 * 3_600 }).at(hourMs).sweep();
    settled.patch({ settlingSeconds: 60 });
    settled.at(2 * hourMs - 1).sweep();
    expect(settled.waiting).toEqual(["00=0"]);
    settled.at(2 * hourMs).sweep();
    expect(settled.waiting).toEqual(["00=0", "01=0"]);
    settled.at(2 * hourMs + minuteMs).sweep();
    expect([settled.flushed, settled.waiting]).toEqual([["00=0", "01=0"], []]);
    settled.patch({ settlingSeconds: 7_200 });
    settled.at(4 * hourMs).sweep();
    settled.patch({ settlingSeconds: 0 });
    expect(settled.waiting).toEqual(["02=0", "03=0"]);
    settled.at(5 * hourMs).sweep();
    expect(settled.flushed).toEqual(["00=0", "01=0", "02=0", "03=0", "04=0"]);
  });

  it("[SL4] is flushed when a fifth would wait", () => {
    const settled = new Settled({ settlingSeconds: 604_800 }).at(4 * hourMs).sweep();
    expect(settled.waiting).toEqual(["00=0", "01=0", "02=0", "03=0"]);
    settled.at(5 * hourMs).sweep();
    expect([settled.flushed, settled.waiting.length]).toEqual([["00=0"], 4]);
    expect(settled.world.metered()[0]?.emittedAt).toBe(iso(start + 5 * hourMs));
  });

  it("[SL6] goes in the order of instants, then of meters, also after a stop", () => {
    const settled = new Settled({ settlingSeconds: 1_800 }, 2);
    settled.at(3 * hourMs).sweep();
    const order = settled.world.outputs.flatMap((output) =>
      output.kind === "metered-record" ? [output] : [],
    );
    expect(order.map(({ periodEnd }) => (periodEnd - start) / hourMs)).toEqual([1, 1, 2, 2]);
    const ids = order.map(({ meterId }) => meterId);
    const sorted = ids.slice(0, 2).toSorted();
    expect(ids).toEqual([...sorted, ...sorted]);
    expect(settled.waiting).toEqual(["02=0"]);
  });

  it("[SL6] is flushed at the very boundary of the next, before that one is closed", () => {
    const settled = new Settled({ settlingSeconds: 3_600 }, 3);
    for (let hour = 1; hour <= 4; hour += 1) {
      const before = settled.world.outputs.length;
      settled.at(hour * hourMs);
      const { outcome } = settled.world.apply({ kind: "end-periods", limit: 100 });
      expect(outcome).toEqual({ kind: "periods-ended", count: 3 });
      const kinds = settled.world.outputs.slice(before).map(({ kind }) => kind);
      expect(kinds.filter((kind) => kind === "metered-record")).toHaveLength(hour === 1 ? 0 : 3);
      expect(settled.waiting).toHaveLength(1);
    }
  });
});

describe("a meter that is deleted on reset", () => {
  function ended(fields: ProcessorPatch = {}): Settled {
    const settled = new Settled(fields);
    const { world, meter } = settled;
    world.apply({ kind: "patch-meter", accountId, id: meter.id, patch: { deleteOnReset: true } });
    settled.at(hourMs + minuteMs).sweep();
    return settled;
  }

  it("[SL7] stays with its ended period until that is flushed, then goes", () => {
    const settled = ended();
    const { world, meter } = settled;
    expect(world.live(meter)?.periodEnd).toBe(start + hourMs);
    expect(settled.use(hourMs - 1, 3)).toBe("counted");
    expect([settled.use(hourMs), settled.use(null)]).toEqual(["NO_METER", "NO_METER"]);
    const id = meter.id;
    const patched = world.apply({
      kind: "patch-meter",
      accountId,
      id,
      patch: { deleteOnReset: false },
    });
    expect(patched.outcome).toMatchObject({ kind: "refused", problem: { code: "meter-ended" } });
    const fields = { userId: "user", meterKey, meterType: { id: meter.type.id }, customFields: {} };
    const made = world.apply({
      kind: "create-meters",
      accountId,
      meters: [{ id: "twin", fields }],
    });
    expect(made.outcome).toMatchObject({ results: [{ error: { code: "meter-exists" } }] });
    settled.at(hourMs + 600 * secondMs).sweep();
    expect(settled.flushed).toEqual(["00=3"]);
    expect(world.metered()[0]?.deleteOnReset).toBe(true);
    expect(world.live(meter)).toBeUndefined();
    const again = world.apply({
      kind: "create-meters",
      accountId,
      meters: [{ id: "twin", fields }],
    });
    expect(again.outcome).toMatchObject({ results: [{ ok: true }] });
  });

  it("[SL7] only its last metered record says so", () => {
    const settled = new Settled({ settlingSeconds: 7_200 }).at(hourMs).sweep();
    const { world, meter } = settled;
    world.apply({ kind: "patch-meter", accountId, id: meter.id, patch: { deleteOnReset: true } });
    settled.at(2 * hourMs).sweep();
    expect(settled.waiting).toEqual(["00=0", "01=0"]);
    settled.at(9 * hourMs).sweep();
    expect(world.metered().map(({ deleteOnReset }) => deleteOnReset)).toEqual([false, true]);
    expect(world.state.meters.size).toBe(0);
  });

  it("[SL7] makes no room for a meter of a record before it is gone", () => {
    const settled = ended({ createMeters: true });
    expect(settled.use(null)).toBe("NO_METER");
    settled.at(hourMs + 600 * secondMs);
    expect(settled.use(null)).toBe("counted");
    expect(settled.world.state.meters.size).toBe(1);
  });

  it("[SL10] DELETE flushes what waits and discards only the open period", () => {
    const settled = new Settled({ settlingSeconds: 7_200 });
    settled.use(null, 2);
    settled.at(hourMs + minuteMs).use(null, 30);
    const { world, meter } = settled;
    world.apply({ kind: "delete-meter", accountId, id: meter.id });
    expect(settled.flushed).toEqual(["00=2"]);
    const flow = world.state.accounts.get(accountId)?.processors.get(meterKey)?.flow;
    expect(flow).toEqual({ accepted: 2, metered: 1, settling: 0, live: 0, discarded: 1 });
    const last = ended();
    expect(last.use(minuteMs, 4)).toBe("counted");
    last.world.apply({ kind: "delete-meter", accountId, id: last.meter.id });
    expect([last.flushed, last.world.state.meters.size]).toEqual([["00=4"], 0]);
    for (const each of [settled, last]) each.sweep();
    const audits = last.world.outputs.filter(({ kind }) => kind === "audit");
    expect(audits.map((output) => "event" in output && output.event)).not.toContain("delete-meter");
  });
});

describe("late usage", () => {
  it("[SL8] of a flushed period is counted now, or is PERIOD_CLOSED", () => {
    const settled = new Settled({ settlingSeconds: 0 }).at(hourMs + minuteMs);
    expect([settled.use(hourMs - 1, 7), settled.use(hourMs, 1)]).toEqual(["counted", "counted"]);
    settled.patch({ lateUsage: "correct" });
    expect([settled.use(hourMs - 1, 7), settled.use(hourMs, 1)]).toEqual([
      "PERIOD_CLOSED",
      "counted",
    ]);
    expect((settled.meter.counter.value ?? 0n) / 10n ** 18n).toBe(9n);
    settled.patch({ settlingSeconds: 600 });
    settled.at(2 * hourMs + minuteMs);
    expect([settled.use(2 * hourMs - 1), settled.use(hourMs - 1)]).toEqual([
      "counted",
      "PERIOD_CLOSED",
    ]);
    settled.sweep();
  });

  it("[SL8] for one of several meters changes none of them", () => {
    const world = new CoreWorld();
    world.processor({ lateUsage: "correct" });
    const daily = { ...hourly, hour: "0" };
    const meters = [hourly, daily].map((resetSchedule) =>
      world.meter(world.meterType({ resetSchedule })),
    );
    world.now = start + hourMs + minuteMs;
    const { results } = world.usage([
      { userId: "user", value: 1, timestamp: iso(start + 1), id: "a" },
      { userId: "user", value: 1, timestamp: iso(start + hourMs), id: "b" },
    ]);
    expect(results).toMatchObject([{ reason: "PERIOD_CLOSED" }, { outcome: "counted" }]);
    expect(meters.map(({ counter }) => counter.count)).toEqual([1, 1]);
    expect(world.outputs.filter(({ kind }) => kind === "correction")).toMatchObject([
      { reason: "PERIOD_CLOSED", recordId: "a" },
    ]);
  });

  it("[SL8] is judged beforehand as counting judges it", () => {
    const settled = new Settled({
      settlingSeconds: 0,
      lateUsage: "correct",
      suspenseManagement: { enabled: false, abortOnDisabled: true },
    });
    // Nobody has closed the period yet.
    const { outcome } = settled
      .at(hourMs + 1)
      .world.send(JSON.stringify([{ userId: "user", value: 1, timestamp: iso(start + 1) }]));
    expect(outcome).toMatchObject({ kind: "refused", problem: { code: "records-rejected" } });
    expect(settled.use(hourMs)).toBe("counted");
  });
});

describe("a preview", () => {
  const shown = (settled: Settled, offsetMs: number): unknown => {
    const timestamp = iso(start + offsetMs);
    const text = JSON.stringify([{ userId: "user", value: 1, timestamp }]);
    const read = readUsageBody({ form: "json", text, invalidLines: [] });
    if (!read.ok) throw new Error("the body can be read");
    const { state, now } = settled.world;
    const [result] = preview(state, { accountId, meterKey, now }, read.value)?.results ?? [];
    if (result?.outcome !== "counted") return result?.outcome === "rejected" && result.reason;
    return (result.meters[0]?.value ?? 0n) / 10n ** 18n;
  };

  it("[SL2] [SL8] shows the period that would take the record, whether or not it was closed yet", () => {
    const settled = new Settled({ lateUsage: "correct" });
    settled.at(minuteMs).use(null, 4);
    for (const isSwept of [false, true]) {
      settled.at(hourMs + minuteMs);
      if (isSwept) settled.sweep();
      expect([hourMs - 1, hourMs].map((at) => shown(settled, at))).toEqual([5n, 1n]);
    }
    settled.use(null, 2);
    settled.at(2 * hourMs + minuteMs);
    expect([hourMs - 1, hourMs, 2 * hourMs].map((at) => shown(settled, at))).toEqual([5n, 3n, 1n]);
    settled.sweep();
    const times = [hourMs - 1, hourMs, 2 * hourMs];
    expect(times.map((at) => shown(settled, at))).toEqual(["PERIOD_CLOSED", 3n, 1n]);
  });
});

describe("what waits", () => {
  it("[SL12] [SL13] comes back with a snapshot and is flushed at the same positions", () => {
    const run = (restarts: boolean): unknown => {
      const settled = new Settled({ settlingSeconds: 7_200 }, 2);
      const { world, meter } = settled;
      for (let step = 0; step < 12; step += 1) {
        settled.at(step * 25 * minuteMs);
        if (step === 6) {
          world.apply({
            kind: "patch-meter",
            accountId,
            id: meter.id,
            patch: { deleteOnReset: true },
          });
        }
        settled.use(Math.max(0, step * 25 - 70) * minuteMs, step + 1, { region: `r${step}` });
        if (step % 2 === 0) settled.sweep();
        if (!restarts) continue;
        const before = stateDigest(world.state);
        world.restart();
        expect(stateDigest(world.state)).toEqual(before);
        expect(conservationFault(world.state)).toBeNull();
      }
      settled.at(30 * hourMs).sweep();
      return [world.metered(), stateDigest(world.state)];
    };
    expect(run(true)).toEqual(run(false));
  });

  it("[SL12] a break is found and told", () => {
    const settled = new Settled().at(hourMs + minuteMs);
    settled.use(minuteMs, 1);
    const flow = settled.world.state.accounts.get(accountId)?.processors.get(meterKey)?.flow;
    if (flow === undefined) throw new Error("the processor is there");
    flow.settling += 1;
    flow.accepted += 1;
    expect(conservationFault(settled.world.state)).toMatch(/settling 2 \+ live 0 .*1 settling/);
  });

  it("[SL14] takes a reversed, interleaved stream to the same totals", () => {
    const totals = (order: readonly number[]): readonly string[] => {
      const settled = new Settled({ settlingSeconds: 7_200, lateUsage: "correct" }).at(
        3 * hourMs - 1,
      );
      settled.sweep();
      for (const minute of order)
        expect(settled.use(minute * minuteMs, minute + 1)).toBe("counted");
      settled.at(9 * hourMs).sweep();
      return settled.flushed;
    };
    const minutes = Array.from({ length: 150 }, (_, at) => at);
    const straight = totals(minutes);
    expect(straight.slice(0, 3)).toEqual(["00=1830", "01=5430", "02=4065"]);
    expect(totals(minutes.toReversed())).toEqual(straight);
    expect(totals(minutes.toSorted((a, b) => ((a * 37) % 150) - ((b * 37) % 150)))).toEqual(
      straight,
    );
  });
});
