// A second, plain telling of what data correction means: lists of items and of what was counted, looked
// through from the start each time. It shares no code with the core, and knows only one meter of the
// user "user", whole values, and ids that are never forgotten.
export type ModelRecord = Readonly<Record<string, string | number | null>>;

export interface ModelItem {
  readonly place: string;
  record: ModelRecord;
  state: "waiting" | "reprocessed" | "superseded" | "deleted";
  reason: string;
  attempts: number;
  /** The id for which alone it was rejected. */
  refusedId: string | null;
  /** A record sent under this key is the same one; null where another item has the key. */
  waitsUnder: string | null;
}

interface ModelAction {
  readonly kind: "correct" | "reprocess" | "delete";
  readonly change: { readonly field: string; readonly value: string | number | null } | null;
  readonly places: readonly string[];
  next: number;
}

export class CorrectionModel {
  readonly items: ModelItem[] = [];
  readonly actions: ModelAction[] = [];
  readonly counted: ModelRecord[] = [];
  readonly tally = {
    received: 0,
    counted: 0,
    duplicates: 0,
    rejected: 0,
    repeated: 0,
    superseded: 0,
    reprocessed: 0,
    deleted: 0,
    expired: 0,
  };

  get value(): number {
    return this.counted.reduce((sum, { value }) => sum + Number(value), 0);
  }

  /** `place` is where an item would stand if one is made. */
  send(record: ModelRecord, place: string): void {
    this.tally.received += 1;
    const reason = this.#judge(record);
    if (reason === "counted") this.#count(record, "counted");
    else if (reason === "duplicate") this.tally.duplicates += 1;
    else this.#reject(record, reason, place);
  }

  /** Gives the next items of the oldest action their turn. */
  turn(itemsMax: number): void {
    const [action] = this.actions;
    if (action === undefined) return;
    for (let turns = 0; turns < itemsMax && action.next < action.places.length; turns += 1) {
      const place = action.places[action.next];
      const item = this.items.find((one) => one.place === place);
      if (item?.state === "waiting") this.#work(action, item);
      action.next += 1;
    }
    if (action.next === action.places.length) this.actions.shift();
  }

  expire(place: string): void {
    const at = this.items.findIndex((item) => item.place === place);
    const [item] = at < 0 ? [] : this.items.splice(at, 1);
    if (item?.state === "waiting") this.tally.expired += 1;
  }

  #work({ kind, change }: ModelAction, item: ModelItem): void {
    if (kind === "delete") this.#close(item, "deleted");
    else if (kind === "reprocess") this.#reprocess(item);
    else if (change !== null) {
      const before = keyOf(item.record);
      item.record = { ...item.record, [change.field]: change.value };
      const after = keyOf(item.record);
      if (before === after) return;
      item.waitsUnder = null;
      item.waitsUnder = this.#isTaken(after) ? null : after;
    }
  }

  #reprocess(item: ModelItem): void {
    item.attempts += 1;
    const judged = this.#judge(item.record);
    const isRefused = item.refusedId !== null && item.refusedId === idOf(item.record);
    const reason = isRefused && judged !== "duplicate" ? item.reason : judged;
    item.waitsUnder = null;
    if (reason === "duplicate") this.#close(item, "superseded");
    else if (reason === "counted") {
      this.#close(item, "reprocessed");
      this.#count(item.record, "reprocessed");
    } else {
      item.reason = reason;
      item.refusedId = reason === "ID_CONFLICT" ? idOf(item.record) : null;
      const key = keyOf(item.record);
      item.waitsUnder = this.#isTaken(key) ? null : key;
    }
  }

  #close(item: ModelItem, state: ModelItem["state"]): void {
    item.state = state;
    item.waitsUnder = null;
    if (state === "superseded") this.tally.superseded += 1;
    if (state === "deleted") this.tally.deleted += 1;
  }

  #judge(record: ModelRecord): string {
    const { userId = null, value = null } = record;
    if (userId === null || userId === "") return "MISSING_USER_ID";
    const known = this.counted.find((one) => idOf(one) !== null && keyOf(one) === keyOf(record));
    if (known !== undefined)
      return contentOf(known) === contentOf(record) ? "duplicate" : "ID_CONFLICT";
    if (value === null) return "MISSING_VALUE";
    return userId === "user" ? "counted" : "NO_METER";
  }

  #count(record: ModelRecord, as: "counted" | "reprocessed"): void {
    this.tally[as] += 1;
    this.counted.push(record);
    const key = keyOf(record);
    const same = this.items.find((item) => key !== null && item.waitsUnder === key);
    if (same !== undefined) this.#close(same, "superseded");
  }

  #reject(record: ModelRecord, reason: string, place: string): void {
    this.tally.rejected += 1;
    const key = keyOf(record);
    if (key !== null && this.#isTaken(key)) {
      this.tally.repeated += 1;
      return;
    }
    const refusedId = reason === "ID_CONFLICT" ? idOf(record) : null;
    const more = { attempts: 1, refusedId, waitsUnder: key } as const;
    this.items.push({ place, record, state: "waiting", reason, ...more });
  }

  #isTaken(key: string | null): boolean {
    return this.items.some((item) => key !== null && item.waitsUnder === key);
  }
}

export function idOf({ id = null }: ModelRecord): string | null {
  return id === null || id === "" ? null : String(id);
}

export function userOf({ userId = null }: ModelRecord): string | null {
  return userId === null || userId === "" ? null : String(userId);
}

/** Null without a record id: then nothing is the same record. */
function keyOf(record: ModelRecord): string | null {
  const id = idOf(record);
  return id === null ? null : `${userOf(record) ?? ""}/${id}`;
}

function contentOf(record: ModelRecord): string {
  return JSON.stringify(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)));
}
