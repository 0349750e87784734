// Data correction as a list: the records that could not be counted, each with its reason and its
// text as sent. Read only.
import { Type } from "typebox";
import { rejectionReasons } from "../../core/outcome.ts";
import { correctionText } from "../convert.ts";
import { correctionStates, type Listings } from "../listings.ts";
import { listReply, QueryReader } from "../pages.ts";
import type { PlainRoute, Route } from "../route.ts";
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
  readonly projection: Pick<Listings, "listCorrections">;
}

export function correctionRoutes(services: CorrectionServices): readonly Route[] {
  return [list(services)];
}

function list(services: CorrectionServices): PlainRoute {
  return {
    method: "GET",
    path: "/data-correction/records",
    operationId: "listDataCorrectionRecords",
    summary: "List records in data correction",
    description: "In the order in which they were received.",
    tag: "Data correction",
    scope: "read:data_correction",
    query: {
      limit: limitParameter,
      skip: skipParameter,
      sortOrder: sortOrderParameter,
      state: {
        description: "Waiting items unless another state is named.",
        schema: Type.Enum([...correctionStates], { default: "waiting" }),
      },
      meterKey: filterParameter("Items that were sent to this meter key."),
      reason: {
        description: "Items with this reason.",
        schema: Type.Enum([...rejectionReasons]),
      },
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
