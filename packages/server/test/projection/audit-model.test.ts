// Random facts, stored in random groups with crashes and replays in between, against plain arrays:
// rows, hours, totals and cursors of the usage audit must say the same (docs/spec/usage-audit.md).
import fc from "fast-check";
import { expect, it } from "vitest";
import type { AuditFigures, AuditOutput, Output } from "../../src/core/output.ts";
import type { Projection } from "../../src/projection/database.ts";
import { kindOf, modelHours, modelRows, noFigures } from "../support/audit-model.ts";
import { at, auditFact, metered, newFile, open } from "./outputs.ts";

const hour = 3_600_000;
const begin = 1_000_000 * hour;

const figures = fc.record<AuditFigures>(
  Object.fromEntries(
    Object.keys(noFigures).map((name) => [name, fc.nat({ max: 5 })]),
  ) as unknown as { readonly [K in keyof AuditFigures]: fc.Arbitrary<number> },
);

const events = fc
  .array(
    fc.record({
      // Many share a second, and some an hour.
      later: fc.oneof(fc.nat({ max: 700 }), fc.constantFrom(0, hour / 5, hour / 2)),
      accountId: fc.constantFrom("a", "b"),
      meterKey: fc.constantFrom("k", "l", "a"),
      kind: fc.nat({ max: 3 }).map(kindOf),
      figures,
      reasons: fc.dictionary(
        fc.constantFrom("NO_METER", "ID_CONFLICT"),
        fc.integer({ min: 1, max: 3 }),
      ),
      isGroupEnd: fc.boolean(),
      next: fc.constantFrom("go on", "flush", "crash", "list", "other"),
    }),
    { maxLength: 50 },
  )
  .map((drawn) => {
    let time = begin;
    return drawn.map((event, i) => {
      time += event.later;
      return { ...event, output: factOf(event, i, time) };
    });
  });

interface Drawn {
  readonly accountId: string;
  readonly meterKey: string;
  readonly kind: AuditOutput["event"];
  readonly figures: AuditFigures;
  readonly reasons: Readonly<Record<string, number>>;
}

function factOf(
  { accountId, meterKey, kind, reasons, ...rest }: Drawn,
  i: number,
  time: number,
): AuditOutput {
  const byReason = new Map(kind === "ingest" ? Object.entries(reasons) : []);
  const rejected = [...byReason.values()].reduce((sum, n) => sum + n, 0);
  const place = { meterId: `m${i}`, userId: "u", meterTypeId: "t", periodStart: i };
  return auditFact(i + 1, time, {
    ...{ accountId, meterKey, event: kind, rejectedByReason: byReason },
    figures: { ...rest.figures, rejected },
    discarded: kind === "delete-meter" ? { ...place, records: i, value: `${i}` } : null,
  });
}

