// What lists of a meter's outputs are filtered by, beside the time: as it is documented and as it is
// read. Which outputs match is the projection's.
import type { MeteredRecordFilter } from "./listings.ts";
import type { QueryReader } from "./pages.ts";
import type { QueryParameter } from "./route.ts";
import { filterParameter } from "./schemas-lists.ts";

export function meterFilterParameters(
  items: "Records" | "Events",
): Readonly<Record<"userId" | "meterId" | "meterTypeId" | "meterKey", QueryParameter>> {
  return {
    userId: filterParameter(`${items} of this user.`),
    meterId: filterParameter(`${items} of this meter.`),
    meterTypeId: filterParameter(`${items} of this meter type.`),
    meterKey: filterParameter(`${items} with this meter key.`),
  };
}

/** Of the account of the token; the range of time with it. */
export function readMeterFilter(reader: QueryReader, accountId: string): MeteredRecordFilter {
  return {
    accountId,
    userId: reader.exact("userId"),
    meterId: reader.exact("meterId"),
    meterTypeId: reader.exact("meterTypeId"),
    meterKey: reader.exact("meterKey"),
    ...reader.range(),
  };
}
