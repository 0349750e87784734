// Which meter types a list shows, and in which order (D-21). Pure: a filter and a sort of what is
// in memory. Text is compared by UTF-16 unit, so that the order is the same on every machine.
import type { Decimal } from "../core/decimal.ts";
import { writeJson } from "../core/json.ts";
import type { MeterType } from "../core/state.ts";
import { toWireMeterType } from "./convert.ts";
import type { Page, SortOrder } from "./listings.ts";

/** The members of a meter type that hold one value. */
export const sortableFields = [
  "accountId",
  "activeFrom",
  "activeTo",
  "capacity",
  "category",
  "createdAt",
  "description",
  "externalRef",
  "id",
  "name",
  "numberOfMeters",
  "timezone",
  "unit",
  "updatedAt",
] as const;
type SortableField = (typeof sortableFields)[number];

export interface MeterTypeListQuery extends Page {
  readonly sortOrder: SortOrder;
  readonly sortBy: SortableField | undefined;
  /** A literal part of the name, whatever the letter case. */
  readonly name: string | undefined;
}

/** JSON texts of the page, made when they are taken, and how many match in all. */
export function selectMeterTypes(
  types: Iterable<MeterType>,
  { limit, skip, sortOrder, sortBy, name }: MeterTypeListQuery,
): { readonly texts: Iterable<string>; readonly total: number } {
  const part = name?.toLowerCase() ?? "";
  const matching = [...types].filter((type) => type.name.toLowerCase().includes(part));
  const turn = sortOrder === "ASC" ? 1 : -1;
  const exactFirst = sortBy === undefined && name !== undefined ? name : null;
  const field = sortBy ?? "name";
  matching.sort(
    (a, b) =>
      (exactFirst === null ? 0 : Number(b.name === exactFirst) - Number(a.name === exactFirst)) ||
      turn * compare(a[field], b[field]) ||
      compare(a.id, b.id),
  );
  const shown = matching.slice(skip, skip + limit);
  const texts = shown.values().map((type) => writeJson(toWireMeterType(type)));
  return { texts, total: matching.length };
}

type Sortable = string | number | Decimal | null;

/** Null comes first; both sides are of one kind otherwise. */
function compare(a: Sortable, b: Sortable): number {
  if (a === b) return 0;
  if (a === null) return -1;
  if (b === null) return 1;
  return a < b ? -1 : 1;
}
