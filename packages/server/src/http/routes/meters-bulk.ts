// Many meters in one request: NDJSON in, a result for each line out. Lines that can be read become
// one entry of the journal, so that they are made together; a faulty line never stops the others.

import type { MeterFields } from "../../core/definitions.ts";
import { readJson } from "../../core/json.ts";
import { recordsPerRequestMax, usageBodyBytesMax } from "../../core/limits.ts";
import { readMeter } from "../../core/meter.ts";
import { assert, fail, invalid, ok, type Problem, type Result } from "../../core/problem.ts";
import type { Meter } from "../../core/state.ts";
import type { Engine } from "../../engine/engine.ts";
import { emptyBody } from "../body.ts";
import type { RawRoute, Route } from "../route.ts";
import { bulkAnswerSchema, createMeterSchema, meterExample } from "../schemas-meters.ts";
import { linesContentTypes, textOfLines } from "../usage-text.ts";

export interface BulkServices {
  readonly engine: Pick<Engine, "random" | "execute">;
}

/** Faults listed for one line: an answer must not be many times as large as its request. */
const faultsPerLineMax = 10;

export function meterBulkRoutes(services: BulkServices): readonly Route[] {
  return [createMany(services)];
}

function createMany(services: BulkServices): RawRoute {
  return {
    method: "POST",
    path: "/meters/bulk",
    operationId: "createMeters",
    summary: "Create many meters",
    description: `One meter a line, as in POST /meters; at most ${recordsPerRequestMax} lines.`,
    tag: "Meters",
    scope: "create:meters",
    request: {
      bodyKind: "raw",
      contentTypes: linesContentTypes,
      schema: createMeterSchema,
      bytesMax: usageBodyBytesMax,
      example: meterExample,
    },
    responses: {
      200: { description: "A result for each line that is not blank.", schema: bulkAnswerSchema },
    },
    handle: async ({ accountId, body }) => {
      const { engine } = services;
      const lines = readLines(body);
      if (!lines.ok) return lines;
      const meters = lines.value.flatMap(({ read }) =>
        read.ok ? [{ id: engine.random.uuid(), fields: read.value }] : [],
      );
      if (meters.length === 0) return ok({ status: 200, body: answerOf(lines.value, []) });
      const done = await engine.execute({ kind: "create-meters", accountId, meters });
      if (!done.ok) return done;
      assert(done.value.kind === "meters", "creating meters gives a result for each");
      return ok({ status: 200, body: answerOf(lines.value, done.value.results) });
    },
  };
}

interface Line {
  /** From 1, as editors count; blank lines count. */
  readonly number: number;
  readonly read: Result<MeterFields>;
}

function readLines(bytes: Buffer): Result<readonly Line[]> {
  const { text, invalidLines } = textOfLines(bytes);
  const invalidNumbers = new Set(invalidLines);
  const lines: Line[] = [];
  for (let number = 0, start = 0; start <= text.length; number += 1) {
    const feed = text.indexOf("\n", start);
    const end = feed < 0 ? text.length : feed;
    const line = text.slice(start, end);
    start = end + 1;
    if (/^[ \t\r]*$/.test(line)) continue;
    if (lines.length === recordsPerRequestMax) return fail(tooMany);
    const read = invalidNumbers.has(number) ? fail(notText) : readLine(line);
    lines.push({ number: number + 1, read });
  }
  return lines.length === 0 ? fail(emptyBody()) : ok(lines);
}

function readLine(line: string): Result<MeterFields> {
  const json = readJson(line);
  if (!json.ok) {
    const byte = Buffer.byteLength(line.slice(0, json.error.offset));
    const detail = `The line is not JSON: at byte ${byte}, ${json.error.detail}.`;
    return fail({ kind: "invalid-request", code: "malformed-json", detail });
  }
  const read = readMeter(json.value);
  return read.ok ? read : fail(invalid(read.error));
}

const tooMany: Problem = {
  kind: "invalid-request",
  code: "too-many-lines",
  detail: `A request carries at most ${recordsPerRequestMax} meters; send several.`,
};

const notText: Problem = {
  kind: "invalid-request",
  code: "invalid-utf8",
  detail: "The line is not valid UTF-8.",
};

/** `made` has one result for each line that could be read, in order. */
function answerOf(lines: readonly Line[], made: readonly Result<Meter>[]): object {
  let next = 0;
  let created = 0;
  const results = lines.map(({ number: line, read }) => {
    const result = read.ok ? made[next++] : read;
    assert(result !== undefined, "every line that could be read has a result");
    if (!result.ok) return { line, outcome: "rejected", ...wireProblem(result.error) };
    created += 1;
    return { line, outcome: "created", id: result.value.id };
  });
  return { received: lines.length, created, rejected: lines.length - created, results };
}

function wireProblem({ code, detail, errors = [], existing }: Problem): object {
  const omitted = errors.length - faultsPerLineMax;
  return {
    code,
    detail,
    ...(existing === undefined ? {} : { existingId: existing.id }),
    ...(errors.length === 0 ? {} : { errors: errors.slice(0, faultsPerLineMax) }),
    ...(omitted > 0 ? { errorsOmitted: omitted } : {}),
  };
}
