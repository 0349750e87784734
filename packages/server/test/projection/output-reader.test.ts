// Stored outputs as whoever delivers them reads them: in the order of positions over all kinds, by
// account and processor, from any place on, and by the time at which they were made.
import { expect, it } from "vitest";
import type { Output } from "../../src/core/output.ts";
import { formatInstant } from "../../src/core/time.ts";
import type { Projection } from "../../src/projection/database.ts";
import { createSeededRandom, seedOf } from "../support/seeded-random.ts";
import { at, metered, open } from "./outputs.ts";

const kinds = ["metered-record", "threshold-event"] as const;
const began = 1_767_225_600_000;

interface Made {
  readonly kind: (typeof kinds)[number];
  readonly accountId: string;
  readonly meterKey: string;
  readonly seq: number;
  readonly index: number;
  readonly emittedAt: number;
}

function outputOf({ kind, accountId, meterKey, seq, index, emittedAt }: Made): Output {
  const position = at(seq, index);
  const json = JSON.stringify({ place: `${seq}.${index}`, emittedAt: formatInstant(emittedAt) });
  const record = metered(position, { accountId, meterKey, json, periodEnd: emittedAt });
  if (kind === "metered-record") return record;
  const { periodEnd: _, kind: __, ...shared } = record;
  return { ...shared, kind, emittedAt };
}

/** Some hundred outputs of three accounts, two kinds and four processors, a minute between entries. */
function draw(seed: number): { readonly projection: Projection; readonly made: readonly Made[] } {
  const random = createSeededRandom(seed);
  const projection = open();
  const made: Made[] = [];
  for (let seq = 1; seq <= 120; seq++) {
    const outputs: Made[] = [];
    for (let index = 0; index < random.integer(0, 6); index++) {
      outputs.push({
        kind: random.pick(kinds),
        accountId: random.pick(["a", "b", "c"]),
        meterKey: random.pick(["k", "l", "m", "n"]),
        seq,
        index,
        emittedAt: began + seq * 60_000,
      });
    }
    projection.store(outputs.map(outputOf), seq);
    made.push(...outputs);
  }
  return { projection, made };
}

const place = ({ seq, index }: { readonly seq: number; readonly index: number }): string =>
  `${seq}.${index}`;
const isAfter = (a: Pick<Made, "seq" | "index">, b: Pick<Made, "seq" | "index">): boolean =>
  a.seq === b.seq ? a.index > b.index : a.seq > b.seq;

it("[DV40] reads every output that is wanted once, in order, in batches of any size", () => {
  const seed = seedOf(40);
  console.info(`seed ${seed}`);
  const { projection, made } = draw(seed);
  const random = createSeededRandom(seed + 1);
  const reader = projection.deliverable;
  for (let round = 0; round < 60; round++) {
    const filter = {
      accountId: random.pick(["a", "b", "c", "nobody"]),
      kinds: random.pick([kinds, ["metered-record"], ["threshold-event"]] as const),
      meterKeys: random.pick([[], ["k"], ["k", "m"], ["l", "m", "n"], ["none"]]),
    };
    const begin = at(random.integer(0, 120), random.integer(0, 7));
    const limit = random.integer(1, 40);
    const wanted = made.filter(
      (one) =>
        one.accountId === filter.accountId &&
        filter.kinds.some((kind) => kind === one.kind) &&
        (filter.meterKeys.length === 0 || filter.meterKeys.includes(one.meterKey)) &&
        isAfter(one, begin),
    );
    const read: string[] = [];
    let after = begin;
    for (let batches = 0; batches < 1_000; batches++) {
      const found = reader.after(filter, { after, limit });
      for (const { kind, position, meterKey } of found.outputs) {
        read.push(`${kind} ${meterKey} ${place(position)}`);
        expect(reader.find(kind, position)).toContain(`"${place(position)}"`);
      }
      if (found.scannedTo === after || !isAfter(found.scannedTo, after)) break;
      after = found.scannedTo;
    }
    expect(read).toEqual(wanted.map((one) => `${one.kind} ${one.meterKey} ${place(one)}`));
    const upTo = at(random.integer(60, 120), 3);
    const counted = wanted.filter((one) => !isAfter(one, upTo)).length;
    expect(reader.count(filter, { after: begin, upTo })).toBe(counted);
  }
});

it("[DV63] finds the last output before an instant, also where older ones were removed", () => {
  const seed = seedOf(63);
  console.info(`seed ${seed}`);
  const { projection, made } = draw(seed);
  const reader = projection.deliverable;
  const expectAll = (from: number): void => {
    for (let minute = from; minute <= 122; minute++) {
      for (const offset of [-1, 0, 1]) {
        const instant = began + minute * 60_000 + offset;
        const last = made.filter(({ emittedAt }) => emittedAt < instant).at(-1);
        const expected = last === undefined ? at(0) : at(last.seq, last.index);
        expect(reader.positionBefore(instant)).toEqual(expected);
      }
    }
  };
  expectAll(0);
  for (const list of ["metered-records", "threshold-events"] as const) {
    projection.prune(list, began + 60 * 60_000, 10_000);
  }
  expectAll(70);
});

it("[DV40] the newest position is that of the last output of any kind", () => {
  const projection = open();
  const reader = projection.deliverable;
  expect(reader.newest()).toEqual(at(0));
  expect(reader.positionBefore(began)).toEqual(at(0));
  const filter = { accountId: "a", kinds, meterKeys: [] };
  expect(reader.after(filter, { after: at(0), limit: 5 })).toEqual({
    outputs: [],
    scannedTo: at(0),
  });
  const shared = { accountId: "a", meterKey: "k", emittedAt: began };
  projection.store([outputOf({ ...shared, kind: "threshold-event", seq: 3, index: 1 })], 3);
  expect(reader.newest()).toEqual(at(3, 1));
  projection.store([outputOf({ ...shared, kind: "metered-record", seq: 4, index: 0 })], 4);
  expect(reader.newest()).toEqual(at(4, 0));
  expect(reader.find("metered-record", at(3, 1))).toBeUndefined();
});
