// Which items an action on data correction works on: those with the ids that were sent, or those that
// a filter finds at the time of the call. Reads in small pieces, so that a hundred thousand of them
// keep nobody waiting, and refuses more.
import type { CorrectionChoice } from "../core/correction-request.ts";
import { correctionItemsPerActionMax } from "../core/limits.ts";
import type { Place } from "../core/position-list.ts";
import { fail, invalid, ok, type Problem, type Result } from "../core/problem.ts";
import type { Engine } from "../engine/engine.ts";
import type { CorrectionFilter, Listings } from "./listings.ts";

export interface ChoiceServices {
  readonly engine: Pick<Engine, "state">;
  readonly projection: Pick<Listings, "corrections">;
}

/** Rows read in one turn of the event loop: some milliseconds. */
const placesPerTurn = 4_000;

export async function chosenPlaces(
  services: ChoiceServices,
  accountId: string,
  choice: CorrectionChoice,
): Promise<Result<readonly Place[]>> {
  if (choice.kind === "ids") return ownPlaces(services, choice.positions);
  const { worked } = services.projection.corrections;
  const filter = filterOf(accountId, choice);
  const count = worked.count(filter);
  if (count > correctionItemsPerActionMax) return fail(tooMany(count));
  const places: Place[] = [];
  for (let afterNo = 0; places.length < correctionItemsPerActionMax; ) {
    const limit = Math.min(placesPerTurn, correctionItemsPerActionMax - places.length);
    const chosen = worked.choose(filter, { afterNo, limit });
    for (const place of chosen.places) places.push(place);
    if (chosen.places.length < limit) break;
    afterNo = chosen.lastNo;
    await new Promise((resolve) => setImmediate(resolve));
  }
  return ok(places);
}

/** What a filter of a request finds: waiting items only. */
export function filterOf(
  accountId: string,
  { filter }: Extract<CorrectionChoice, { kind: "filter" }>,
): CorrectionFilter {
  return { accountId, state: "waiting", ...filter };
}

/** An id of another partition is none of ours. */
export function ownPlaces(
  { engine }: ChoiceServices,
  positions: Extract<CorrectionChoice, { kind: "ids" }>["positions"],
): Result<readonly Place[]> {
  const { partition } = engine.state;
  const faults = positions.flatMap((position, index) => {
    const detail = "is not the id of a data-correction item";
    return position.partition === partition ? [] : [{ pointer: `/ids/${index}`, detail }];
  });
  return faults.length === 0 ? ok(positions) : fail(invalid(faults));
}

function tooMany(count: number): Problem {
  return {
    kind: "invalid-request",
    code: "too-many-items",
    detail: `The filter finds ${count} items; one action takes at most ${correctionItemsPerActionMax}. Narrow it, such as by from and to, and send several.`,
  };
}
