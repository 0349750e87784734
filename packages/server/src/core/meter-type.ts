// What callers may say of a meter type when they make or change one (docs/spec/meter-types.md).
// Reading is pure: the present time and the known time zones come in from outside. Whether a name
// or an external reference is taken is decided where the entry is applied, not here.

import {
  type FieldReader,
  type Form,
  fault,
  inside,
  isWhole,
  object,
  type Place,
  readDefinition,
  readParts,
  readSupplied,
  refusals,
  wrongKind,
} from "./definition-reader.ts";
import {
  type AggregationType,
  aggregationTypes,
  type MeterTypeFields,
  type MeterTypePatch,
} from "./definitions.ts";
import { absentOrNull, ifEmpty, instant, nullable, oneOf, text } from "./fields.ts";
import { isJsonObject, type JsonObject, type JsonValue, member } from "./json-value.ts";
import {
  categoryCharactersMax,
  descriptionCharactersMax,
  externalRefCharactersMax,
  nameCharactersMax,
  unitCharactersMax,
} from "./limits.ts";
import type { EpochMs, Zones } from "./ports.ts";
import type { Fault, Result } from "./problem.ts";
import { readResetSchedule } from "./schedule.ts";
import type { MeterType } from "./state.ts";
import { capacity, checkCapacity, thresholds } from "./thresholds.ts";
import { formatInstant, minuteMs } from "./time.ts";

/** How far activeFrom and activeTo may lie in the past when they are newly said (D-17). */
const pastToleranceMs = 5 * minuteMs;

/** The category of meter types that name none (API page). */
export const defaultCategory = "DEFAULT";

export interface MeterTypeContext {
  readonly zones: Zones;
  readonly now: EpochMs;
}

type Changeable = Omit<MeterTypeFields, "aggregation">;

/** A new meter type: its fields with every default, or all faults of the body. */
export function readMeterType(
  body: JsonValue,
  context: MeterTypeContext,
): Result<MeterTypeFields, readonly Fault[]> {
  const form = createForm(context.zones);
  return readDefinition(body, (value, at) => {
    const parts = readParts(value, at, form);
    if (parts === undefined || !isJsonObject(value)) return undefined;
    const change = { sent: value, parts };
    checkWindow(change, { activeFrom: null, activeTo: null, now: context.now }, at);
    checkCapacity(change, { capacity: null, thresholds: [] }, at);
    return isWhole(parts, form) ? parts : undefined;
  });
}

/**
 * A change of a meter type: the members that were sent, or all faults of the body. Rules that join
 * several members are judged on what the change leaves.
 */
export function readMeterTypePatch(
  body: JsonValue,
  current: Pick<MeterType, "activeFrom" | "activeTo" | "capacity" | "thresholds">,
  context: MeterTypeContext,
): Result<MeterTypePatch, readonly Fault[]> {
  const form = patchForm(context.zones);
  return readDefinition(body, (value, at) => {
    const parts = readSupplied(value, at, form);
    if (parts === undefined || !isJsonObject(value)) return undefined;
    const change = { sent: value, parts };
    const { activeFrom, activeTo } = current;
    checkWindow(change, { activeFrom, activeTo, now: context.now }, at);
    checkCapacity(change, current, at);
    return parts;
  });
}

const name = text({
  min: 1,
  max: nameCharactersMax,
  pattern: {
    matches: /^[\w\s().-]+$/,
    detail: "may hold only letters A to Z, digits, white space and the characters _ . ( ) -",
  },
});
const description = text({ min: 0, max: descriptionCharactersMax });
const unit = text({ min: 1, max: unitCharactersMax });
const category = ifEmpty(text({ min: 0, max: categoryCharactersMax }), defaultCategory);
const externalRef = ifEmpty(text({ min: 0, max: externalRefCharactersMax }), null);

const aggregation: FieldReader<AggregationType> = (value, at) => {
  if (typeof value === "string") return fault(at, 'must be an object such as {"type": "sum"}');
  return object(aggregationForm)(value, at)?.type;
};
const aggregationForm = { name: "aggregation", members: { type: oneOf(aggregationTypes) } };

