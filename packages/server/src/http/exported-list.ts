// Routes of lists that are exported whole: JSON by the page, with a cursor that goes on after it;
// NDJSON and CSV (by Accept) as a stream of everything that matches. Parameters, headers and refusals
// that such lists share stand here once; which rows there are is for each list to say.
import type { TSchema } from "typebox";
import { type Fault, fail, invalid, type Problem, type Result } from "../core/problem.ts";
import type { CursorPage } from "./listings.ts";
import { preferredType } from "./media-type.ts";
import { fittingItems, listReply, QueryReader } from "./pages.ts";
import type { PlainRoute, QueryParameter, Reply } from "./route.ts";
import {
  cursorParameter,
  limitParameter,
  listResponse,
  nextCursorHeader,
  skipParameter,
  sortOrderParameter,
  totalHeader,
} from "./schemas-lists.ts";
import { type StreamedType, streamedTypes } from "./streams.ts";

type Described = "path" | "operationId" | "summary" | "description" | "tag" | "scope";

export interface ExportedList<Wanted extends CursorPage> extends Pick<PlainRoute, Described> {
  /** Parameters beside those that all these lists have. */
  readonly filters: Readonly<Record<string, QueryParameter>>;
  /** The wrapper's only member, and what it holds. */
  readonly member: string;
  readonly item: TSchema;
  /** All that is asked, `readCursorPage` with it; faults are the reader's. */
  readonly read: (reader: QueryReader, accountId: string) => Wanted;
  /** A cursor that is not one of this list is a fault of the parameter `cursor`. */
  readonly page: (wanted: Wanted) => Result<TextPage, Fault>;
  readonly stream: (wanted: Wanted, type: StreamedType) => Result<Reply>;
}

export interface TextPage {
  /** JSON texts of the items. */
  readonly texts: readonly string[];
  /** Items that match, on whatever page. */
  readonly total: number;
  /** Null on the last page. */
  readonly nextCursor: string | null;
}

export function exportedList<Wanted extends CursorPage>(list: ExportedList<Wanted>): PlainRoute {
  const { filters, member, item, read, page, stream, ...described } = list;
  return {
    method: "GET",
    ...described,
    query: {
      limit: limitParameter,
      skip: skipParameter,
      sortOrder: sortOrderParameter,
      cursor: cursorParameter,
      ...filters,
    },
    responses: {
      200: {
        ...listResponse(member, item),
        contentTypes: ["application/json", ...streamedTypes],
        headers: {
          "x-total-count": { ...totalHeader, optional: true },
          "x-next-cursor": nextCursorHeader,
        },
      },
    },
    handle: ({ query, accountId, headers }) => {
      const reader = new QueryReader(query);
      const asked = read(reader, accountId);
      const wanted = reader.result(asked);
      if (!wanted.ok) return fail(withCursorFault(list, asked, wanted.error));
      const type = preferredType(headers.accept, ["application/json", ...streamedTypes]);
      if (type === "application/json") return pageReply(list, wanted.value);
      if (wanted.value.cursor === undefined) return stream(wanted.value, type);
      const detail = "pages JSON answers only; NDJSON and CSV hold everything that matches";
      return fail(invalid([{ parameter: "cursor", detail }]));
    },
  };
}

/** What every such list is asked, whatever its filters. */
export function readCursorPage(reader: QueryReader): CursorPage {
  return { ...reader.page(), sortOrder: reader.sortOrder(), cursor: reader.text("cursor") };
}

/** Parameters that decide which list a cursor is to be one of. */
const deciding: ReadonlySet<string | undefined> = new Set([
  "cursor",
  "sortOrder",
  "rollup",
  "state",
]);

/** What is wrong with the cursor is told with the other faults, where that can be known (LI4). */
function withCursorFault<Wanted extends CursorPage>(
  { page }: ExportedList<Wanted>,
  asked: Wanted,
  problem: Problem,
): Problem {
  const { errors = [] } = problem;
  const isUnknown = errors.some(({ parameter }) => deciding.has(parameter));
  if (asked.cursor === undefined || isUnknown) return problem;
  const read = page({ ...asked, limit: 1, skip: 0 });
  return read.ok ? problem : invalid([...errors, read.error]);
}

/** A page that ends early has the cursor of its own last item. */
function pageReply<Wanted extends CursorPage>(
  { member, page }: ExportedList<Wanted>,
  wanted: Wanted,
): Result<Reply> {
  const whole = page(wanted);
  if (!whole.ok) return fail(invalid([whole.error]));
  const fitting = fittingItems(whole.value.texts).length;
  const isCut = fitting < whole.value.texts.length;
  const shown = isCut ? page({ ...wanted, limit: fitting }) : whole;
  if (!shown.ok) return fail(invalid([shown.error]));
  const { texts, total, nextCursor } = shown.value;
  const headers = nextCursor === null ? {} : { "x-next-cursor": nextCursor };
  return listReply({ member, texts, total, headers });
}
