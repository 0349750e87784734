// One walk over the whole state for a snapshot, while counting goes on: it shows the state as it was
// when the walk began. A meter that is about to change and was not written yet is written first. On
// its way it adds the meters up, so that no snapshot is made of a state that breaks the law.
import { Census } from "./census.ts";
import { MeterRows } from "./meter-row.ts";
import { assert } from "./problem.ts";
import { definitionSections, type Section } from "./snapshot.ts";
import type { Meter, State } from "./state.ts";

/** One at a time for a state; `end` must be called. */
export class SnapshotPass {
  readonly #state: State;
  readonly #census: Census;
  readonly #definitions: readonly Section[];
  #rows = new MeterRows();
  /** Full sections that changes have made, not yet drawn. */
  readonly #ahead: Section[] = [];

  constructor(state: State) {
    assert(state.pass === null, "one snapshot is made at a time");
    this.#state = state;
    this.#census = new Census(state);
    this.#definitions = [...definitionSections(state)];
    state.passes += 1;
    state.pass = this;
  }

  /** Throws at its end when the state breaks the law of conservation (CO5). */
  *sections(): Generator<Section> {
    yield* this.#definitions;
    for (const meter of this.#state.meters.values()) {
      this.keep(meter);
      for (let section = this.#ahead.pop(); section !== undefined; section = this.#ahead.pop()) {
        yield section;
      }
    }
    yield* this.#ahead;
    yield { name: "meters", text: this.#rows.text() };
    const fault = this.#census.fault();
    assert(fault === null, fault ?? "");
  }

  /** Writes the meter as it is, unless it was written, or made, since the walk began. */
  keep(meter: Meter): void {
    if (meter.pass === this.#state.passes) return;
    meter.pass = this.#state.passes;
    this.#census.add(meter);
    this.#rows.add(meter);
    if (!this.#rows.isFull) return;
    this.#ahead.push({ name: "meters", text: this.#rows.text() });
    this.#rows = new MeterRows();
  }

  end(): void {
    if (this.#state.pass === this) this.#state.pass = null;
  }
}

/** The whole state at once, in the order in which `restoreState` wants it. */
export function stateSections(state: State): readonly Section[] {
  const pass = new SnapshotPass(state);
  try {
    return [...pass.sections()];
  } finally {
    pass.end();
  }
}
