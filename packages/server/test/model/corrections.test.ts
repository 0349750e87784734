// Random interleavings of usage, actions on data correction, their turns, expiry and restarts, against a
// naive model; and each history replayed gives the same state and the same outputs.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { apply } from "../../src/core/apply.ts";
import { conservationFault } from "../../src/core/conservation.ts";
import { correctionActionsPerAccountMax } from "../../src/core/limits.ts";
import type { Output } from "../../src/core/output.ts";
import { readPosition } from "../../src/core/position-list.ts";
import { State } from "../../src/core/state.ts";
import { accountId } from "../support/core-world.ts";
import { CorrectionWorld } from "../support/correction-world.ts";
import { stateDigest } from "../support/state-digest.ts";
import { CorrectionModel, idOf, type ModelRecord, userOf } from "./correction-model.ts";

const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31));

const record = fc.record(
  {
    userId: fc.constantFrom("user", "user", "nobody"),
    value: fc.constantFrom(1, 2),
    id: fc.constantFrom("a", "b", "c", ""),
  },
  { requiredKeys: ["id"] },
);
const change = fc.constantFrom(
  { field: "userId", value: "user" },
  { field: "userId", value: "nobody" },
  { field: "value", value: 1 },
  { field: "value", value: 2 },
  { field: "id", value: "a" },
  { field: "id", value: "d" },
  { field: "id", value: null },
  { field: "note", value: "seen" },
);
const chosen = fc.option(fc.array(fc.nat({ max: 6 }), { minLength: 1, maxLength: 4 }), { freq: 1 });
const step = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant("send" as const),
      records: fc.array(record, { minLength: 1, maxLength: 4 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("correct" as const), change, chosen }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("reprocess" as const), chosen }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("delete" as const), chosen }) },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("turn" as const),
      itemsMax: fc.integer({ min: 1, max: 4 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("expire" as const), nth: fc.nat({ max: 8 }) }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: "restart" as const }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

class Pair {
  readonly world = new CorrectionWorld();
  readonly model = new CorrectionModel();
  readonly #meterId: string;

  constructor() {
    this.#meterId = this.world.meter(this.world.meterType()).id;
  }

  step(one: Step): void {
    const { world } = this;
    world.now += 1;
    if (one.kind === "send") this.#send(one.records);
    else if (one.kind === "turn") this.#turn(one.itemsMax);
    else if (one.kind === "restart") world.restart();
    else if (one.kind === "expire") this.#expire(one.nth);
    else this.#ask(one);
  }

  /** Lets all actions come to their end. */
  finish(): void {
    while (this.model.actions.length > 0) this.step({ kind: "turn", itemsMax: 100 });
    expect(this.world.state.correctionActions.size).toBe(0);
  }

  compare(): void {
    const { world, model } = this;
    expect(conservationFault(world.state)).toBeNull();
    const items = world.items().map((item) => ({
      place: item.id,
      state: item.state,
      reason: item.reason,
      attempts: item.attempts,
      record: item.record === null ? null : JSON.parse(item.record),
      userId: item.userId,
      recordId: item.recordId,
    }));
    const expected = model.items.map(({ place, state, reason, attempts, record: kept }) => {
      const identity = { userId: userOf(kept), recordId: idOf(kept) };
      return { place, state, reason, attempts, record: kept, ...identity };
    });
    expect(items).toEqual(expected);
    expect(world.processor({}).tally).toMatchObject(model.tally);
    const value = world.state.meters.get(this.#meterId)?.counter.value ?? 0n;
    expect(value / 10n ** 18n).toBe(BigInt(model.value));
    const waiting = model.items.filter(({ state }) => state === "waiting").length;
    expect(world.processor({}).waiting.size).toBe(waiting);
    const summed = world.projection.corrections.lists.summarize(
      { accountId },
      { limit: 100, skip: 0 },
    );
    expect(summed.groups.reduce((sum, { count }) => sum + count, 0)).toBe(waiting);
  }

  #turn(itemsMax: number): void {
    if (this.world.state.correctionActions.size > 0) this.world.turn(itemsMax);
    this.model.turn(itemsMax);
  }

  #send(records: readonly ModelRecord[]): void {
    const { world, model } = this;
    world.usage(records);
    // Positions are the core's to give; which records get one is compared.
    const made = world.outputs.filter(
      (output) => output.kind === "correction" && output.position.seq === world.state.seq,
    );
    const places = made.map((output) =>
      output.kind === "correction" ? `0.${output.position.seq}.${output.position.index}` : "",
    );
    for (const sent of records) {
      const before = model.items.length;
      model.send(sent, places[0] ?? "none was made");
      if (model.items.length > before) places.shift();
    }
    expect(places).toEqual([]);
  }

  #ask(one: Extract<Step, { kind: "correct" | "reprocess" | "delete" }>): void {
    const { world, model } = this;
    const every = model.items.map(({ place }) => place);
    const waiting = model.items.filter(({ state }) => state === "waiting");
    const picked = one.chosen?.flatMap((at) => every[at] ?? []) ?? null;
    const wanted = picked ?? waiting.map(({ place }) => place);
    const places = every.filter((place) => wanted.includes(place));
    const asked = one.kind === "correct" ? one.change : null;
    const order = asked === null ? null : ({ kind: "set", ...asked } as const);
    const outcome = world.ask({ action: one.kind, change: order }, picked ?? undefined);
    const isFull = model.actions.length >= correctionActionsPerAccountMax;
    expect(outcome.kind).toBe(isFull ? "refused" : "correction-action");
    if (!isFull && places.length > 0) {
      model.actions.push({ kind: one.kind, change: asked, places, next: 0 });
    }
  }

  #expire(nth: number): void {
    const item = this.world.items()[nth];
    const position = item === undefined ? undefined : readPosition(item.id);
    if (item === undefined || position === undefined) return;
    const { meterKey, userId, recordId } = item;
    const items = [{ accountId, meterKey, userId, recordId, position }];
    this.world.apply({ kind: "expire-corrections", items });
    this.model.expire(item.id);
  }
}

/** The listed meter is an object of its state; its id says enough. */
function plain(output: Output): unknown {
  return output.kind === "meter-listed" ? { kind: output.kind, id: output.meter.id } : output;
}

describe(`random work on data correction, seed ${seed}`, () => {
  it("[DC14] [DC18] [DC27] equals a naive model, and its replay", () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 20, maxLength: 40, size: "max" }), (steps) => {
        const pair = new Pair();
        try {
          for (const one of steps) {
            pair.step(one);
            pair.compare();
          }
          pair.finish();
          pair.compare();
          const { world } = pair;
          const state = new State();
          const outputs = world.entries.flatMap((entry) => [...apply(state, entry).outputs]);
          expect(outputs.map(plain)).toEqual(world.outputs.map(plain));
          expect(stateDigest(state)).toEqual(stateDigest(world.state));
        } finally {
          pair.world.close();
        }
      }),
      { seed, numRuns: 30 },
    );
  });
});
