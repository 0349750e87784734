// The demo's usage: calls of an AI assistant and print jobs, drawn from a seeded source, so that a
// demo tells the same story each time. Now and then a record is sent again, and now and then one is
// broken.
import {
  assistantKey,
  assistantUsers,
  departments,
  models,
  printers,
  printingKey,
  regions,
} from "./demo-definitions.ts";

export interface UsageBatch {
  readonly meterKey: string;
  readonly records: readonly Readonly<Record<string, unknown>>[];
}

export interface UsageSource {
  /** What happened since the last time: at least one record for each service. */
  next(): readonly UsageBatch[];
}

const resendProbability = 0.04;
const brokenProbability = 0.03;

/** `run` goes into the ids, so that the records of two runs are not taken for the same. */
export function createUsage(seed: number, run: string): UsageSource {
  const chance = createChance(seed);
  const pick = <T>(list: readonly [T, ...T[]] | readonly T[]): T => {
    const found = list[Math.floor(chance() * list.length)];
    if (found === undefined) throw new Error("There is nothing to pick from.");
    return found;
  };
  let made = 0;
  const call = (): UsageBatch["records"] => {
    made += 1;
    const common = { userId: pick(assistantUsers), model: pick(models), region: pick(regions) };
    // Mostly small, sometimes a whole document.
    const input = Math.ceil(120 + 8_000 * chance() ** 4);
    const output = Math.ceil(20 + 900 * chance() ** 2);
    return [
      { id: `${run}-${made}-in`, kind: "input", value: input, ...common },
      { id: `${run}-${made}-out`, kind: "output", value: output, ...common },
    ];
  };
  const job = (): UsageBatch["records"] => {
    made += 1;
    const userId = pick(Object.keys(departments));
    const value = Math.ceil(1 + 30 * chance() ** 3);
    const document = `document-${made}.pdf`;
    return [{ id: `${run}-${made}`, userId, value, printer: pick(printers), document }];
  };
  const batch = (meterKey: string, make: () => UsageBatch["records"]): UsageBatch => {
    const records = times(1 + Math.floor(chance() * 3), make);
    const again = chance() < resendProbability ? records.slice(0, 1) : [];
    const broken = chance() < brokenProbability ? [spoil(make()[0] ?? {}, pick(faults))] : [];
    return { meterKey, records: [...records, ...again, ...broken] };
  };
  return { next: () => [batch(assistantKey, call), batch(printingKey, job)] };
}

const faults = ["no user", "no number", "unknown user"] as const;

function spoil(
  record: Readonly<Record<string, unknown>>,
  fault: (typeof faults)[number],
): Readonly<Record<string, unknown>> {
  if (fault === "no user") return { ...record, userId: "" };
  if (fault === "no number") return { ...record, value: "many" };
  return { ...record, userId: "nobody", kind: "unheard-of" };
}

function times<T>(count: number, make: () => readonly T[]): readonly T[] {
  return Array.from({ length: count }, make).flat();
}

/** From 0 to 1, the same draws for the same seed (mulberry32). */
function createChance(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
