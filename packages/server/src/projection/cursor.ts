// Cursors of lists in the order of positions: a place (position of the last row seen) and the
// direction, as opaque text. They open nothing: the rows are still chosen by the account of the
// token. The check only tells a mistyped or foreign cursor from a good one.
import { createHash } from "node:crypto";
import { type Position, positionText } from "../core/output.ts";
import { type Fault, fail, ok, type Result } from "../core/problem.ts";

export type SortOrder = "ASC" | "DESC";

/** What a cursor belongs to. */
export interface CursorScope {
  readonly list: "metered-records" | "threshold-events" | "usage-audit" | "usage-audit-hours";
  readonly accountId: string;
  readonly sortOrder: SortOrder;
}

const form = /^([0-9a-f]{16})\.(0|[1-9]\d{0,15})\.(0|[1-9]\d{0,15})\.(0|[1-9]\d{0,15})$/;
/** Longer than any cursor that `writeCursor` makes: 16 + 3 × 17 bytes in base64url. */
const charactersMax = 96;

export function writeCursor(scope: CursorScope, position: Position): string {
  const place = positionText(position);
  const checked = JSON.stringify([scope.list, scope.accountId, scope.sortOrder, place]);
  const check = createHash("sha256").update(checked).digest("hex").slice(0, 16);
  return Buffer.from(`${check}.${place}`, "latin1").toString("base64url");
}

/** The position in a cursor of this scope; anything else is a fault of the parameter `cursor`. */
export function readCursor(scope: CursorScope, cursor: string): Result<Position, Fault> {
  const text =
    cursor.length <= charactersMax ? Buffer.from(cursor, "base64url").toString("latin1") : "";
  const [, , partition, seq, index] = form.exec(text) ?? [];
  const position = { partition: Number(partition), seq: Number(seq), index: Number(index) };
  const whole = Object.values(position).every((part) => Number.isSafeInteger(part));
  if (whole && writeCursor(scope, position) === cursor) return ok(position);
  return fail({
    parameter: "cursor",
    detail:
      "is not a cursor of this list in this sortOrder; send the last X-Next-Cursor unchanged, " +
      "with the sortOrder it was given for, or leave cursor out to start anew",
  });
}
