// The checker of the crash tests, itself checked: every kind of broken promise is found and named.
import { describe, expect, it } from "vitest";
import {
  type Attempt,
  LoadHistory,
  type ObservedMeter,
  type ObservedPeriod,
} from "../support/load-history.ts";

type Counts = readonly (readonly [key: string, value: number])[];

function period(from: number, groups: Counts, valueExact?: string): ObservedPeriod {
  const sum = groups.reduce((total, [, value]) => total + value, 0);
  return {
    periodStart: `t${from}`,
    periodEnd: `t${from + 1}`,
    valueExact: valueExact ?? String(sum),
    groups: groups.map(([key, value]) => ({ key, valueExact: String(value) })),
  };
}

function meter(...periods: readonly ObservedPeriod[]): ObservedMeter {
  return { id: "m", createdAt: "t0", periods, isWhole: true };
}

function invoke(history: LoadHistory, ...ids: readonly string[]): Attempt {
  return history.invoke(ids.map((id) => ({ id, userId: "u", value: 5 })));
}

const counted = { outcome: "counted", meters: ["m"] } as const;
const duplicate = { outcome: "duplicate", meters: [] } as const;
const rejected = { outcome: "rejected", meters: [] } as const;

/** One record with this fate. */
function history(fate: "counted" | "rejected" | "lost" | "refused"): LoadHistory {
  const made = new LoadHistory();
  const attempt = invoke(made, "a");
  if (fate === "lost") attempt.lost();
  else if (fate === "refused") attempt.refused();
  else attempt.answered([fate === "counted" ? counted : rejected]);
  return made;
}

describe("the checker", () => {
  it("[EN8] has nothing to say when everything is as promised", () => {
    expect(history("counted").faults([meter(period(0, [["a", 5]]))])).toEqual([]);
    for (const groups of [[], [["a", 5]]] as const) {
      expect(history("lost").faults([meter(period(0, groups))])).toEqual([]);
    }
    for (const fate of ["rejected", "refused"] as const) {
      expect(history(fate).faults([meter(period(0, []))])).toEqual([]);
    }
  });

  it.each([
    ["counted", [period(0, [])], "record a is lost"],
    ["counted", [period(0, [["a", 10]])], "counted as 10"],
    ["counted", [period(0, [["a", 5]]), period(1, [["a", 5]])], "counted in 2 periods"],
    ["lost", [period(0, [["a", 10]])], "counted as 10"],
    ["lost", [period(0, [["a", 5]]), period(1, [["a", 5]])], "counted in 2 periods"],
    ["rejected", [period(0, [["a", 5]])], "rejected but counted"],
    ["refused", [period(0, [["a", 5]])], "rejected but counted"],
    [
      "counted",
      [
        period(0, [
          ["a", 5],
          ["b", 1],
        ]),
      ],
      "record b was counted but never sent",
    ],
    ["counted", [period(0, [["a", 5]], "6")], "6, its groups say 5"],
    ["counted", [period(0, [["a", 5]]), period(2, [])], "the one before ended at t1"],
    ["counted", [period(1, [["a", 5]])], "the one before ended at t0"],
  ] as const)("[EN8] finds that a %s record is in %j", (fate, periods, fault) => {
    expect(
      history(fate)
        .faults([meter(...periods)])
        .join("\n"),
    ).toContain(fault);
  });

  it("[EN8] finds a meter that was not told of", () => {
    const other = { ...meter(period(0, [["a", 5]])), id: "other" };
    const faults = history("counted").faults([meter(period(0, [["a", 5]])), other]);
    expect(faults).toEqual(["record a (5) in meter other: not told of"]);
  });

  it("[EN8] finds answers that contradict each other", () => {
    const twice = history("counted");
    invoke(twice, "a").answered([counted]);
    const forgotten = history("counted");
    invoke(forgotten, "a").answered([rejected]);
    const unheard = new LoadHistory();
    invoke(unheard, "a").answered([duplicate]);
    const torn = new LoadHistory();
    invoke(torn, "a", "b").lost();
    invoke(torn, "a", "b").answered([counted, duplicate]);
    const faults = [twice, forgotten, unheard, torn].map((each) => each.faults([])[0]);
    expect(faults).toEqual([
      "record a was counted twice",
      "record a was counted, then rejected",
      "record a is called a duplicate but was never counted",
      "a lost request was counted in part: a b",
    ]);
  });
});
