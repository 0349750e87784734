// Adds up every meter and compares the sums with the counters that counting keeps as it goes (CO3,
// CO4): as these were when the census began, so that it can go on beside counting. It changes nothing.
import { type Decimal, formatDecimal } from "./decimal.ts";
import type { Flow } from "./figures.ts";
import type { Meter, MeterType, State } from "./state.ts";

/** One processor's figures at the beginning, and the records found in its meters. */
interface Records {
  readonly flow: Flow;
  /** In open periods, and in those that wait for late usage. */
  live: number;
  settling: number;
}

/** One meter type's amounts at the beginning, and what was found in its meters. */
interface Amounts {
  readonly accepted: Decimal;
  readonly metered: Decimal;
  readonly discarded: Decimal;
  found: Decimal;
}

export class Census {
  readonly #seq: number;
  /** By account, then by meter key. */
  readonly #records = new Map<string, Map<string, Records>>();
  readonly #amounts = new Map<MeterType, Amounts>();

  constructor(state: State) {
    this.#seq = state.seq;
    for (const [accountId, { processors, meterTypes }] of state.accounts) {
      const records = new Map<string, Records>();
      for (const [meterKey, { flow }] of processors) {
        records.set(meterKey, { flow: { ...flow }, live: 0, settling: 0 });
      }
      this.#records.set(accountId, records);
      for (const type of meterTypes.values()) {
        if (type.aggregation !== "sum") continue;
        const { metered, discarded } = type.sums;
        const accepted = type.sums.accepted.decimal;
        this.#amounts.set(type, { accepted, metered, discarded, found: 0n });
      }
    }
  }

  /** A meter as it was when the census began; each once. */
  add({ accountId, meterKey, type, counter, settling }: Meter): void {
    const records = this.#records.get(accountId)?.get(meterKey);
    const amounts = this.#amounts.get(type);
    if (settling?.isEnding !== true) {
      if (records !== undefined) records.live += counter.count;
      if (amounts !== undefined) amounts.found += counter.value ?? 0n;
    }
    if (settling === null) return;
    for (const waiting of settling.periods) {
      if (records !== undefined) records.settling += waiting.counter.count;
      if (amounts !== undefined) amounts.found += waiting.counter.value ?? 0n;
    }
  }

  /** After all meters: the first break, as a sentence with its place and its figures; or null. */
  fault(): string | null {
    for (const [accountId, byKey] of this.#records) {
      for (const [meterKey, { flow, live, settling }] of byKey) {
        if (flow.live === live && flow.settling === settling) continue;
        const place = `account ${accountId}, meter processor ${meterKey}`;
        const held = settling === 0 ? String(live) : `${live} live + ${settling} settling`;
        const fault = `accepted ${flow.accepted} records into meters and ${partsOf(flow)}, but its meters hold ${held}`;
        return broken(this.#seq, place, fault);
      }
    }
    for (const [{ accountId, id }, { accepted, metered, discarded, found }] of this.#amounts) {
      if (accepted === metered + found + discarded) continue;
      const parts = Object.entries({ metered, live: found, discarded });
      const texts = parts.map(([name, part]) => `${name} ${formatDecimal(part)}`);
      const fault = `accepted ${formatDecimal(accepted)}, but ${texts.join(" + ")}`;
      return broken(this.#seq, `account ${accountId}, meter type ${id}`, fault);
    }
    return null;
  }
}

/** The parts of what was accepted into meters, as text; settling where anything is. */
export function partsOf({ metered, settling, live, discarded }: Flow): string {
  const waiting = settling === 0 ? "" : `settling ${settling} + `;
  return `metered ${metered} + ${waiting}live ${live} + discarded ${discarded}`;
}

/** The sentence that stops an engine. */
export function broken(seq: number, place: string, figures: string): string {
  return `The conservation law is broken at entry ${seq}, ${place}: ${figures}.`;
}
