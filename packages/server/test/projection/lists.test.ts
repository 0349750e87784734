// The lists of the projection: order, filters, totals, cursors, streams, exact bytes, and texts
// that would break careless SQL. What random data shows is in lists-model.test.ts.
import { describe, expect, it } from "vitest";
import type { Output } from "../../src/core/output.ts";
import type { Projection } from "../../src/projection/database.ts";
import type {
  MeteredRecordFilter,
  MeteredRecordPage,
} from "../../src/projection/metered-records.ts";
import { at, correction, hostileTexts, listed, metered, open, superseded } from "./outputs.ts";

const account = { accountId: "a" };
const firstPage = { limit: 100, skip: 0, sortOrder: "ASC" } as const;

function recordsOf(
  projection: Projection,
  filter: MeteredRecordFilter = account,
  page: Partial<Parameters<Projection["listMeteredRecords"]>[1]> = {},
): MeteredRecordPage {
  const result = projection.listMeteredRecords(filter, { ...firstPage, ...page });
  if (!result.ok) throw new Error(result.error.detail);
  return result.value;
}

function manyRecords(count: number, seq = 1): readonly Output[] {
  return Array.from({ length: count }, (_, index) =>
    metered(at(seq, index), { json: `${seq}.${index}` }),
  );
}

describe("the list of meters", () => {
  it("[PR10] is in order of createdAt, then id, and pages do not overlap", () => {
    const projection = open();
    const outputs = ["c", "a", "b"].map((id) => listed({ id, createdAt: 5 }));
    projection.store(
      [listed({ id: "z", createdAt: 4 }), ...outputs, listed({ id: "0", createdAt: 6 })],
      1,
    );
    const page = (skip: number): readonly string[] =>
      projection.listMeters({ ...account, limit: 2, skip }).ids;
    expect([page(0), page(2), page(4), page(5), page(2 ** 53 - 1)]).toEqual([
      ["z", "a"],
      ["b", "c"],
      ["0"],
      [],
      [],
    ]);
  });

  it("[PR11] a listed meter is not listed twice, an unlisted one is gone from totals too", () => {
    const projection = open();
    projection.store([listed({ id: "m" }), listed({ id: "n", meterKey: "other" })], 1);
    projection.store([listed({ id: "m", meterKey: "changed" })], 2);
    const list = (filter: object): unknown =>
      projection.listMeters({ ...account, ...filter, limit: 100, skip: 0 });
    expect(list({})).toEqual({ ids: ["m", "n"], total: 2 });
    expect(list({ meterKey: "changed" })).toEqual({ ids: [], total: 0 });
    const gone = { kind: "meter-unlisted", meterId: "m" } as const;
    projection.store([gone, gone, { kind: "meter-unlisted", meterId: "never" }], 3);
    expect(list({})).toEqual({ ids: ["n"], total: 1 });
    expect(list({ meterKey: "k" })).toEqual({ ids: [], total: 0 });
    projection.store([listed({ id: "m", userId: "v" })], 4);
    expect(list({ userId: "v", meterKey: "k", meterTypeId: "t" })).toEqual({
      ids: ["m"],
      total: 1,
    });
  });
});

