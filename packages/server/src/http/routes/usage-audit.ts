// The usage audit: what came in, what became of it and what went out, by second or by hour of each
// processor. Read only; JSON by the page, NDJSON and CSV as a stream of everything that matches.
import { Type } from "typebox";
import { auditEvents } from "../../core/output.ts";
import { fail, invalid, NoRoomError, type Result } from "../../core/problem.ts";
import {
  auditHourCsv,
  auditHourCsvHeader,
  auditHourText,
  auditRowCsv,
  auditRowCsvHeader,
  auditRowText,
} from "../audit-wire.ts";
import type { AuditFilter, Listings, Page, SortOrder } from "../listings.ts";
import { preferredType } from "../media-type.ts";
import { listReply, QueryReader } from "../pages.ts";
import type { Context, PlainRoute, Reply, Route } from "../route.ts";
import { auditHourSchema, auditRowSchema } from "../schemas-audit.ts";
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
import { streamedTypes, streamReply } from "../streams.ts";

export interface UsageAuditServices {
  readonly projection: Pick<Listings, "audit">;
}

const page = listResponse("usageAudit", Type.Union([auditRowSchema, auditHourSchema]));

export function usageAuditRoutes(services: UsageAuditServices): readonly Route[] {
  return [list(services)];
}

function list(services: UsageAuditServices): PlainRoute {
  return {
    method: "GET",
    path: "/usage-audit",
    operationId: "listUsageAudit",
    summary: "List the usage audit",
    description:
      "What was received, counted, rejected and sent out, by processor: a row for each second in " +
      "which something was, or with rollup=hour for each hour. NDJSON and CSV (by Accept) hold " +
      "everything that matches, whatever limit and skip say.",
    tag: "Usage audit",
    scope: "read:usage_audit",
    query: {
      limit: limitParameter,
      skip: skipParameter,
      sortOrder: sortOrderParameter,
      cursor: cursorParameter,
      rollup: { description: "Adds the rows up.", schema: Type.Literal("hour") },
      meterKey: filterParameter("Rows of this meter key."),
      kind: { description: "Rows of this kind.", schema: Type.Enum([...auditEvents]) },
      from: instantParameter("Rows or hours that started then or later."),
      to: instantParameter("Rows or hours that started before then."),
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
      return orNoRoom(() => answer(services.projection.audit, wanted.value, type));
    },
  };
}

interface Wanted extends Page {
  readonly isByHour: boolean;
  readonly filter: AuditFilter;
  readonly sortOrder: SortOrder;
  readonly cursor: string | undefined;
}

function readQuery({ query, accountId }: Context): Result<Wanted> {
  const reader = new QueryReader(query);
  return reader.result({
    ...reader.page(),
    sortOrder: reader.sortOrder(),
    cursor: reader.text("cursor"),
    isByHour: reader.choice("rollup", ["hour"]) === "hour",
    filter: {
      accountId,
      meterKey: reader.exact("meterKey"),
      kind: reader.choice("kind", auditEvents),
      ...reader.range(),
    },
  });
}

function answer(
  audit: Listings["audit"],
  wanted: Wanted,
  type: "application/json" | (typeof streamedTypes)[number],
): Result<Reply> {
  const { isByHour, filter, sortOrder, cursor } = wanted;
  if (type === "application/json") return pageReply(audit, wanted);
  if (cursor !== undefined) {
    const detail = "pages JSON answers only; NDJSON and CSV hold everything that matches";
    return fail(invalid([{ parameter: "cursor", detail }]));
  }
  if (isByHour) {
    const chunks = audit.streamHours(filter, sortOrder);
    const json = auditHourText;
    return streamReply({ chunks, json, csvHeader: auditHourCsvHeader, csv: auditHourCsv }, type);
  }
  const chunks = audit.stream(filter, sortOrder);
  const json = auditRowText;
  return streamReply({ chunks, json, csvHeader: auditRowCsvHeader, csv: auditRowCsv }, type);
}

function pageReply(audit: Listings["audit"], wanted: Wanted): Result<Reply> {
  const { isByHour, filter, ...place } = wanted;
  const found = isByHour ? audit.listHours(filter, place) : audit.list(filter, place);
  if (!found.ok) return fail(invalid([found.error]));
  const { rows, total, nextCursor } = found.value;
  const texts = rows.map((row) => ("from" in row ? auditHourText(row) : auditRowText(row)));
  const headers = nextCursor === null ? {} : { "x-next-cursor": nextCursor };
  return listReply({ member: "usageAudit", texts, total, headers });
}

/** The newest rows could not be written; an answer without them would be wrong. */
function orNoRoom(work: () => Result<Reply>): Result<Reply> {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof NoRoomError)) throw error;
    return fail({
      kind: "unavailable",
      code: "store-full",
      detail: "The store has no room for the newest rows of the audit. Retry when there is.",
    });
  }
}
