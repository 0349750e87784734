// Metered records as a list: JSON by the page, NDJSON and CSV as a stream of everything that
// matches. The JSON of a record goes out byte for byte as it was made; CSV is made from it.
import { Type } from "typebox";
import { fail, invalid, type Result } from "../../core/problem.ts";
import type { State } from "../../core/state.ts";
import { csvHeader, csvRecord } from "../csv.ts";
import type { Listings, MeteredRecordFilter, Page, SortOrder } from "../listings.ts";
import { preferredType } from "../media-type.ts";
import { fittingItems, listReply, QueryReader } from "../pages.ts";
import type { Context, PlainRoute, Reply, Route } from "../route.ts";
import {
  cursorParameter,
  filterParameter,
  instantParameter,
  limitParameter,
  listResponse,
  nextCursorHeader,
  skipParameter,
  sortOrderParameter,
  totalHeader,
} from "../schemas-lists.ts";
import { meteredRecordSchema, settlingRecordSchema } from "../schemas-meters.ts";
import { type SettlingSource, settlingChunks, settlingPage } from "../settling-records.ts";
import { streamedTypes, streamReply } from "../streams.ts";

export interface MeteredRecordServices {
  readonly projection: Pick<Listings, "listMeteredRecords" | "streamMeteredRecords" | "settling">;
  readonly engine: { readonly state: State };
}

const item = Type.Union([meteredRecordSchema, settlingRecordSchema]);
const page = listResponse("meteredRecords", item);

export function meteredRecordRoutes(services: MeteredRecordServices): readonly Route[] {
  return [list(services)];
}

function list(services: MeteredRecordServices): PlainRoute {
  return {
    method: "GET",
    path: "/metered-records",
    operationId: "listMeteredRecords",
    summary: "List metered records",
    description:
      "In the order in which they were made. JSON answers are pages; NDJSON and CSV (by Accept) " +
      "hold everything that matches, whatever limit and skip say. With state=settling: the ended " +
      "periods that wait for late usage instead, by their end.",
    tag: "Metered records",
    scope: "read:metered_records",
    query: {
      limit: limitParameter,
      skip: skipParameter,
      sortOrder: sortOrderParameter,
      cursor: cursorParameter,
      state: {
        description: "Metered records, or ended periods that are to become one.",
        schema: Type.Enum(["flushed", "settling"], { default: "flushed" }),
      },
      userId: filterParameter("Records of this user."),
      meterId: filterParameter("Records of this meter."),
      meterTypeId: filterParameter("Records of this meter type."),
      meterKey: filterParameter("Records with this meter key."),
      from: instantParameter("Periods that ended then or later."),
      to: instantParameter("Periods that ended before then."),
    },
    responses: {
      200: {
        ...page,
        contentTypes: ["application/json", ...streamedTypes],
        headers: {
          "x-total-count": { ...totalHeader, optional: true },
          "x-next-cursor": nextCursorHeader,
        },
      },
    },
    handle: (context) => {
      const wanted = readQuery(context);
      if (!wanted.ok) return wanted;
      const type = preferredType(context.headers.accept, ["application/json", ...streamedTypes]);
      if (type === "application/json") return pageReply(services, wanted.value);
      if (wanted.value.cursor !== undefined) {
        const detail = "pages JSON answers only; NDJSON and CSV hold everything that matches";
        return fail(invalid([{ parameter: "cursor", detail }]));
      }
      const { filter, sortOrder, isSettling } = wanted.value;
      const chunks = isSettling
        ? settlingChunks(sourceOf(services), filter, sortOrder)
        : services.projection.streamMeteredRecords(filter, sortOrder);
      return streamReply({ chunks, json: (text) => text, csvHeader, csv: csvRecord }, type);
    },
  };
}

interface Wanted extends Page {
  readonly filter: MeteredRecordFilter;
  readonly sortOrder: SortOrder;
  readonly cursor: string | undefined;
  readonly isSettling: boolean;
}

function readQuery({ query, accountId }: Context): Result<Wanted> {
  const reader = new QueryReader(query);
  const isSettling = reader.choice("state", ["flushed", "settling"]) === "settling";
  if (isSettling && reader.text("cursor") !== undefined) {
    reader.fault("cursor", "pages flushed records only; use skip with state=settling");
  }
  return reader.result({
    isSettling,
    ...reader.page(),
    sortOrder: reader.sortOrder(),
    cursor: reader.text("cursor"),
    filter: {
      accountId,
      userId: reader.exact("userId"),
      meterId: reader.exact("meterId"),
      meterTypeId: reader.exact("meterTypeId"),
      meterKey: reader.exact("meterKey"),
      ...reader.range(),
    },
  });
}

function sourceOf({ engine, projection }: MeteredRecordServices): SettlingSource {
  return { state: engine.state, settling: projection.settling };
}

function pageReply(
  services: MeteredRecordServices,
  { filter, isSettling, ...place }: Wanted,
): Result<Reply> {
  const { projection } = services;
  if (isSettling) {
    const waiting = settlingPage(sourceOf(services), filter, place);
    return listReply({ member: "meteredRecords", ...waiting });
  }
  const first = projection.listMeteredRecords(filter, place);
  if (!first.ok) return fail(invalid([first.error]));
  const fitting = fittingItems(first.value.records).length;
  // A page that ends early has the cursor of its own last record.
  const isCut = fitting < first.value.records.length;
  const shown = isCut ? projection.listMeteredRecords(filter, { ...place, limit: fitting }) : first;
  if (!shown.ok) return fail(invalid([shown.error]));
  const { records, total, nextCursor } = shown.value;
  const headers = nextCursor === null ? {} : { "x-next-cursor": nextCursor };
  return listReply({ member: "meteredRecords", texts: records, total, headers });
}
