// Putting meters into the tables of the state, and finding what is in the way of a new one. Taking
// them out again belongs to the end of their period (period.ts).
import { Counter } from "./counter.ts";
import type { MeterFields } from "./definitions.ts";
import { byMeterId } from "./due-index.ts";
import type { JsonObject } from "./json-value.ts";
import type { Effects } from "./period.ts";
import { assert, fail, notFound, ok, type Problem, type Result } from "./problem.ts";
import { type AccountState, Meter, type MeterType, metersOfUser } from "./state.ts";
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
  const { type } = made;
  const timetable = type.timetables.get(type.timezone);
  assert(timetable !== undefined, "a meter type's own zone has a timetable");
  const meter = new Meter({
    id: made.id,
    accountId: account.account.id,
    userId: made.userId,
    meterKey: made.meterKey,
    type,
    timezone: type.timezone,
    unit: type.unit,
    createdAt: effects.now,
    customFields: Object.keys(made.customFields).length === 0 ? noFields : made.customFields,
    capacity: type.capacity,
    thresholds: type.thresholds,
    deleteOnReset: false,
    counter: new Counter(effects.now, firstPeriodEnd(timetable, effects.now), effects.now),
  });
  insertMeter(effects.state, account, meter);
  effects.outputs.push({ kind: "meter-listed", meter });
  return meter;
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
  let index = account.keys.get(meter.meterKey);
  if (index === undefined) {
    assert(state.fingerprintKey !== null, "a partition has a fingerprint key");
    index = { byUser: new UserIndex(state.fingerprintKey), count: 0 };
    account.keys.set(meter.meterKey, index);
  }
  index.count += 1;
  const siblings = metersOfUser(account, meter.meterKey, meter.userId);
  index.byUser.set(meter.userId, [...siblings, meter].sort(byMeterId));
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