describe("the list of metered records", () => {
  it("[PR12] goes by position as numbers, not as text, in both directions", () => {
    const projection = open();
    const places = [at(9, 2), at(9, 10), at(10, 1), at(10, 9)];
    projection.store(
      places.map((place) => metered(place)),
      10,
    );
    const expected = places.map((place) => metered(place).json);
    expect(recordsOf(projection).records).toEqual(expected);
    expect(recordsOf(projection, account, { sortOrder: "DESC" }).records).toEqual(
      expected.toReversed(),
    );
  });

  it("[PR13] from is inclusive and to exclusive on the period's end", () => {
    const projection = open();
    const ends = [30, 10, 20, 40, 20];
    projection.store(
      ends.map((periodEnd, i) => metered(at(1, i), { periodEnd, json: `${i}` })),
      1,
    );
    const found = (filter: object): unknown => {
      const { records, total } = recordsOf(projection, { ...account, ...filter });
      return [records.join(""), total];
    };
    expect(found({ from: 20, to: 40 })).toEqual(["024", 3]);
    expect(found({ from: 20 })).toEqual(["0234", 4]);
    expect(found({ to: 20 })).toEqual(["1", 1]);
    expect(found({ from: 20, to: 20 })).toEqual(["", 0]);
    expect(found({ from: 40, to: 20 })).toEqual(["", 0]);
    expect(found({ from: 20, to: 40, userId: "u", meterId: "m" })).toEqual(["024", 3]);
  });

  it("[PR14] a cursor goes on after the last record, whatever arrived since", () => {
    for (const sortOrder of ["ASC", "DESC"] as const) {
      const projection = open();
      projection.store(manyRecords(5), 1);
      const first = recordsOf(projection, account, { limit: 2, sortOrder });
      projection.store(manyRecords(2, 2), 2);
      const { nextCursor: cursor } = first;
      const rest = recordsOf(projection, account, { sortOrder, cursor: cursor ?? "" });
      const all = recordsOf(projection, account, { sortOrder }).records;
      const start = sortOrder === "ASC" ? [] : ["2.1", "2.0"];
      expect([...start, ...first.records, ...rest.records], sortOrder).toEqual(all);
      expect([first.total, rest.total, rest.nextCursor]).toEqual([5, 7, null]);
    }
  });

  it("[PR14] the last page has no next cursor, also when it is full", () => {
    const projection = open();
    projection.store(manyRecords(4), 1);
    const first = recordsOf(projection, account, { limit: 2 });
    const second = recordsOf(projection, account, { limit: 2, cursor: first.nextCursor ?? "" });
    expect([second.records, second.nextCursor]).toEqual([["1.2", "1.3"], null]);
    expect(recordsOf(projection, account, { limit: 2, skip: 2 }).nextCursor).toBe(null);
  });

  it("[PR15] a cursor that is changed, of another account or direction is a fault", () => {
    const projection = open();
    projection.store([...manyRecords(3), metered(at(1, 3), { accountId: "b" })], 1);
    const cursor = recordsOf(projection, account, { limit: 1 }).nextCursor ?? "";
    const read = (text: string, filter = account, sortOrder: "ASC" | "DESC" = "ASC"): unknown => {
      const result = projection.listMeteredRecords(filter, {
        ...firstPage,
        sortOrder,
        cursor: text,
      });
      return result.ok ? "ok" : result.error.parameter;
    };
    expect(cursor).toMatch(/^[\w-]+$/);
    expect(read(cursor)).toBe("ok");
    expect(read(cursor, { accountId: "b" })).toBe("cursor");
    expect(read(cursor, account, "DESC")).toBe("cursor");
    const changed = Array.from({ length: cursor.length }, (_, i) => {
      const other = cursor[i] === "A" ? "B" : "A";
      return cursor.slice(0, i) + other + cursor.slice(i + 1);
    });
    const texts = [
      "",
      "x",
      "x".repeat(1e6),
      `${cursor}=`,
      ` ${cursor}`,
      `${cursor}\n`,
      ...hostileTexts,
    ];
    for (const text of [...changed, ...texts]) expect(read(text), text.slice(0, 99)).toBe("cursor");
  });

  it("[PR16] a stream gives what existed when it was asked for, in bounded chunks", () => {
    const projection = open();
    projection.store(manyRecords(1_200), 1);
    for (const sortOrder of ["ASC", "DESC"] as const) {
      const before = recordsOf(projection).total;
      const stream = projection.streamMeteredRecords(account, sortOrder);
      let seq = projection.appliedSeq;
      const chunks: (readonly string[])[] = [];
      projection.store(manyRecords(10, seq + 1), seq + 1);
      for (const chunk of stream) {
        chunks.push(chunk);
        expect(chunks.length, "a stream ends").toBeLessThan(20);
        seq = projection.appliedSeq + 1;
        projection.store(manyRecords(300, seq), seq);
      }
      const given = chunks.flat();
      expect(given.length, sortOrder).toBe(before);
      expect(new Set(given).size).toBe(before);
      expect(Math.max(...chunks.map((chunk) => chunk.length))).toBeLessThanOrEqual(500);
      expect(given[0]).toBe(
        sortOrder === "ASC" ? "1.0" : `${projection.appliedSeq - chunks.length - 1}.299`,
      );
    }
  });

  it("[PR16] a chunk of large records is short", () => {
    const projection = open();
    const json = "x".repeat(600_000);
    projection.store(
      [0, 1, 2, 3, 4].map((i) => metered(at(1, i), { json: `${i}${json}` })),
      1,
    );
    const chunks = [...projection.streamMeteredRecords(account, "ASC")];
    expect(chunks.map((chunk) => chunk.map((text) => text[0]).join(""))).toEqual(["01", "23", "4"]);
  });
});

