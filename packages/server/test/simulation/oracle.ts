// An independent telling of what an engine promises: it is given the journal's entries, keeps every
// record, and says of each entry what its sender is told and what comes out. It knows the rules of
// docs/spec and no code of the core; values are recomputed from records, boundaries from calendars.
import type { GuidingRule } from "../../src/core/definitions.ts";
import type { EntryBody } from "../../src/core/entry.ts";
import { dueOf, forgetOthers, newlyReached, periodAt } from "./oracle-periods.ts";
import {
  amountText,
  contentText,
  type OracleRecord,
  type OracleRefusal,
  readRecord,
} from "./oracle-records.ts";
import { boundaryAfter } from "./oracle-schedules.ts";
import {
  combined,
  defaultProcessor,
  type OracleMeter,
  type OraclePeriod,
  type OracleProcessor,
  type OracleType,
  periodText,
} from "./oracle-tables.ts";

/** What one entry should do, as comparable texts. */
export interface Expected {
  readonly outcome: readonly string[];
  /** Metered records, in order. */
  readonly metered: readonly string[];
  /** Thresholds that were reached: meter, name, value and period. */
  readonly thresholds: readonly string[];
  /** Items of data correction: reason, user and id. */
  readonly corrections: readonly string[];
  readonly superseded: number;
  readonly unlisted: readonly string[];
}

const dayMs = 86_400_000;

export class Oracle {
  readonly types: Map<string, OracleType> = new Map();
  readonly meters: Map<string, OracleMeter> = new Map();
  readonly processors: Map<string, OracleProcessor> = new Map();
  /** Ids of meters of which a period ended without a metered record (FL8). */
  readonly idle: Set<string> = new Set();
  #now = 0;
  #futureToleranceMs = 0;
  #metered: string[] = [];
  #thresholds: string[] = [];
  #corrections: string[] = [];
  readonly #actions = new Map<string, { readonly action: string; next: number }>();
  #unlisted: string[] = [];
  #superseded = 0;
  #names: string[] = [];

  /** `names`: ids of the meters that the entry was seen to make, in order; theirs are drawn. */
  take(body: EntryBody, time: number, names: readonly string[]): Expected {
    this.#now = time;
    this.#metered = [];
    this.#thresholds = [];
    this.#corrections = [];
    this.#unlisted = [];
    this.#superseded = 0;
    this.#names = [...names];
    const outcome = this.#outcome(body);
    return {
      outcome: this.#names.length === 0 ? outcome : [...outcome, "made fewer meters"],
      metered: this.#metered,
      thresholds: this.#thresholds,
      corrections: this.#corrections,
      superseded: this.#superseded,
      unlisted: this.#unlisted,
    };
  }

  /** Periods that wait and open ones, by meter and start. */
  live(): readonly string[] {
    return [...this.meters.values()]
      .flatMap((meter) => {
        const periods = meter.isEnding ? meter.waiting : [...meter.waiting, meter.open];
        return periods.map((period) => periodText(meter, period, period.end));
      })
      .sort();
  }

