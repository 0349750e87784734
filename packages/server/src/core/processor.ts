// What callers may say of a meter processor when they make or change one (docs/spec/processors.md).
// Settings beside the guiding rules, which guiding-rule-fields.ts reads. Whether a meter key is
// taken is decided where the entry is applied.

import {
  type FieldReader,
  type Form,
  fault,
  isWhole,
  object,
  readDefinition,
  readParts,
  readSupplied,
  refusals,
} from "./definition-reader.ts";
import {
  flushTypes,
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
} from "./limits.ts";
import { defaultCategory } from "./meter-type.ts";
import type { Fault, Result } from "./problem.ts";
import type { Processor } from "./state.ts";

/** A new processor: its key, null when one is to be drawn, and its fields with every default. */
export function readProcessor(
  body: JsonValue,
): Result<{ meterKey: string | null; fields: ProcessorFields }, readonly Fault[]> {
  return readDefinition(body, (value, at) => {
    const parts = readParts(value, at, createForm);
    if (parts === undefined || !isWhole(parts, createForm)) return undefined;
    const { meterKey, settlingSeconds, lateUsage, ...fields } = parts;
    return { meterKey, fields };
  });
}

/**
 * A change of a processor: the members that were sent, or all faults of the body. Of
 * suspenseManagement and deduplication the members that were not sent stay as they are.
 */
export function readProcessorPatch(
  body: JsonValue,
  current: Pick<Processor, "fields">,
): Result<ProcessorPatch, readonly Fault[]> {
  const form = patchForm(current.fields);
  return readDefinition(body, (value, at) => {
    const parts = readSupplied(value, at, form);
    if (parts === undefined) return undefined;
    const { settlingSeconds, lateUsage, ...patch } = parts;
    return patch;
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
    createMeters: false,
    multiOutput: null,
  };
}

type Deduplication = ProcessorFields["deduplication"];

/** Members that have one value as yet are read, so that what was sent is never silently ignored. */
type ProcessorBody = ProcessorFields & {
  readonly settlingSeconds: 0;
  readonly lateUsage: "current";
};

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

/** Settling is not there yet; its only value counts as not sent. */
const settlingSeconds: FieldReader<0> = (value, at) => {
  const seconds = wholeNumber(0, Number.MAX_SAFE_INTEGER)(value, at);
  if (seconds === undefined) return undefined;
  return seconds === 0 ? 0 : fault(at, "must be 0: this version does not offer settling");
};

const lateUsage: FieldReader<"current"> = (value, at) => {
  if (value !== "correct") return oneOf(["current"])(value, at);
  return fault(at, 'must be "current": this version does not offer correction of late usage');
};

function suspenseManagement(absent: SuspenseManagement): FieldReader<SuspenseManagement> {
  return object({
    name: "suspenseManagement",
    members: {
      enabled: optional(flag, absent.enabled),
      abortOnDisabled: optional(flag, absent.abortOnDisabled),
      eventThreshold: optional(wholeNumber(0, eventThresholdMax), absent.eventThreshold),
      onThresholdExceeded: optional(oneOf(["ABORT", "CONTINUE"]), absent.onThresholdExceeded),
      resetOnValidEvent: optional(flag, absent.resetOnValidEvent),
    },
  });
}

function deduplication(absent: Deduplication): FieldReader<Deduplication> {
  const field = text({ min: 1, max: recordStringCharactersMax, asSent: true });
  return object({
    name: "deduplication",
    members: {
      field: optional(field, absent.field),
      windowDays: optional(wholeNumber(idWindowDaysMin, idWindowDaysMax), absent.windowDays),
    },
  });
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

const createForm: Form<ProcessorBody & { readonly meterKey: string | null }> = {
  name: "a meter processor",
  members: {
    meterKey: optional(meterKey, null),
    name,
    guidingRules,
    flushType: optional(flushType, "TIMEOUT"),
    suspenseManagement: optional(suspenseManagement(defaultSuspense), defaultSuspense),
    deduplication: optional(deduplication(defaultDeduplication), defaultDeduplication),
    createMeters: optional(flag, false),
    multiOutput: optional(anyValue, null),
    settlingSeconds: optional(settlingSeconds, 0),
    lateUsage: optional(lateUsage, "current"),
  },
  refused: refusedInPost,
};

function patchForm(current: ProcessorFields): Form<ProcessorBody> {
  return {
    name: "a meter processor",
    members: {
      name,
      guidingRules,
      flushType,
      suspenseManagement: suspenseManagement(current.suspenseManagement),
      deduplication: deduplication(current.deduplication),
      createMeters: flag,
      multiOutput: anyValue,
      settlingSeconds,
      lateUsage,
    },
    refused: refusedInPatch,
  };
}
