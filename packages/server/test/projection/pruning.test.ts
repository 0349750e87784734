// How long lists are kept, in the projection: which rows go, in which steps, and that every total,
// page and cursor is right after each of them (docs/spec/history.md).
import { DatabaseSync } from "node:sqlite";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { digest, Told } from "../../src/backup/told.ts";
import type { AuditOutput, MeteredRecordOutput } from "../../src/core/output.ts";
import { checkProjection } from "../../src/projection/copy-projection.ts";
import type { Projection } from "../../src/projection/database.ts";
import { modelHours, modelRows } from "../support/audit-model.ts";
import { at, auditFact, metered, newFile, open } from "./outputs.ts";

const hour = 3_600_000;
const filter = { accountId: "a" };
const page = { limit: 100, skip: 0, sortOrder: "ASC" } as const;

function recordsOf(projection: Projection, query: object = {}): readonly string[] {
  const found = projection.listMeteredRecords({ ...filter, ...query }, page);
  if (!found.ok) throw new Error(found.error.detail);
  expect(found.value.total).toBe(found.value.records.length);
  return found.value.records;
}

describe("old metered records", () => {
  it("[HI2] go from the first on, as many as asked for, and totals with them", () => {
    const projection = open();
    const ends = [10, 20, 20, 30, 5, 40];
    const outputs = ends.map((periodEnd, i) => metered(at(i + 1), { periodEnd, json: `${i}` }));
    projection.store(outputs, outputs.length);
    expect(projection.prune("metered-records", 10, 2)).toBe(0);
    expect(projection.prune("metered-records", 30, 2)).toBe(2);
    expect(recordsOf(projection)).toEqual(["2", "3", "4", "5"]);
    expect(recordsOf(projection, { from: 10, to: 21 })).toEqual(["2"]);
    expect(projection.prune("metered-records", 30, 2)).toBe(1);
    // The record of 30 is first now, and what was made after it stays with it.
    expect(projection.prune("metered-records", 30, 2)).toBe(0);
    expect(recordsOf(projection)).toEqual(["3", "4", "5"]);
    expect(projection.prune("metered-records", 1_000, 100)).toBe(2);
    expect(recordsOf(projection)).toEqual(["5"]);
    expect(projection.prune("metered-records", 1_000, 100)).toBe(0);
    projection.store([metered(at(7), { json: "6" })], 7);
    expect(recordsOf(projection)).toEqual(["5", "6"]);
  });

  it("[HI2] a cursor of a record that is gone goes on behind it", () => {
    const projection = open();
    const outputs = [1, 2, 3, 4].map((seq) => metered(at(seq), { periodEnd: seq, json: `${seq}` }));
    projection.store(outputs, 4);
    const first = projection.listMeteredRecords(filter, { ...page, limit: 2 });
    if (!first.ok || first.value.nextCursor === null) throw new Error("there is a next page");
    projection.prune("metered-records", 3, 100);
    const next = projection.listMeteredRecords(filter, { ...page, cursor: first.value.nextCursor });
    expect(next).toMatchObject({ value: { records: ["3", "4"], total: 2, nextCursor: null } });
  });

  it("[HI4] the file says which are gone, so that a check misses none of them", () => {
    const file = newFile();
    const projection = open(file);
    const outputs = [1, 2, 3].map((seq) => metered(at(seq, 2), { periodEnd: seq }));
    projection.store(outputs, 3);
    projection.prune("metered-records", 3, 1);
    projection.prune("metered-records", 3, 1);
    projection.close();
    const checked = checkProjection(file);
    expect(checked.prunedTo).toEqual({ meteredRecords: at(2, 2), thresholdEvents: null });
    expect([...checked.meteredRecords(0)].map(({ position }) => position)).toEqual(["0.3.2"]);
    const told = new Told(0, 3, checked.prunedTo);
    told.take(outputs);
    expect(told.meteredRecords.text).toBe(digest(checked.meteredRecords(0)));
    checked.close();
  });

  it("[HI2] a store in which there is no room stays as it is", () => {
    const file = newFile();
    const projection = open(file);
    projection.store([metered(at(1), { periodEnd: 1 }), metered(at(2), { periodEnd: 2 })], 2);
    const other = new DatabaseSync(file, { timeout: 0 });
    other.exec("BEGIN IMMEDIATE");
    expect(() => projection.prune("metered-records", 9, 100)).toThrow();
    other.exec("ROLLBACK");
    other.close();
    expect(recordsOf(projection)).toHaveLength(2);
    expect(projection.prune("metered-records", 9, 100)).toBe(1);
    expect(recordsOf(projection)).toHaveLength(1);
  });
});

