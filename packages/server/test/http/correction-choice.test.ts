// How an action's items are chosen by a filter: in pieces that keep nobody waiting, and no more than one
// action may take. The lists are a fake here, so that there can be very many items.
import { expect, it } from "vitest";
import { correctionItemsPerActionMax } from "../../src/core/limits.ts";
import type { Place } from "../../src/core/position-list.ts";
import { State } from "../../src/core/state.ts";
import { type ChoiceServices, chosenPlaces } from "../../src/http/correction-choice.ts";

/** Lists with so many items that match; `grownBy` more come while they are read. */
function servicesOf(count: number, grownBy = 0): ChoiceServices & { readonly turns: number[] } {
  const turns: number[] = [];
  const never = (): never => {
    throw new Error("not asked for");
  };
  const worked = {
    count: () => count,
    choose: (_filter: object, { afterNo, limit }: { afterNo: number; limit: number }) => {
      const length = Math.min(limit, count + grownBy - afterNo);
      turns.push(length);
      const places = Array.from({ length }, (_, at): Place => ({ seq: afterNo + at, index: 0 }));
      return { places, lastNo: afterNo + length };
    },
    waiting: never,
    action: never,
    actions: never,
  };
  const projection = { corrections: { lists: { summarize: never }, worked } };
  return { engine: { state: new State() }, projection, turns };
}

const choice = { kind: "filter", filter: { reason: "NO_METER" }, sent: {} } as const;

it.each([0, 1, 4_000, 4_001, correctionItemsPerActionMax])(
  "[DC9] %i items are chosen, each once",
  async (count) => {
    const services = servicesOf(count);
    const chosen = await chosenPlaces(services, "account", choice);
    expect(chosen.ok && new Set(chosen.value.map(({ seq }) => seq)).size).toBe(count);
    expect(Math.max(...services.turns)).toBeLessThanOrEqual(4_000);
  },
);

it("[DC9] more than one action takes are refused, naming the number", async () => {
  const count = correctionItemsPerActionMax + 1;
  expect(await chosenPlaces(servicesOf(count), "account", choice)).toMatchObject({
    ok: false,
    error: {
      kind: "invalid-request",
      code: "too-many-items",
      detail: expect.stringContaining(`${count}`),
    },
  });
});

it("[DC9] what comes while they are read does not make it more", async () => {
  const services = servicesOf(correctionItemsPerActionMax, 9_000);
  const chosen = await chosenPlaces(services, "account", choice);
  expect(chosen.ok && chosen.value.length).toBe(correctionItemsPerActionMax);
});
