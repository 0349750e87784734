// Metered records as a list: JSON by the page, NDJSON and CSV as a stream of everything that
// matches. The JSON of a record goes out byte for byte as it was made; CSV is made from it.
import { Type } from "typebox";
import { type Fault, ok, type Result } from "../../core/problem.ts";
import type { State } from "../../core/state.ts";
import { csvHeader, csvRecord } from "../csv.ts";
import { exportedList, readCursorPage, type TextPage } from "../exported-list.ts";
import type { CursorPage, Listings, MeteredRecordFilter } from "../listings.ts";
import { meterFilterParameters, readMeterFilter } from "../meter-filter.ts";
import { fittingItems, type QueryReader } from "../pages.ts";
import type { Route } from "../route.ts";
import { instantParameter } from "../schemas-lists.ts";
import { meteredRecordSchema, settlingRecordSchema } from "../schemas-meters.ts";
import { type SettlingSource, settlingChunks, settlingPage } from "../settling-records.ts";
import { streamReply } from "../streams.ts";

export interface MeteredRecordServices {
  readonly projection: Pick<Listings, "listMeteredRecords" | "streamMeteredRecords" | "settling">;
  readonly engine: { readonly state: State };
}

export function meteredRecordRoutes(services: MeteredRecordServices): readonly Route[] {
  const list = exportedList({
    path: "/metered-records",
    operationId: "listMeteredRecords",
    summary: "List metered records",
    description:
      "In the order in which they were made. JSON answers are pages; NDJSON and CSV (by Accept) " +
      "hold everything that matches, whatever limit and skip say. With state=settling: the ended " +
      "periods that wait for late usage instead, by their end.",
    tag: "Metered records",
    scope: "read:metered_records",
    filters: {
      state: {
        description: "Metered records, or ended periods that are to become one.",
        schema: Type.Enum(["flushed", "settling"], { default: "flushed" }),
      },
      ...meterFilterParameters("Records"),
      from: instantParameter("Periods that ended then or later."),
      to: instantParameter("Periods that ended before then."),
    },
    member: "meteredRecords",
    item: Type.Union([meteredRecordSchema, settlingRecordSchema]),
    read,
    page: (wanted) => pageOf(services, wanted),
    stream: ({ filter, sortOrder, isSettling }, type) => {
      const chunks = isSettling
        ? settlingChunks(sourceOf(services), filter, sortOrder)
        : services.projection.streamMeteredRecords(filter, sortOrder);
      return streamReply({ chunks, json: (text) => text, csvHeader, csv: csvRecord }, type);
    },
  });
  return [list];
}

interface Wanted extends CursorPage {
  readonly filter: MeteredRecordFilter;
  readonly isSettling: boolean;
}

function read(reader: QueryReader, accountId: string): Wanted {
  const isSettling = reader.choice("state", ["flushed", "settling"]) === "settling";
  if (isSettling && reader.text("cursor") !== undefined) {
    reader.fault("cursor", "pages flushed records only; use skip with state=settling");
  }
  return { isSettling, ...readCursorPage(reader), filter: readMeterFilter(reader, accountId) };
}

function pageOf(
  services: MeteredRecordServices,
  { filter, isSettling, ...place }: Wanted,
): Result<TextPage, Fault> {
  if (isSettling) {
    const { texts, total } = settlingPage(sourceOf(services), filter, place);
    // There is no cursor that could go on after fewer periods than were listed.
    return ok({ texts: fittingItems(texts), total, nextCursor: null });
  }
  const listed = services.projection.listMeteredRecords(filter, place);
  if (!listed.ok) return listed;
  const { records: texts, ...rest } = listed.value;
  return ok({ texts, ...rest });
}

function sourceOf({ engine, projection }: MeteredRecordServices): SettlingSource {
  return { state: engine.state, settling: projection.settling };
}