describe("the list of data-correction items", () => {
  it("[PR17] shows an item as it was stored, waiting and judged once", () => {
    const projection = open();
    const output = correction(at(7, 3), {
      userId: null,
      recordId: null,
      record: null,
      original: "{ ",
    });
    projection.store([output], 7);
    const { items } = projection.listCorrections(account, { limit: 1, skip: 0 });
    expect(items).toEqual([
      {
        id: "0.7.3",
        meterKey: "k",
        userId: null,
        recordId: null,
        reason: "NO_METER",
        detail: "There is no meter.",
        original: "{ ",
        record: null,
        state: "waiting",
        attempts: 1,
        receivedAt: 1_000,
        updatedAt: 1_000,
      },
    ]);
  });

  it("[PR18] bytes that are not UTF-8 are shown, and kept exactly beside", () => {
    const projection = open();
    const bytes = Buffer.from([0xef, 0xbb, 0xbf, 0x7b, 0xff, 0x00, 0xc3, 0xa9, 0xed, 0xa0, 0x80]);
    const asUtf8 = [0xef, 0xbb, 0xbf, 0xc3, 0xa9, 0x00];
    projection.store(
      [
        correction(at(1), { original: bytes.toString("latin1"), originalIsBytes: true }),
        correction(at(1, 1), { original: "\ufeffé\u0000" }),
        correction(at(1, 2), {
          original: Buffer.from(asUtf8).toString("latin1"),
          originalIsBytes: true,
        }),
      ],
      1,
    );
    const { items } = projection.listCorrections(account, { limit: 9, skip: 0 });
    const [broken, text, sound] = items;
    expect(broken?.original).toBe("\ufeff{\ufffd\u0000é\ufffd\ufffd\ufffd");
    expect(broken?.originalBase64).toBe(bytes.toString("base64"));
    expect([text?.original, text?.originalBase64]).toEqual(["\ufeffé\u0000", undefined]);
    expect([sound?.original, sound?.originalBase64]).toEqual(["\ufeffé\u0000", undefined]);
  });

  it("[PR19] a waiting item is superseded once; totals and filters follow", () => {
    const projection = open();
    const outputs = [10, 20, 30].map((receivedAt, i) => correction(at(1, i), { receivedAt }));
    projection.store([...outputs, superseded(at(1, 1), 50)], 1);
    projection.store([superseded(at(1, 1), 99), superseded(at(8, 8), 99)], 2);
    const list = (filter: object, page: object = {}): unknown => {
      const found = projection.listCorrections(
        { ...account, ...filter },
        { limit: 9, skip: 0, ...page },
      );
      return [found.items.map((item) => `${item.id} ${item.state} ${item.updatedAt}`), found.total];
    };
    const all = ["0.1.0 waiting 10", "0.1.1 superseded 50", "0.1.2 waiting 30"];
    expect(list({})).toEqual([all, 3]);
    expect(list({}, { sortOrder: "DESC", limit: 1, skip: 1 })).toEqual([[all[1]], 3]);
    expect(list({ state: "waiting" })).toEqual([[all[0], all[2]], 2]);
    expect(list({ state: "superseded", reason: "NO_METER" })).toEqual([[all[1]], 1]);
    expect(list({ state: "deleted" })).toEqual([[], 0]);
    expect(list({ from: 20, to: 30 })).toEqual([[all[1]], 1]);
    expect(list({ from: 20, state: "waiting", recordId: "r", userId: "u" })).toEqual([[all[2]], 1]);
  });
});

