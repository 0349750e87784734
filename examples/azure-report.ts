// What the Azure example tells: the table of totals by user, and where the engine's totals differ
// from those of the file. Only text is made here.
import { measures, type Totals } from "./azure-usage.ts";

/** One line for each measure of a user that differs; empty when all are right. */
export function differences(
  expected: ReadonlyMap<string, Totals>,
  found: ReadonlyMap<string, Totals>,
): readonly string[] {
  const users = new Set([...expected.keys(), ...found.keys()]);
  return [...users].flatMap((user) =>
    measures.flatMap((measure) => {
      const [right, is] = [expected.get(user)?.[measure], found.get(user)?.[measure]];
      return right === is
        ? []
        : [`${user}, ${measure}: ${is ?? "none"} instead of ${right ?? "none"}`];
    }),
  );
}

/** A line for each user and one for all of them. */
export function table(totals: ReadonlyMap<string, Totals>): string {
  const all = [...totals.values()];
  const sum = (measure: keyof Totals): bigint =>
    all.reduce((before, one) => before + one[measure], 0n);
  const largest = all.reduce((max, { largestContext: one }) => (one > max ? one : max), 0n);
  const total = {
    calls: sum("calls"),
    contextTokens: sum("contextTokens"),
    generatedTokens: sum("generatedTokens"),
    largestContext: largest,
  };
  const head = row("User", ["Calls", "Context tokens", "Generated tokens", "Largest context"]);
  const line = (name: string, one: Totals): string =>
    row(
      name,
      measures.map((measure) => one[measure].toLocaleString("en-US")),
    );
  const lines = [...totals].map(([user, one]) => line(user, one));
  return [head, ...lines, line("Total", total), ""].join("\n");
}

function row(name: string, cells: readonly string[]): string {
  return [name.padEnd(22), ...cells.map((cell) => cell.padStart(17))].join("");
}
