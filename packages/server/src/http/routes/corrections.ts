// Data correction as lists: the records that could not be counted, each with its reason and its text as
// sent, and the errors that they wait with. Read only.
import { Type } from "typebox";
import { writeJson } from "../../core/json.ts";
import { rejectionReasons } from "../../core/outcome.ts";
import { formatInstant } from "../../core/time.ts";
import { correctionText } from "../convert.ts";
import { type CorrectionSummary, correctionStates, type Listings } from "../listings.ts";
import { listReply, QueryReader } from "../pages.ts";
import type { PlainRoute, QueryParameter, Route } from "../route.ts";
import { correctionSummarySchema } from "../schemas-corrections.ts";
import {
  filterParameter,
  instantParameter,
  limitParameter,
  listResponse,
  skipParameter,
  sortOrderParameter,
} from "../schemas-lists.ts";
import { correctionItemSchema } from "../schemas-usage.ts";

export interface CorrectionServices {
  readonly projection: Pick<Listings, "listCorrections" | "corrections">;
}

const tag = "Data correction";
const reasonParameter: QueryParameter = {
  description: "Items with this reason.",
  schema: Type.Enum([...rejectionReasons]),
};
const meterKeyParameter = filterParameter("Items that were sent to this meter key.");

export function correctionRoutes(services: CorrectionServices): readonly Route[] {
  return [list(services), summarize(services)];
}

function list(services: CorrectionServices): PlainRoute {
  return {
    method: "GET",
    path: "/data-correction/records",
    operationId: "listDataCorrectionRecords",
    summary: "List records in data correction",
    description: "In the order in which they were received.",
    tag,
    scope: "read:data_correction",
    query: {
      limit: limitParameter,
      skip: skipParameter,
      sortOrder: sortOrderParameter,
      state: {
        description: "Waiting items unless another state is named.",
        schema: Type.Enum([...correctionStates], { default: "waiting" }),
      },
      meterKey: meterKeyParameter,
      reason: reasonParameter,
      detail: filterParameter("Items with exactly this detail, as the summary shows it."),
      userId: filterParameter("Items of this user."),
      recordId: filterParameter("Items with this record id."),
      from: instantParameter("Items received then or later."),
      to: instantParameter("Items received before then."),
    },
    responses: { 200: listResponse("records", correctionItemSchema) },
    handle: ({ query, accountId }) => {
      const reader = new QueryReader(query);
      const page = { ...reader.page(), sortOrder: reader.sortOrder() };
      const wanted = reader.result({
        accountId,
        state: reader.choice("state", correctionStates) ?? "waiting",
        meterKey: reader.exact("meterKey"),
        reason: reader.choice("reason", rejectionReasons),
        detail: reader.exact("detail"),
        userId: reader.exact("userId"),
        recordId: reader.exact("recordId"),
        ...reader.range(),
      });
      if (!wanted.ok) return wanted;
      const { items, total } = services.projection.listCorrections(wanted.value, page);
      return listReply({ member: "records", texts: items.values().map(correctionText), total });
    },
  };
}

function summarize(services: CorrectionServices): PlainRoute {
  return {
    method: "GET",
    path: "/data-correction/summary",
    operationId: "summarizeDataCorrection",
    summary: "Count waiting records by error",
    description:
      "One line for each meter key, reason and detail, the most frequent first. First and last " +
      "tell when records came with this error since none of it waited.",
    tag,
    scope: "read:data_correction",
    query: {
      limit: limitParameter,
      skip: skipParameter,
      meterKey: meterKeyParameter,
      reason: reasonParameter,
    },
    responses: { 200: listResponse("summary", correctionSummarySchema) },
    handle: ({ query, accountId }) => {
      const reader = new QueryReader(query);
      const page = reader.page();
      const wanted = reader.result({
        accountId,
        meterKey: reader.exact("meterKey"),
        reason: reader.choice("reason", rejectionReasons),
      });
      if (!wanted.ok) return wanted;
      const { lists } = services.projection.corrections;
      const { groups, total } = lists.summarize(wanted.value, page);
      return listReply({ member: "summary", texts: groups.values().map(summaryText), total });
    },
  };
}

function summaryText({ firstSeenAt, lastSeenAt, ...rest }: CorrectionSummary): string {
  return writeJson({
    ...rest,
    firstSeenAt: formatInstant(firstSeenAt),
    lastSeenAt: formatInstant(lastSeenAt),
  });
}
