// The usage audit in the projection: rows by second, hours, what waits to be written, and what a
// crash or a full disk leaves (docs/spec/usage-audit.md).
import { copyFileSync, existsSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, it } from "vitest";
import type { AuditOutput, Output } from "../../src/core/output.ts";
import { NoRoomError } from "../../src/core/problem.ts";
import type { AuditRow } from "../../src/projection/audit-list.ts";
import type { Projection } from "../../src/projection/database.ts";
import { at, auditFact as fact, metered, newFile, open } from "./outputs.ts";

const hour = 3_600_000;
const filter = { accountId: "a" };
const firstPage = { limit: 100, skip: 0, sortOrder: "ASC" } as const;

function rowsOf(projection: Projection): readonly AuditRow[] {
  return [...projection.audit.stream(filter, "ASC")].flat();
}

/** The sequence in the file as it lies on the disk. */
function appliedIn(file: string): unknown {
  const copy = newFile();
  for (const end of ["", "-wal"]) {
    if (existsSync(file + end)) copyFileSync(file + end, copy + end);
  }
  const database = new DatabaseSync(copy);
  const seq = database.prepare("SELECT seq FROM applied").get()?.seq;
  database.close();
  return seq;
}

describe("rows of the usage audit", () => {
  it("[UA4] facts of one processor, kind and second make one row, whatever their groups", () => {
    const facts = [
      fact(1, 5_000),
      fact(2, 5_999),
      fact(3, 5_999, { meterKey: "l" }),
      fact(4, 5_999, { event: "flush" }),
      fact(5, 6_000),
      fact(6, 6_001, { accountId: "b" }),
    ];
    const together = open();
    together.store(facts, 6);
    const apart = open();
    for (const one of facts) {
      apart.store([one], one.position.seq);
      apart.flush();
    }
    expect(rowsOf(apart)).toEqual(rowsOf(together));
    expect(rowsOf(apart)).toMatchObject([
      { id: "0.1.7", startedAt: 5_000, endedAt: 5_999, figures: { requests: 2, counted: 2 } },
      { id: "0.3.7", meterKey: "l" },
      { id: "0.4.7", kind: "flush" },
      { id: "0.5.7", startedAt: 6_000 },
    ]);
  });

  it("[UA3] what deleted meters had counted is never merged", () => {
    const place = { meterId: "m", userId: "u", meterTypeId: "t", periodStart: 1, records: 2 };
    const deletion = (seq: number, value: string): AuditOutput =>
      fact(seq, 5_000, { event: "delete-meter", discarded: { ...place, value } });
    const projection = open();
    projection.store([deletion(1, "1.5"), deletion(2, "7")], 2);
    projection.store([deletion(3, "8")], 3);
    expect(rowsOf(projection).map((row) => row.discarded)).toEqual(
      ["1.5", "7", "8"].map((value) => ({ ...place, value })),
    );
    const [found] = [...projection.audit.streamHours(filter, "ASC")].flat();
    expect(found).toMatchObject({ rows: 3, deletedMeters: 3 });
  });

  it.each([
    [undefined, 150, 3],
    [10, 150, 3],
    [15, 150, 2],
    [15, undefined, 3],
    [0, 180, 4],
    [70, 100, 1],
    [75, 130, 0],
    [75, 135, 1],
  ])("[UA7] the total of minutes %s to %s is that of whole hours and both ends", (from, to, n) => {
    const minute = 60_000;
    const projection = open();
    const minutes = [12, 72, 132, 162];
    for (const [i, at0] of minutes.entries()) projection.store([fact(i + 1, at0 * minute)], i + 1);
    const range = {
      from: from === undefined ? undefined : from * minute,
      to: to === undefined ? undefined : to * minute,
    };
    const page = projection.audit.list({ ...filter, ...range }, firstPage);
    expect(page).toMatchObject({ value: { total: n } });
    expect(page.ok && page.value.rows.length).toBe(n);
  });

  it("[UA7] a cursor of another list, account or direction is a fault", () => {
    const projection = open();
    for (let seq = 1; seq <= 3; seq += 1) projection.store([fact(seq, seq * hour)], seq);
    const page = projection.audit.list(filter, { ...firstPage, limit: 1 });
    if (!page.ok || page.value.nextCursor === null) throw new Error("there are more pages");
    const cursor = page.value.nextCursor;
    const read = [
      projection.audit.list(filter, { ...firstPage, cursor }),
      projection.audit.list(filter, { ...firstPage, cursor, sortOrder: "DESC" }),
      projection.audit.list({ accountId: "b" }, { ...firstPage, cursor }),
      projection.audit.listHours(filter, { ...firstPage, cursor }),
      projection.listMeteredRecords(filter, { ...firstPage, cursor }),
    ];
    expect(read.map((result) => result.ok)).toEqual([true, false, false, false, false]);
  });

  it("[PR8] [UA7] a stream of a projection that was emptied ends with an error", () => {
    const projection = open();
    for (let seq = 1; seq <= 600; seq += 1) projection.store([fact(seq, seq * hour)], seq);
    const streams = [
      projection.audit.stream(filter, "ASC"),
      projection.audit.streamHours(filter, "DESC"),
    ].map((stream) => stream[Symbol.iterator]());
    expect(streams.map((chunks) => chunks.next().done)).toEqual([false, false]);
    projection.reset();
    for (const chunks of streams) expect(() => chunks.next()).toThrow("emptied");
  });
});

