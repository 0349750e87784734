// Everything that can be read of the usage audit: rows and hours, by the page and as a stream. Facts
// that wait to be written are written first, so that nothing a success has told of is missing.
import type { Fault, Result } from "../core/problem.ts";
import { type AuditHour, AuditHours } from "./audit-hours.ts";
import { type AuditFilter, type AuditRow, AuditRows } from "./audit-list.ts";
import type { SortOrder } from "./cursor.ts";
import { CursorList, type CursorPage, type CursorPageQuery } from "./cursor-list.ts";
import type { Names } from "./names.ts";
import type { Statements } from "./statements.ts";

interface AuditReaderParts {
  readonly statements: Statements;
  readonly names: Names;
  /** Writes what waits; throws `NoRoomError` when it finds no room, and then nothing is read. */
  readonly writeWaiting: () => void;
  /** A check for a stream that begins now, to be called before each of its chunks. */
  readonly check: () => () => void;
}

export class AuditReader {
  readonly #rows: CursorList<AuditFilter, AuditRow>;
  readonly #hours: CursorList<AuditFilter, AuditHour>;
  readonly #parts: AuditReaderParts;

  constructor(parts: AuditReaderParts) {
    this.#rows = new CursorList(new AuditRows(parts.statements, parts.names));
    this.#hours = new CursorList(new AuditHours(parts.statements, parts.names));
    this.#parts = parts;
  }

  /** A cursor that is not one of this list is a fault of the parameter `cursor`. */
  list(filter: AuditFilter, page: CursorPageQuery): Result<CursorPage<AuditRow>, Fault> {
    this.#parts.writeWaiting();
    return this.#rows.list(filter, page);
  }

  listHours(filter: AuditFilter, page: CursorPageQuery): Result<CursorPage<AuditHour>, Fault> {
    this.#parts.writeWaiting();
    return this.#hours.list(filter, page);
  }

  /** All rows that match at the time of the call, in bounded chunks. */
  stream(filter: AuditFilter, sortOrder: SortOrder): Iterable<readonly AuditRow[]> {
    this.#parts.writeWaiting();
    return this.#rows.stream(filter, sortOrder, this.#parts.check());
  }

  streamHours(filter: AuditFilter, sortOrder: SortOrder): Iterable<readonly AuditHour[]> {
    this.#parts.writeWaiting();
    return this.#hours.stream(filter, sortOrder, this.#parts.check());
  }
}