const optional = <T>(values: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(values, { nil: undefined, freq: 2 });
const instants = fc.nat({ max: 24 }).map((n) => begin + (n * hour) / 4);
const queries = fc.record({
  accountId: fc.constantFrom("a", "b"),
  meterKey: optional(fc.constantFrom("k", "l", "k", "none")),
  kind: optional(fc.nat({ max: 3 }).map(kindOf)),
  from: optional(instants),
  to: optional(instants),
  limit: fc.integer({ min: 1, max: 5 }),
  skip: fc.nat({ max: 3 }),
  sortOrder: fc.constantFrom("ASC" as const, "DESC" as const),
});
type Query = typeof queries extends fc.Arbitrary<infer T> ? T : never;
type History = typeof events extends fc.Arbitrary<infer T> ? T : never;

it("[UA4] [UA5] [UA6] [UA7] lists equal plain arrays, whatever the groups, crashes and replays", () => {
  fc.assert(
    fc.property(events, queries, (history, query) => {
      const projection = stored(history);
      const rows = modelRows(history.map(({ output }) => output));
      const own = rows.filter((row) => query.kind === undefined || row.kind === query.kind);
      const listed = own.filter((row) => matches(query, row));
      const plain = listed.map(({ accountId: _, ...row }) => row);
      compare(query, plain, {
        list: (page) => projection.audit.list(query, page),
        stream: () => projection.audit.stream(query, query.sortOrder),
      });
      const hours = modelHours(own).filter((one) => matches(query, one));
      compare(query, inOrder(hours, projection, query), {
        list: (page) => projection.audit.listHours(query, page),
        stream: () => projection.audit.streamHours(query, query.sortOrder),
      });
    }),
    { numRuns: 100 },
  );
});

/** Groups as drawn; after a crash the journal comes again, with groups of its own. */
function stored(history: History): Projection {
  const file = newFile();
  const outputs = history.map(({ output }) => output);
  let projection = open(file);
  let group: Output[] = [];
  for (const [i, { output, isGroupEnd, next }] of history.entries()) {
    group.push(output);
    if (!isGroupEnd && i < history.length - 1) continue;
    if (next === "other") group.push(metered(at(i + 1, 9)));
    projection.store(group, i + 1);
    group = [];
    if (next === "flush") projection.flush();
    if (next === "list")
      projection.audit.list({ accountId: "a" }, { limit: 1, skip: 0, sortOrder: "ASC" });
    if (next !== "crash") continue;
    projection = open(file);
    for (const one of outputs.slice(0, i + 1)) projection.store([one], one.position.seq);
  }
  return projection;
}

interface Place {
  readonly accountId: string;
  readonly meterKey: string;
  readonly startedAt: number;
}

function matches(query: Query, { accountId, meterKey, startedAt }: Place): boolean {
  const isNamed = query.accountId === accountId && (query.meterKey ?? meterKey) === meterKey;
  const { from = 0, to = Number.POSITIVE_INFINITY } = query;
  return isNamed && startedAt >= from && startedAt < to;
}

/** Hours as listed; within one, keys stand in the order in which they were first seen. */
function inOrder(
  hours: ReturnType<typeof modelHours>,
  projection: Projection,
  { accountId }: Query,
): readonly unknown[] {
  const all = [...projection.audit.streamHours({ accountId }, "ASC")].flat();
  const place = (one: Place): number =>
    all.findIndex((row) => row.from === one.startedAt && row.meterKey === one.meterKey);
  return hours
    .toSorted((a, b) => place(a) - place(b))
    .map(({ accountId: _, startedAt: from, ...rest }) => ({ ...rest, from }));
}

interface PageQuery {
  readonly limit: number;
  readonly skip: number;
  readonly sortOrder: "ASC" | "DESC";
  readonly cursor?: string | undefined;
}

interface Reader {
  list(page: PageQuery): {
    readonly ok: boolean;
    readonly value?: {
      readonly rows: readonly unknown[];
      readonly total: number;
      readonly nextCursor: string | null;
    };
  };
  stream(): Iterable<readonly unknown[]>;
}

/** A stream, a page with skip, and a walk with cursors. */
function compare(query: Query, expected: readonly unknown[], reader: Reader): void {
  const { limit, skip, sortOrder } = query;
  const ordered = sortOrder === "ASC" ? expected : expected.toReversed();
  expect([...reader.stream()].flat()).toEqual(ordered);
  const total = ordered.length;
  const rows = ordered.slice(skip, skip + limit);
  expect(reader.list({ limit, skip, sortOrder }).value).toMatchObject({ rows, total });
  const walked: unknown[] = [];
  let cursor: string | undefined;
  for (let pages = 0; pages <= total; pages += 1) {
    const { value } = reader.list({ limit, skip: 0, sortOrder, cursor });
    expect(value?.total).toBe(total);
    walked.push(...(value?.rows ?? []));
    if (value === undefined || value.nextCursor === null) break;
    cursor = value.nextCursor;
  }
  expect(walked).toEqual(ordered);
}
