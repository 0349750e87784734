// Putting meters into the tables of the state, and finding what is in the way of a new one. Taking
// them out again belongs to the end of their period (period.ts).
import { Counter } from "./counter.ts";
import type { MeterFields } from "./definitions.ts";
import { byMeterId } from "./due-index.ts";
import type { JsonObject } from "./json-value.ts";
import type { Effects } from "./period.ts";
import { assert, fail, notFound, ok, type Problem, type Result } from "./problem.ts";
import {
  type AccountState,
  type KeyIndex,
  Meter,
  type MeterTerms,
  type MeterType,
  metersOfUser,
} from "./state.ts";
import { formatInstant } from "./time.ts";
import { firstPeriodEnd } from "./timetable.ts";
import { UserIndex } from "./user-index.ts";

/** Shared by all meters without custom fields. */
export const noFields: JsonObject = {};

/** Makes a meter, or says why it cannot be made: D-27 to D-30. */
export function createMeter(
  effects: Effects,
  account: AccountState,
  { id, fields }: { id: string; fields: MeterFields },
): Result<Meter> {
  const type = findType(account, fields.meterType);
  if (!type.ok) return type;
  const { activeTo } = type.value;
  if (activeTo !== null && activeTo < effects.now) {
    return fail(endedType(type.value, activeTo, fields.meterType));
  }
  const twin = findTwin(account, fields, type.value);
  if (twin !== undefined) return fail(takenTriple(twin));
  const { userId, meterKey, customFields } = fields;
  return ok(addMeter(effects, account, { id, userId, meterKey, type: type.value, customFields }));
}

/** Adds a meter that nothing is in the way of; its first period opens now (5.3). */
export function addMeter(
  effects: Effects,
  account: AccountState,
  made: { id: string; userId: string; meterKey: string; type: MeterType; customFields: JsonObject },
): Meter {
  const { type, userId, meterKey, customFields } = made;
  const timetable = type.timetables.get(type.timezone);
  assert(timetable !== undefined, "a meter type's own zone has a timetable");
  const { now } = effects;
  const usual = usualTerms(keyIndexOf(effects.state, account, meterKey), meterKey, type);
  const isUsual = Object.keys(customFields).length === 0;
  const terms = isUsual ? usual : { ...usual, customFields };
  const counter = new Counter(now, firstPeriodEnd(timetable, now), now);
  const meter = new Meter({ id: made.id, userId, createdAt: now, terms, counter });
  insertMeter(effects.state, account, meter);
  effects.outputs.push({ kind: "meter-listed", meter });
  return meter;
}

/** The terms of a new meter without custom fields: one object for all that are made alike. */
function usualTerms({ terms }: KeyIndex, meterKey: string, type: MeterType): MeterTerms {
  const known = terms.get(type);
  const { timezone, unit, capacity, thresholds } = type;
  const isCurrent =
    known?.timezone === timezone &&
    known.unit === unit &&
    known.capacity === capacity &&
    known.thresholds === thresholds;
  if (isCurrent) return known;
  const own = { customFields: noFields, capacity, thresholds, deleteOnReset: false };
  const usual = { type, meterKey, timezone, unit, ...own };
  terms.set(type, usual);
  return usual;
}

/** Enters a complete meter into every table and index. */
export function insertMeter(state: Effects["state"], account: AccountState, meter: Meter): void {
  assert(!state.meters.has(meter.id), "a meter id is used once");
  state.meters.set(meter.id, meter);
  // A snapshot that is being written shows the state without it.
  meter.pass = state.passes;
  state.due.add(meter);
  meter.type.numberOfMeters += 1;
  account.meterCount += 1;
  const index = keyIndexOf(state, account, meter.meterKey);
  index.count += 1;
  const siblings = metersOfUser(account, meter.meterKey, meter.userId);
  const owned = siblings.length === 0 ? [meter] : [...siblings, meter].sort(byMeterId);
  index.byUser.set(meter.userId, owned);
}

/** Made where there is none yet. */
function keyIndexOf(
  { fingerprintKey }: Effects["state"],
  account: AccountState,
  meterKey: string,
): KeyIndex {
  let index = account.keys.get(meterKey);
  if (index === undefined) {
    assert(fingerprintKey !== null, "a partition has a fingerprint key");
    index = { byUser: new UserIndex(fingerprintKey), terms: new WeakMap(), count: 0 };
    account.keys.set(meterKey, index);
  }
  return index;
}

function findType(account: AccountState, wanted: MeterFields["meterType"]): Result<MeterType> {
  const byId = "id" in wanted;
  const type = byId
    ? account.meterTypes.get(wanted.id)
    : account.meterTypesByExternalRef.get(wanted.externalRef);
  if (type !== undefined) return ok(type);
  const errors = byId
    ? [{ pointer: "/meterTypeId", detail: "names no meter type of this account" }]
    : [{ pointer: "/externalRef", detail: "is the externalRef of no meter type of this account" }];
  return fail({ ...notFound("meter type"), errors });
}

function findTwin(account: AccountState, fields: MeterFields, type: MeterType): Meter | undefined {
  const siblings = metersOfUser(account, fields.meterKey, fields.userId);
  return siblings.find((sibling) => sibling.type === type);
}

function takenTriple(twin: Meter): Problem {
  return {
    kind: "conflict",
    code: "meter-exists",
    detail: "The user has a meter of this meter type with this meter key already.",
    existing: { collection: "meters", id: twin.id },
  };
}

function endedType(type: MeterType, activeTo: number, wanted: MeterFields["meterType"]): Problem {
  const detail = `The meter type ended at ${formatInstant(activeTo)}; a meter of it could never count.`;
  return {
    kind: "invalid-request",
    code: "meter-type-ended",
    detail,
    errors: [
      {
        pointer: "id" in wanted ? "/meterTypeId" : "/externalRef",
        detail: `names the ended meter type ${type.id}`,
      },
    ],
  };
}