const resetSchedule: FieldReader<MeterTypeFields["resetSchedule"]> = (value, at) => {
  const read = readResetSchedule(value, at.pointer);
  if (read.ok) return read.value;
  for (const found of read.error) at.faults.push(found);
  return undefined;
};

function timezone(zones: Zones): FieldReader<string> {
  return (value, at) => {
    if (typeof value !== "string") return wrongKind(value, at, "a string");
    if (zones.get(value) !== undefined) return value;
    const examples = '"Etc/UTC" or "Europe/Stockholm"';
    return fault(at, `must be a name of the IANA time zone list, spelled as there: ${examples}`);
  };
}

const setByEngine = [
  ["id", "accountId", "createdAt", "updatedAt", "numberOfMeters"],
  "is set by the engine and cannot be sent",
] as const;
const refusedInPost = refusals(setByEngine);
const refusedInPatch = refusals(setByEngine, [
  ["aggregation"],
  "cannot be updated; create a new meter type to aggregate in another way",
]);

function createForm(zones: Zones): Form<MeterTypeFields> {
  return {
    name: "a meter type",
    members: {
      name,
      description: absentOrNull(description, ""),
      unit,
      category: absentOrNull(category, defaultCategory),
      externalRef: absentOrNull(externalRef, null),
      timezone: timezone(zones),
      aggregation,
      resetSchedule,
      activeFrom: absentOrNull(instant, null),
      activeTo: absentOrNull(instant, null),
      capacity: absentOrNull(capacity, null),
      thresholds: absentOrNull(thresholds, []),
    },
    refused: refusedInPost,
  };
}

function patchForm(zones: Zones): Form<Changeable> {
  return {
    name: "a meter type",
    members: {
      name,
      description,
      unit,
      category: nullable(category, defaultCategory),
      externalRef: nullable(externalRef, null),
      timezone: timezone(zones),
      resetSchedule,
      activeFrom: nullable(instant, null),
      activeTo: nullable(instant, null),
      capacity: nullable(capacity, null),
      thresholds: nullable(thresholds, []),
    },
    refused: refusedInPatch,
  };
}

interface ActiveWindow {
  /** Null: the time of the entry. */
  readonly activeFrom: EpochMs | null;
  readonly activeTo: EpochMs | null;
}

/** Newly said instants are not in the past, and the window that results has a length (D-17). */
function checkWindow(
  change: { readonly sent: JsonObject; readonly parts: Partial<ActiveWindow> },
  current: ActiveWindow & { readonly now: EpochMs },
  at: Place,
): void {
  const { sent, parts } = change;
  const { now } = current;
  const fromIsPast = isNewlyPast(parts.activeFrom, current.activeFrom, now);
  const toIsPast = isNewlyPast(parts.activeTo, current.activeTo, now);
  const inThePast = `must not be in the past; it is ${formatInstant(now)} now`;
  if (fromIsPast) fault(inside(at, "activeFrom"), inThePast);
  if (toIsPast) fault(inside(at, "activeTo"), inThePast);
  const from = member(sent, "activeFrom") === undefined ? current.activeFrom : parts.activeFrom;
  const to = member(sent, "activeTo") === undefined ? current.activeTo : parts.activeTo;
  // Undefined: it cannot be read, and has its fault already.
  if (from === undefined || to === undefined || to === null) return;
  if (from === current.activeFrom && to === current.activeTo) return;
  if ((from ?? now) < to || (from === null && toIsPast)) return;
  if (to === current.activeTo) {
    const end = formatInstant(to);
    fault(inside(at, "activeFrom"), `must be before activeTo, which is ${end}`);
  } else {
    const start = from === null ? "the present time" : formatInstant(from);
    fault(inside(at, "activeTo"), `must be after activeFrom, which is ${start}`);
  }
}

function isNewlyPast(
  said: EpochMs | null | undefined,
  current: EpochMs | null,
  now: EpochMs,
): boolean {
  return typeof said === "number" && said !== current && said < now - pastToleranceMs;
}
