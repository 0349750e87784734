// Ended periods that wait for late usage, in the form of the metered records that they become: listed
// by the projection, with what they have counted as it stands in memory now.
import { writeJson } from "../core/json.ts";
import { settlingDocument } from "../core/meter-document.ts";
import { findMeter, type State } from "../core/state.ts";
import type {
  MeteredRecordFilter,
  Page,
  SettlingListings,
  SettlingPeriod,
  SortOrder,
} from "./listings.ts";

export interface SettlingSource {
  readonly state: State;
  readonly settling: SettlingListings;
}

/** JSON texts of one page, and how many match. */
export function settlingPage(
  { state, settling }: SettlingSource,
  filter: MeteredRecordFilter,
  page: Page & { readonly sortOrder: SortOrder },
): { readonly texts: readonly string[]; readonly total: number } {
  const { periods, total } = settling.list(filter, page);
  return { texts: textsOf(state, filter, periods), total };
}

/** JSON texts of everything that matches, chunk by chunk. */
export function* settlingChunks(
  { state, settling }: SettlingSource,
  filter: MeteredRecordFilter,
  sortOrder: SortOrder,
): Generator<readonly string[]> {
  for (const periods of settling.stream(filter, sortOrder)) {
    yield textsOf(state, filter, periods);
  }
}

/** A period that is flushed but still listed, since its outputs find no room, is left out. */
function textsOf(
  state: State,
  { accountId }: MeteredRecordFilter,
  periods: readonly SettlingPeriod[],
): readonly string[] {
  return periods.flatMap(({ meterId, periodEnd }) => {
    const meter = findMeter(state, accountId, meterId);
    const waiting = meter?.settling?.periods.find(({ counter }) => counter.periodEnd === periodEnd);
    if (meter === undefined || waiting === undefined) return [];
    return [writeJson(settlingDocument(meter, waiting))];
  });
}
