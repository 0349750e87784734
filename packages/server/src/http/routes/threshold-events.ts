// Threshold events as a list: JSON by the page, NDJSON and CSV as a stream of everything that
// matches. The JSON of an event goes out byte for byte as it was made; CSV is made from it.
import { ok } from "../../core/problem.ts";
import { thresholdCsv, thresholdCsvHeader } from "../csv.ts";
import { exportedList, readCursorPage } from "../exported-list.ts";
import type { Listings } from "../listings.ts";
import { meterFilterParameters, readMeterFilter } from "../meter-filter.ts";
import type { Route } from "../route.ts";
import { instantParameter } from "../schemas-lists.ts";
import { thresholdEventSchema } from "../schemas-meters.ts";
import { streamReply } from "../streams.ts";

export interface ThresholdEventServices {
  readonly projection: Pick<Listings, "thresholdEvents">;
}

export function thresholdEventRoutes(services: ThresholdEventServices): readonly Route[] {
  const list = exportedList({
    path: "/threshold-events",
    operationId: "listThresholdEvents",
    summary: "List threshold events",
    description:
      "In the order in which they were made. JSON answers are pages; NDJSON and CSV (by Accept) " +
      "hold everything that matches, whatever limit and skip say.",
    tag: "Threshold events",
    scope: "read:metered_records",
    filters: {
      ...meterFilterParameters("Events"),
      from: instantParameter("Events made then or later."),
      to: instantParameter("Events made before then."),
    },
    member: "thresholdEvents",
    item: thresholdEventSchema,
    read: (reader, accountId) => ({
      ...readCursorPage(reader),
      filter: readMeterFilter(reader, accountId),
    }),
    page: ({ filter, ...place }) => {
      const listed = services.projection.thresholdEvents.list(filter, place);
      if (!listed.ok) return listed;
      const { events: texts, ...rest } = listed.value;
      return ok({ texts, ...rest });
    },
    stream: ({ filter, sortOrder }, type) => {
      const chunks = services.projection.thresholdEvents.stream(filter, sortOrder);
      const csv = { csvHeader: thresholdCsvHeader, csv: thresholdCsv };
      return streamReply({ chunks, json: (text) => text, ...csv }, type);
    },
  });
  return [list];
}
