// What a caller asks of usage over time: the query read with all its faults at once, and which part
// of what is kept answers it. It reads no usage itself.

import { quarterOf } from "../core/open-window.ts";
import type { EpochMs, Zone } from "../core/ports.ts";
import { type Fault, fail, invalid, type Result } from "../core/problem.ts";
import type { Meter, State } from "../core/state.ts";
import { formatInstant } from "../core/time.ts";
import type { UsageQuestion } from "../core/usage-answer.ts";
import {
  type WindowSize,
  windowEnd,
  windowMs,
  windowSizes,
  windowStart,
  windowsKeptMs,
  windowsPerAnswerMax,
} from "../core/usage-grid.ts";
import type { Engine } from "../engine/engine.ts";
import type { UsagePieceQuery } from "./listings.ts";
import { QueryReader } from "./pages.ts";

/** A question, and the pieces that are needed to answer it. */
export interface UsageWanted {
  readonly question: UsageQuestion;
  readonly pieces: UsagePieceQuery;
  /** Fields of the group-by entry as sent; null where none was. */
  readonly groupBy: string | null;
}

export function readUsageQuestion(
  query: ReadonlyMap<string, string>,
  meter: Meter,
  { clock, state, zones }: Pick<Engine, "clock" | "state" | "zones">,
): Result<UsageWanted> {
  const reader = new QueryReader(query);
  const now = Math.max(clock.now(), state.time);
  const size = reader.choice("window", windowSizes);
  if (!query.has("window")) reader.fault("window", `is missing: one of ${windowSizes.join(", ")}`);
  // The current window begins by now.
  const { from, to = now + 1 } = reader.range();
  if (!query.has("from")) reader.fault("from", "is missing: the time from which usage is told");
  if (from !== undefined && !query.has("to") && from > now) {
    reader.fault("from", "lies in the future; send to as well, or an earlier from");
  }
  const zoneName = reader.exact("timezone") ?? meter.timezone;
  const zone = zones.get(zoneName);
  const noZone = "must be the name of a time zone exactly as in the zone data, as Europe/Berlin";
  if (zone === undefined) reader.fault("timezone", noZone);
  const groupBy = reader.exact("groupBy") ?? null;
  if (groupBy !== null && size === "PT1M") {
    reader.fault(
      "groupBy",
      "groups are kept for hours and days: leave it out, or ask for PT1H or P1D",
    );
  }
  if (size === undefined || from === undefined || zone === undefined) return emptyHanded(reader);
  // Nothing was before the meter was made.
  const first = Math.max(from, meter.createdAt);
  for (const { parameter, detail } of rangeFaults({ size, zone, from: first, to, now }, meter)) {
    reader.fault(parameter ?? "", detail);
  }
  return reader.result(wanted({ size, zone, from: first, to, groupBy }, meter));
}

/** The fault where a group-by entry is none of the processor's and nothing was counted by it. */
export function unknownGroupBy(groupBy: string, meter: Meter, state: State): Fault | null {
  const processor = state.accounts.get(meter.accountId)?.processors.get(meter.meterKey);
  const rules = processor?.fields.guidingRules ?? [];
  const known = rules.flatMap((rule) => rule.groupBy.map(({ fields }) => fields.join(",")));
  if (known.includes(groupBy)) return null;
  const names = [...new Set(known)].join(" | ");
  const detail =
    names === ""
      ? "names no group-by entry: the guiding rules of the meter's processor have none"
      : `names no group-by entry; there are ${names} (several fields with a comma between them)`;
  return { parameter: "groupBy", detail };
}

/** Something that all else needs is at fault or missing, so there is a fault to be told. */
function emptyHanded(reader: QueryReader): Result<never> {
  const read = reader.result(null);
  return read.ok ? fail(invalid([])) : read;
}

interface Asked {
  readonly size: WindowSize;
  readonly zone: Zone;
  readonly from: EpochMs;
  readonly to: EpochMs;
}

const kept: Readonly<Record<WindowSize, string>> = {
  PT1M: "Minutes are kept for 48 hours",
  PT1H: "Hours are kept for 40 days",
  P1D: "Days are kept for 400 days in the meter's own zone",
};

function rangeFaults(
  { size, zone, from, to, now }: Asked & { readonly now: EpochMs },
  meter: Meter,
): readonly Fault[] {
  const faults: Fault[] = [];
  const isForeign = size === "P1D" && zone.id !== meter.timezone;
  const oldest = now - windowsKeptMs[isForeign ? "PT1H" : size];
  if (from < to && windowEnd(size, from, zone) <= oldest) {
    const what = isForeign
      ? `Days in a zone other than ${meter.timezone} are told of 40 days`
      : kept[size];
    faults.push({ parameter: "from", detail: `${what}: send ${formatInstant(oldest)} or later` });
  }
  const count = Math.ceil((to - windowStart(size, from, zone)) / windowMs[size]);
  if (count > windowsPerAnswerMax) faults.push(tooMany(`some ${count} windows`));
  return faults;
}

/** An answer would have more windows, or groups, than it may. */
export function tooMany(what: string): Fault {
  const most = `an answer has at most ${windowsPerAnswerMax} windows`;
  const detail = `asks for ${what}, and ${most}: narrow the range, or ask for larger windows`;
  return { parameter: "from", detail };
}

function wanted(
  { size, zone, from, to, groupBy }: Asked & { readonly groupBy: string | null },
  meter: Meter,
): UsageWanted {
  const isEmpty = from >= to;
  const question: UsageQuestion = {
    ...{ size, zone, from, to, groupBy },
    aggregation: meter.type.aggregation,
    openedAt: meter.createdAt,
  };
  const pieces: UsagePieceQuery = {
    meterId: meter.id,
    from: quarterOf(windowStart(size, from, zone)),
    to: isEmpty ? from : windowEnd(size, to - 1, zone),
    detail: details[size],
    withGroups: groupBy !== null,
  };
  return { question, pieces, groupBy };
}

const details: Readonly<Record<WindowSize, UsagePieceQuery["detail"]>> = {
  PT1M: "minutes",
  PT1H: "quarters",
  P1D: "quarters-and-days",
};
