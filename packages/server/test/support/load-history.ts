// What callers saw of the records that they sent, and the judgement over what was counted in the
// end: acknowledged ones once, unknown ones at most once, rejected ones never, a request as a whole
// or not at all. Meters group by record id, so that a wrong total names the record to blame.

export interface SentRecord {
  readonly id: string;
  readonly userId: string;
  readonly value: number;
}

export type Answered = "counted" | "duplicate" | "rejected";

/** What one record of a request was told. */
export interface RecordAnswer {
  readonly outcome: Answered;
  /** Ids of the meters that it changed; known for counted ones. */
  readonly meters: readonly string[];
}

/** One meter as read at the end: its metered records in order, then the open period. */
export interface ObservedMeter {
  readonly id: string;
  readonly createdAt: string;
  readonly periods: readonly ObservedPeriod[];
  /** False when it was deleted or may have been: its last period is not here. */
  readonly isWhole: boolean;
}

export interface ObservedPeriod {
  readonly periodStart: string;
  readonly periodEnd: string;
  readonly valueExact: string;
  readonly groups: readonly { readonly key: string; readonly valueExact: string }[];
}

interface Story {
  readonly record: SentRecord;
  isAcknowledged: boolean;
  wasLost: boolean;
  /** Set by the answer that counted it. */
  meters: readonly string[] | null;
}

/** A request that is on its way; exactly one of its calls ends it. */
export interface Attempt {
  readonly records: readonly SentRecord[];
  /** One answer for each record, in order. */
  answered(answers: readonly RecordAnswer[]): void;
  /** The request was told that nothing of it was counted. */
  refused(): void;
  /** No answer, or one that leaves it open: it may have been counted. */
  lost(): void;
}

export class LoadHistory {
  readonly #stories = new Map<string, Story>();
  readonly #lost = new Map<string, readonly SentRecord[]>();
  readonly #faults: string[] = [];
  readonly #lastNumbers = new Map<string, number>();
  readonly totals = { sent: 0, acknowledged: 0, lost: 0, refused: 0 };

