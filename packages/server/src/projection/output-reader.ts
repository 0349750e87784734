// Stored outputs in the order of their positions, for whoever delivers them: what comes after a
// place, the body of one, how many there are in a range. Reads only. A kind of output that is
// delivered is one row of the table of kinds.
import type { Position } from "../core/output.ts";
import type { EpochMs } from "../core/ports.ts";
import { readInstant } from "../core/time.ts";
import type { Names } from "./names.ts";
import { integerOf, type Row, type Statements, textOf } from "./statements.ts";

/** Beside each there is a table of its bodies, and indexes named for account and key. */
const tables: Readonly<Partial<Record<Kind, string>>> = {
  "metered-record": "metered",
  "threshold-event": "threshold_events",
};

type Kind = "metered-record" | "threshold-event";

interface Filter {
  readonly accountId: string;
  readonly kinds: readonly Kind[];
  /** Empty: all. */
  readonly meterKeys: readonly string[];
}

interface Name {
  readonly kind: Kind;
  readonly position: Position;
  readonly meterKey: string;
}

const nowhere: Position = { partition: 0, seq: 0, index: 0 };

export class OutputReader {
  readonly #statements: Statements;
  readonly #names: Names;

  constructor(statements: Statements, names: Names) {
    this.#statements = statements;
    this.#names = names;
  }

  /** Position of the last output that is stored; zeros when there is none. */
  newest(): Position {
    return last(
      Object.values(tables).map((table) => {
        const sql = `SELECT partition, seq, idx FROM ${table} ORDER BY no DESC LIMIT 1`;
        return positionOf(this.#statements.row(sql, []));
      }),
    );
  }

  /**
   * Of at most `limit` outputs after a position those that the filter wants, ascending. Everything
   * up to `scannedTo` was looked at; it equals `after` when there is nothing more.
   */
  after(
    filter: Filter,
    range: { readonly after: Position; readonly limit: number },
  ): { readonly outputs: readonly Name[]; readonly scannedTo: Position } {
    const { meterKeys } = filter;
    const found = filter.kinds
      .flatMap((kind) => this.#afterOf(kind, filter, range))
      .sort((a, b) => compare(a.position, b.position))
      .slice(0, range.limit);
    const outputs = found.filter(
      ({ meterKey }) => meterKeys.length === 0 || meterKeys.includes(meterKey),
    );
    return { outputs, scannedTo: found.at(-1)?.position ?? range.after };
  }

  /** The JSON text as it goes out; undefined when it is not stored. */
  find(kind: Kind, { partition, seq, index }: Position): string | undefined {
    const table = tables[kind];
    if (table === undefined) return undefined;
    const sql = `SELECT json FROM ${table} JOIN ${table}_json USING (no)
      WHERE partition = ? AND seq = ? AND idx = ?`;
    const row = this.#statements.row(sql, [partition, seq, index]);
    return row === undefined ? undefined : textOf(row[0]);
  }

  /** The last output of any account that was made before an instant; zeros when there is none. */
  positionBefore(instant: EpochMs): Position {
    return last(Object.values(tables).map((table) => this.#lastBefore(table, instant)));
  }

  /** How many outputs there are with `after` < position <= `upTo`. */
  count(
    { accountId, kinds, meterKeys }: Filter,
    { after, upTo }: { readonly after: Position; readonly upTo: Position },
  ): number {
    const account = this.#names.find(accountId) ?? 0;
    let count = 0;
    for (const kind of kinds) {
      const table = tables[kind];
      if (table === undefined) continue;
      const rows = [this.#rowAt(table, after), this.#rowAt(table, upTo)];
      const select = `SELECT count(*) FROM ${table} INDEXED BY ${table}`;
      if (meterKeys.length === 0) {
        const sql = `${select}_account WHERE account = ? AND no > ? AND no <= ?`;
        count += this.#statements.integer(sql, [account, ...rows]);
      }
      for (const meterKey of meterKeys) {
        const key = this.#names.find(meterKey) ?? 0;
        const sql = `${select}_key WHERE account = ? AND key = ? AND no > ? AND no <= ?`;
        count += this.#statements.integer(sql, [account, key, ...rows]);
      }
    }
    return count;
  }

  /** One key has an index of its own; of several keys all outputs of the account are looked at. */
  #afterOf(
    kind: Kind,
    { accountId, meterKeys }: Filter,
    { after, limit }: { readonly after: Position; readonly limit: number },
  ): readonly Name[] {
    const table = tables[kind];
    const account = this.#names.find(accountId);
    if (table === undefined || account === undefined) return [];
    const [only = ""] = meterKeys;
    const isOne = meterKeys.length === 1;
    const sql = `SELECT partition, seq, idx, name
      FROM ${table} INDEXED BY ${table}_${isOne ? "key" : "account"}
      JOIN names ON names.no = ${table}.key
      WHERE account = ? ${isOne ? "AND key = ?" : ""} AND ${table}.no > ?
      ORDER BY ${table}.no LIMIT ?`;
    const key = isOne ? [this.#names.find(only) ?? 0] : [];
    return this.#statements
      .rows(sql, [account, ...key, this.#rowAt(table, after), limit])
      .map((row) => ({ kind, position: positionOf(row), meterKey: textOf(row[3]) }));
  }

  /** The last row up to a position; 0 when there is none. */
  #rowAt(table: string, { partition, seq, index }: Position): number {
    const sql = `SELECT no FROM ${table} WHERE (partition, seq, idx) <= (?, ?, ?)
      ORDER BY partition DESC, seq DESC, idx DESC LIMIT 1`;
    return this.#statements.integer(sql, [partition, seq, index]);
  }

  /** Rows are in the order of the entries that made them, and so of time. */
  #lastBefore(table: string, instant: EpochMs): Position {
    const sql = `SELECT no, json_extract(json, '$.emittedAt') FROM ${table}_json
      WHERE no >= ? ORDER BY no LIMIT 1`;
    let before = 0;
    let beyond = this.#statements.integer(`SELECT max(no) FROM ${table}`, []) + 1;
    while (beyond - before > 1) {
      const middle = before + Math.floor((beyond - before) / 2);
      const row = this.#statements.row(sql, [middle]);
      const emittedAt = row === undefined ? undefined : readInstant(textOf(row[1]));
      if (emittedAt === undefined || emittedAt >= instant) beyond = middle;
      else before = integerOf(row?.[0]);
    }
    const place = `SELECT partition, seq, idx FROM ${table} WHERE no = ?`;
    return positionOf(this.#statements.row(place, [before]));
  }
}

function positionOf(row: Row | undefined): Position {
  if (row === undefined) return nowhere;
  const [partition, seq, index] = row;
  return { partition: integerOf(partition), seq: integerOf(seq), index: integerOf(index) };
}

function last(positions: readonly Position[]): Position {
  return positions.reduce((a, b) => (compare(a, b) < 0 ? b : a), nowhere);
}

function compare(a: Position, b: Position): number {
  return a.partition - b.partition || a.seq - b.seq || a.index - b.index;
}
