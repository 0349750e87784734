// Many records, one in a hundred broken in one of five ways; each way is mended by one rule and the
// records are reprocessed. Totals, groups and counts must be those of the run without faults.
// REPAIR_RECORDS=1000000 runs it with a million.
import { afterEach, describe, expect, it } from "vitest";
import { conservationFault } from "../../src/core/conservation.ts";
import type { CorrectionChange } from "../../src/core/correction-change.ts";
import { formatDecimal } from "../../src/core/decimal.ts";
import { listGroups } from "../../src/core/groups.ts";
import type { JsonObject } from "../../src/core/json-value.ts";
import type { RejectionReason } from "../../src/core/outcome.ts";
import { positionText } from "../../src/core/output.ts";
import { accountId } from "../support/core-world.ts";
import { CorrectionWorld } from "../support/correction-world.ts";

const size = Number(process.env.REPAIR_RECORDS ?? 100_000);
const users = 50;
const worlds: CorrectionWorld[] = [];

afterEach(() => {
  for (const world of worlds.splice(0)) world.close();
});

/** How a record is broken, the reason it waits with, and the rule that mends all of its kind. */
const faults: readonly {
  readonly broken: (record: JsonObject) => JsonObject;
  readonly reason: RejectionReason;
  readonly change: CorrectionChange;
}[] = [
  {
    broken: ({ userId, ...rest }) => ({ ...rest, customer: userId ?? null }),
    reason: "MISSING_USER_ID",
    change: { kind: "rename", from: "customer", to: "userId" },
  },
  {
    broken: ({ value, ...rest }) => ({ ...rest, amount: value ?? null }),
    reason: "MISSING_VALUE",
    change: { kind: "rename", from: "amount", to: "value" },
  },
  {
    broken: (record) => ({ ...record, timestamp: "yesterday" }),
    reason: "INVALID_TIMESTAMP",
    change: { kind: "set", field: "timestamp", value: null },
  },
  {
    broken: (record) => ({ ...record, product: "cal" }),
    reason: "NO_MATCHING_RULE",
    change: { kind: "set", field: "product", value: "call" },
  },
  {
    broken: (record) => ({ ...record, id: { number: record.id ?? null } }),
    reason: "INVALID_ID",
    change: { kind: "set", field: "id", value: null },
  },
];

function recordOf(number: number): JsonObject {
  return {
    id: `r-${number}`,
    userId: `user-${number % users}`,
    value: `${number % 1_000}.${number % 7}5`,
    product: "call",
    region: `region-${number % 3}`,
  };
}

function run(isBroken: boolean): CorrectionWorld {
  const world = new CorrectionWorld();
  worlds.push(world);
  world.processor({
    guidingRules: [
      {
        customName: "",
        ignoreCondition: false,
        conditionRelation: "and",
        conditions: [{ customName: "", field: "product", value: "call", type: "string" }],
        matchCategory: "DEFAULT",
        groupBy: [{ fields: ["region"] }],
        otherOperations: [],
      },
    ],
  });
  const type = world.meterType();
  const other = world.meterType({ aggregation: "max" });
  for (let user = 0; user < users; user += 1) {
    world.meter(type, `user-${user}`);
    world.meter(other, `user-${user}`);
  }
  world.apply({
    kind: "configure",
    futureToleranceMs: 300_000,
    correctionsPerAccountMax: 1_000_000,
  });
  for (let first = 0; first < size; first += 10_000) {
    const length = Math.min(10_000, size - first);
    world.usage(
      Array.from({ length }, (_, at): JsonObject => {
        const number = first + at;
        const fault = number % 100 === 37 ? faults[Math.floor(number / 100) % 5] : undefined;
        const record = recordOf(number);
        return isBroken && fault !== undefined ? fault.broken(record) : record;
      }),
    );
  }
  return world;
}

/** What every meter has counted, groups in the order of their keys. */
function totals({ state }: CorrectionWorld): readonly unknown[] {
  return [...state.meters.values()].map(({ userId, type, counter }) => [
    userId,
    type.aggregation,
    counter.count,
    formatDecimal(counter.value ?? 0n),
    listGroups(counter, type.groupKeys)
      .map(({ group: { key }, value }) => `${key} ${formatDecimal(value)}`)
      .sort(),
  ]);
}

describe(`one in a hundred of ${size} records broken in five ways`, () => {
  it("[DC30] each mended by one rule and reprocessed: totals equal the clean run", () => {
    const world = run(true);
    const tally = world.processor({}).tally;
    expect(tally.rejected).toBe(Math.floor((size + 62) / 100));
    world.sync();
    const { worked, lists } = world.projection.corrections;
    const summary = lists.summarize({ accountId }, { limit: 100, skip: 0 });
    expect(summary.groups.map(({ reason }) => reason).sort()).toEqual(
      faults.map(({ reason }) => reason).sort(),
    );
    for (const { reason, change } of faults) {
      const filter = { accountId, reason, state: "waiting" } as const;
      const { places } = worked.choose(filter, { afterNo: 0, limit: 100_000 });
      const ids = places.map((place) => positionText({ partition: 0, ...place }));
      expect(world.act({ action: "correct", change }, ids)).toMatchObject({ failed: 0 });
      expect(world.act({ action: "reprocess" }, ids)).toMatchObject({ failed: 0, skipped: 0 });
    }
    expect(tally.reprocessed).toBe(tally.rejected);
    expect(world.processor({}).waitingCorrections).toBe(0);
    expect(totals(world)).toEqual(totals(run(false)));
    expect(conservationFault(world.state)).toBeNull();
  });
});
