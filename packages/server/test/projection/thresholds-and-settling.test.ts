// Threshold events and waiting periods in the projection's file: stored once however often they come,
// and found again by who checks a file against its journal.
import { describe, expect, it } from "vitest";
import { digest, Told } from "../../src/backup/told.ts";
import type {
  PeriodSettledOutput,
  PeriodWaitingOutput,
  Position,
  ThresholdEventOutput,
} from "../../src/core/output.ts";
import { checkProjection } from "../../src/projection/copy-projection.ts";
import { at, newFile, open } from "./outputs.ts";

const names = { accountId: "a", meterId: "m", meterTypeId: "t", meterKey: "k", userId: "u" };
const filter = { accountId: "a" };
const page = { limit: 100, skip: 0, sortOrder: "ASC" } as const;

function event(position: Position): ThresholdEventOutput {
  const json = `{"eventId":"${position.seq}"}`;
  return { kind: "threshold-event", position, ...names, emittedAt: position.seq * 1_000, json };
}

function waiting(meterId: string, periodEnd: number): PeriodWaitingOutput {
  return { kind: "period-waiting", ...names, meterId, periodStart: periodEnd - 10, periodEnd };
}

function settled(meterId: string, periodEnd: number): PeriodSettledOutput {
  return { kind: "period-settled", meterId, periodEnd };
}

describe("threshold events in the projection", () => {
  it("[TH7] [TH10] stand once, in the order of their positions, whatever comes again", () => {
    const file = newFile();
    const first = open(file);
    const outputs = [1, 2, 3].map((seq) => event(at(seq)));
    first.store(outputs.slice(0, 2), 2);
    first.close();
    const again = open(file);
    again.store(outputs, 3);
    expect(again.thresholdEvents.list(filter, page)).toMatchObject({
      value: { events: outputs.map(({ json }) => json), total: 3 },
    });
    again.reset();
    expect(again.thresholdEvents.list(filter, page)).toMatchObject({ value: { total: 0 } });
    again.store(outputs, 3);
    expect([...again.thresholdEvents.stream(filter, "DESC")].flat()).toHaveLength(3);
  });

  it("[TH10] can be delivered: after a place, by their key, with their own bytes", () => {
    const projection = open();
    const outputs = [1, 2, 3].map((seq) => event(at(seq, seq)));
    projection.store(outputs, 3);
    const { deliverable } = projection;
    const kinds = ["threshold-event"] as const;
    const wanted = { accountId: "a", kinds, meterKeys: ["k"] };
    const found = deliverable.after(wanted, { after: at(1, 1), limit: 10 });
    expect(found.outputs.map(({ position }) => position)).toEqual([at(2, 2), at(3, 3)]);
    expect(deliverable.find("threshold-event", at(2, 2))).toBe(outputs[1]?.json);
    expect(deliverable.count(wanted, { after: at(0), upTo: at(3, 3) })).toBe(3);
    expect(deliverable.newest()).toEqual(at(3, 3));
  });

  it("[TH11] are compared with the journal, but for those that were kept long enough", () => {
    const file = newFile();
    const projection = open(file);
    const outputs = [1, 2, 3].map((seq) => event(at(seq)));
    projection.store(outputs, 3);
    expect(projection.prune("threshold-events", 2_000, 10)).toBe(1);
    projection.close();
    const checked = checkProjection(file);
    expect(checked.prunedTo.thresholdEvents).toEqual(at(1));
    for (const [told, isSame] of [
      [outputs, true],
      [outputs.slice(0, 2), false],
    ] as const) {
      const replayed = new Told(0, 3, checked.prunedTo);
      replayed.take(told);
      const listed = digest(checked.thresholdEvents(0));
      expect(replayed.thresholdEvents.text === listed).toBe(isSame);
    }
    checked.close();
  });
});

describe("waiting periods in the projection", () => {
  it("[SL11] stand until they are flushed, by their end and meter, whatever comes again", () => {
    const projection = open();
    const ends = (order: "ASC" | "DESC"): readonly string[] =>
      projection.settling
        .list(filter, { ...page, sortOrder: order })
        .periods.map(({ meterId, periodEnd }) => `${meterId}${periodEnd}`);
    projection.store([waiting("b", 10), waiting("a", 10), waiting("a", 20)], 1);
    expect(ends("ASC")).toEqual(["a10", "b10", "a20"]);
    projection.store([waiting("a", 20), settled("a", 10), settled("x", 10)], 2);
    expect(ends("DESC")).toEqual(["a20", "b10"]);
    const streamed = [...projection.settling.stream(filter, "ASC")].flat();
    expect(streamed.map(({ meterId }) => meterId)).toEqual(["b", "a"]);
    projection.reset();
    expect(ends("ASC")).toEqual([]);
  });

  it("[SL11] are streamed whole, more than one chunk of them", () => {
    const projection = open();
    const many = Array.from({ length: 450 }, (_, index) =>
      waiting(`m${String(index % 150).padStart(3, "0")}`, 10 * (1 + Math.floor(index / 150))),
    );
    projection.store(many.toReversed(), 1);
    const streamed = [...projection.settling.stream(filter, "ASC")];
    expect(streamed.length).toBeGreaterThan(2);
    expect(streamed.flat()).toEqual(many.map(({ meterId, periodEnd }) => ({ meterId, periodEnd })));
    expect(projection.settling.list(filter, page).total).toBe(450);
  });
});
