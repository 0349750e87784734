// Threshold events as others see them: the list, the stream, and the writer that the projection
// feeds. Knows when a stream may no longer be read on.
import { type Fault, ok, type Result } from "../core/problem.ts";
import type { SortOrder } from "./cursor.ts";
import { CursorList, type CursorPageQuery } from "./cursor-list.ts";
import type { Names } from "./names.ts";
import type { Statements } from "./statements.ts";
import { ThresholdEventWriter } from "./threshold-event-writer.ts";
import {
  type ThresholdEventFilter,
  type ThresholdEventPage,
  ThresholdEventRows,
} from "./threshold-events.ts";

export class ThresholdEvents {
  /** For the projection alone. */
  readonly writer: ThresholdEventWriter;
  readonly #list: CursorList<ThresholdEventFilter, string>;
  readonly #sameGeneration: () => () => void;

  /** `sameGeneration` makes a check that throws once the projection was reset. */
  constructor(statements: Statements, names: Names, sameGeneration: () => () => void) {
    this.writer = new ThresholdEventWriter(statements, names);
    this.#list = new CursorList(new ThresholdEventRows(statements, names));
    this.#sameGeneration = sameGeneration;
  }

  /** A cursor that is not one of this list is a fault of the parameter `cursor`. */
  list(filter: ThresholdEventFilter, page: CursorPageQuery): Result<ThresholdEventPage, Fault> {
    const listed = this.#list.list(filter, page);
    if (!listed.ok) return listed;
    const { rows: events, ...rest } = listed.value;
    return ok({ events, ...rest });
  }

  /**
   * All JSON texts that match at the time of the call, in bounded chunks. Throws ProjectionError
   * `emptied` when the projection was reset meanwhile: an export cut short must not look whole.
   */
  stream(filter: ThresholdEventFilter, sortOrder: SortOrder): Iterable<readonly string[]> {
    return this.#list.stream(filter, sortOrder, this.#sameGeneration());
  }
}
