// Stores usage over time: what was told of a quarter-hour is added to its row, exactly. Parts of the
// same row that come in one group are put together first. Every output must come here once.
import type { UsageWindowOutput } from "../core/output.ts";
import type { EpochMs } from "../core/ports.ts";
import { integerOf, type Statements, textOf, textOrNullOf } from "./statements.ts";
import {
  amountsOf,
  type StoredUsage,
  storedAmounts,
  storedOutput,
  together,
  type UsageAmounts,
} from "./usage-values.ts";

/** Numbers of meters kept in memory; beyond it the cache starts anew, and the table answers. */
const cachedMax = 65_536;

/** A row to be written, with what it gains. */
interface Gain {
  readonly output: UsageWindowOutput;
  /** Null while it is what the output says. */
  amounts: UsageAmounts | null;
  periodEnd: EpochMs;
}

const insertSql = `INSERT INTO usage_quarters
  (start, meter, period, period_end, places, total, minutes, groups)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`;
const rowSql = `SELECT places, total, minutes, groups FROM usage_quarters
  WHERE start = ? AND meter = ? AND period = ?`;
const updateSql = `UPDATE usage_quarters SET period_end = min(period_end, ?), places = ?, total = ?,
  minutes = ?, groups = ? WHERE start = ? AND meter = ? AND period = ?`;
const meterSql = "SELECT no FROM usage_meters WHERE meter_id = ?";
const addMeterSql = `INSERT INTO usage_meters (meter_id, zone, aggregation, created_at)
  VALUES (?, ?, ?, ?) RETURNING no`;
const goneSql = "UPDATE usage_meters SET gone_from = 0 WHERE meter_id = ?";
const clearedSql = "SELECT start FROM usage_cleared";

export class UsageWriter {
  readonly #statements: Statements;
  readonly #numbers = new Map<string, number>();
  readonly #gains = new Map<string, Gain>();
  readonly #gone = new Set<string>();

  constructor(statements: Statements) {
    this.#statements = statements;
  }

  add(output: UsageWindowOutput): void {
    const { meterId, start, periodStart, periodEnd } = output;
    const name = `${meterId} ${start} ${periodStart}`;
    const gain = this.#gains.get(name);
    if (gain === undefined) {
      this.#gains.set(name, { output, amounts: null, periodEnd });
      return;
    }
    const before = gain.amounts ?? amountsOf(storedOutput(gain.output));
    gain.amounts = together(output.aggregation, before, amountsOf(storedOutput(output)));
    gain.periodEnd = Math.min(gain.periodEnd, periodEnd);
  }

  /** Its rows will be removed by and by (usage-pruner.ts); nobody can ask for them. */
  meterGone(meterId: string): void {
    this.#gone.add(meterId);
  }

  /** Writes what the group added, within the caller's transaction. */
  finishGroup(): void {
    if (this.#gains.size > 0) this.#write();
    for (const meterId of this.#gone) {
      this.#statements.prepare(goneSql).run(meterId);
      this.#numbers.delete(meterId);
    }
    this.#gains.clear();
    this.#gone.clear();
  }

  /** After a rollback or a reset: what the table says holds again. */
  forget(): void {
    this.#numbers.clear();
    this.#gains.clear();
    this.#gone.clear();
  }

  #write(): void {
    const clearedTo = this.#statements.row(clearedSql, []);
    const cleared = clearedTo === undefined ? Number.NEGATIVE_INFINITY : integerOf(clearedTo[0]);
    const gains = [...this.#gains.values()].filter(({ output }) => !this.#gone.has(output.meterId));
    // In the order of the rows, so that those of one page are written together.
    const rows = gains.map((gain) => ({ gain, meter: this.#numberOf(gain.output) }));
    rows.sort((one, other) => {
      return one.gain.output.start - other.gain.output.start || one.meter - other.meter;
    });
    for (const { gain, meter } of rows) this.#put(gain, meter, gain.output.start <= cleared);
  }

  #put({ output, amounts, periodEnd }: Gain, meter: number, isCleared: boolean): void {
    const { start, periodStart, aggregation } = output;
    const whole = amounts === null ? storedOutput(output) : storedAmounts(amounts);
    const stored = isCleared ? { ...whole, minutes: null } : whole;
    const place = [start, meter, periodStart];
    const { changes } = this.#statements
      .prepare(insertSql)
      .run(...place, periodEnd, ...columnsOf(stored));
    if (changes === 1) return;
    const row = this.#statements.row(rowSql, place) ?? [];
    const before = amountsOf({
      places: integerOf(row[0]),
      total: textOf(row[1]),
      minutes: textOrNullOf(row[2]),
      groups: textOrNullOf(row[3]),
    });
    const after = storedAmounts(together(aggregation, before, amountsOf(stored)));
    this.#statements.prepare(updateSql).run(periodEnd, ...columnsOf(after), ...place);
  }

  #numberOf({ meterId, timezone, aggregation, createdAt }: UsageWindowOutput): number {
    const cached = this.#numbers.get(meterId);
    if (cached !== undefined) return cached;
    const row = this.#statements.row(meterSql, [meterId]);
    const no =
      row === undefined
        ? this.#statements.integer(addMeterSql, [meterId, timezone, aggregation, createdAt])
        : integerOf(row[0]);
    if (this.#numbers.size >= cachedMax) this.#numbers.clear();
    this.#numbers.set(meterId, no);
    return no;
  }
}

function columnsOf({
  places,
  total,
  minutes,
  groups,
}: StoredUsage): readonly (number | string | null)[] {
  return [places, total, minutes, groups];
}
