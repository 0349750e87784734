// Random outputs, stored in random groups with replays in between, against plain arrays: every
// list with every combination of filters must say the same.
import fc from "fast-check";
import { expect, it } from "vitest";
import type { WaitingItem } from "../../src/core/entry.ts";
import type {
  CorrectionOutput,
  MeteredRecordOutput,
  Output,
  Position,
} from "../../src/core/output.ts";
import { positionText } from "../../src/core/output.ts";
import { correctionStates } from "../../src/projection/correction-query.ts";
import type { Projection } from "../../src/projection/database.ts";
import type { ListedColumns } from "./listed-meter.ts";
import { at, correction, listed, metered, open, superseded } from "./outputs.ts";

const accounts = fc.constantFrom("a", "'b");
const users = fc.constantFrom("u", "v", "U", "%");
const keys = fc.constantFrom("k", "l", "a");
const types = fc.constantFrom("t", "k");
const meterIds = fc.constantFrom("m1", "m2", "m3", "m4", "m5", "m6");
const instants = fc.integer({ min: 0, max: 6 });
const reasons = fc.constantFrom("NO_METER", "INVALID_VALUE");

const names = { accountId: accounts, userId: users, meterKey: keys, meterTypeId: types };
const events = fc.oneof(
  fc.record({ kind: fc.constant("list" as const), id: meterIds, createdAt: instants, ...names }),
  fc.record({ kind: fc.constant("unlist" as const), id: meterIds }),
  fc.record({
    kind: fc.constant("metered" as const),
    meterId: meterIds,
    periodEnd: instants,
    ...names,
  }),
  fc.record({
    kind: fc.constant("correction" as const),
    accountId: accounts,
    userId: fc.option(users),
    meterKey: keys,
    recordId: fc.option(fc.constantFrom("r", "s")),
    reason: reasons,
    receivedAt: instants,
  }),
  fc.record({
    kind: fc.constant("change" as const),
    nth: fc.nat({ max: 9 }),
    state: fc.constantFrom(...correctionStates),
    userId: fc.option(users),
    reason: reasons,
    isJudged: fc.boolean(),
    updatedAt: instants,
  }),
  fc.record({ kind: fc.constant("expire" as const), nth: fc.nat({ max: 9 }) }),
  fc.record({
    kind: fc.constant("supersede" as const),
    nth: fc.nat({ max: 9 }),
    updatedAt: instants,
  }),
);
type Event = typeof events extends fc.Arbitrary<infer T> ? T : never;
const journals = fc.array(fc.array(events, { maxLength: 6 }), { maxLength: 12 });

const optional = <T>(values: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(values, { nil: undefined, freq: 2 });
const queries = fc.record({
  accountId: accounts,
  userId: optional(users),
  meterKey: optional(fc.oneof(keys, fc.constant("unknown"))),
  meterTypeId: optional(types),
  meterId: optional(meterIds),
  recordId: optional(fc.constantFrom("r", "s")),
  reason: optional(reasons),
  state: optional(fc.constantFrom(...correctionStates)),
  from: optional(instants),
  to: optional(instants),
  limit: fc.integer({ min: 1, max: 4 }),
  skip: fc.nat({ max: 4 }),
  sortOrder: fc.constantFrom("ASC" as const, "DESC" as const),
});
type Query = typeof queries extends fc.Arbitrary<infer T> ? T : never;

interface Item extends CorrectionOutput {
  state: string;
  updatedAt: number;
  attempts: number;
}

/** Plain arrays in the order of positions. */
class Model {
  readonly meters = new Map<string, ListedColumns>();
  readonly records: MeteredRecordOutput[] = [];
  readonly items: Item[] = [];

  apply(event: Event, seq: number, index: number): Output {
    switch (event.kind) {
      case "list": {
        const { kind: _, ...columns } = event;
        if (!this.meters.has(event.id)) this.meters.set(event.id, columns);
        return listed(columns);
      }
      case "unlist":
        this.meters.delete(event.id);
        return { kind: "meter-unlisted", meterId: event.id };
      case "metered": {
        const { kind: _, ...columns } = event;
        const output = metered(at(seq, index), columns);
        this.records.push(output);
        return output;
      }
      case "correction": {
        const { kind: _, ...columns } = event;
        const output = correction(at(seq, index), columns);
        const more = { state: "waiting", updatedAt: output.receivedAt, attempts: 1 };
        this.items.push({ ...output, ...more });
        return output;
      }
      case "change":
        return this.#change(event, at(seq, index));
      case "expire": {
        const [item] = this.items.splice(event.nth, 1);
        const expired = item?.position ?? at(999);
        return { kind: "correction-expired", position: at(seq, index), item: expired };
      }
      case "supersede": {
        const item = this.items[event.nth];
        if (item?.state === "waiting")
          Object.assign(item, { state: "superseded", updatedAt: event.updatedAt });
        return superseded(item?.position ?? at(999), event.updatedAt);
      }
    }
  }

  #change(
    { nth, state, userId, reason, isJudged, updatedAt }: Extract<Event, { kind: "change" }>,
    position: Position,
  ): Output {
    const item = this.items[nth];
    const { meterKey = "k", detail = "" } = item ?? {};
    const texts = { recordId: "r", record: "{}", event: null, refusedId: null, isRekeyed: true };
    const kept = { meterKey, userId, reason, detail, ...texts } as const;
    const waits = state === "waiting" ? (kept as WaitingItem) : null;
    if (item?.state === "waiting") {
      const { userId: user, recordId, reason: why } = waits ?? item;
      const attempts = item.attempts + (isJudged ? 1 : 0);
      Object.assign(item, { state, updatedAt, attempts, userId: user, recordId, reason: why });
    }
    const of = item?.position ?? at(999);
    return { kind: "correction-changed", position, item: of, state, waits, isJudged, updatedAt };
  }
}

