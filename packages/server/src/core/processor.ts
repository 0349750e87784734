// What callers may say of a meter processor when they make or change one (docs/spec/processors.md).
// Settings beside the guiding rules, which guiding-rule-fields.ts reads. Whether a meter key is
// taken is decided where the entry is applied.

import {
  type FieldReader,
  type Form,
  fault,
  inside,
  isWhole,
  type Place,
  readDefinition,
  readParts,
  readSupplied,
  refusals,
} from "./definition-reader.ts";
import {
  flushTypes,
  lateUsages,
  type ProcessorFields,
  type ProcessorPatch,
  type SuspenseManagement,
} from "./definitions.ts";
import { flag, oneOf, optional, text, wholeNumber } from "./fields.ts";
import { guidingRules } from "./guiding-rule-fields.ts";
import type { JsonValue } from "./json-value.ts";
import {
  idWindowDaysDefault,
  idWindowDaysMax,
  idWindowDaysMin,
  meterKeyCharactersMax,
  nameCharactersMax,
  recordStringCharactersMax,
  settlingSecondsMax,
} from "./limits.ts";
import { defaultCategory } from "./meter-type.ts";
import type { Fault, Result } from "./problem.ts";

/** A new processor: its key, null when one is to be drawn, and its fields with every default. */
export function readProcessor(
  body: JsonValue,
): Result<{ meterKey: string | null; fields: ProcessorFields }, readonly Fault[]> {
  return readDefinition(body, (value, at) => {
    const parts = readParts(value, at, createForm);
    if (parts === undefined || !isWhole(parts, createForm)) return undefined;
    if (!canSettle(parts, at)) return undefined;
    const { meterKey, ...fields } = parts;
    return { meterKey, fields };
  });
}

/**
 * A change of a processor: the members that were sent, or all faults of the body. What is sent of
 * suspenseManagement and deduplication joins what is there when the change is applied (MP23).
 */
export function readProcessorPatch(
  body: JsonValue,
  current: Pick<ProcessorFields, "flushType" | "settlingSeconds">,
): Result<ProcessorPatch, readonly Fault[]> {
  return readDefinition(body, (value, at) => {
    const patch = readSupplied(value, at, patchForm);
    return patch !== undefined && canSettle({ ...current, ...patch }, at) ? patch : undefined;
  });
}

/** The processor of a new account: everything is counted in the category DEFAULT. */
export function defaultProcessorFields(name: string): ProcessorFields {
  return {
    name,
    guidingRules: [
      {
        customName: "",
        ignoreCondition: true,
        conditionRelation: "and",
        conditions: [],
        matchCategory: defaultCategory,
        groupBy: [],
        otherOperations: [],
      },
    ],
    flushType: "TIMEOUT",
    suspenseManagement: defaultSuspense,
    deduplication: defaultDeduplication,
    settlingSeconds: 0,
    lateUsage: "current",
    createMeters: false,
    multiOutput: null,
  };
}

/** A run of flushType ALL_FILES flushes at once: nothing may wait. */
function canSettle({ flushType: type, settlingSeconds: seconds }: Settling, at: Place): boolean {
  if (type !== "ALL_FILES" || seconds === 0) return true;
  fault(inside(at, "settlingSeconds"), "must be 0 with flushType ALL_FILES");
  return false;
}

type Settling = Pick<ProcessorFields, "flushType" | "settlingSeconds">;

type Deduplication = ProcessorFields["deduplication"];

/** Records that raise no fault before this many others did (D-45); the exported node's default. */
const eventThresholdDefault = 10_000;
const eventThresholdMax = 1_000_000_000;

const defaultSuspense: SuspenseManagement = {
  enabled: true,
  abortOnDisabled: false,
  eventThreshold: eventThresholdDefault,
  onThresholdExceeded: "ABORT",
  resetOnValidEvent: true,
};
const defaultDeduplication: Deduplication = { field: "id", windowDays: idWindowDaysDefault };

const name = text({ min: 1, max: nameCharactersMax });
const flushType = oneOf(flushTypes);
const anyValue: FieldReader<JsonValue> = (value) => value ?? null;

const meterKey = text({
  min: 1,
  max: meterKeyCharactersMax,
  pattern: { matches: /^[A-Za-z0-9_-]+$/, detail: "may hold only letters A to Z, digits, - and _" },
});

const settlingSeconds = wholeNumber(0, settlingSecondsMax);
const lateUsage = oneOf(lateUsages);

const suspenseForm: Form<SuspenseManagement> = {
  name: "suspenseManagement",
  members: {
    enabled: flag,
    abortOnDisabled: flag,
    eventThreshold: wholeNumber(0, eventThresholdMax),
    onThresholdExceeded: oneOf(["ABORT", "CONTINUE"]),
    resetOnValidEvent: flag,
  },
};

const deduplicationForm: Form<Deduplication> = {
  name: "deduplication",
  members: {
    field: text({ min: 1, max: recordStringCharactersMax, asSent: true }),
    windowDays: wholeNumber(idWindowDaysMin, idWindowDaysMax),
  },
};

/** The members that were sent; they are filled up with what is there when they are applied. */
function suppliedOf<T extends object>(form: Form<T>): FieldReader<Partial<T>> {
  return (value, at) => readSupplied(value, at, form);
}

/** The members that were sent, filled up with defaults. */
function filledOf<T extends object>(form: Form<T>, absent: T): FieldReader<T> {
  return (value, at) => {
    const supplied = readSupplied(value, at, form);
    return supplied === undefined ? undefined : { ...absent, ...supplied };
  };
}

const setByEngine = [
  ["id", "accountId", "createdAt", "updatedAt"],
  "is set by the engine and cannot be sent",
] as const;
const ofTheNode = [
  ["params", "type", "schemaVersion"],
  "belongs to the exported node; send name and the members of its params",
] as const;
const refusedInPost = refusals(setByEngine, ofTheNode);
const refusedInPatch = refusals(setByEngine, ofTheNode, [
  ["meterKey"],
  "cannot be changed; create another meter processor",
]);

const createForm: Form<ProcessorFields & { readonly meterKey: string | null }> = {
  name: "a meter processor",
  members: {
    meterKey: optional(meterKey, null),
    name,
    guidingRules,
    flushType: optional(flushType, "TIMEOUT"),
    suspenseManagement: optional(filledOf(suspenseForm, defaultSuspense), defaultSuspense),
    deduplication: optional(
      filledOf(deduplicationForm, defaultDeduplication),
      defaultDeduplication,
    ),
    createMeters: optional(flag, false),
    multiOutput: optional(anyValue, null),
    settlingSeconds: optional(settlingSeconds, 0),
    lateUsage: optional(lateUsage, "current"),
  },
  refused: refusedInPost,
};

const patchForm: Form<Required<ProcessorPatch>> = {
  name: "a meter processor",
  members: {
    name,
    guidingRules,
    flushType,
    suspenseManagement: suppliedOf(suspenseForm),
    deduplication: suppliedOf(deduplicationForm),
    createMeters: flag,
    multiOutput: anyValue,
    settlingSeconds,
    lateUsage,
  },
  refused: refusedInPatch,
};
