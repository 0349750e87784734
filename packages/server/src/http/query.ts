// Query strings: which parameters were sent, each once, as text. What a parameter means is the
// route's; that it is known and not repeated is decided here, with all faults at once (HT13).
import type { Fault } from "../core/problem.ts";

/** What was sent. Of one with faults nothing is answered but these, with the route's own (LI4). */
export class Query extends Map<string, string> {
  readonly faults: Fault[] = [];
}

const nothingSent: Query = new Query();

/** Pairs looked at; more cannot be meant, since every operation knows far fewer. */
const pairsMax = 100;

/** The part of a request target after its first `?`, or "". */
export function queryOf(target: string): string {
  const mark = target.indexOf("?");
  return mark === -1 ? "" : target.slice(mark + 1);
}

/** The part of a request target before its first `?`, still percent-encoded. */
export function pathOf(target: string): string {
  const mark = target.indexOf("?");
  return mark === -1 ? target : target.slice(0, mark);
}

/** Reads `text`; unknown, repeated and wrongly encoded parameters are faults. */
export function readQuery(text: string, known: ReadonlySet<string>): Query {
  if (text === "") return nothingSent;
  const query = new Query();
  const pairs = text.split("&", pairsMax + 1);
  if (pairs.length > pairsMax) {
    query.faults.push({ parameter: "", detail: `is one of more than ${pairsMax} parameters` });
    return query;
  }
  for (const pair of pairs) {
    if (pair !== "") readPair(pair, known, query);
  }
  return query;
}

function readPair(pair: string, known: ReadonlySet<string>, query: Query): void {
  const { faults } = query;
  const equals = pair.indexOf("=");
  const rawName = equals === -1 ? pair : pair.slice(0, equals);
  const name = decode(rawName);
  const value = equals === -1 ? "" : decode(pair.slice(equals + 1));
  if (name === undefined || !known.has(name)) {
    const names = [...known].join(", ");
    const detail = `is not known here; ${names === "" ? "there are no parameters" : `known: ${names}`}`;
    faults.push({ parameter: name ?? rawName, detail });
  } else if (value === undefined) {
    faults.push({ parameter: name, detail: "must be percent-encoded UTF-8 without NUL" });
  } else if (query.has(name)) {
    faults.push({ parameter: name, detail: "is given more than once; send it once" });
  } else {
    query.set(name, value);
  }
}

function decode(text: string): string | undefined {
  try {
    const decoded = decodeURIComponent(text.replaceAll("+", " "));
    return decoded.includes("\0") ? undefined : decoded;
  } catch {
    return undefined;
  }
}
