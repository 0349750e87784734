// Usage over time of one meter: what it has counted in each minute, hour or day. What is over comes
// from the projection, what is open from memory, both at one moment, so that nothing is told twice.
import { Type } from "typebox";
import { type Decimal, formatDecimal, toJsonNumber } from "../../core/decimal.ts";
import { overflowKey } from "../../core/groups.ts";
import { writeJson } from "../../core/json.ts";
import type { JsonObject } from "../../core/json-value.ts";
import { fail, invalid, notFound, ok, type Result } from "../../core/problem.ts";
import { findMeter, type Meter } from "../../core/state.ts";
import { formatInstant } from "../../core/time.ts";
import { openPieces, tellUsage, type UsageWindow } from "../../core/usage-answer.ts";
import { windowSizes } from "../../core/usage-grid.ts";
import type { Engine } from "../../engine/engine.ts";
import type { Listings } from "../listings.ts";
import { type PlainRoute, pathParameter, type Reply, type Route } from "../route.ts";
import { problemResponse } from "../schemas-common.ts";
import { filterParameter, instantParameter } from "../schemas-lists.ts";
import { usageWindowsSchema } from "../schemas-usage-windows.ts";
import { readUsageQuestion, tooMany, type UsageWanted, unknownGroupBy } from "../usage-question.ts";

export interface MeterUsageServices {
  readonly engine: Pick<Engine, "state" | "clock" | "zones" | "isHolding">;
  readonly projection: Pick<Listings, "usage">;
}

export function meterUsageRoutes(services: MeterUsageServices): readonly Route[] {
  return [get(services)];
}

function get(services: MeterUsageServices): PlainRoute {
  return {
    method: "GET",
    path: "/meters/{id}/usage",
    operationId: "getMeterUsage",
    summary: "Get a meter's usage over time",
    description:
      "What the meter has counted in each minute, hour or day that has a part in the range, the " +
      "current one included. Windows are cut where periods end; those of a period combine to its " +
      "value. Minutes are kept for 48 hours, hours for 40 days, days for 400 days.",
    tag: "Meters",
    scope: "read:meters",
    params: { id: "Id of the meter." },
    query: {
      from: instantParameter("First instant; the window that holds it is told whole."),
      to: instantParameter("Windows that start before then; now where it is left out."),
      window: { description: "Length of a window.", schema: Type.Enum([...windowSizes]) },
      timezone: filterParameter("Zone of hours and days; the meter's where it is left out."),
      groupBy: filterParameter("Tells the groups of this group-by entry too; not by the minute."),
    },
    responses: {
      200: { description: "The windows, in order.", schema: usageWindowsSchema },
      409: problemResponse("Usage over time is not kept."),
    },
    handle: (context) => {
      const { engine } = services;
      const meter = findMeter(engine.state, context.accountId, pathParameter(context, "id"));
      if (meter === undefined) return fail(notFound("meter"));
      if (engine.state.settings.usageWindows === false) return fail(notKept);
      const wanted = readUsageQuestion(context.query, meter, engine);
      if (!wanted.ok) return wanted;
      // What was counted last has left memory, and its place in the store waits for room.
      if (engine.isHolding) return fail(noRoom);
      return answer(services, meter, wanted.value);
    },
  };
}

const notKept = {
  kind: "conflict",
  code: "usage-windows-off",
  detail: "Usage over time is not kept here: METERHOUSE_USAGE_WINDOWS is false.",
} as const;

const noRoom = {
  kind: "unavailable",
  code: "store-full",
  detail: "The store has no room for what was counted last. Retry when there is.",
} as const;

function answer(
  { engine, projection }: MeterUsageServices,
  meter: Meter,
  { question, pieces, groupBy }: UsageWanted,
): Result<Reply> {
  const kept = projection.usage.pieces(pieces);
  if (kept === null)
    return fail(invalid([tooMany("more groups or period ends than can be read at once")]));
  const open = openPieces(meter, question);
  const windows = tellUsage(question, [...kept, ...open]);
  if (windows === null)
    return fail(invalid([tooMany("more, since windows are cut where periods end")]));
  if (groupBy !== null && windows.every(({ groups }) => groups.length === 0)) {
    const fault = unknownGroupBy(groupBy, meter, engine.state);
    if (fault !== null) return fail(invalid([fault]));
  }
  const documents = windows.map((window) => writeJson(windowDocument(window, meter, groupBy)));
  return ok({ status: 200, text: `{"usage":[${documents.join(",")}]}` });
}

/** Nothing was counted: 0 where amounts are added up, and no value where the largest or least counts. */
function windowDocument(
  { start, end, value, groups }: UsageWindow,
  { type: { aggregation } }: Meter,
  groupBy: string | null,
): JsonObject {
  const isAdded = aggregation === "sum" || aggregation === "increment";
  const amount = value ?? (isAdded ? 0n : null);
  const range = { start: formatInstant(start), end: formatInstant(end) };
  const told = amount === null ? { value: null, valueExact: null } : amountMembers(amount);
  if (groupBy === null) return { ...range, ...told };
  const documents = groups.map((group) => ({
    key: group.key ?? overflowKey,
    fields: group.key === null ? [] : group.fields,
    ...amountMembers(group.value),
  }));
  return { ...range, ...told, groups: documents };
}

function amountMembers(amount: Decimal): JsonObject {
  return { value: toJsonNumber(amount), valueExact: formatDecimal(amount) };
}
