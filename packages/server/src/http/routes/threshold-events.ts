// Threshold events as a list: JSON by the page, NDJSON and CSV as a stream of everything that
// matches. The JSON of an event goes out byte for byte as it was made; CSV is made from it.
import { fail, invalid, type Result } from "../../core/problem.ts";
import { thresholdCsv, thresholdCsvHeader } from "../csv.ts";
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
import { thresholdEventSchema } from "../schemas-meters.ts";
import { streamedTypes, streamReply } from "../streams.ts";

export interface ThresholdEventServices {
  readonly projection: Pick<Listings, "thresholdEvents">;
}

const page = listResponse("thresholdEvents", thresholdEventSchema);

export function thresholdEventRoutes(services: ThresholdEventServices): readonly Route[] {
  return [list(services)];
}

function list(services: ThresholdEventServices): PlainRoute {
  return {
    method: "GET",
    path: "/threshold-events",
    operationId: "listThresholdEvents",
    summary: "List threshold events",
    description:
      "In the order in which they were made. JSON answers are pages; NDJSON and CSV (by Accept) " +
      "hold everything that matches, whatever limit and skip say.",
    tag: "Threshold events",
    scope: "read:metered_records",
    query: {
      limit: limitParameter,
      skip: skipParameter,
      sortOrder: sortOrderParameter,
      cursor: cursorParameter,
      userId: filterParameter("Events of this user."),
      meterId: filterParameter("Events of this meter."),
      meterTypeId: filterParameter("Events of this meter type."),
      meterKey: filterParameter("Events with this meter key."),
      from: instantParameter("Events made then or later."),
      to: instantParameter("Events made before then."),
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
      const { filter, sortOrder } = wanted.value;
      const chunks = services.projection.thresholdEvents.stream(filter, sortOrder);
      const csv = { csvHeader: thresholdCsvHeader, csv: thresholdCsv };
      return streamReply({ chunks, json: (text) => text, ...csv }, type);
    },
  };
}

interface Wanted extends Page {
  readonly filter: MeteredRecordFilter;
  readonly sortOrder: SortOrder;
  readonly cursor: string | undefined;
}

function readQuery({ query, accountId }: Context): Result<Wanted> {
  const reader = new QueryReader(query);
  return reader.result({
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

function pageReply(
  { projection: { thresholdEvents } }: ThresholdEventServices,
  { filter, ...place }: Wanted,
): Result<Reply> {
  const first = thresholdEvents.list(filter, place);
  if (!first.ok) return fail(invalid([first.error]));
  const fitting = fittingItems(first.value.events).length;
  // A page that ends early has the cursor of its own last event.
  const isCut = fitting < first.value.events.length;
  const shown = isCut ? thresholdEvents.list(filter, { ...place, limit: fitting }) : first;
  if (!shown.ok) return fail(invalid([shown.error]));
  const { events, total, nextCursor } = shown.value;
  const headers = nextCursor === null ? {} : { "x-next-cursor": nextCursor };
  return listReply({ member: "thresholdEvents", texts: events, total, headers });
}
