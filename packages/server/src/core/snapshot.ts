// The whole state as sections of a snapshot file, and back. A restored state answers, counts and
// flushes exactly as the one that was written; what can be derived (indexes, compiled rules) is
// derived again. Recovery is the newest snapshot and the journal's entries after it.
import { insertAccount, insertMeterType } from "./account-tables.ts";
import type { Access, Account } from "./definitions.ts";
import { parseExactJson, writeExactJson } from "./exact-json.ts";
import { readFingerprintKey } from "./fingerprint.ts";
import { compileRules } from "./guiding-rule.ts";
import { IdMemory } from "./id-memory.ts";
import { type MeterRow, meterFromRow, meterToRow } from "./meter-row.ts";
import { insertMeter } from "./meter-tables.ts";
import type { IdRun } from "./old-ids.ts";
import type { Position } from "./output.ts";
import { assert } from "./problem.ts";
import {
  type AccountState,
  type MeterType,
  type Processor,
  type Settings,
  State,
} from "./state.ts";
import type { ZoneTimetable } from "./timetable.ts";

/** A named part of a state, in the order in which `restoreState` wants them. */
export type Section =
  | { readonly name: string; readonly text: string }
  | { readonly name: string; readonly bytes: Uint8Array };

/** Meters of one section: bounds the text that is built at once. */
const metersPerSection = 2_000;

interface HeadRow {
  readonly partition: number;
  readonly fingerprintKey: string;
  readonly seq: number;
  readonly time: number;
  readonly settings: Settings;
  readonly idRuns: readonly IdRun[];
}

type MeterTypeRow = Omit<MeterType, "timetables" | "numberOfMeters"> & {
  readonly timetables: readonly [string, ZoneTimetable][];
};

type ProcessorRow = Omit<Processor, "rules" | "ids" | "waitingByFingerprint"> & {
  readonly waiting: readonly [string, Position][];
  /** Rows in the sections that follow, and the runs that hold older ones. */
  readonly ids: { readonly rows: number; readonly runs: readonly number[] };
};

/** Sections in the order in which `restoreState` wants them. */
export function* stateSections(state: State): Generator<Section> {
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
  let rows: MeterRow[] = [];
  for (const meter of state.meters.values()) {
    rows.push(meterToRow(meter));
    if (rows.length < metersPerSection) continue;
    yield { name: "meters", text: JSON.stringify(rows) };
    rows = [];
  }
  yield { name: "meters", text: JSON.stringify(rows) };
}

/** The state that `stateSections` described. Throws only when a promise of ours was broken. */
export function restoreState(sections: Iterable<Section>): State {
  const state = new State();
  let account: AccountState | null = null;
  let processor: Processor | null = null;
  for (const section of sections) {
    if ("bytes" in section) {
      assert(section.name === "ids" && processor !== null, "ids follow their processor");
      processor.ids.load(section.bytes);
      continue;
    }
    if (section.name === "meters") {
      for (const row of JSON.parse(section.text) as MeterRow[]) restoreMeter(state, row);
      continue;
    }
    const rows = parseExactJson(section.text);
    assert(rows !== undefined, `section ${section.name} is readable`);
    switch (section.name) {
      case "head":
        restoreHead(state, rows as HeadRow);
        break;
      case "accesses":
        for (const access of rows as Access[]) state.accesses.set(access.clientId, access);
        break;
      case "account":
        account = insertAccount(state, rows as Account);
        break;
      case "meter-types":
        assert(account !== null, "meter types follow their account");
        for (const row of rows as MeterTypeRow[]) restoreMeterType(state, account, row);
        break;
      case "processor":
        assert(account !== null, "a processor follows its account");
        processor = restoreProcessor(account, rows as ProcessorRow);
        break;
      default:
        assert(false, `section ${section.name} is known`);
    }
  }
  return state;
}

function text<T>(name: string, rows: T): Section {
  return { name, text: writeExactJson(rows) };
}

function* accountSections(account: AccountState): Generator<Section> {
  yield text<Account>("account", account.account);
  const types = [...account.meterTypes.values()].map((type): MeterTypeRow => {
    const { timetables, numberOfMeters: _, ...row } = type;
    return { ...row, timetables: [...timetables] };
  });
  yield text("meter-types", types);
  for (const processor of account.processors.values()) {
    const { rules: _, ids, waitingByFingerprint, ...row } = processor;
    const held = { rows: ids.rows, runs: ids.runs };
    yield text<ProcessorRow>("processor", {
      ...row,
      waiting: [...waitingByFingerprint],
      ids: held,
    });
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
  const type: MeterType = { ...row, timetables: new Map(row.timetables), numberOfMeters: 0 };
  insertMeterType(state, account, type);
}

function restoreProcessor(account: AccountState, row: ProcessorRow): Processor {
  const { waiting, ids, ...fields } = row;
  const processor: Processor = {
    ...fields,
    rules: compileRules(row.fields.guidingRules),
    ids: new IdMemory(ids.rows, ids.runs),
    waitingByFingerprint: new Map(waiting),
  };
  account.processors.set(processor.meterKey, processor);
  account.waitingCorrections += processor.waitingCorrections;
  return processor;
}

function restoreMeter(state: State, row: MeterRow): void {
  const account = state.accounts.get(row.accountId);
  const type = state.meterTypes.get(row.typeId);
  assert(account !== undefined && type !== undefined, "a meter's account and type come first");
  insertMeter(state, account, meterFromRow(state, row, type));
}