  #outcome(body: EntryBody): readonly string[] {
    switch (body.kind) {
      case "configure":
        this.#futureToleranceMs = body.futureToleranceMs;
        return ["done"];
      case "create-account":
        this.processors.set(body.meterKey, newProcessor(defaultProcessor));
        return ["account"];
      case "create-meter-type":
        return this.#createType(body);
      case "patch-meter-type":
        return this.#patchType(body);
      case "delete-meter-type":
        return this.#deleteType(body.id);
      case "create-meters":
        return ["meters", ...body.meters.map((meter) => this.#createMeter(meter))];
      case "patch-meter":
      case "delete-meter":
        return this.#changeMeter(body);
      case "create-processor":
        if (this.processors.has(body.meterKey)) return ["refused meter-key-taken"];
        this.processors.set(body.meterKey, newProcessor(body.fields));
        return ["processor"];
      case "patch-processor":
        return this.#patchProcessor(body);
      case "delete-processor":
        return this.#deleteProcessor(body.meterKey);
      case "end-periods":
        return [`periods-ended ${this.#endPeriods(body.limit)}`];
      case "usage":
        return this.#usage(body.meterKey, JSON.parse(body.body.text));
      case "start-correction-action":
        this.#actions.set(body.id, { action: body.action, next: 0 });
        return ["correction-action"];
      case "work-corrections":
        return this.#workCorrections(body);
      default:
        return [body.kind === "put-access" ? "access" : "done"];
    }
  }

  /** Every item waits and is mended when its turn comes; a turn at another place is void. */
  #workCorrections({
    actionId,
    from,
    items,
  }: Extract<EntryBody, { kind: "work-corrections" }>): string[] {
    const known = this.#actions.get(actionId);
    if (known?.next !== from) return ["done"];
    known.next += items.length;
    for (const item of known.action === "reprocess" ? items : []) {
      if (item !== null) this.#usage(item.meterKey, [JSON.parse(item.record ?? "null")]);
    }
    return ["correction-action"];
  }

  #createType({ id, fields }: Extract<EntryBody, { kind: "create-meter-type" }>): string[] {
    if (this.#isNameTaken(fields.name, null)) return ["refused meter-type-name-taken"];
    const activeFrom = fields.activeFrom ?? this.#now;
    const schedules = [{ since: 0, schedule: fields.resetSchedule }];
    this.types.set(id, { ...fields, id, activeFrom, schedules, meters: 0 });
    return ["meter-type"];
  }

  #patchType({ id, patch }: Extract<EntryBody, { kind: "patch-meter-type" }>): string[] {
    const type = this.types.get(id);
    if (type === undefined) return ["refused not-found"];
    if (patch.name !== undefined && this.#isNameTaken(patch.name, type)) {
      return ["refused meter-type-name-taken"];
    }
    const { activeFrom: from = type.activeFrom, activeTo: to = type.activeTo } = patch;
    const isWindow = patch.activeFrom !== undefined || patch.activeTo !== undefined;
    if (isWindow && from !== null && to !== null && from >= to)
      return ["refused changed-meanwhile"];
    Object.assign(type, patch, { activeFrom: from ?? this.#now });
    const { resetSchedule: schedule } = patch;
    if (schedule !== undefined) type.schedules.push({ since: this.#now, schedule });
    return ["meter-type"];
  }

  #deleteType(id: string): string[] {
    const type = this.types.get(id);
    if (type === undefined) return ["refused not-found"];
    if (type.meters > 0) return ["refused meter-type-has-meters"];
    this.types.delete(id);
    return ["deleted"];
  }

  #isNameTaken(name: string, self: OracleType | null): boolean {
    return [...this.types.values()].some((type) => type.name === name && type !== self);
  }

  #createMeter({
    id,
    fields,
  }: Extract<EntryBody, { kind: "create-meters" }>["meters"][number]): string {
    const { userId, meterKey, meterType } = fields;
    const type = "id" in meterType ? this.types.get(meterType.id) : undefined;
    if (type === undefined) return "not-found";
    if (type.activeTo !== null && type.activeTo < this.#now) return "meter-type-ended";
    if (this.#owned(meterKey, userId).some((meter) => meter.type === type)) return "meter-exists";
    this.#addMeter(type, userId, meterKey);
    return id;
  }

  #addMeter(type: OracleType, userId: string, meterKey: string): OracleMeter {
    const id = this.#names.shift() ?? "a meter that was not made";
    const latest = type.schedules.at(-1)?.schedule ?? type.resetSchedule;
    const { timezone, capacity, thresholds } = type;
    const meter: OracleMeter = {
      ...{ id, userId, meterKey, type, timezone, capacity, thresholds },
      createdAt: this.#now,
      deleteOnReset: false,
      open: newPeriod(this.#now, boundaryAfter(latest, timezone, this.#now)),
      waiting: [],
      isEnding: false,
    };
    this.meters.set(id, meter);
    type.meters += 1;
    return meter;
  }

  #changeMeter(body: Extract<EntryBody, { kind: "patch-meter" | "delete-meter" }>): string[] {
    const meter = this.meters.get(body.id);
    if (meter !== undefined) this.#closeDue(meter);
    if (meter === undefined || !this.meters.has(body.id)) return ["refused not-found"];
    if (body.kind === "delete-meter") {
      this.#flushUntil(meter, Number.POSITIVE_INFINITY);
      if (this.meters.has(meter.id)) this.#remove(meter);
      return ["deleted"];
    }
    if (meter.isEnding) return ["refused meter-ended"];
    const { deleteOnReset, capacity, thresholds } = body.patch;
    meter.deleteOnReset = deleteOnReset ?? meter.deleteOnReset;
    if (capacity !== undefined) meter.capacity = capacity;
    meter.thresholds = thresholds ?? meter.thresholds;
    forgetOthers(meter);
    return ["meter"];
  }

  #patchProcessor({ meterKey, patch }: Extract<EntryBody, { kind: "patch-processor" }>): string[] {
    const processor = this.processors.get(meterKey);
    if (processor === undefined) return ["refused not-found"];
    const { fields } = processor;
    const before = fields.deduplication.windowDays;
    const suspenseManagement = { ...fields.suspenseManagement, ...patch.suspenseManagement };
    const deduplication = { ...fields.deduplication, ...patch.deduplication };
    const merged = { ...fields, ...patch, suspenseManagement, deduplication };
    if (merged.flushType === "ALL_FILES" && merged.settlingSeconds > 0) {
      return ["refused changed-meanwhile"];
    }
    processor.fields = merged;
    if (deduplication.windowDays > before) {
      processor.knownSince = Math.max(processor.knownSince, this.#now - before * dayMs);
    }
    return ["processor"];
  }

  #deleteProcessor(meterKey: string): string[] {
    const processor = this.processors.get(meterKey);
    if (processor === undefined) return ["refused not-found"];
    const isNamed = [...this.meters.values()].some((meter) => meter.meterKey === meterKey);
    if (isNamed || processor.waitingCount > 0) return ["refused meter-processor-in-use"];
    this.processors.delete(meterKey);
    return ["deleted"];
  }

  #endPeriods(limit: number): number {
    for (let count = 0; count < limit; count += 1) {
      let next: OracleMeter | undefined;
      for (const meter of this.meters.values()) {
        if (next === undefined || isBefore(meter, next)) next = meter;
      }
      if (next === undefined || dueOf(next) > this.#now) return count;
      this.#closeNext(next);
    }
    return limit;
  }

  #closeDue(meter: OracleMeter): void {
    while (this.meters.has(meter.id) && dueOf(meter) <= this.#now) this.#closeNext(meter);
  }

  /** Everything that is due of a meter at one instant. */
  #closeNext(meter: OracleMeter): void {
    const instant = dueOf(meter);
    this.#flushUntil(meter, instant);
    if (!meter.isEnding && meter.open.end <= instant) this.#close(meter, meter.open.end);
  }

  #close(meter: OracleMeter, endedAt: number): void {
    const { type, open, timezone } = meter;
    const settlingMs = (this.processors.get(meter.meterKey)?.fields.settlingSeconds ?? 0) * 1_000;
    if (settlingMs === 0) {
      this.#flushUntil(meter, Number.POSITIVE_INFINITY);
      this.#flush(meter, open, endedAt);
    } else {
      const flushAt = endedAt + settlingMs;
      for (const older of meter.waiting) older.flushAt = Math.min(older.flushAt, flushAt);
      meter.waiting.push({ ...open, flushAt });
      if (meter.waiting.length === 5) this.#flushOldest(meter);
    }
    if (meter.deleteOnReset) {
      if (settlingMs === 0) this.#remove(meter);
      else meter.isEnding = true;
      return;
    }
    const isEarly = endedAt < open.end;
    const inForce = isEarly
      ? type.schedules.at(-1)
      : (type.schedules.findLast(({ since }) => since < endedAt) ?? type.schedules[0]);
    const schedule = inForce?.schedule ?? type.resetSchedule;
    meter.open = newPeriod(endedAt, boundaryAfter(schedule, timezone, endedAt));
  }

  #flushUntil(meter: OracleMeter, instant: number): void {
    while (meter.waiting[0] !== undefined && meter.waiting[0].flushAt <= instant) {
      this.#flushOldest(meter);
    }
  }

  #flushOldest(meter: OracleMeter): void {
    const oldest = meter.waiting.shift();
    if (oldest === undefined) return;
    this.#flush(meter, oldest, oldest.end);
    if (meter.isEnding && meter.waiting.length === 0) this.#remove(meter);
  }

  #flush(meter: OracleMeter, period: OraclePeriod, end: number): void {
    const { activeTo } = meter.type;
    const isIdle = period.taken.length === 0 && activeTo !== null && activeTo < end;
    if (isIdle) this.idle.add(meter.id);
    else this.#metered.push(periodText(meter, period, end));
  }

  #remove(meter: OracleMeter): void {
    this.meters.delete(meter.id);
    meter.type.meters -= 1;
    this.#unlisted.push(meter.id);
  }

  #usage(meterKey: string, body: unknown): readonly string[] {
    const processor = this.processors.get(meterKey);
    if (processor === undefined) return ["refused not-found"];
    const records: readonly unknown[] = Array.isArray(body) ? body : [body];
    processor.tally.received += records.length;
    const results = records.map((record) => this.#judge(processor, meterKey, record));
    if (processor.fields.flushType === "ALL_FILES") this.#flushRun(meterKey);
    return ["usage", ...results];
  }

  #judge(processor: OracleProcessor, meterKey: string, sent: unknown): string {
    const { windowDays } = processor.fields.deduplication;
    const knownSince = Math.max(this.#now - windowDays * dayMs, processor.knownSince);
    const reading = readRecord(sent, this.#now, {
      knownSince,
      futureToleranceMs: this.#futureToleranceMs,
      contentOf: (userId, id) => {
        const known = processor.ids.get(`${userId} ${id}`);
        return known === undefined || known.at < knownSince ? undefined : known.content;
      },
    });
    if (reading.kind === "duplicate") {
      processor.tally.duplicates += 1;
      return "duplicate";
    }
    if (reading.kind === "refusal") return this.#reject(processor, reading.refusal);
    const { record } = reading;
    for (const meter of this.#owned(meterKey, record.userId)) this.#closeDue(meter);
    const guided = this.#guide(processor, meterKey, record);
    if (typeof guided === "string") {
      return this.#reject(processor, { ...record, reason: guided });
    }
    processor.tally.counted += 1;
    const values = guided.meters.map((meter) => this.#count(meter, record, guided.rule));
    this.#remember(processor, record);
    return `counted ${values.join(" ")}`;
  }

  /** The meter with the value that it has then. */
  #count(meter: OracleMeter, record: OracleRecord, rule: GuidingRule): string {
    const found = periodAt(meter, record.at);
    const period = typeof found === "string" ? meter.open : found;
    period.taken.push({ record, now: this.#now, rule });
    const value = amountText(combined(meter.type.aggregation, period.taken));
    const start = new Date(period.start).toISOString();
    for (const name of newlyReached(meter, period)) {
      this.#thresholds.push(`${meter.id} ${name} ${value} ${start}`);
    }
    return `${meter.id}=${value}`;
  }

  #guide(
    processor: OracleProcessor,
    meterKey: string,
    { at, fields, userId }: OracleRecord,
  ): string | { readonly rule: GuidingRule; readonly meters: readonly OracleMeter[] } {
    let held = false;
    for (const rule of processor.fields.guidingRules) {
      const [condition] = rule.conditions;
      const isMet = condition !== undefined && fields[condition.field] === condition.value;
      if (!rule.ignoreCondition && !isMet) continue;
      held = true;
      const owned = this.#owned(meterKey, userId);
      const ofCategory = owned.filter(
        (meter) => meter.type.category === rule.matchCategory && periodAt(meter, at) !== "gone",
      );
      const first = ofCategory[0];
      if (first !== undefined) {
        const meters = ofCategory.filter(({ type }) => isActive(type, at));
        if (meters.length > 0) {
          const isStrict = processor.fields.lateUsage === "correct";
          const isLate = meters.some((meter) => periodAt(meter, at) === "late");
          return isStrict && isLate ? "PERIOD_CLOSED" : { rule, meters };
        }
        const isEarly = at < first.type.activeFrom;
        return isEarly ? "TIMESTAMP_BEFORE_ACTIVE_FROM" : "TIMESTAMP_AFTER_ACTIVE_TO";
      }
      if (!processor.fields.createMeters) continue;
      const types = [...this.types.values()].filter(
        (type) =>
          type.category === rule.matchCategory &&
          isActive(type, at) &&
          isActive(type, this.#now) &&
          !owned.some((meter) => meter.type === type),
      );
      const meters = types.map((type) => this.#addMeter(type, userId, meterKey)).sort(byId);
      if (meters.length > 0) return { rule, meters };
    }
    return held ? "NO_METER" : "NO_MATCHING_RULE";
  }

  #remember(processor: OracleProcessor, { id, userId, fields }: OracleRecord): void {
    if (id === null) return;
    const at = Math.ceil(this.#now / 1_000) * 1_000;
    processor.ids.set(`${userId} ${id}`, { content: contentText(fields), at });
    if (!processor.waiting.delete(`${userId} ${id}`)) return;
    processor.waitingCount -= 1;
    this.#superseded += 1;
  }

  #reject(processor: OracleProcessor, { reason, id, userId }: OracleRefusal): string {
    processor.tally.rejected += 1;
    const key = id === null ? null : `${userId ?? ""} ${id}`;
    if (!processor.fields.suspenseManagement.enabled) return reason;
    if (key !== null && processor.waiting.has(key)) return reason;
    if (key !== null) processor.waiting.add(key);
    processor.waitingCount += 1;
    this.#corrections.push(`${reason} ${userId} ${id}`);
    return reason;
  }

  #flushRun(meterKey: string): void {
    const meters = [...this.meters.values()].filter((meter) => meter.meterKey === meterKey);
    for (const meter of meters.sort(byId)) {
      this.#closeDue(meter);
      this.#flushUntil(meter, Number.POSITIVE_INFINITY);
      const isOpen = this.meters.has(meter.id) && meter.open.start < this.#now;
      if (isOpen) this.#close(meter, this.#now);
    }
  }

  #owned(meterKey: string, userId: string): readonly OracleMeter[] {
    const owned: OracleMeter[] = [];
    for (const meter of this.meters.values()) {
      if (meter.userId === userId && meter.meterKey === meterKey) owned.push(meter);
    }
    return owned.sort(byId);
  }
}

function newProcessor(fields: OracleProcessor["fields"]): OracleProcessor {
  const tally = { received: 0, counted: 0, duplicates: 0, rejected: 0 };
  const [ids, waiting] = [new Map(), new Set<string>()];
  return { fields, ids, knownSince: Number.NEGATIVE_INFINITY, waiting, waitingCount: 0, tally };
}

function isActive({ activeFrom, activeTo }: OracleType, at: number): boolean {
  return activeFrom <= at && (activeTo === null || at <= activeTo);
}

function isBefore(a: OracleMeter, b: OracleMeter): boolean {
  const [first, second] = [dueOf(a), dueOf(b)];
  return first < second || (first === second && a.id < b.id);
}

function newPeriod(start: number, end: number): OraclePeriod {
  return { start, end, taken: [], told: new Set() };
}

function byId(a: { readonly id: string }, b: { readonly id: string }): number {
  return a.id < b.id ? -1 : 1;
}