describe("all lists", () => {
  it("[PR20] any text is data: stored, given back and matched exactly", () => {
    const projection = open();
    const outputs = hostileTexts.flatMap((text, i): Output[] => {
      const names = { accountId: text, meterKey: text, userId: text };
      const record = { ...names, meterId: text, meterTypeId: text, json: text };
      const item = {
        ...names,
        recordId: text,
        reason: text,
        detail: text,
        original: text,
        record: text,
      };
      return [
        listed({ ...names, id: text, meterTypeId: text }),
        metered(at(1, 2 * i), record),
        correction(at(1, 2 * i + 1), item),
      ];
    });
    projection.store(outputs, 1);
    for (const text of hostileTexts) {
      const names = { accountId: text, meterKey: text, userId: text };
      const meters = projection.listMeters({ ...names, meterTypeId: text, limit: 9, skip: 0 });
      expect(meters, text).toEqual({ ids: [text], total: 1 });
      const filter = { ...names, meterId: text, meterTypeId: text };
      expect(recordsOf(projection, filter), text).toMatchObject({ records: [text], total: 1 });
      expect([...projection.streamMeteredRecords(filter, "ASC")], text).toEqual([[text]]);
      const corrections = projection.listCorrections(
        { ...names, recordId: text, reason: text },
        { limit: 9, skip: 0 },
      );
      expect(corrections.total).toBe(1);
      const shown = { meterKey: text, userId: text, recordId: text, reason: text, detail: text };
      expect(corrections.items[0]).toMatchObject({ ...shown, original: text, record: text });
    }
  });

  it("[PR21] another account's rows are never found, not even by their ids", () => {
    const projection = open();
    const other = { accountId: "b" };
    projection.store(
      [
        listed({ id: "m" }),
        metered(at(1), { meterId: "m" }),
        correction(at(1, 1)),
        metered(at(1, 2), other),
      ],
      1,
    );
    const filter = { ...other, userId: "u", meterKey: "k", meterTypeId: "t" };
    expect(projection.listMeters({ ...filter, limit: 9, skip: 0 }).total).toBe(0);
    expect(recordsOf(projection, { ...filter, meterId: "m" }).records).toEqual([
      metered(at(1, 2)).json,
    ]);
    expect(
      projection.listCorrections({ ...other, recordId: "r" }, { limit: 9, skip: 0 }).total,
    ).toBe(0);
    expect(recordsOf(projection, { accountId: "none" })).toEqual({
      records: [],
      total: 0,
      nextCursor: null,
    });
  });

  it("[PR22] a page has at most 100 items", () => {
    const projection = open();
    for (const page of [
      { limit: 101 },
      { limit: 0 },
      { limit: 1.5 },
      { skip: -1 },
      { skip: NaN },
    ]) {
      const bounds = { ...firstPage, ...page };
      expect(() => projection.listMeters({ ...account, ...bounds })).toThrow(/limit|skip/);
      expect(() => projection.listMeteredRecords(account, bounds)).toThrow(/limit|skip/);
      expect(() => projection.listCorrections(account, bounds)).toThrow(/limit|skip/);
    }
  });
});
