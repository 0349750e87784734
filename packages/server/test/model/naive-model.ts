// A second, slow telling of what the counting rules mean: it keeps every record it has taken and
// recomputes every answer from all of them. It shares no code with the core and knows only whole
// minutes in UTC and amounts in thousandths.
export interface ModelType {
  readonly id: string;
  readonly category: string;
  readonly aggregation: "sum" | "increment" | "max" | "min";
  /** Minutes between boundaries; the boundaries are multiples of it since 1970. */
  readonly everyMinutes: number;
}

export interface ModelRule {
  readonly field: string | null;
  readonly value: string;
  readonly category: string;
  readonly groupBy: readonly string[];
  readonly carry: readonly { field: string; first: boolean }[];
}

export interface ModelRecord {
  readonly id: string | null;
  readonly userId: string;
  /** Thousandths. */
  readonly amount: number;
  readonly fields: Readonly<Record<string, string>>;
}

interface ModelMeter {
  readonly id: string;
  readonly type: ModelType;
  readonly userId: string;
  readonly createdAt: number;
  deleteOnReset: boolean;
}

interface Taken {
  readonly meterId: string;
  readonly at: number;
  readonly amount: bigint;
  readonly fields: Readonly<Record<string, string>>;
  readonly rule: ModelRule;
}

export interface ModelPeriod {
  readonly meterId: string;
  readonly start: number;
  readonly end: number;
  readonly value: bigint;
  readonly count: number;
  readonly groups: readonly { key: string; field: string; value: bigint }[];
  readonly carryFirst: Readonly<Record<string, string>>;
  readonly carryLast: Readonly<Record<string, string>>;
}

const minuteMs = 60_000;

export class NaiveModel {
  readonly meters: ModelMeter[] = [];
  readonly taken: Taken[] = [];
  readonly #ids = new Map<string, string>();
  rules: readonly ModelRule[] = [];
  readonly totals = { counted: 0, duplicates: 0, rejected: 0 };

  addMeter(meter: ModelMeter): void {
    this.meters.push(meter);
  }

  /** Outcome of one record sent at `now`. */
  take(record: ModelRecord, now: number): "counted" | "duplicate" | string {
    const outcome = this.#judge(record, now);
    if (outcome === "counted") this.totals.counted += 1;
    else if (outcome === "duplicate") this.totals.duplicates += 1;
    else this.totals.rejected += 1;
    return outcome;
  }

  /** Every period of a meter that began by `now`, the open one last; recomputed from all records. */
  periods(meter: ModelMeter, now: number): ModelPeriod[] {
    const periods: ModelPeriod[] = [];
    let start = meter.createdAt;
    for (;;) {
      const end = boundaryAfter(meter.type, start);
      periods.push(this.#period(meter, start, end));
      if (end > now) return periods;
      start = end;
    }
  }

  #judge(record: ModelRecord, now: number): string {
    const key = `${record.userId}\n${record.id}`;
    const content = JSON.stringify([record.amount, Object.entries(record.fields).sort()]);
    const known = record.id === null ? undefined : this.#ids.get(key);
    if (known !== undefined) return known === content ? "duplicate" : "ID_CONFLICT";
    let held = false;
    for (const rule of this.rules) {
      if (rule.field !== null && record.fields[rule.field] !== rule.value) continue;
      held = true;
      const meters = this.meters.filter(
        (meter) =>
          meter.userId === record.userId &&
          meter.type.category === rule.category &&
          !this.#isGone(meter, now),
      );
      if (meters.length === 0) continue;
      if (record.id !== null) this.#ids.set(key, content);
      const amount = BigInt(record.amount) * 10n ** 15n;
      for (const { id: meterId } of meters) {
        this.taken.push({ meterId, at: now, amount, fields: record.fields, rule });
      }
      return "counted";
    }
    return held ? "NO_METER" : "NO_MATCHING_RULE";
  }

  /** A meter marked for deletion goes with its next boundary after the mark. */
  #isGone(meter: ModelMeter, now: number): boolean {
    return meter.deleteOnReset && this.goneAt(meter) <= now;
  }

  readonly marks = new Map<string, number>();

  goneAt(meter: ModelMeter): number {
    const marked = this.marks.get(meter.id);
    return marked === undefined ? Number.POSITIVE_INFINITY : boundaryAfter(meter.type, marked);
  }

  #period(meter: ModelMeter, start: number, end: number): ModelPeriod {
    const own = this.taken.filter(
      ({ meterId, at }) => meterId === meter.id && at >= start && at < end,
    );
    const groups: { key: string; field: string; value: bigint }[] = [];
    for (const field of orderedFields(own)) {
      const member = own.filter(({ rule }) => rule.groupBy.includes(field));
      for (const key of new Set(member.map(({ fields }) => fields[field] ?? ""))) {
        const amounts = member.filter(({ fields }) => (fields[field] ?? "") === key);
        groups.push({ key, field, value: combine(meter.type, amounts) });
      }
    }
    const [carryFirst, carryLast]: Record<string, string>[] = [{}, {}];
    for (const { rule, fields } of own) {
      for (const { field, first } of rule.carry) {
        const value = fields[field];
        if (value === undefined || carryFirst === undefined || carryLast === undefined) continue;
        if (!first) carryLast[field] = value;
        else if (carryFirst[field] === undefined) carryFirst[field] = value;
      }
    }
    return {
      meterId: meter.id,
      start,
      end,
      value: combine(meter.type, own),
      count: own.length,
      groups,
      carryFirst: carryFirst ?? {},
      carryLast: carryLast ?? {},
    };
  }
}

function boundaryAfter(type: ModelType, instant: number): number {
  const step = type.everyMinutes * minuteMs;
  return (Math.floor(instant / step) + 1) * step;
}

/** Group-by fields in the order in which a rule first used them. */
function orderedFields(own: readonly Taken[]): string[] {
  return [...new Set(own.flatMap(({ rule }) => rule.groupBy))];
}

function combine(type: ModelType, taken: readonly { readonly amount: bigint }[]): bigint {
  const amounts = taken.map(({ amount }) => amount);
  const first = amounts[0];
  if (first === undefined) return 0n;
  switch (type.aggregation) {
    case "sum":
      return amounts.reduce((sum, amount) => sum + amount, 0n);
    case "increment":
      return BigInt(amounts.length) * 10n ** 18n;
    case "max":
      return amounts.reduce((most, amount) => (amount > most ? amount : most), first);
    case "min":
      return amounts.reduce((least, amount) => (amount < least ? amount : least), first);
  }
}