const is = (wanted: unknown, value: unknown): boolean => wanted === undefined || wanted === value;
const within = (query: Query, instant: number): boolean =>
  instant >= (query.from ?? -1) && instant < (query.to ?? 99);

function page<T>(rows: readonly T[], { skip, limit }: Query): readonly T[] {
  return rows.slice(skip, skip + limit);
}

function turned<T>(rows: readonly T[], query: Query): readonly T[] {
  return query.sortOrder === "ASC" ? rows : rows.toReversed();
}

function compareMeters(projection: Projection, model: Model, query: Query): void {
  const ids = [...model.meters.values()]
    .filter((m) => m.accountId === query.accountId && is(query.userId, m.userId))
    .filter((m) => is(query.meterKey, m.meterKey) && is(query.meterTypeId, m.meterTypeId))
    .toSorted((a, b) => a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1))
    .map((m) => m.id);
  expect(projection.listMeters(query)).toEqual({ ids: page(ids, query), total: ids.length });
}

function compareRecords(projection: Projection, model: Model, query: Query): void {
  const matching = model.records
    .filter((r) => r.accountId === query.accountId && is(query.userId, r.userId))
    .filter((r) => is(query.meterKey, r.meterKey) && is(query.meterTypeId, r.meterTypeId))
    .filter((r) => is(query.meterId, r.meterId) && within(query, r.periodEnd))
    .map((r) => r.json);
  const rows = turned(matching, query);
  const { limit, skip, sortOrder } = query;
  const result = projection.listMeteredRecords(query, { limit, skip, sortOrder });
  expect(result).toMatchObject({ value: { records: page(rows, query), total: rows.length } });
  expect([...projection.streamMeteredRecords(query, sortOrder)].flat()).toEqual(rows);
  const walked: string[] = [];
  let cursor: string | undefined;
  for (let i = 0; i <= rows.length; i += 1) {
    const next = projection.listMeteredRecords(query, { limit, skip: 0, sortOrder, cursor });
    if (!next.ok) throw new Error(next.error.detail);
    walked.push(...next.value.records);
    expect(next.value.total).toBe(rows.length);
    if (next.value.nextCursor === null) break;
    cursor = next.value.nextCursor;
  }
  expect(walked).toEqual(rows);
}

/** Groups of waiting items, by reason: every item of the model has the same detail. */
function compareSummary(projection: Projection, model: Model, accountId: string): void {
  const { lists } = projection.corrections;
  const { groups } = lists.summarize({ accountId }, { limit: 100, skip: 0 });
  const counts = new Map<string, number>();
  for (const item of model.items) {
    if (item.accountId !== accountId || item.state !== "waiting") continue;
    const name = `${item.meterKey} ${item.reason}`;
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  const told = groups.map(({ meterKey, reason, count }) => [`${meterKey} ${reason}`, count]);
  expect(new Map(told as [string, number][])).toEqual(counts);
  const sizes = groups.map(({ count }) => count);
  expect(sizes).toEqual(sizes.toSorted((a, b) => b - a));
}

function compareCorrections(projection: Projection, model: Model, query: Query): void {
  const matching = model.items
    .filter((c) => c.accountId === query.accountId && is(query.userId, c.userId))
    .filter((c) => is(query.meterKey, c.meterKey) && is(query.reason, c.reason))
    .filter((c) => is(query.recordId, c.recordId) && is(query.state, c.state))
    .filter((c) => within(query, c.receivedAt))
    .map((c) => [positionText(c.position), c.state, c.updatedAt, c.userId, c.recordId, c.attempts]);
  const rows = turned(matching, query);
  const found = projection.listCorrections(query, query);
  const items = found.items.map((c) => [
    ...[c.id, c.state, c.updatedAt, c.userId, c.recordId, c.attempts],
  ]);
  expect({ items, total: found.total }).toEqual({ items: page(rows, query), total: rows.length });
}

it("[PR5] [DC20] [DC23] [PR10] [PR12] [PR13] [PR19] lists equal plain arrays, whatever is replayed", () => {
  const projection = open();
  const replays = fc.array(fc.nat({ max: 3 }), { minLength: 12, maxLength: 12 });
  const several = fc.array(queries, { minLength: 8, maxLength: 8 });
  fc.assert(
    fc.property(journals, replays, several, (journal, overlaps, asked) => {
      projection.reset();
      const model = new Model();
      const groups: (readonly Output[])[] = [];
      for (const [i, group] of journal.entries()) {
        groups.push(group.map((event, index) => model.apply(event, i + 1, index)));
        const overlap = overlaps[i] ?? 0;
        // Sometimes a group waits for the next one, and sometimes older groups come again.
        if (overlap === 3 && i + 1 < journal.length) continue;
        const first = Math.max(0, Math.min(projection.appliedSeq, i - overlap));
        projection.store(groups.slice(first).flat(), i + 1);
      }
      for (const query of asked) {
        compareMeters(projection, model, query);
        compareRecords(projection, model, query);
        compareCorrections(projection, model, query);
        compareSummary(projection, model, query.accountId);
      }
    }),
    { numRuns: 150 },
  );
});
