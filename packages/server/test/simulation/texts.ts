// What the engine says and makes, as texts that can be compared with those of the oracle and of
// another replay. A meter is an object that goes on changing, so only its id is kept.
import { carriedEntries } from "../../src/core/carried-fields.ts";
import type { Counter } from "../../src/core/counter.ts";
import { formatDecimal } from "../../src/core/decimal.ts";
import { listGroups } from "../../src/core/groups.ts";
import type { Outcome } from "../../src/core/outcome.ts";
import type { AuditOutput, Output } from "../../src/core/output.ts";
import { positionText } from "../../src/core/output.ts";
import type { Meter } from "../../src/core/state.ts";

/** JSON for people, amounts as their digits. */
export function textOf(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) => (typeof part === "bigint" ? `${part}` : part));
}

/** One text for the whole, and for usage and meters one for each record and line. */
export function outcomeTexts(outcome: Outcome): readonly string[] {
  switch (outcome.kind) {
    case "usage":
      return ["usage", ...outcome.results.map(recordText)];
    case "meters":
      return [
        "meters",
        ...outcome.results.map((result) => (result.ok ? result.value.id : result.error.code)),
      ];
    case "periods-ended":
      return [`periods-ended ${outcome.count}`];
    case "refused":
      return [`refused ${outcome.problem.code}`];
    default:
      return [outcome.kind];
  }
}

export function outputText(output: Output): string {
  switch (output.kind) {
    case "metered-record":
      return `metered ${positionText(output.position)} ${output.json}`;
    case "threshold-event":
      return `threshold ${positionText(output.position)} ${output.json}`;
    case "correction":
      return `correction ${positionText(output.position)} ${output.reason} ${output.userId} ${output.recordId}`;
    case "correction-superseded":
      return `superseded ${positionText(output.item)}`;
    case "correction-changed":
      return `changed ${positionText(output.item)} ${output.state} ${JSON.stringify(output.waits)}`;
    case "correction-expired":
      return `expired ${positionText(output.item)}`;
    case "correction-action":
      return `action ${output.json}`;
    case "period-waiting":
      return `waiting ${output.meterId} ${output.periodEnd}`;
    case "period-settled":
      return `settled ${output.meterId} ${output.periodEnd}`;
    case "meter-listed":
      return `listed ${output.meter.id}`;
    case "meter-unlisted":
      return `unlisted ${output.meterId}`;
    case "usage-window": {
      const { position, ...window } = output;
      return `window ${positionText(position)} ${JSON.stringify(window)}`;
    }
    case "audit":
      return auditText(output);
  }
}

function auditText(output: AuditOutput): string {
  const { event, meterKey, figures, rejectedByReason, discarded } = output;
  const facts = [event, meterKey, Object.values(figures), [...rejectedByReason], discarded];
  return `audit ${positionText(output.position)} ${JSON.stringify(facts)}`;
}

/** A metered record as `periodText` of the oracle tells it. */
export function meteredText(json: string): string {
  const record = JSON.parse(json) as MeteredRecord;
  const { meterMetaData: meta } = record;
  return JSON.stringify([
    record.id,
    record.periodStart,
    record.periodEnd,
    record.valueExact,
    meta.count,
    meta.firstEvent,
    meta.lastEvent,
    record.groups.map(({ key, fields, valueExact }) => [key, fields, valueExact]),
    record.carryFirst,
    record.carryLast,
    record.deleteOnReset,
  ]);
}

/** A threshold event as the oracle tells it. */
export function thresholdText(json: string): string {
  const event = JSON.parse(json) as MeteredRecord & { thresholdReached: { name: string } };
  return `${event.id} ${event.thresholdReached.name} ${event.valueExact} ${event.periodStart}`;
}

/** Periods of a meter that wait, and the open one, in the same form as metered records. */
export function liveTexts(meter: Meter): readonly string[] {
  const waiting = meter.settling?.periods.map(({ counter }) => counter) ?? [];
  const counters = meter.settling?.isEnding === true ? waiting : [...waiting, meter.counter];
  return counters.map((counter) => counterText(meter, counter));
}

function counterText(meter: Meter, counter: Counter): string {
  const { id, type } = meter;
  const deleteOnReset = meter.deleteOnReset && counter === meter.counter;
  const { count, firstAt, lastAt, value, periodStart, periodEnd } = counter;
  return JSON.stringify([
    id,
    iso(periodStart),
    iso(periodEnd),
    formatDecimal(value ?? 0n),
    count,
    count === 0 ? null : iso(firstAt),
    count === 0 ? null : iso(lastAt),
    listGroups(counter, type.groupKeys).map(({ group, value: own }) => [
      group.key,
      group.fields,
      formatDecimal(own),
    ]),
    Object.fromEntries(carriedEntries(counter.carryFirst)),
    Object.fromEntries(carriedEntries(counter.carryLast)),
    deleteOnReset,
  ]);
}

interface MeteredRecord {
  readonly id: string;
  readonly periodStart: string;
  readonly periodEnd: string;
  readonly valueExact: string;
  readonly meterMetaData: {
    readonly count: number;
    readonly firstEvent: string | null;
    readonly lastEvent: string | null;
  };
  readonly groups: readonly {
    readonly key: string;
    readonly fields: readonly string[];
    readonly valueExact: string;
  }[];
  readonly carryFirst: object;
  readonly carryLast: object;
  readonly deleteOnReset: boolean;
}

function recordText(
  result: Extract<Outcome, { readonly kind: "usage" }>["results"][number],
): string {
  if (result.outcome === "rejected") return result.reason;
  if (result.outcome === "duplicate") return "duplicate";
  const values = result.meters.map(({ id, value }) => `${id}=${formatDecimal(value)}`);
  return `counted ${values.join(" ")}`;
}

function iso(instant: number): string {
  return new Date(instant).toISOString();
}