describe("facts that wait to be written", () => {
  it("[UA6] wait up to a second; lists, flushes and other outputs write them", () => {
    const file = newFile();
    const projection = open(file);
    const look = (): unknown => [projection.appliedSeq, appliedIn(file)];
    projection.store([fact(1, 5_000)], 1);
    projection.store([fact(2, 5_999)], 2);
    expect(look()).toEqual([2, 0]);
    projection.store([fact(3, 6_000)], 3);
    expect(look()).toEqual([3, 3]);
    projection.store([fact(4, 6_001)], 4);
    expect(look()).toEqual([4, 3]);
    expect(rowsOf(projection)).toHaveLength(2);
    expect(look()).toEqual([4, 4]);
    projection.store([fact(5, 6_002)], 5);
    projection.store([metered(at(6))], 6);
    expect(look()).toEqual([6, 6]);
    projection.store([fact(7, 6_003)], 7);
    projection.flush();
    expect(look()).toEqual([7, 7]);
    projection.store([fact(8, 6_004)], 8);
    projection.store([], 8);
    expect(look()).toEqual([8, 7]);
    projection.store([], 9);
    expect(look()).toEqual([9, 9]);
    expect(rowsOf(projection).map(({ figures }) => figures.requests)).toEqual([2, 5]);
  });

  it("[UA6] make 10,000 rows at most", () => {
    const file = newFile();
    const projection = open(file);
    const store = (seq: number): void =>
      projection.store([fact(seq, 5_000, { meterKey: `k${seq}` })], seq);
    for (let seq = 1; seq <= 10_000; seq += 1) store(seq);
    expect(appliedIn(file)).toBe(0);
    store(10_001);
    expect(appliedIn(file)).toBe(10_001);
    expect(rowsOf(projection)).toHaveLength(10_001);
  });

  it("[UA6] stay when a group fails, and the same group may come again", () => {
    const file = newFile();
    const projection = open(file);
    projection.store([fact(1, 5_000)], 1);
    const other = new DatabaseSync(file, { timeout: 0 });
    other.exec("BEGIN IMMEDIATE");
    const group: readonly Output[] = [metered(at(2)), fact(2, 5_001)];
    expect(() => projection.store(group, 2)).toThrow(NoRoomError);
    expect(() => projection.audit.list(filter, firstPage)).toThrow(NoRoomError);
    expect(projection.appliedSeq).toBe(1);
    other.exec("ROLLBACK");
    other.close();
    projection.store(group, 2);
    expect(rowsOf(projection)).toMatchObject([{ id: "0.1.7", figures: { requests: 2 } }]);
  });

  it("[UA6] are taken once, however often their groups come", () => {
    const projection = open();
    projection.store([fact(1, 5_000)], 1);
    projection.store([fact(1, 5_000), fact(2, 5_001)], 2);
    projection.store([fact(1, 5_000), fact(2, 5_001)], 2);
    expect(rowsOf(projection)).toMatchObject([{ figures: { requests: 2 } }]);
    projection.store([fact(2, 5_001), fact(3, 5_002)], 3);
    expect(rowsOf(projection)).toMatchObject([{ figures: { requests: 3 } }]);
  });

  it("[UA6] are forgotten by a reset", () => {
    const projection = open();
    projection.store([fact(1, 5_000)], 1);
    projection.reset();
    expect([projection.appliedSeq, rowsOf(projection)]).toEqual([0, []]);
    projection.store([fact(1, 5_000)], 1);
    expect(rowsOf(projection)).toHaveLength(1);
  });
});
