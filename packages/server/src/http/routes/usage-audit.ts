// The usage audit: what came in, what became of it and what went out, by second or by hour of each
// processor. Read only; JSON by the page, NDJSON and CSV as a stream of everything that matches.
import { Type } from "typebox";
import { auditEvents } from "../../core/output.ts";
import { type Fault, fail, NoRoomError, ok, type Result } from "../../core/problem.ts";
import {
  auditHourCsv,
  auditHourCsvHeader,
  auditHourText,
  auditRowCsv,
  auditRowCsvHeader,
  auditRowText,
} from "../audit-wire.ts";
import { exportedList, readCursorPage, type TextPage } from "../exported-list.ts";
import type { AuditFilter, CursorPage, Listings } from "../listings.ts";
import type { QueryReader } from "../pages.ts";
import type { Context, Handled, Reply, Route } from "../route.ts";
import { auditHourSchema, auditRowSchema } from "../schemas-audit.ts";
import { filterParameter, instantParameter } from "../schemas-lists.ts";
import { type StreamedType, streamReply } from "../streams.ts";

export interface UsageAuditServices {
  readonly projection: Pick<Listings, "audit">;
}

export function usageAuditRoutes(services: UsageAuditServices): readonly Route[] {
  const list = exportedList({
    path: "/usage-audit",
    operationId: "listUsageAudit",
    summary: "List the usage audit",
    description:
      "What was received, counted, rejected and sent out, by processor: a row for each second in " +
      "which something was, or with rollup=hour for each hour. NDJSON and CSV (by Accept) hold " +
      "everything that matches, whatever limit and skip say.",
    tag: "Usage audit",
    scope: "read:usage_audit",
    filters: {
      rollup: { description: "Adds the rows up.", schema: Type.Literal("hour") },
      meterKey: filterParameter("Rows of this meter key."),
      kind: { description: "Rows of this kind.", schema: Type.Enum([...auditEvents]) },
      from: instantParameter("Rows or hours that started then or later."),
      to: instantParameter("Rows or hours that started before then."),
    },
    member: "usageAudit",
    item: Type.Union([auditRowSchema, auditHourSchema]),
    read,
    page: (wanted) => pageOf(services.projection.audit, wanted),
    stream: (wanted, type) => streamOf(services.projection.audit, wanted, type),
  });
  return [{ ...list, handle: (context: Context) => orNoRoom(() => list.handle(context)) }];
}

interface Wanted extends CursorPage {
  readonly isByHour: boolean;
  readonly filter: AuditFilter;
}

function read(reader: QueryReader, accountId: string): Wanted {
  return {
    ...readCursorPage(reader),
    isByHour: reader.choice("rollup", ["hour"]) === "hour",
    filter: {
      accountId,
      meterKey: reader.exact("meterKey"),
      kind: reader.choice("kind", auditEvents),
      ...reader.range(),
    },
  };
}

function pageOf(
  audit: Listings["audit"],
  { isByHour, filter, ...place }: Wanted,
): Result<TextPage, Fault> {
  const listed = isByHour ? audit.listHours(filter, place) : audit.list(filter, place);
  if (!listed.ok) return listed;
  const { rows, ...rest } = listed.value;
  const texts = rows.map((row) => ("from" in row ? auditHourText(row) : auditRowText(row)));
  return ok({ texts, ...rest });
}

function streamOf(
  audit: Listings["audit"],
  { isByHour, filter, sortOrder }: Wanted,
  type: StreamedType,
): Result<Reply> {
  if (isByHour) {
    const chunks = audit.streamHours(filter, sortOrder);
    const json = auditHourText;
    return streamReply({ chunks, json, csvHeader: auditHourCsvHeader, csv: auditHourCsv }, type);
  }
  const chunks = audit.stream(filter, sortOrder);
  const json = auditRowText;
  return streamReply({ chunks, json, csvHeader: auditRowCsvHeader, csv: auditRowCsv }, type);
}

/** The newest rows could not be written; an answer without them would be wrong. */
function orNoRoom(work: () => Handled): Handled {
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
