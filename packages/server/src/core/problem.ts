// Outcomes as values. Expected failures are a `Problem` in a `Result`; a broken promise of our own
// code is an assertion that stays on in production. Nothing here knows of HTTP statuses.

/** One fault of an input: where it is (JSON Pointer or query parameter) and how to mend it. */
export interface Fault {
  /** RFC 6901 pointer into the body; a missing member is pointed at itself. "" is the whole body. */
  readonly pointer?: string;
  /** Name of the query parameter at fault, instead of `pointer`. */
  readonly parameter?: string;
  readonly detail: string;
}

/** The kinds of failure a caller can meet; `http/problems.ts` gives each its status. */
export type ProblemKind =
  | "invalid-request"
  | "unauthenticated"
  | "not-found"
  | "conflict"
  | "too-many-requests"
  | "unavailable";

export interface Problem {
  readonly kind: ProblemKind;
  /** Kebab-case, stable, documented under its own heading in docs/problems.md. */
  readonly code: string;
  readonly detail: string;
  readonly errors?: readonly Fault[];
  /** What is in the way of a conflict: id of the existing object, and its collection for Location. */
  readonly existing?: { readonly collection: string; readonly id: string };
}

export type Result<T, E = Problem> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: E };

export function ok<T>(value: T): { readonly ok: true; readonly value: T } {
  return { ok: true, value };
}

export function fail<E>(error: E): { readonly ok: false; readonly error: E } {
  return { ok: false, error };
}

/** A problem for input that breaks a rule; the faults are listed together (D-08). */
export function invalid(errors: readonly Fault[], code = "invalid-request"): Problem {
  const first = errors[0];
  const whole = first?.parameter === undefined ? "The body" : "The query";
  const detail =
    errors.length === 1 && first !== undefined
      ? `${(first.parameter ?? first.pointer) || whole}: ${first.detail}`
      : `${errors.length} faults; each is listed in errors.`;
  return { kind: "invalid-request", code, detail, errors };
}

export function notFound(what: string): Problem {
  return { kind: "not-found", code: "not-found", detail: `There is no such ${what}.` };
}

/** Our own promise was broken: the engine stops rather than count wrongly. */
export class AssertionError extends Error {
  override readonly name = "AssertionError";
}

/**
 * A store has no room or does not answer for now; nothing of the call was kept, and the same call
 * may be made again.
 */
export class NoRoomError extends Error {
  override readonly name = "NoRoomError";
}

export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new AssertionError(message);
}

export function unreachable(value: never): never {
  throw new AssertionError(`unreachable: ${String(value)}`);
}
