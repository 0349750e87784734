// The verdict over one world: its ledger is replayed beside the oracle, entry by entry, and compared
// with what callers were told, what the stores hold and what the engine shows. Each check has a
// name, and the first fault is thrown as a sentence with it.
import { apply } from "../../src/core/apply.ts";
import { conservationFault } from "../../src/core/conservation.ts";
import type { Entry } from "../../src/core/entry.ts";
import type { AuditOutput, Output } from "../../src/core/output.ts";
import { State } from "../../src/core/state.ts";
import type { JournalStore } from "../../src/engine/stores.ts";
import { auditFaults } from "../support/audit-model.ts";
import { stateDigest } from "../support/state-digest.ts";
import { type Attempt, areSameEntries } from "./ledger.ts";
import { type Expected, Oracle } from "./oracle.ts";
import {
  liveTexts,
  meteredText,
  outcomeTexts,
  outputText,
  textOf,
  thresholdText,
} from "./texts.ts";

export const checks = [
  "oracle",
  "nothing lost",
  "nothing twice",
  "conservation",
  "periods in order",
  "restart equals replay",
  "replays equal",
  "bounded queues",
  "everything emitted",
] as const;
export type Check = (typeof checks)[number];

/** A promise that a world found broken. */
export class Broken extends Error {
  readonly check: Check;

  constructor(check: Check, message: string) {
    super(`${check}: ${message}`);
    this.check = check;
  }
}

export interface Evidence {
  readonly entries: readonly Entry[];
  readonly attempts: readonly Attempt[];
  readonly journal: JournalStore;
  /** Of the running engine; its digest, and that of before its last start. */
  readonly state: State;
  readonly digest: readonly string[];
  readonly digestBefore: readonly string[];
  /** Everything that the projection holds. */
  readonly stored: readonly string[];
  /** Whether the journal's bytes are replayed as a whole once more, which takes its time. */
  readonly isReplayedTwice: boolean;
  /** Whether ids lie on the disk too: where each lies makes no difference, so it is left out. */
  readonly isSpilling: boolean;
}

/** What the verdict rests on, for the report. */
export interface Weighed {
  readonly records: number;
  readonly meteredRecords: number;
  readonly thresholdEvents: number;
  /** Ended periods that waited for late usage. */
  readonly waitingPeriods: number;
  /** Records that found their period closed. */
  readonly tooLate: number;
  readonly acknowledged: number;
}

export async function judge(evidence: Evidence): Promise<Weighed> {
  const { entries, attempts, state, stored } = evidence;
  const told = replayBesideOracle(entries);
  if (evidence.isReplayedTwice) await judgeSecondReplay(evidence, told);
  judgeDigests(evidence, told);
  const conserved = conservationFault(state);
  if (conserved !== null) throw new Broken("conservation", conserved);
  const twice = stored.find((text, index) => text !== told.outputs[index]);
  if (stored.length !== told.outputs.length || twice !== undefined) {
    throw new Broken("nothing twice", `the projection holds ${twice ?? "more or fewer outputs"}`);
  }
  const acknowledged = judgeAttempts(attempts, told.outcomes);
  const { received } = told;
  const countOf = (kind: string): number =>
    stored.filter((text) => text.startsWith(`${kind} `)).length;
  return {
    records: received,
    meteredRecords: countOf("metered"),
    thresholdEvents: countOf("threshold"),
    waitingPeriods: countOf("waiting"),
    tooLate: stored.filter((text) => /^correction \S+ PERIOD_CLOSED /.test(text)).length,
    acknowledged,
  };
}

interface Told {
  /** By sequence, from 1. */
  readonly outcomes: readonly (readonly string[])[];
  readonly outputs: readonly string[];
  readonly digest: readonly string[];
  readonly received: number;
}

function replayBesideOracle(entries: readonly Entry[]): Told {
  const state = new State();
  const oracle = new Oracle();
  const outcomes: (readonly string[])[] = [[]];
  const outputs: string[] = [];
  let audits: AuditOutput[] = [];
  const ends = new Map<string, string>();
  for (const entry of entries) {
    const applied = apply(state, entry);
    const outcome = outcomeTexts(applied.outcome);
    const expected = oracle.take(entry.body, entry.time, listedIn(applied.outputs));
    const actual = actualOf(outcome, applied.outputs);
    if (!isSame(actual, expected)) {
      const where = `entry ${entry.seq} at ${new Date(entry.time).toISOString()}`;
      throw new Broken("oracle", `${where}, ${textOf({ body: entry.body, actual, expected })}`);
    }
    for (const text of actual.metered) followOn(ends, text, oracle.idle);
    outcomes.push(outcome);
    const { body } = entry;
    if (body.kind === "create-processor" && applied.outcome.kind === "processor") {
      // Counters begin anew; meters may have been flushed under the key before.
      const { accountId, meterKey } = body;
      audits = audits.filter((one) => one.accountId !== accountId || one.meterKey !== meterKey);
    }
    for (const output of applied.outputs) {
      outputs.push(outputText(output));
      if (output.kind === "audit") audits.push(output);
    }
  }
  const [unequal] = auditFaults(audits, state);
  if (unequal !== undefined) throw new Broken("conservation", unequal);
  const live = [...state.meters.values()].flatMap(liveTexts).sort();
  const expected = oracle.live();
  if (!areEqual(live, expected)) {
    throw new Broken("oracle", `open periods ${JSON.stringify({ live, expected })}`);
  }
  for (const text of live) followOn(ends, text, oracle.idle);
  let received = 0;
  for (const { tally } of oracle.processors.values()) received += tally.received;
  return { outcomes, outputs, digest: stateDigest(state), received };
}

