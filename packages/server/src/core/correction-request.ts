// What a caller may ask of data correction: which items, and what to do with them. Known members only,
// all faults at once. Whether the items wait is for the applying to say.
import type { CorrectionActionKind } from "./correction-action.ts";
import type { CorrectionChange } from "./correction-change.ts";
import {
  type FieldReader,
  type Form,
  fault,
  inside,
  object,
  type Place,
  readDefinition,
  readSupplied,
  wrongKind,
} from "./definition-reader.ts";
import { flag, instant, listOf, oneOf } from "./fields.ts";
import { isJsonObject, type JsonObject, type JsonValue, member } from "./json-value.ts";
import {
  correctionItemsPerActionMax,
  meterKeyCharactersMax,
  recordIdBytesMax,
  recordStringCharactersMax,
  userIdCharactersMax,
} from "./limits.ts";
import { type RejectionReason, rejectionReasons } from "./outcome.ts";
import type { Position } from "./output.ts";
import type { EpochMs } from "./ports.ts";
import { readPosition } from "./position-list.ts";
import { assert, type Fault, type Result } from "./problem.ts";

/** Exact, joined by AND; `from` and `to` are half-open on `receivedAt`. Of waiting items only. */
export interface CorrectionFilterFields {
  readonly meterKey: string;
  readonly reason: RejectionReason;
  readonly detail: string;
  readonly userId: string;
  readonly recordId: string;
  readonly from: EpochMs;
  readonly to: EpochMs;
}

export type CorrectionChoice =
  | { readonly kind: "ids"; readonly positions: readonly Position[] }
  | {
      readonly kind: "filter";
      readonly filter: Partial<CorrectionFilterFields>;
      /** As it was sent. */
      readonly sent: JsonObject;
    };

export interface CorrectionRequest {
  readonly choice: CorrectionChoice;
  /** Only of `correct`, which always has one. */
  readonly change: CorrectionChange | null;
  readonly lateUsage: "current" | null;
  readonly dryRun: boolean;
}

/** Characters of a detail that can be asked for: more than any has. */
const detailCharactersMax = 10_000;

/** The request for an action, or all faults of its body (DC8). */
export function readCorrectionRequest(
  body: JsonValue,
  action: CorrectionActionKind,
): Result<CorrectionRequest, readonly Fault[]> {
  return readDefinition(body, (value, at) => {
    const sent = readSupplied(value, at, forms[action]);
    if (sent === undefined || !isJsonObject(value)) return undefined;
    needsOneOf(value, ["ids", "filter"], at);
    if (action === "correct") needsOneOf(value, ["set", "rename"], at);
    if (at.faults.length > 0) return undefined;
    const { set, rename, lateUsage = null, dryRun = false } = sent;
    return { choice: choiceOf(sent, value), change: set ?? rename ?? null, lateUsage, dryRun };
  });
}

interface Sent {
  readonly ids: readonly Position[];
  readonly filter: Partial<CorrectionFilterFields>;
  readonly set: CorrectionChange;
  readonly rename: CorrectionChange;
  readonly lateUsage: "current";
  readonly dryRun: boolean;
}

function choiceOf({ ids, filter }: Partial<Sent>, body: JsonObject): CorrectionChoice {
  if (ids !== undefined) return { kind: "ids", positions: ids };
  const sent = member(body, "filter");
  assert(filter !== undefined && isJsonObject(sent), "one of the two was sent");
  return { kind: "filter", filter, sent };
}

/** Exactly one of two members must be there; the fault stands at the first one. */
function needsOneOf(body: JsonObject, [first, second]: readonly [string, string], at: Place): void {
  const count = [first, second].filter((name) => member(body, name) !== undefined).length;
  if (count === 1) return;
  const detail = count === 0 ? `is required, or else ${second}` : `cannot go with ${second}`;
  fault(inside(at, first), detail);
}

/** A text that is compared exactly. */
function exactText(charactersMax: number): FieldReader<string> {
  const range = `must be 1 to ${charactersMax} characters`;
  return (value, at) => {
    if (typeof value !== "string") return wrongKind(value, at, "a string");
    const isShort = value.length <= charactersMax * 2 && [...value].length <= charactersMax;
    return isShort && value !== "" ? value : fault(at, range);
  };
}

const itemId: FieldReader<Position> = (value, at) => {
  if (typeof value !== "string") return wrongKind(value, at, "a string");
  const position = value.length > 60 ? undefined : readPosition(value);
  return position ?? fault(at, "is not the id of a data-correction item");
};

const filterForm: Form<CorrectionFilterFields> = {
  name: "a filter",
  members: {
    meterKey: exactText(meterKeyCharactersMax),
    reason: oneOf(rejectionReasons),
    detail: exactText(detailCharactersMax),
    userId: exactText(userIdCharactersMax),
    recordId: exactText(recordIdBytesMax),
    from: instant,
    to: instant,
  },
};

const filterReader: FieldReader<Partial<CorrectionFilterFields>> = (value, at) => {
  const filter = readSupplied(value, at, filterForm);
  const { from, to } = filter ?? {};
  if (from === undefined || to === undefined || from <= to) return filter;
  return fault(inside(at, "from"), "must not be later than to");
};

const fieldName = exactText(recordStringCharactersMax);

interface SetFields {
  readonly field: string;
  readonly value: { readonly json: JsonValue };
}

const setForm: Form<SetFields> = {
  name: "what to set",
  members: {
    field: fieldName,
    value: (value, at) =>
      value === undefined ? fault(at, "is required; null leaves no value") : { json: value },
  },
};

const setReader: FieldReader<CorrectionChange> = (value, at) => {
  const set = object(setForm)(value, at);
  return set === undefined ? undefined : { kind: "set", field: set.field, value: set.value.json };
};

const renameForm: Form<{ readonly from: string; readonly to: string }> = {
  name: "what to rename",
  members: { from: fieldName, to: fieldName },
};

const renameReader: FieldReader<CorrectionChange> = (value, at) => {
  const rename = object(renameForm)(value, at);
  if (rename === undefined) return undefined;
  if (rename.from !== rename.to) return { kind: "rename", ...rename };
  return fault(inside(at, "to"), "must be another name than from");
};

const common = {
  ids: listOf(itemId, { min: 1, max: correctionItemsPerActionMax, noun: "ids" }),
  filter: filterReader,
  dryRun: flag,
};

const forms: Readonly<Record<CorrectionActionKind, Form<Partial<Sent>>>> = {
  correct: { name: "a correction", members: { ...common, set: setReader, rename: renameReader } },
  reprocess: { name: "a reprocessing", members: { ...common, lateUsage: oneOf(["current"]) } },
  delete: { name: "a deletion", members: common },
};
