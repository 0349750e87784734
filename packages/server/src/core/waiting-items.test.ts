// The table of waiting items against a plain set, through compaction and snapshots; positions as text
// and in rows.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { positionText } from "./output.ts";
import { PositionList, positionRows, readPosition } from "./position-list.ts";
import { WaitingItems } from "./waiting-items.ts";

const afterRestore = 1_763_800_000_000_000;

describe("waiting items", () => {
  it("[DC14] hold what was added and not removed, each once", () => {
    const steps = fc.array(
      fc.record({
        seq: fc.nat({ max: 3 }),
        isFar: fc.boolean(),
        removed: fc.array(fc.nat({ max: 200 }), { maxLength: 6 }),
      }),
      { maxLength: 120 },
    );
    fc.assert(
      fc.property(steps, (history) => {
        let items = new WaitingItems();
        const known = new Map<string, { seq: number; index: number }>();
        const every: { seq: number; index: number }[] = [];
        let last = { seq: 1, index: -1 };
        for (const { seq, isFar, removed } of history) {
          const next = isFar && last.seq < afterRestore ? afterRestore : last.seq + seq;
          last = { seq: next, index: next === last.seq ? last.index + 1 : 0 };
          items.add(last);
          every.push(last);
          known.set(JSON.stringify(last), last);
          for (const at of removed) {
            const place = every[at % every.length] ?? last;
            expect(items.remove(place)).toBe(known.delete(JSON.stringify(place)));
          }
          expect(items.size).toBe(known.size);
          if (removed.length === 3) items = restored(items);
        }
        for (const place of every) expect(items.has(place)).toBe(known.has(JSON.stringify(place)));
        expect(items.has({ seq: last.seq, index: last.index + 1 })).toBe(false);
        expect([...items.pieces(7)].flat()).toEqual(
          [...known.values()].flatMap(({ seq, index }) => [seq, index]),
        );
      }),
    );
  });

  it("[DC14] a position out of order is a broken promise", () => {
    const items = new WaitingItems();
    items.add({ seq: 2, index: 1 });
    expect(() => items.add({ seq: 2, index: 1 })).toThrow(/order of their positions/);
    expect(() => items.add({ seq: 1, index: 5 })).toThrow(/order of their positions/);
  });
});

function restored(items: WaitingItems): WaitingItems {
  const copy = new WaitingItems();
  for (const piece of items.pieces(5)) copy.load(piece);
  return copy;
}

describe("positions", () => {
  it("[DC8] as text are those that are given out, and no others", () => {
    const position = { partition: 0, seq: afterRestore, index: 4_294_967_295 };
    expect(readPosition(positionText(position))).toEqual(position);
    for (const text of ["", "0.1", "0.1.2.3", "0.01.2", "0.1.-2", "0.1.4294967296", " 0.1.2"]) {
      expect(readPosition(text), text).toBeUndefined();
    }
    expect(readPosition("0.9007199254740993.0")).toBeUndefined();
  });

  it("[DC14] in a list are sorted, each once", () => {
    const places = fc.array(fc.record({ seq: fc.nat({ max: 9 }), index: fc.nat({ max: 4 }) }));
    fc.assert(
      fc.property(places, (sent) => {
        const list = new PositionList(positionRows(sent));
        const texts = [...new Set(sent.map(({ seq, index }) => `${seq}.${index}`))].sort();
        expect(list.slice(0, 999).map(({ seq, index }) => `${seq}.${index}`)).toEqual(texts);
        expect(new PositionList(list.rows()).rows()).toEqual(positionRows(sent));
        expect(list.slice(2, 3)).toHaveLength(Math.max(0, Math.min(3, texts.length - 2)));
      }),
    );
  });
});