function actualOf(outcome: readonly string[], outputs: readonly Output[]): Expected {
  const of = (kind: Output["kind"]): readonly string[] => textsOf(outputs, kind);
  return {
    outcome,
    metered: of("metered-record"),
    thresholds: of("threshold-event"),
    corrections: of("correction"),
    superseded: of("correction-superseded").length,
    unlisted: of("meter-unlisted"),
  };
}

function isSame(actual: Expected, expected: Expected): boolean {
  return (
    actual.superseded === expected.superseded &&
    areEqual(actual.outcome, expected.outcome) &&
    areEqual(actual.metered, expected.metered) &&
    areEqual(actual.thresholds, expected.thresholds) &&
    areEqual(actual.corrections, expected.corrections) &&
    areEqual(actual.unlisted, expected.unlisted)
  );
}

function areEqual(some: readonly string[], others: readonly string[] | undefined): boolean {
  if (others === undefined || some.length !== others.length) return false;
  return some.every((text, index) => text === others[index]);
}

/** A period begins where the meter's last one ended. */
function followOn(ends: Map<string, string>, text: string, idle: ReadonlySet<string>): void {
  const [id, start, end] = JSON.parse(text) as [string, string, string];
  const last = ends.get(id);
  ends.set(id, end);
  if (end <= start) throw new Broken("periods in order", `${text} has no length`);
  if (last !== undefined && last !== start && !idle.has(id)) {
    throw new Broken("periods in order", `${text} follows one that ended at ${last}`);
  }
}

/** The journal as it lies on the disk, from the first entry that it still has. */
async function judgeSecondReplay({ entries, journal }: Evidence, told: Told): Promise<void> {
  const kept: Entry[] = [];
  for await (const group of journal.replay(journal.startsAfter)) kept.push(...group);
  if (!areSameEntries(kept, entries.slice(journal.startsAfter))) {
    throw new Broken("nothing lost", "the journal holds other entries than became durable");
  }
  const again = new State();
  const outputs: string[] = [];
  for (const entry of [...entries.slice(0, journal.startsAfter), ...kept]) {
    for (const output of apply(again, entry).outputs) outputs.push(outputText(output));
  }
  if (!areEqual(outputs, told.outputs)) {
    throw new Broken("replays equal", "two replays have different outputs");
  }
  compareDigest("the second replay", stateDigest(again), told.digest);
}

function judgeDigests({ digest, digestBefore, isSpilling }: Evidence, told: Told): void {
  const view = isSpilling ? withoutIds : (lines: readonly string[]) => lines;
  const replayed = view(told.digest);
  compareDigest("the engine before its last start", view(digestBefore), replayed);
  compareDigest("the engine after its last start", view(digest), replayed);
}

function withoutIds(digest: readonly string[]): readonly string[] {
  return digest
    .filter((line) => !line.startsWith("ids "))
    .map((line) => line.replace(/"idRuns":\[.*?\]|"ids":\{"rows":\d+,"runs":\[.*?\]\}/, ""));
}

function compareDigest(which: string, digest: readonly string[], other: readonly string[]): void {
  if (areEqual(digest, other)) return;
  const at = digest.findIndex((line, place) => line !== other[place]);
  const lines = `${digest[at]?.slice(0, 2_000)} against ${other[at]?.slice(0, 2_000)}`;
  throw new Broken("restart equals replay", `${which}: ${lines}`);
}

/** What each caller was told is what its entry came to; who was refused left no trace. */
function judgeAttempts(
  attempts: readonly Attempt[],
  outcomes: readonly (readonly string[])[],
): number {
  let acknowledged = 0;
  for (const { label, seq, state, outcome, problem } of attempts) {
    if (state !== "answered") {
      if (state === "waiting") throw new Broken("everything emitted", `no answer: ${label}`);
      continue;
    }
    const entry = seq === null ? undefined : outcomes[seq];
    if (outcome !== null) {
      acknowledged += 1;
      if (!areEqual(outcome, entry)) {
        const texts = `told ${outcome.join(", ")}, but entry ${seq} came to ${entry?.join(", ")}`;
        throw new Broken("nothing lost", `${label}: ${texts}`);
      }
    } else if (problem !== null && !isOpen.test(problem)) {
      const isRefusal = entry?.length === 1 && entry[0] === `refused ${problem}`;
      if (entry !== undefined && !isRefusal) {
        throw new Broken("nothing twice", `${label}: told ${problem}, but entry ${seq} is there`);
      }
    }
  }
  return acknowledged;
}

/** Problems that leave open what became of the call. */
const isOpen = /^store-(?:failed|late)$/;

function listedIn(outputs: readonly Output[]): readonly string[] {
  return outputs.flatMap((output) => (output.kind === "meter-listed" ? [output.meter.id] : []));
}

function textsOf(outputs: readonly Output[], kind: Output["kind"]): readonly string[] {
  const texts: string[] = [];
  for (const output of outputs) {
    if (output.kind !== kind) continue;
    if (output.kind === "metered-record") texts.push(meteredText(output.json));
    else if (output.kind === "threshold-event") texts.push(thresholdText(output.json));
    else if (output.kind === "meter-unlisted") texts.push(output.meterId);
    else if (output.kind !== "correction") texts.push(kind);
    else texts.push(`${output.reason} ${output.userId} ${output.recordId}`);
  }
  return texts;
}
