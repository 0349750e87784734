// The whole state as sections of a snapshot file, and back. A restored state answers, counts and
// flushes exactly as the one that was written; what can be derived (indexes, compiled rules) is
// derived again. Recovery is the newest snapshot and the journal's entries after it.
import { insertAccount, insertMeterType } from "./account-tables.ts";
import { actionFromRow, actionToRow, type CorrectionActionRow } from "./correction-action.ts";
import type { Decimal } from "./decimal.ts";
import type { Access, Account } from "./definitions.ts";
import type { Destination } from "./destination.ts";
import { putDestination } from "./destination-table.ts";
import { parseExactJson, writeExactJson } from "./exact-json.ts";
import { ExactSum } from "./exact-sum.ts";
import { readFingerprintKey } from "./fingerprint.ts";
import { type GroupsRow, groupSections } from "./group-dump.ts";
import { GroupKeys } from "./group-keys.ts";
import { prepareJudging } from "./guiding-rule.ts";
import { IdMemory } from "./id-memory.ts";
import { readMeterRows } from "./meter-row.ts";
import { insertMeter } from "./meter-tables.ts";
import type { IdRun } from "./old-ids.ts";
import type { Position } from "./output.ts";
import { assert } from "./problem.ts";
import { newFlow, newTally, wholeFields } from "./processor-tables.ts";
import {
  type AccountState,
  type MeterType,
  type Processor,
  type Settings,
  State,
} from "./state.ts";
import type { ZoneTimetable } from "./timetable.ts";
import { WaitingItems } from "./waiting-items.ts";

/** A named part of a state, in the order in which `restoreState` wants them. */
export type Section =
  | { readonly name: string; readonly text: string }
  | { readonly name: string; readonly bytes: Uint8Array };

/** Waiting data-correction items of one section. */
const itemsPerSection = 20_000;

interface HeadRow {
  readonly partition: number;
  readonly fingerprintKey: string;
  readonly seq: number;
  readonly time: number;
  readonly settings: Settings;
  readonly idRuns: readonly IdRun[];
}

type MeterTypeRow = Omit<MeterType, "timetables" | "numberOfMeters" | "groupKeys" | "sums"> & {
  readonly timetables: readonly [string, ZoneTimetable][];
  readonly sums: Omit<MeterType["sums"], "accepted"> & { readonly accepted: Decimal };
};

type ProcessorRow = Omit<Processor, "judging" | "ids" | "waiting" | "waitingByFingerprint"> & {
  /** Rows in the sections that follow, and the runs that hold older ones. */
  readonly ids: { readonly rows: number; readonly runs: readonly number[] };
};

/** Fingerprints of waiting records, and the positions of their items. */
type WaitingIdsRow = readonly [readonly string[], readonly Position[]];

/** All but the meters, in the order in which `restoreState` wants them. */
export function* definitionSections(state: State): Generator<Section> {
  yield text<HeadRow>("head", {
    partition: state.partition,
    fingerprintKey: state.fingerprintKeyHex,
    seq: state.seq,
    time: state.time,
    settings: state.settings,
    idRuns: state.idRuns,
  });
  yield text<readonly Access[]>("accesses", [...state.accesses.values()]);
  for (const account of state.accounts.values()) yield* accountSections(account);
  for (const action of state.correctionActions.values()) {
    yield text<CorrectionActionRow>("correction-action", actionToRow(action));
  }
}

/** The state that the sections of a snapshot describe. Throws only when a promise of ours was broken. */
export function restoreState(sections: Iterable<Section>): State {
  const restorer = new Restorer();
  for (const section of sections) restorer.take(section);
  return restorer.state;
}

/** The same, section by section: a large snapshot need not stand in memory beside its state. */
export class Restorer {
  readonly state: State = new State();
  #account: AccountState | null = null;
  #processor: Processor | null = null;

