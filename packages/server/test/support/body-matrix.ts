// Cases that every definition reader has to meet: each member missing, null and of each wrong kind.
// Bodies go through the JSON reader, as those of a request do. It must never know a reader's rules:
// the tests say what they expect.
import { readJson, writeJson } from "../../src/core/json.ts";
import type { JsonValue } from "../../src/core/json-value.ts";
import type { Fault, Result } from "../../src/core/problem.ts";

type Reading<T> = Result<T, readonly Fault[]>;

/** A body as the reader would get it from a request. */
export function body(value: unknown): JsonValue {
  return bodyOf(writeJson(value));
}

/** The same from JSON text, for members and numbers that a literal cannot hold. */
export function bodyOf(text: string): JsonValue {
  const read = readJson(text);
  if (!read.ok) throw new Error(`the test's own text is no JSON: ${read.error.detail}`);
  return read.value;
}

/** What was read; fails with the faults otherwise. */
export function accepted<T>(reading: Reading<T>): T {
  if (!reading.ok) throw new Error(`unexpected faults: ${faultsOf(reading).join("; ")}`);
  return reading.value;
}

/** `pointer: detail` of each fault; none when the body was accepted. */
export function faultsOf(reading: Reading<unknown>): readonly string[] {
  return reading.ok ? [] : reading.error.map((fault) => `${fault.pointer}: ${fault.detail}`);
}

/** The pointers alone. */
export function pointersOf(reading: Reading<unknown>): readonly string[] {
  return reading.ok ? [] : reading.error.map((fault) => fault.pointer ?? "no pointer");
}

export type Kind = "string" | "number" | "boolean" | "array" | "object";

const examples: Readonly<Record<Kind, readonly string[]>> = {
  string: ['""', '"x"', '"1"'],
  number: ["0", "1", "-1.5", "1e400", "123456789012345678901234567890"],
  boolean: ["true", "false"],
  array: ["[]", "[1]", "[[]]"],
  object: ["{}", '{"a":1}', '{"__proto__":{"a":1}}'],
};

/** JSON texts of every kind but the right ones. */
export function wrongKinds(right: readonly Kind[]): readonly string[] {
  return Object.entries(examples).flatMap(([kind, texts]) =>
    right.some((candidate) => candidate === kind) ? [] : texts,
  );
}

/** JSON text of an object, from texts of its members; undefined leaves one out. */
export function objectText(members: Readonly<Record<string, string | undefined>>): string {
  const pairs = Object.entries(members).filter(([, text]) => text !== undefined);
  return `{${pairs.map(([name, text]) => `${JSON.stringify(name)}:${text}`).join(",")}}`;
}

/** `base` with one member given as JSON text, replaced or added. */
export function withMember(base: object, name: string, text: string | undefined): JsonValue {
  const members = Object.entries(base).map(([key, value]) => [key, writeJson(value)]);
  return bodyOf(objectText({ ...Object.fromEntries(members), [name]: text }));
}
