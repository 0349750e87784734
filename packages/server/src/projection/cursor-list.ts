// Lists in the order of positions: a page and the cursor that goes on after it, or everything that
// matches, chunk by chunk. A chunk starts after the last row of the one before, so neither new rows
// nor a long export disturb each other, and nothing is held open. Which rows match, and how they are
// walked, is for each list to say.
import { pageItemsMax } from "../core/limits.ts";
import type { Position } from "../core/output.ts";
import { type Fault, ok, type Result } from "../core/problem.ts";
import { type CursorScope, readCursor, type SortOrder, writeCursor } from "./cursor.ts";
import { assertPage } from "./statements.ts";

export interface CursorPageQuery {
  /** 1 to `pageItemsMax`. */
  readonly limit: number;
  readonly skip: number;
  readonly sortOrder: SortOrder;
  /** As given out with the page before; keeps a place, not the filter. */
  readonly cursor?: string | undefined;
}

export interface CursorPage<Item> {
  readonly rows: readonly Item[];
  /** Rows that match the filter, wherever the cursor stands. */
  readonly total: number;
  /** Null on the last page. */
  readonly nextCursor: string | null;
}

/** The rows that match a filter, in the order of their positions. */
export interface Matching<Item> {
  /** May have to count every row that matches. */
  total(): number;
  walk(step: Step): readonly Found<Item>[];
}

/** At most `limit` rows, but for the first `skip`, after a place in this direction. */
export interface Step {
  /** The row at it need not exist any more; null: from the start. */
  readonly after: Position | null;
  readonly sortOrder: SortOrder;
  readonly limit: number;
  readonly skip: number;
}

/** A row that is read only when it is shown. */
export interface Found<Item> {
  position(): Position;
  read(): Item;
}

export interface ListedRows<Filter, Item> {
  /** What its cursors belong to. */
  readonly list: CursorScope["list"];
  /** Null where the filter names what no row has. */
  match(filter: Filter): Matching<Item> | null;
  /** UTF-16 units of an item, where one may be large. */
  unitsOf?(item: Item): number;
}

/** Rows of one chunk of a stream, and UTF-16 units after which it ends early. */
const chunkRowsMax = 250;
const chunkUnitsMax = 1024 * 1024;

export class CursorList<Filter extends { readonly accountId: string }, Item> {
  readonly #listed: ListedRows<Filter, Item>;

  constructor(listed: ListedRows<Filter, Item>) {
    this.#listed = listed;
  }

  /** A cursor that is not one of this list is a fault of the parameter `cursor`. */
  list(filter: Filter, page: CursorPageQuery): Result<CursorPage<Item>, Fault> {
    assertPage(page.limit, page.skip, pageItemsMax);
    const { sortOrder, limit, skip } = page;
    const scope = { list: this.#listed.list, accountId: filter.accountId, sortOrder };
    const place = page.cursor === undefined ? ok(null) : readCursor(scope, page.cursor);
    if (!place.ok) return place;
    const matching = this.#listed.match(filter);
    if (matching === null) return ok({ rows: [], total: 0, nextCursor: null });
    const found = matching.walk({ after: place.value, sortOrder, limit: limit + 1, skip });
    const shown = found.slice(0, limit);
    const last = found.length > limit ? shown.at(-1) : undefined;
    const nextCursor = last === undefined ? null : writeCursor(scope, last.position());
    return ok({ rows: shown.map((row) => row.read()), total: matching.total(), nextCursor });
  }

  /**
   * Everything that matches, in chunks of at most 250 rows that end early after about 1 MiB.
   * `check` runs before each chunk and may throw.
   */
  stream(filter: Filter, sortOrder: SortOrder, check: () => void): Iterable<readonly Item[]> {
    const matching = this.#listed.match(filter);
    return matching === null ? [] : this.#chunks(matching, sortOrder, check);
  }

  *#chunks(
    matching: Matching<Item>,
    sortOrder: SortOrder,
    check: () => void,
  ): Generator<readonly Item[]> {
    let after: Position | null = null;
    for (;;) {
      check();
      const found = matching.walk({ after, sortOrder, limit: chunkRowsMax, skip: 0 });
      const chunk = this.#chunkOf(found);
      const last = found[chunk.length - 1];
      if (last === undefined) return;
      after = last.position();
      yield chunk;
    }
  }

  #chunkOf(found: readonly Found<Item>[]): readonly Item[] {
    const chunk: Item[] = [];
    let units = 0;
    for (const row of found) {
      if (units >= chunkUnitsMax) break;
      const item = row.read();
      chunk.push(item);
      units += this.#listed.unitsOf?.(item) ?? 0;
    }
    return chunk;
  }
}
