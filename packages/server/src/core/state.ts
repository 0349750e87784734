// The tables of one partition: everything that the journal's entries have made so far. Only
// apply.ts and the modules it calls change them; everyone else reads. Nothing here is written to
// disk but through snapshot.ts.
import type { CorrectionAction } from "./correction-action.ts";
import type { Counter } from "./counter.ts";
import type { Decimal } from "./decimal.ts";
import type {
  Access,
  Account,
  AggregationType,
  ProcessorFields,
  ResetSchedule,
  Threshold,
} from "./definitions.ts";
import type { Destination } from "./destination.ts";
import { DueIndex } from "./due-index.ts";
import type { Flow, Sums, Tally } from "./figures.ts";
import type { FingerprintKey } from "./fingerprint.ts";
import type { GroupKeys } from "./group-keys.ts";
import type { Judging } from "./guiding-rule.ts";
import type { IdMemory } from "./id-memory.ts";
import type { JsonObject } from "./json-value.ts";
import type { IdRun } from "./old-ids.ts";
import type { Position } from "./output.ts";
import type { EpochMs } from "./ports.ts";
import type { Settling } from "./settling.ts";
import type { SnapshotPass } from "./snapshot-pass.ts";
import type { TypeTimetables } from "./timetable.ts";
import type { UserIndex } from "./user-index.ts";
import type { WaitingItems } from "./waiting-items.ts";

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
  /** What stands for the groups of its meters' counters. */
  readonly groupKeys: GroupKeys;
}

/** What a meter shares with all that were made like it. Never changed: what differs is another one. */
export interface MeterTerms {
  readonly type: MeterType;
  readonly meterKey: string;
  /** The type's zone and unit when the meter was made (D-23). */
  readonly timezone: string;
  readonly unit: string;
  readonly customFields: JsonObject;
  readonly capacity: Decimal | null;
  readonly thresholds: readonly Threshold[];
  readonly deleteOnReset: boolean;
}

/** What is given of a meter when it is made or restored. */
export interface MeterParts {
  readonly id: string;
  readonly userId: string;
  readonly createdAt: EpochMs;
  readonly terms: MeterTerms;
  readonly counter: Counter;
}

/** There may be a million: what it does not have for itself alone stands in its terms. */
export class Meter implements MeterParts {
  readonly id: string;
  readonly userId: string;
  readonly createdAt: EpochMs;
  terms: MeterTerms;
  /** The open period and what was counted in it; of a meter that is ending, its last one. */
  counter: Counter;
  /** Ended periods that wait for late usage. */
  settling: Settling | null = null;
  /** True once the meter has left the tables; indexes drop it when they next meet it. */
  deleted = false;
  /** The last walk for a snapshot that need not write it any more (`touch`). */
  pass = 0;

  constructor({ id, userId, createdAt, terms, counter }: MeterParts) {
    this.id = id;
    this.userId = userId;
    this.createdAt = createdAt;
    this.terms = terms;
    this.counter = counter;
  }

  get type(): MeterType {
    return this.terms.type;
  }

  get accountId(): string {
    return this.terms.type.accountId;
  }

  get meterKey(): string {
    return this.terms.meterKey;
  }

  get timezone(): string {
    return this.terms.timezone;
  }

  get unit(): string {
    return this.terms.unit;
  }

  get customFields(): JsonObject {
    return this.terms.customFields;
  }

  get capacity(): Decimal | null {
    return this.terms.capacity;
  }

  get thresholds(): readonly Threshold[] {
    return this.terms.thresholds;
  }

  get deleteOnReset(): boolean {
    return this.terms.deleteOnReset;
  }

  get periodStart(): EpochMs {
    return this.counter.periodStart;
  }

  /** The first instant of the next period. */
  get periodEnd(): EpochMs {
    return this.counter.periodEnd;
  }

  get updatedAt(): EpochMs {
    return this.counter.updatedAt;
  }

  /** When something of the meter must be closed or flushed next. */
  get dueAt(): EpochMs {
    const { settling, counter } = this;
    if (settling === null) return counter.periodEnd;
    const flushAt = settling.periods[0]?.flushAt ?? counter.periodEnd;
    return settling.isEnding || flushAt < counter.periodEnd ? flushAt : counter.periodEnd;
  }
}

export interface Processor {
  readonly accountId: string;
  readonly meterKey: string;
  readonly createdAt: EpochMs;
  fields: ProcessorFields;
  /** What `fields` say of judging records, prepared. */
  judging: Judging;
  updatedAt: EpochMs;
  /** Ids of counted records. */
  ids: IdMemory;
  /** Ids counted before this instant may be forgotten: the window was shorter then. */
  idsKnownSince: EpochMs;
  /** Waiting data-correction items, and those with a record id by their fingerprint. */
  waitingCorrections: number;
  readonly waiting: WaitingItems;
  waitingByFingerprint: Map<string, Position>;
  tally: Tally;
  flow: Flow;
}

/** The meters that name one meter key, whether or not a processor has it. */
export interface KeyIndex {
  readonly byUser: UserIndex;
  /** Those of meters made lately, by their type. */
  readonly terms: WeakMap<MeterType, MeterTerms>;
  count: number;
}

export interface AccountState {
  readonly account: Account;
  readonly meterTypes: Map<string, MeterType>;
  readonly meterTypesByName: Map<string, MeterType>;
  readonly meterTypesByExternalRef: Map<string, MeterType>;
  readonly processors: Map<string, Processor>;
  readonly keys: Map<string, KeyIndex>;
  readonly destinations: Map<string, Destination>;
  meterCount: number;
  waitingCorrections: number;
}

export interface Settings {
  readonly futureToleranceMs: number;
  readonly correctionsPerAccountMax: number;
  /** Whether usage over time is kept; it is where nothing is said. */
  readonly usageWindows?: boolean;
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
  /** Unfinished actions on data correction, in the order in which they were asked for. */
  readonly correctionActions: Map<string, CorrectionAction> = new Map();
  /** The walk for a snapshot that goes on now, and how many there were. */
  pass: SnapshotPass | null = null;
  passes = 0;
  /** Folders of file destinations of all accounts, without case, and whose they are. */
  readonly exportFolders: Map<string, string> = new Map();
  /** Grows with every change of a destination, so that whoever follows them need not compare. */
  destinationChanges = 0;
  /** Where ids lie that are not in memory; which they are changes no answer. */
  idRuns: readonly IdRun[] = [];
}

/** Must be called before anything of a meter changes: a snapshot may still have to write it. */
export function touch({ pass, passes }: State, meter: Meter): void {
  if (pass !== null && meter.pass !== passes) pass.keep(meter);
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
  return account.keys.get(meterKey)?.byUser.get(userId) ?? noMeters;
}

const noMeters: readonly Meter[] = [];

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
