// The tables of one partition: everything that the journal's entries have made so far. Only
// apply.ts and the modules it calls change them; everyone else reads. Nothing here is written to
// disk but through snapshot.ts.
import type { Carried } from "./carried-fields.ts";
import type { Decimal } from "./decimal.ts";
import type {
  Access,
  Account,
  AggregationType,
  ProcessorFields,
  ResetSchedule,
  Threshold,
} from "./definitions.ts";
import { DueIndex } from "./due-index.ts";
import type { FingerprintKey } from "./fingerprint.ts";
import { GroupShape, type ShapeBudget } from "./group-shape.ts";
import type { CompiledRule } from "./guiding-rule.ts";
import type { IdMemory } from "./id-memory.ts";
import type { JsonObject } from "./json-value.ts";
import type { IdRun } from "./old-ids.ts";
import type { Position } from "./output.ts";
import type { EpochMs } from "./ports.ts";
import type { TypeTimetables } from "./timetable.ts";

export interface MeterType {
  readonly id: string;
  readonly accountId: string;
  readonly aggregation: AggregationType;
  readonly createdAt: EpochMs;
  name: string;
  description: string;
  unit: string;
  category: string;
  externalRef: string | null;
  timezone: string;
  resetSchedule: ResetSchedule;
  activeFrom: EpochMs;
  activeTo: EpochMs | null;
  capacity: Decimal | null;
  thresholds: readonly Threshold[];
  updatedAt: EpochMs;
  numberOfMeters: number;
  /** Amounts of its meters since it was made; stays empty unless it sums. */
  sums: Sums;
  /** When periods end, in each zone that its meters have. */
  timetables: TypeTimetables;
}

/** What one meter has counted in its open period. */
export interface Counter {
  /** Null: nothing counted yet, so that the first record always wins in max and min (D-42). */
  value: Decimal | null;
  /** Records counted, and the times of the entries that counted the first and the last. */
  count: number;
  firstAt: EpochMs;
  lastAt: EpochMs;
  /** Which groups, and the value of each (groups.ts). */
  shape: GroupShape;
  values: readonly Decimal[];
  carryFirst: Carried;
  carryLast: Carried;
}

export interface Meter {
  readonly id: string;
  readonly accountId: string;
  readonly userId: string;
  readonly meterKey: string;
  readonly type: MeterType;
  /** The type's zone and unit when the meter was made (D-23). */
  readonly timezone: string;
  readonly unit: string;
  readonly createdAt: EpochMs;
  updatedAt: EpochMs;
  customFields: JsonObject;
  capacity: Decimal | null;
  thresholds: readonly Threshold[];
  deleteOnReset: boolean;
  periodStart: EpochMs;
  /** The first instant of the next period. */
  periodEnd: EpochMs;
  counter: Counter;
  /** True once the meter has left the tables; indexes drop it when they next meet it. */
  deleted: boolean;
}

/** Records of one processor, since it was made (CO1, CO2). */
export interface Tally {
  received: number;
  counted: number;
  duplicates: number;
  rejected: number;
  /** Of the rejected: not stored because suspense management is off. */
  dropped: number;
  /** Of the rejected: sent again under the id of a waiting item. */
  repeated: number;
  /** Of the waiting: closed because the same id was counted later. */
  superseded: number;
  meteredRecords: number;
}

/** Records in the meters of one processor: a record that changed two meters stands here twice (CO3). */
export interface Flow {
  accepted: number;
  /** Of the accepted: told in metered records. */
  metered: number;
  /** Of the accepted: in open periods. */
  live: number;
  /** Of the accepted: in the open periods of meters that were deleted. */
  discarded: number;
}

/** The same in amounts; what is live stands in the meters themselves (CO4). */
export interface Sums {
  accepted: Decimal;
  metered: Decimal;
  discarded: Decimal;
}

export interface Processor {
  readonly accountId: string;
  readonly meterKey: string;
  readonly createdAt: EpochMs;
  fields: ProcessorFields;
  /** `fields.guidingRules`, prepared for judging. */
  rules: readonly CompiledRule[];
  updatedAt: EpochMs;
  /** Ids of counted records. */
  ids: IdMemory;
  /** Ids counted before this instant may be forgotten: the window was shorter then. */
  idsKnownSince: EpochMs;
  /** Waiting data-correction items, and those with a record id by their fingerprint. */
  waitingCorrections: number;
  waitingByFingerprint: Map<string, Position>;
  tally: Tally;
  flow: Flow;
}

/** The meters that name one meter key, whether or not a processor has it. */
export interface KeyIndex {
  /** One meter alone stands without an array: most users have one, and there may be a million. */
  readonly byUser: Map<string, Meter | readonly Meter[]>;
  count: number;
}

export interface AccountState {
  readonly account: Account;
  readonly meterTypes: Map<string, MeterType>;
  readonly meterTypesByName: Map<string, MeterType>;
  readonly meterTypesByExternalRef: Map<string, MeterType>;
  readonly processors: Map<string, Processor>;
  readonly keys: Map<string, KeyIndex>;
  meterCount: number;
  waitingCorrections: number;
}

export interface Settings {
  readonly futureToleranceMs: number;
  readonly correctionsPerAccountMax: number;
}

export class State {
  partition = 0;
  fingerprintKey: FingerprintKey | null = null;
  /** The same as hexadecimal digits, for snapshots. */
  fingerprintKeyHex = "";
  /** The last entry applied. */
  seq = 0;
  time: EpochMs = 0;
  settings: Settings = { futureToleranceMs: 300_000, correctionsPerAccountMax: 1_000_000 };
  readonly accounts: Map<string, AccountState> = new Map();
  readonly accesses: Map<string, Access> = new Map();
  readonly meters: Map<string, Meter> = new Map();
  readonly meterTypes: Map<string, MeterType> = new Map();
  readonly due: DueIndex = new DueIndex();
  /** Where ids lie that are not in memory; which they are changes no answer. */
  idRuns: readonly IdRun[] = [];
  /** The shape without groups, and how many shapes have grown from it. */
  readonly rootShape: GroupShape = GroupShape.root();
  readonly shapes: ShapeBudget = { shared: 0 };
}

/** A meter of this account, or undefined: another account's is no different from none (H6). */
export function findMeter(state: State, accountId: string, id: string): Meter | undefined {
  const meter = state.meters.get(id);
  return meter?.accountId === accountId ? meter : undefined;
}

/** The user's meters under a meter key, by id; none where the user has none. */
export function metersOfUser(
  account: AccountState,
  meterKey: string,
  userId: string,
): readonly Meter[] {
  const owned = account.keys.get(meterKey)?.byUser.get(userId);
  if (owned === undefined) return noMeters;
  return isArray(owned) ? owned : [owned];
}

const noMeters: readonly Meter[] = [];

/** `Array.isArray` does not narrow to a read-only array. */
function isArray(owned: Meter | readonly Meter[]): owned is readonly Meter[] {
  return Array.isArray(owned);
}

export function findMeterType(state: State, accountId: string, id: string): MeterType | undefined {
  return state.accounts.get(accountId)?.meterTypes.get(id);
}

export function findProcessor(
  state: State,
  accountId: string,
  meterKey: string,
): Processor | undefined {
  return state.accounts.get(accountId)?.processors.get(meterKey);
}
