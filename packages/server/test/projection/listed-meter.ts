// A whole meter around the few columns that the list of meters reads. It imports nothing of the
// test runner, since store-until-killed.ts runs without one.
import { GroupShape } from "../../src/core/group-shape.ts";
import type { MeterListedOutput } from "../../src/core/output.ts";

type Meter = MeterListedOutput["meter"];

export interface ListedColumns
  extends Pick<Meter, "id" | "accountId" | "userId" | "meterKey" | "createdAt"> {
  readonly meterTypeId: string;
}

export function listedMeter({ meterTypeId, ...columns }: ListedColumns): Meter {
  const { accountId, createdAt } = columns;
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
    sums: { accepted: 0n, metered: 0n, discarded: 0n },
    timetables: new Map(),
  };
  return {
    ...limits,
    ...columns,
    type,
    timezone: type.timezone,
    unit: type.unit,
    updatedAt: createdAt,
    customFields: {},
    deleteOnReset: false,
    periodStart: 0,
    periodEnd: 1,
    counter: {
      value: null,
      count: 0,
      firstAt: 0,
      lastAt: 0,
      shape: GroupShape.root(),
      values: [],
      carryFirst: null,
      carryLast: null,
    },
    deleted: false,
  };
}
