// The Azure LLM inference trace (one line per call: time, context tokens, generated tokens) as usage
// records, and its totals per user worked out by plain addition, to compare the engine with. The
// trace names no customer, so calls are dealt to users by their row number.
import { readFileSync } from "node:fs";

export interface Call {
  /** From 1, without the heading. */
  readonly row: number;
  readonly userId: string;
  readonly contextTokens: bigint;
  readonly generatedTokens: bigint;
}

/** A record has one value, so a call is told in two: what went in, and what came out. */
export interface CallRecord {
  readonly id: string;
  readonly userId: string;
  readonly kind: "context" | "generated";
  readonly value: number;
}

/** By name of the meter type. */
export const measures = ["calls", "contextTokens", "generatedTokens", "largestContext"] as const;
export type Totals = Readonly<Record<(typeof measures)[number], bigint>>;

const users = 50;
const heading = "TIMESTAMP,ContextTokens,GeneratedTokens";

/** Throws an error whose message names the file, the line, and what was expected there. */
export function readCalls(path: string): readonly Call[] {
  const [first = "", ...rows] = readText(path).split(/\r?\n/);
  if (first.replace(/^\uFEFF/, "").trim() !== heading) {
    throw new Error(
      `${path}: the first line must be "${heading}", but is "${first.slice(0, 80)}".`,
    );
  }
  const calls = rows.flatMap((text, index) => {
    if (text.trim() === "") return [];
    const match = text.match(/^[^,]+,(\d{1,15}),(\d{1,15})\s*$/);
    if (match === null) {
      const expected = "a time and two whole numbers, parted by commas, were expected";
      throw new Error(`${path}, line ${index + 2}: ${expected}, not "${text.slice(0, 80)}".`);
    }
    const row = index + 1;
    const contextTokens = BigInt(match[1] ?? "0");
    return [{ row, userId: userOf(row), contextTokens, generatedTokens: BigInt(match[2] ?? "0") }];
  });
  if (calls.length === 0) throw new Error(`${path}: there is no call below the heading.`);
  return calls;
}

/** Whole numbers of 15 digits stay exact. The row number makes the ids, so that the same file sent again is known again. */
export function recordsOf(calls: readonly Call[]): readonly CallRecord[] {
  return calls.flatMap(({ row, userId, contextTokens, generatedTokens }) => [
    { id: `row-${row}-context`, userId, kind: "context", value: Number(contextTokens) },
    { id: `row-${row}-generated`, userId, kind: "generated", value: Number(generatedTokens) },
  ]);
}

/** By user, in the order of the users. */
export function totalsOf(calls: readonly Call[]): ReadonlyMap<string, Totals> {
  const totals = new Map<string, Totals>();
  for (const { userId, contextTokens, generatedTokens } of calls) {
    const before = totals.get(userId);
    const largest = before?.largestContext ?? 0n;
    totals.set(userId, {
      calls: (before?.calls ?? 0n) + 1n,
      contextTokens: (before?.contextTokens ?? 0n) + contextTokens,
      generatedTokens: (before?.generatedTokens ?? 0n) + generatedTokens,
      largestContext: contextTokens > largest ? contextTokens : largest,
    });
  }
  return new Map([...totals].sort(([a], [b]) => (a < b ? -1 : 1)));
}

function userOf(row: number): string {
  return `user-${String(row % users).padStart(2, "0")}@example.com`;
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : error;
    const reason = code === "ENOENT" ? "there is no such file" : `it cannot be read (${code})`;
    throw new Error(`${path}: ${reason}.`, { cause: error });
  }
}
