// Lists as streams: everything that matches as NDJSON or CSV, chunk by chunk, so that an export of
// millions holds no more than one chunk and keeps nobody waiting.
import { ok, type Result } from "../core/problem.ts";
import type { Reply } from "./route.ts";

export const streamedTypes = ["application/x-ndjson", "text/csv"] as const;
export type StreamedType = (typeof streamedTypes)[number];

/** Between them others have their turn: a line is read from JSON, which takes some 30 µs. */
const csvLinesAtOnce = 40;

export interface StreamedList<Item> {
  /** Bounded chunks; each is asked for when the one before has been taken by the connection. */
  readonly chunks: Iterable<readonly Item[]>;
  /** The item on one line, without its end. */
  readonly json: (item: Item) => string;
  /** The CSV line of the column names, with its end. */
  readonly csvHeader: string;
  /** The item as one CSV line, with its end. */
  readonly csv: (item: Item) => string;
}

export function streamReply<Item>(list: StreamedList<Item>, type: StreamedType): Result<Reply> {
  const isCsv = type === "text/csv";
  const contentType = isCsv ? "text/csv; charset=utf-8; header=present" : `${type}; charset=utf-8`;
  return ok({ status: 200, contentType, stream: isCsv ? csvOf(list) : linesOf(list) });
}

async function* linesOf<Item>({ chunks, json }: StreamedList<Item>): AsyncGenerator<string> {
  for (const chunk of chunks) {
    yield `${chunk.map(json).join("\n")}\n`;
    await othersFirst();
  }
}

async function* csvOf<Item>({
  chunks,
  csvHeader,
  csv,
}: StreamedList<Item>): AsyncGenerator<string> {
  yield csvHeader;
  for (const chunk of chunks) {
    for (let from = 0; from < chunk.length; from += csvLinesAtOnce) {
      yield chunk
        .slice(from, from + csvLinesAtOnce)
        .map(csv)
        .join("");
      await othersFirst();
    }
  }
}

/** A long export must not keep other requests waiting. */
function othersFirst(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
