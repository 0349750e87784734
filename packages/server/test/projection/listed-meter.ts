// A whole meter around the few columns that the list of meters reads. It imports nothing of the
// test runner, since store-until-killed.ts runs without one.
import { Counter } from "../../src/core/counter.ts";
import { ExactSum } from "../../src/core/exact-sum.ts";
import { GroupKeys } from "../../src/core/group-keys.ts";
import { Meter } from "../../src/core/state.ts";

export interface ListedColumns
  extends Pick<Meter, "id" | "accountId" | "userId" | "meterKey" | "createdAt"> {
  readonly meterTypeId: string;
}

export function listedMeter(columns: ListedColumns): Meter {
  const { id, userId, meterKey, meterTypeId, accountId, createdAt } = columns;
  const limits = { capacity: null, thresholds: [] };
  const type: Meter["type"] = {
    ...limits,
    id: meterTypeId,
    accountId,
    aggregation: "sum",
    createdAt,
    name: "Pages",
    description: "",
    unit: "pages",
    category: "DEFAULT",
    externalRef: null,
    timezone: "Etc/UTC",
    resetSchedule: { minute: "0", hour: "0", day: "1", month: "*", weekday: "*" },
    activeFrom: 0,
    activeTo: null,
    updatedAt: createdAt,
    numberOfMeters: 1,
    sums: { accepted: new ExactSum(), metered: 0n, discarded: 0n },
    timetables: new Map(),
    groupKeys: new GroupKeys(),
  };
  const { timezone, unit } = type;
  const own = { customFields: {}, deleteOnReset: false };
  const terms = { ...limits, ...own, type, meterKey, timezone, unit };
  return new Meter({ id, userId, createdAt, terms, counter: new Counter(0, 1, createdAt) });
}