  take(section: Section): void {
    if ("bytes" in section) {
      assert(section.name === "ids" && this.#processor !== null, "ids follow their processor");
      this.#processor.ids.load(section.bytes);
    } else if (section.name === "meters") {
      restoreMeters(this.state, section.text);
    } else {
      const rows = parseExactJson(section.text);
      assert(rows !== undefined, `section ${section.name} is readable`);
      this.#takeRows(section.name, rows);
    }
  }

  #takeRows(name: string, rows: unknown): void {
    const { state } = this;
    switch (name) {
      case "head":
        restoreHead(state, rows as HeadRow);
        break;
      case "accesses":
        for (const access of rows as Access[]) state.accesses.set(access.clientId, access);
        break;
      case "account":
        this.#account = insertAccount(state, rows as Account);
        break;
      case "meter-types":
        assert(this.#account !== null, "meter types follow their account");
        for (const row of rows as MeterTypeRow[]) restoreMeterType(state, this.#account, row);
        break;
      case "groups": {
        const { meterTypeId, groups } = rows as GroupsRow;
        const type = state.meterTypes.get(meterTypeId);
        assert(type !== undefined, "groups follow their meter type");
        type.groupKeys.load(groups);
        break;
      }
      case "destinations":
        for (const row of rows as Destination[]) putDestination(state, row);
        break;
      case "processor":
        assert(this.#account !== null, "a processor follows its account");
        this.#processor = restoreProcessor(this.#account, rows as ProcessorRow);
        break;
      case "waiting-items":
        assert(this.#processor !== null, "waiting items follow their processor");
        this.#processor.waiting.load(rows as number[]);
        break;
      case "waiting-ids": {
        assert(this.#processor !== null, "waiting ids follow their processor");
        const [keys, positions] = rows as WaitingIdsRow;
        for (const [at, position] of positions.entries()) {
          this.#processor.waitingByFingerprint.set(keys[at] ?? "", position);
        }
        break;
      }
      case "correction-action": {
        const action = actionFromRow(rows as CorrectionActionRow);
        state.correctionActions.set(action.order.id, action);
        break;
      }
      default:
        assert(false, `section ${name} is known`);
    }
  }
}

function text<T>(name: string, rows: T): Section {
  return { name, text: writeExactJson(rows) };
}

/** A section of what never changes, written when it is read: there may be millions. */
class LaterText {
  readonly name: string;
  readonly #rows: () => unknown;

  constructor(name: string, rows: () => unknown) {
    this.name = name;
    this.#rows = rows;
  }

  get text(): string {
    return writeExactJson(this.#rows());
  }
}

function* waitingIdSections(waiting: ReadonlyMap<string, Position>): Generator<Section> {
  const [keys, positions] = [[...waiting.keys()], [...waiting.values()]];
  for (let from = 0; from < keys.length; from += itemsPerSection) {
    const to = from + itemsPerSection;
    const rows = (): WaitingIdsRow => [keys.slice(from, to), positions.slice(from, to)];
    yield new LaterText("waiting-ids", rows);
  }
}

function* accountSections(account: AccountState): Generator<Section> {
  yield text<Account>("account", account.account);
  const types = [...account.meterTypes.values()].map((type): MeterTypeRow => {
    const { timetables, numberOfMeters: _, groupKeys: __, sums, ...row } = type;
    const parts = { ...sums, accepted: sums.accepted.decimal };
    return { ...row, timetables: [...timetables], sums: parts };
  });
  yield text("meter-types", types);
  for (const { id, groupKeys } of account.meterTypes.values()) {
    yield* groupSections(id, groupKeys.copy());
  }
  yield text<readonly Destination[]>("destinations", [...account.destinations.values()]);
  for (const processor of account.processors.values()) {
    const { judging: _, ids, waiting, waitingByFingerprint, ...row } = processor;
    const held = { rows: ids.rows, runs: ids.runs };
    yield text<ProcessorRow>("processor", { ...row, ids: held });
    for (const piece of waiting.pieces(itemsPerSection)) {
      yield new LaterText("waiting-items", () => piece);
    }
    yield* waitingIdSections(waitingByFingerprint);
    yield* ids.dump();
  }
}

function restoreHead(state: State, head: HeadRow): void {
  state.partition = head.partition;
  state.fingerprintKeyHex = head.fingerprintKey;
  state.fingerprintKey = readFingerprintKey(head.fingerprintKey);
  state.seq = head.seq;
  state.time = head.time;
  state.settings = head.settings;
  state.idRuns = head.idRuns;
}

function restoreMeterType(state: State, account: AccountState, row: MeterTypeRow): void {
  const { sums, timetables, ...own } = row;
  const type: MeterType = {
    ...own,
    timetables: new Map(timetables),
    numberOfMeters: 0,
    groupKeys: new GroupKeys(),
    sums: { ...sums, accepted: new ExactSum(sums.accepted) },
  };
  insertMeterType(state, account, type);
}

function restoreProcessor(account: AccountState, row: ProcessorRow): Processor {
  const { ids, ...fields } = row;
  const whole = wholeFields(fields.fields);
  const processor: Processor = {
    ...fields,
    fields: whole,
    tally: { ...newTally(), ...fields.tally },
    flow: { ...newFlow(), ...fields.flow },
    judging: prepareJudging(whole),
    ids: new IdMemory(ids.rows, ids.runs),
    waiting: new WaitingItems(),
    waitingByFingerprint: new Map(),
  };
  account.processors.set(processor.meterKey, processor);
  account.waitingCorrections += processor.waitingCorrections;
  return processor;
}

function restoreMeters(state: State, text: string): void {
  for (const meter of readMeterRows(state, text)) {
    const account = state.accounts.get(meter.accountId);
    assert(account !== undefined, "a meter's account comes first");
    insertMeter(state, account, meter);
  }
}
