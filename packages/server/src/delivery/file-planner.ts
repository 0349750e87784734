// Decides which outputs make a file: those of one kind and processor that came together, until it
// is quiet for a moment or the file is full. What is decided is made durable with the cursor in one
// transaction; what is only gathered is gathered again after a stop.
import { type Position, positionText } from "../core/output.ts";
import type { EpochMs } from "../core/ports.ts";
import type { DeliveryStore } from "./delivery-store.ts";
import type { FilePlan } from "./file-rows.ts";
import type { Lane } from "./lane.ts";
import { filterOf } from "./output-filter.ts";
import type { DeliveredKind, OutputName, OutputReader } from "./ports.ts";
import { isAfter } from "./prepared.ts";

/** Records of one file. */
const fileRecordsMax = 100_000;
/** Outputs that come within so long of each other belong together. */
const quietMs = 2_000;
/** The longest that an output waits for others. */
const gatherMs = 60_000;
/** Files that one decision makes, and outputs looked at in one step. */
const plansMax = 1_000;
const batchMax = 500;

interface Plan {
  readonly kind: DeliveredKind;
  readonly meterKey: string;
  readonly first: Position;
  last: Position;
  records: number;
}

/** What was gathered after the cursor, and since when. */
export class Gathering {
  readonly plans: Map<string, Plan> = new Map();
  readonly since: EpochMs;
  seenAt: EpochMs;
  cursor: Position;

  constructor(cursor: Position, now: EpochMs) {
    this.cursor = cursor;
    this.since = now;
    this.seenAt = now;
  }

  /** When it is to be closed if nothing more comes. */
  get dueAt(): EpochMs {
    return Math.min(this.seenAt + quietMs, this.since + gatherMs);
  }

  /** True: a file is full, or there are as many as can be. */
  add({ kind, meterKey, position }: OutputName, now: EpochMs): boolean {
    const name = `${kind} ${meterKey}`;
    let plan = this.plans.get(name);
    if (plan === undefined) {
      plan = { kind, meterKey, first: position, last: position, records: 0 };
      this.plans.set(name, plan);
    }
    plan.last = position;
    plan.records += 1;
    this.seenAt = now;
    this.cursor = position;
    return plan.records >= fileRecordsMax || this.plans.size >= plansMax;
  }
}

/** One step for a file destination. False: there was nothing to do now. */
export function feedFiles(
  lane: Lane,
  now: EpochMs,
  { store, outputs }: { readonly store: DeliveryStore; readonly outputs: OutputReader },
): boolean {
  const gathering = lane.gathering ?? new Gathering(lane.row.cursor, now);
  const range = { after: gathering.cursor, limit: batchMax };
  const found = outputs.after(filterOf(lane.destination), range);
  let isFull = false;
  for (const output of found.outputs) {
    isFull = gathering.add(output, now);
    if (isFull) break;
  }
  const isMore = isAfter(found.scannedTo, range.after);
  if (!isFull) gathering.cursor = found.scannedTo;
  lane.gathering = gathering;
  lane.isBehind = isMore;
  const isDue = isFull || (!isMore && now >= gathering.dueAt);
  if (gathering.plans.size === 0 || isDue) closeFiles(lane, gathering, { now, store });
  return isMore;
}

/** Makes files of what was gathered so far. */
export function closeFiles(
  lane: Lane,
  gathering: Gathering,
  { now, store }: { readonly now: EpochMs; readonly store: DeliveryStore },
): void {
  const { cursor, plans } = gathering;
  lane.gathering = null;
  if (!isAfter(cursor, lane.row.cursor)) return;
  store.transaction(() => {
    for (const plan of plans.values()) {
      const { first: position } = plan;
      const messageId = `file_${positionText(position)}`;
      const row = { lane: lane.no, messageId, kind: "file", position, now } as const;
      const no = store.rows.add(row);
      if (no !== null) store.files.add(no, filePlan(plan, lane));
    }
    store.lanes.moveCursor(lane.no, cursor);
  });
  lane.row = { ...lane.row, cursor };
  lane.wakeAt(now);
}

/** The name follows from what is in it, so that the same file is never there under two names. */
function filePlan(plan: Plan, { destination: { target } }: Lane): FilePlan {
  const format = target.kind === "file" ? target.format : "ndjson";
  const what = `${plan.kind}s-${plan.meterKey}-${positionText(plan.first)}`;
  return { ...plan, format, name: `${what}.${format}` };
}
