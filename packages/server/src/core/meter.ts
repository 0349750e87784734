// What callers may say of a meter when they make or change one (docs/spec/meters.md). Reading is
// pure; whether the meter type exists and is still active, and whether the meter is there already,
// is decided where the entry is applied.

import {
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
import type { MeterFields, MeterPatch } from "./definitions.ts";
import {
  absentOrNull,
  type CustomFieldsRule,
  customFields,
  flag,
  ifEmpty,
  nullable,
  optional,
  text,
} from "./fields.ts";
import { isJsonObject, type JsonObject, type JsonValue, member } from "./json-value.ts";
import {
  customFieldsBytesMax,
  customFieldsKeysMax,
  externalRefCharactersMax,
  meterKeyCharactersMax,
  userIdCharactersMax,
} from "./limits.ts";
import type { Fault, Result } from "./problem.ts";
import type { Meter } from "./state.ts";
import { type CapacityAndThresholds, capacity, checkCapacity, thresholds } from "./thresholds.ts";

/** Characters of a meter type's id where a caller names one (API page). */
const meterTypeIdCharactersMax = 36;

const customFieldsRule: CustomFieldsRule = {
  bytesMax: customFieldsBytesMax,
  keysMax: customFieldsKeysMax,
};

/** A new meter: its fields with every default, or all faults of the body. */
export function readMeter(body: JsonValue): Result<MeterFields, readonly Fault[]> {
  return readDefinition(body, (value, at) => {
    const parts = readParts(value, at, createForm);
    if (parts === undefined || !isJsonObject(value)) return undefined;
    checkReference(value, at);
    if (!isWhole(parts, createForm)) return undefined;
    const { userId, meterKey, meterTypeId, externalRef, customFields } = parts;
    const meterType = externalRef === null ? { id: meterTypeId ?? "" } : { externalRef };
    return { userId, meterKey, meterType, customFields };
  });
}

/** A change of a meter: the members that were sent, or all faults of the body. */
export function readMeterPatch(
  body: JsonValue,
  current: Pick<Meter, "capacity" | "thresholds">,
): Result<MeterPatch, readonly Fault[]> {
  return readDefinition(body, (value, at) => {
    const parts = readSupplied(value, at, patchForm);
    if (parts === undefined || !isJsonObject(value)) return undefined;
    checkCapacity({ sent: value, parts }, current, at);
    return parts;
  });
}

/** The body as it is sent, where the meter type is named in one of two ways. */
interface MeterBody {
  readonly userId: string;
  readonly meterKey: string;
  readonly meterTypeId: string | null;
  readonly externalRef: string | null;
  readonly customFields: JsonObject;
}

const setByEngine = "is set by the engine and cannot be sent";
const engineMembers: readonly string[] = [
  "id",
  "accountId",
  "meterTypeName",
  "value",
  "valueExact",
  "periodStart",
  "periodEnd",
  "groups",
  "carryFirst",
  "carryLast",
  "meterMetaData",
  "createdAt",
  "updatedAt",
];
const inheritedMembers: readonly string[] = ["unit", "timezone"];
const laterMembers: readonly string[] = ["capacity", "thresholds", "deleteOnReset"];
const fixedMembers: readonly string[] = ["userId", "meterKey", "meterTypeId", "externalRef"];

const createForm: Form<MeterBody> = {
  name: "a meter",
  members: {
    // Kept as sent: usage records name the user by exactly these characters.
    userId: text({ min: 1, max: userIdCharactersMax, asSent: true }),
    meterKey: text({ min: 1, max: meterKeyCharactersMax }),
    meterTypeId: optional(text({ min: 1, max: meterTypeIdCharactersMax }), null),
    externalRef: absentOrNull(ifEmpty(text({ min: 0, max: externalRefCharactersMax }), null), null),
    customFields: absentOrNull(customFields(customFieldsRule), {}),
  },
  refused: refusals(
    [engineMembers, setByEngine],
    [inheritedMembers, "is taken from the meter type and cannot be sent"],
    [laterMembers, "cannot be sent with a new meter; change it afterwards with PATCH"],
  ),
};

const patchForm: Form<Required<MeterPatch> & CapacityAndThresholds> = {
  name: "a meter",
  members: {
    deleteOnReset: flag,
    customFields: nullable(customFields(customFieldsRule), {}),
    capacity: nullable(capacity, null),
    thresholds: nullable(thresholds, []),
  },
  refused: refusals(
    [engineMembers, setByEngine],
    [inheritedMembers, "was taken from the meter type and cannot be changed"],
    [fixedMembers, "cannot be changed; create another meter"],
  ),
};

/** Exactly one of meterTypeId and externalRef names the meter type (D-27). */
function checkReference(sent: JsonObject, at: Place): void {
  const id = member(sent, "meterTypeId");
  const reference = member(sent, "externalRef") ?? null;
  const hasReference = typeof reference === "string" ? reference.trim() !== "" : reference !== null;
  const choice = "name the meter type by meterTypeId or by externalRef";
  if (id === undefined && !hasReference) {
    fault(inside(at, "meterTypeId"), `is required; ${choice}`);
  } else if (id !== undefined && hasReference) {
    fault(inside(at, "externalRef"), `must not be sent together with meterTypeId; ${choice}`);
  }
}