describe("old rows of the usage audit", () => {
  it("[HI2] go by whole hours, and an hour goes with its last row", () => {
    const projection = open();
    const facts = [0, 1, 2].flatMap((at0) =>
      [0, 1].map((second) => {
        const rejectedByReason = new Map([["NO_METER", 1]]);
        const time = at0 * hour + second * 1_000;
        const base = auditFact(2 * at0 + second + 1, time, { rejectedByReason });
        return { ...base, figures: { ...base.figures, received: 2, rejected: 1 } };
      }),
    );
    projection.store(facts, 6);
    const look = (): unknown => {
      const rows = projection.audit.list(filter, page);
      const hours = projection.audit.listHours(filter, page);
      if (!rows.ok || !hours.ok) throw new Error("no page");
      const kept = hours.value.rows.map(({ rows: n, figures }) => [n, figures.received]);
      return [rows.value.total, rows.value.rows.length, kept];
    };
    expect(projection.prune("usage-audit", hour - 1, 100)).toBe(0);
    expect(projection.prune("usage-audit", 2 * hour - 1, 1)).toBe(1);
    expect(look()).toEqual([
      5,
      5,
      [
        [1, 4],
        [2, 4],
        [2, 4],
      ],
    ]);
    expect(projection.prune("usage-audit", 2 * hour - 1, 100)).toBe(1);
    expect(look()).toEqual([
      4,
      4,
      [
        [2, 4],
        [2, 4],
      ],
    ]);
    expect(projection.prune("usage-audit", 9 * hour, 100)).toBe(3);
    expect(look()).toEqual([1, 1, [[1, 4]]]);
    const [hourLeft] = [...projection.audit.streamHours(filter, "ASC")].flat();
    expect(hourLeft?.rejectedByReason).toEqual({ NO_METER: 2 });
  });
});

const history = fc.array(
  fc.record({
    later: fc.constantFrom(0, 100, hour / 3, hour),
    accountId: fc.constantFrom("a", "b"),
    meterKey: fc.constantFrom("k", "l"),
    isMetered: fc.boolean(),
    prune: fc.option(fc.record({ age: fc.nat({ max: 4 }), rows: fc.integer({ min: 1, max: 5 }) })),
  }),
  { minLength: 1, maxLength: 30 },
);

it("[HI2] [UA5] whatever was removed when, lists and totals are those of the rows that are left", () => {
  fc.assert(
    fc.property(history, (events) => {
      const projection = open();
      let records: MeteredRecordOutput[] = [];
      let facts: AuditOutput[] = [];
      let time = 1_000_000 * hour;
      for (const [i, { later, isMetered, prune, ...names }] of events.entries()) {
        time += later;
        const seq = i + 1;
        const record = metered(at(seq), { ...names, periodEnd: time, json: `${seq}` });
        const fact = auditFact(seq, time, names);
        projection.store(isMetered ? [record, fact] : [fact], seq);
        if (isMetered) records.push(record);
        facts.push(fact);
        if (prune === null) continue;
        const before = time - prune.age * hour;
        const gone = projection.prune("metered-records", before, prune.rows);
        records = records.slice(gone);
        expect(
          gone === prune.rows ||
            (records[0]?.periodEnd ?? before) >= before ||
            records.length === 1,
        ).toBe(true);
        projection.audit.list(filter, page);
        const removed = modelRows(facts).slice(
          0,
          projection.prune("usage-audit", before, prune.rows),
        );
        facts = facts.filter((one) => !removed.some((row) => isIn(one, row)));
      }
      for (const accountId of ["a", "b"]) {
        const own = records.filter((record) => record.accountId === accountId);
        const listed = projection.listMeteredRecords({ accountId, from: 0 }, page);
        expect(listed).toMatchObject({
          value: { records: own.map(({ json }) => json), total: own.length },
        });
        const rows = modelRows(facts).filter((row) => row.accountId === accountId);
        const audit = projection.audit.list({ accountId, from: 1 }, page);
        expect(audit).toMatchObject({
          value: { total: rows.length, rows: rows.map(({ id }) => ({ id })) },
        });
        const hours = projection.audit.listHours({ accountId }, page);
        expect(hours).toMatchObject({ value: { total: modelHours(rows).length } });
      }
    }),
    { numRuns: 100 },
  );
});

function isIn(fact: AuditOutput, row: ReturnType<typeof modelRows>[number]): boolean {
  const isSame = fact.accountId === row.accountId && fact.meterKey === row.meterKey;
  return isSame && Math.floor(fact.at / 1_000) === Math.floor(row.startedAt / 1_000);
}
