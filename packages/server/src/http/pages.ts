// Lists: what their query parameters mean, all faults together, and the JSON of one page. A page
// is bounded in items and in size, so that no list, however large its items, exhausts the server.
import { pageItemsMax } from "../core/limits.ts";
import type { EpochMs } from "../core/ports.ts";
import { type Fault, fail, invalid, ok, type Problem, type Result } from "../core/problem.ts";
import { readInstant } from "../core/time.ts";
import type { Page, SortOrder } from "./listings.ts";
import { Query } from "./query.ts";
import type { Reply } from "./route.ts";

/** Reads parameters one by one; a faulty one gives its default, and `result` then the faults. */
export class QueryReader {
  readonly #query: ReadonlyMap<string, string>;
  readonly #faults: Fault[] = [];

  constructor(query: ReadonlyMap<string, string>) {
    this.#query = query;
    if (query instanceof Query) this.#faults.push(...query.faults);
  }

  /** What was read, or all faults as one problem. */
  result<T>(value: T): Result<T> {
    return this.#faults.length === 0 ? ok(value) : fail(invalid(this.#faults));
  }

  /** Of a parameter that could not be taken as sent nothing more is said. */
  fault(parameter: string, detail: string): undefined {
    const isKnown = this.#query instanceof Query && this.#query.faults.some(named(parameter));
    if (!isKnown) this.#faults.push({ parameter, detail });
    return undefined;
  }

  /** `limit` above 100 is cut to 100 without a fault (D-21). */
  page(): Page {
    const limit = this.#whole("limit", 1) ?? pageItemsMax;
    return { limit: Math.min(limit, pageItemsMax), skip: this.#whole("skip", 0) ?? 0 };
  }

  sortOrder(): SortOrder {
    const sent = this.#query.get("sortOrder");
    if (sent === undefined) return "ASC";
    const order = sent.toUpperCase();
    if (order === "ASC" || order === "DESC") return order;
    this.fault("sortOrder", "must be ASC or DESC");
    return "ASC";
  }

  /** One of a closed set of words, exactly as spelled; undefined when not sent. */
  choice<const T extends string>(name: string, choices: readonly T[]): T | undefined {
    const sent = this.#query.get(name);
    if (sent === undefined) return undefined;
    const choice = choices.find((candidate) => candidate === sent);
    return choice ?? this.fault(name, `must be one of ${choices.join(", ")}`);
  }

  /** Text that is compared exactly. An empty one would match nothing, so it is a fault. */
  exact(name: string): string | undefined {
    const sent = this.#query.get(name);
    return sent === "" ? this.fault(name, "must not be empty; leave it out instead") : sent;
  }

  text(name: string): string | undefined {
    return this.#query.get(name);
  }

  /** `from` and `to`, the bounds of a half-open range of time. */
  range(): { readonly from: EpochMs | undefined; readonly to: EpochMs | undefined } {
    const from = this.#instant("from");
    const to = this.#instant("to");
    if (from !== undefined && to !== undefined && from > to) {
      this.fault("from", "must not be later than to");
    }
    return { from, to };
  }

  #instant(name: string): EpochMs | undefined {
    const sent = this.#query.get(name);
    if (sent === undefined) return undefined;
    const detail =
      'must be a date and time with offset, as 2027-01-31T00:00:00.000Z; write "+" as %2B';
    return readInstant(sent) ?? this.fault(name, detail);
  }

  /** ASCII digits only; more than a double counts exactly is as good as the most it does. */
  #whole(name: string, min: 0 | 1): number | undefined {
    const sent = this.#query.get(name);
    if (sent === undefined) return undefined;
    const isWhole = /^[0-9]+$/.test(sent);
    const value = isWhole ? Math.min(Number.parseInt(sent, 10), Number.MAX_SAFE_INTEGER) : -1;
    return value >= min ? value : this.fault(name, `must be a whole number, ${min} or more`);
  }
}

function named(parameter: string): (fault: Fault) => boolean {
  return (fault) => fault.parameter === parameter;
}

/** UTF-16 units of one page's items. */
const pageUnitsMax: number = 16 * 1024 * 1024;

/** How many of the texts a page can hold: at least one, even if that alone is over the bound. */
export function fittingItems(texts: Iterable<string>): readonly string[] {
  const shown: string[] = [];
  let units = 0;
  for (const text of texts) {
    units += text.length;
    if (shown.length > 0 && units > pageUnitsMax) break;
    shown.push(text);
  }
  return shown;
}

export interface ListAnswer {
  /** The wrapper's only member, such as `meters`. */
  readonly member: string;
  /** JSON texts of the items. */
  readonly texts: Iterable<string>;
  /** Items that match, on whatever page. */
  readonly total: number;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The page that a query asks for of what is in memory as a whole, in its order. */
export function wholeListReply<Item>(
  query: ReadonlyMap<string, string>,
  list: {
    readonly member: string;
    readonly items: readonly Item[];
    readonly text: (item: Item) => string;
  },
): Result<Reply> {
  const reader = new QueryReader(query);
  const page = reader.result(reader.page());
  if (!page.ok) return page;
  const { limit, skip } = page.value;
  const texts = list.items
    .slice(skip, skip + limit)
    .values()
    .map(list.text);
  return listReply({ member: list.member, texts, total: list.items.length });
}

/** `{"<member>": [ … ]}` with the total in a header. */
export function listReply({ member, texts, total, headers }: ListAnswer): Result<Reply, Problem> {
  return ok({
    status: 200,
    text: `{"${member}":[${fittingItems(texts).join(",")}]}`,
    headers: { "x-total-count": String(total), ...headers },
  });
}
