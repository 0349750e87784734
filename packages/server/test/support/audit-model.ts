// The usage audit in plain arrays: facts merged by processor, kind and second, and what all facts of
// a processor add up to beside what counting itself has kept. Written from the rules alone.
import {
  type AuditFigures,
  type AuditOutput,
  auditEvents,
  positionText,
} from "../../src/core/output.ts";
import type { State } from "../../src/core/state.ts";

export interface ModelRow {
  readonly id: string;
  readonly accountId: string;
  readonly meterKey: string;
  readonly kind: string;
  readonly startedAt: number;
  endedAt: number;
  figures: AuditFigures;
  readonly rejectedByReason: Record<string, number>;
  readonly discarded: unknown;
}

interface ModelHour extends Omit<ModelRow, "id" | "kind" | "endedAt" | "discarded"> {
  rows: number;
  deletedMeters: number;
}

export const noFigures: AuditFigures = {
  requests: 0,
  received: 0,
  counted: 0,
  duplicates: 0,
  rejected: 0,
  dropped: 0,
  repeated: 0,
  superseded: 0,
  meteredRecords: 0,
  thresholdEvents: 0,
  reprocessed: 0,
};

/** Rows in the order of their first facts. */
export function modelRows(facts: readonly AuditOutput[]): readonly ModelRow[] {
  const rows = new Map<string, ModelRow>();
  for (const fact of facts) {
    const { accountId, meterKey, event, at, discarded } = fact;
    const id = positionText(fact.position);
    const second = discarded === null ? `${Math.floor(at / 1_000)}` : id;
    const name = [accountId, meterKey, event, second].join("|");
    let row = rows.get(name);
    if (row === undefined) {
      const place = { id, accountId, meterKey, kind: event, startedAt: at, endedAt: at };
      row = { ...place, figures: noFigures, rejectedByReason: {}, discarded };
      rows.set(name, row);
    }
    row.endedAt = at;
    row.figures = added(row.figures, fact.figures);
    addReasons(row.rejectedByReason, Object.fromEntries(fact.rejectedByReason));
  }
  return [...rows.values()];
}

/** What rows add up to by hour and key, in the order of hours. */
export function modelHours(rows: readonly ModelRow[]): readonly ModelHour[] {
  const hours = new Map<string, ModelHour>();
  for (const row of rows) {
    const { accountId, meterKey } = row;
    const startedAt = row.startedAt - (row.startedAt % 3_600_000);
    const name = [accountId, meterKey, startedAt].join("|");
    let hour = hours.get(name);
    if (hour === undefined) {
      const counts = { rows: 0, deletedMeters: 0, figures: noFigures, rejectedByReason: {} };
      hour = { accountId, meterKey, startedAt, ...counts };
      hours.set(name, hour);
    }
    hour.rows += 1;
    if (row.kind === "delete-meter") hour.deletedMeters += 1;
    hour.figures = added(hour.figures, row.figures);
    addReasons(hour.rejectedByReason, row.rejectedByReason);
  }
  return [...hours.values()];
}

/**
 * Every figure of which the audit and the counters of a processor say different things; `facts` are
 * those since the processor was made.
 */
export function auditFaults(facts: readonly AuditOutput[], state: State): readonly string[] {
  const faults: string[] = [];
  for (const account of state.accounts.values()) {
    for (const { accountId, meterKey, tally } of account.processors.values()) {
      const own = facts.filter(
        (fact) => fact.accountId === accountId && fact.meterKey === meterKey,
      );
      const sums = own.reduce((sum, { figures }) => added(sum, figures), noFigures);
      for (const [name, told] of Object.entries(sums)) {
        const counted = Object.entries(tally).find(([key]) => key === name)?.[1];
        if (counted === undefined || counted === told) continue;
        faults.push(`${meterKey} ${name}: audit ${told}, tally ${counted}`);
      }
      const reasons = own.flatMap((fact) => [...fact.rejectedByReason.values()]);
      const byReason = reasons.reduce((sum, n) => sum + n, 0);
      if (byReason !== tally.rejected) faults.push(`${meterKey} rejected by reason: ${byReason}`);
    }
  }
  return faults;
}

export function kindOf(no: number): (typeof auditEvents)[number] {
  return auditEvents[no % auditEvents.length] ?? "ingest";
}

function added(a: AuditFigures, b: AuditFigures): AuditFigures {
  const names = Object.keys(a) as (keyof AuditFigures)[];
  const sums = names.map((name) => [name, a[name] + b[name]]);
  return Object.fromEntries(sums) as Record<keyof AuditFigures, number>;
}

function addReasons(to: Record<string, number>, from: Record<string, number>): void {
  for (const [reason, n] of Object.entries(from)) to[reason] = (to[reason] ?? 0) + n;
}