  /** Requests without an answer, as they were sent; each to be sent again as it is. */
  get unanswered(): readonly (readonly SentRecord[])[] {
    return [...this.#lost.values()];
  }

  get acknowledged(): readonly SentRecord[] {
    return [...this.#stories.values()]
      .filter((story) => story.isAcknowledged)
      .map(({ record }) => record);
  }

  /** The highest number that this caller has given to a record (`<caller>.<number>`); 0 when none. */
  lastNumberOf(caller: string): number {
    return this.#lastNumbers.get(caller) ?? 0;
  }

  invoke(records: readonly SentRecord[]): Attempt {
    for (const record of records) this.#story(record);
    this.totals.sent += 1;
    const key = records.map(({ id }) => id).join(" ");
    return {
      records,
      answered: (answers) => {
        this.totals.acknowledged += 1;
        this.#judgeWhole(key, answers);
        for (const [index, answer] of answers.entries()) this.#take(records[index], answer);
        this.#lost.delete(key);
      },
      refused: () => {
        this.totals.refused += 1;
      },
      lost: () => {
        this.totals.lost += 1;
        this.#lost.set(key, records);
        for (const record of records) this.#story(record).wasLost = true;
      },
    };
  }

  /** Sentences, none when everything is as promised. Deleted meters may lack their last period. */
  faults(meters: readonly ObservedMeter[]): readonly string[] {
    const seen = new Map<string, Map<string, string[]>>();
    const faults = [...this.#faults];
    for (const meter of meters) {
      faults.push(...periodFaults(meter));
      for (const period of meter.periods) {
        for (const { key, valueExact } of period.groups) {
          const places = seen.get(key) ?? new Map<string, string[]>();
          places.set(meter.id, [...(places.get(meter.id) ?? []), valueExact]);
          seen.set(key, places);
        }
      }
    }
    const partial = new Set(meters.filter(({ isWhole }) => !isWhole).map(({ id }) => id));
    for (const [id, places] of seen) {
      const story = this.#stories.get(id);
      if (story === undefined) faults.push(`record ${id} was counted but never sent`);
      else faults.push(...countFaults(story, places));
    }
    for (const story of this.#stories.values()) {
      faults.push(...missingFaults(story, seen.get(story.record.id) ?? new Map(), partial));
    }
    return faults;
  }

  /** A lost request was counted as a whole, but for what is rejected, or not at all. */
  #judgeWhole(key: string, answers: readonly RecordAnswer[]): void {
    if (!this.#lost.has(key)) return;
    const outcomes = new Set(answers.map(({ outcome }) => outcome));
    outcomes.delete("rejected");
    if (outcomes.size > 1) this.#faults.push(`a lost request was counted in part: ${key}`);
  }

  #take(record: SentRecord | undefined, { outcome, meters }: RecordAnswer): void {
    if (record === undefined) {
      this.#faults.push("an answer has more results than the request had records");
      return;
    }
    const story = this.#story(record);
    if (outcome === "rejected") {
      if (story.isAcknowledged) this.#faults.push(`record ${record.id} was counted, then rejected`);
      story.wasLost = false;
      return;
    }
    if (outcome === "duplicate" && !story.isAcknowledged && !story.wasLost) {
      this.#faults.push(`record ${record.id} is called a duplicate but was never counted`);
    }
    if (outcome === "counted") {
      if (story.isAcknowledged) this.#faults.push(`record ${record.id} was counted twice`);
      story.meters = meters;
    }
    story.isAcknowledged = true;
  }

  #story(record: SentRecord): Story {
    const known = this.#stories.get(record.id);
    if (known !== undefined) return known;
    const story = { record, isAcknowledged: false, wasLost: false, meters: null };
    const [caller = "", number = ""] = record.id.split(".");
    this.#lastNumbers.set(caller, Math.max(this.lastNumberOf(caller), Number(number)));
    this.#stories.set(record.id, story);
    return story;
  }
}

/** Periods tile time, and a value is the sum of its groups. */
function periodFaults({ id, createdAt, periods }: ObservedMeter): readonly string[] {
  const faults: string[] = [];
  let from = createdAt;
  for (const { periodStart, periodEnd, valueExact, groups } of periods) {
    const where = `meter ${id} ${periodStart} to ${periodEnd}`;
    if (periodStart !== from) faults.push(`${where}: the one before ended at ${from}`);
    if (periodEnd <= periodStart) faults.push(`${where}: no time between`);
    const sum = groups.reduce((total, group) => total + BigInt(group.valueExact), 0n);
    if (BigInt(valueExact) !== sum) faults.push(`${where}: ${valueExact}, its groups say ${sum}`);
    from = periodEnd;
  }
  return faults;
}

/** What was counted of one record: in each meter once, with its value, and only if it may be. */
function countFaults(story: Story, places: ReadonlyMap<string, readonly string[]>): string[] {
  const { record, isAcknowledged, wasLost, meters } = story;
  const faults: string[] = [];
  if (!isAcknowledged && !wasLost) faults.push(`record ${record.id} was rejected but counted`);
  for (const [meterId, values] of places) {
    const where = `record ${record.id} (${record.value}) in meter ${meterId}`;
    if (values.length !== 1) faults.push(`${where}: counted in ${values.length} periods`);
    const wrong = values.filter((value) => value !== String(record.value));
    if (wrong.length > 0) faults.push(`${where}: counted as ${wrong.join(", ")}`);
    if (meters !== null && !meters.includes(meterId)) faults.push(`${where}: not told of`);
  }
  return faults;
}

function missingFaults(
  { record, isAcknowledged, meters }: Story,
  places: ReadonlyMap<string, readonly string[]>,
  partial: ReadonlySet<string>,
): readonly string[] {
  if (!isAcknowledged) return [];
  if (meters === null) {
    return places.size > 0 || partial.size > 0 ? [] : [`record ${record.id} is lost`];
  }
  return meters
    .filter((meterId) => !places.has(meterId) && !partial.has(meterId))
    .map((meterId) => `record ${record.id} is lost: acknowledged for meter ${meterId}`);
}
