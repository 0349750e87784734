// A projection in memory that keeps the contract of the engine's OutputStore: each output once, in
// groups, visible at once, durable at the next flush. A power cut leaves a prefix of the groups.
// It never answers more than it was given, so that tests can compare it with the journal.
import type {
  AuditOutput,
  CorrectionActionOutput,
  CorrectionChangedOutput,
  CorrectionExpiredOutput,
  CorrectionOutput,
  MeteredRecordOutput,
  Output,
  PeriodSettledOutput,
  PeriodWaitingOutput,
  ThresholdEventOutput,
  UsageWindowOutput,
} from "../../src/core/output.ts";
import { positionText } from "../../src/core/output.ts";
import { assert } from "../../src/core/problem.ts";
import type { OutputStore } from "../../src/engine/stores.ts";
import type { SeededRandom } from "./seeded-random.ts";

type CorrectionWork = CorrectionChangedOutput | CorrectionExpiredOutput | CorrectionActionOutput;

/** What a list of meters needs of a meter; the meter itself changes under us. */
type Fact =
  | AuditOutput
  | UsageWindowOutput
  | CorrectionWork
  | MeteredRecordOutput
  | ThresholdEventOutput
  | PeriodWaitingOutput
  | PeriodSettledOutput
  | CorrectionOutput
  | { readonly kind: "superseded"; readonly item: string }
  | { readonly kind: "listed"; readonly meterId: string }
  | { readonly kind: "unlisted"; readonly meterId: string };

interface Group {
  readonly seq: number;
  readonly facts: readonly Fact[];
}

export class MemoryOutputs implements OutputStore {
  readonly meteredRecords: Map<string, MeteredRecordOutput> = new Map();
  readonly thresholdEvents: Map<string, ThresholdEventOutput> = new Map();
  readonly corrections: Map<string, CorrectionOutput> = new Map();
  readonly superseded: Set<string> = new Set();
  readonly meters: Set<string> = new Set();
  /** Periods that wait: meter and end. */
  readonly settling: Set<string> = new Set();
  /** What was done in data correction, in the order of their positions. */
  readonly correctionWork: CorrectionWork[] = [];
  /** In the order of their positions. */
  readonly audits: AuditOutput[] = [];
  /** Quarter-hours that were told, in the order of their positions. */
  readonly windows: UsageWindowOutput[] = [];
  /** Thrown by the next `store`, once. */
  failure: Error | null = null;
  readonly #groups: Group[] = [];
  #durable = 0;
  #closed = false;

  get appliedSeq(): number {
    return this.#groups.at(-1)?.seq ?? 0;
  }

  store(outputs: readonly Output[], seq: number): void {
    assert(!this.#closed, "the projection is closed");
    if (this.failure !== null) {
      const { failure } = this;
      this.failure = null;
      throw failure;
    }
    const { appliedSeq } = this;
    if (seq <= appliedSeq) return;
    for (const output of outputs) {
      if ("position" in output) assert(output.position.seq <= seq, "an output is of its group");
    }
    const fresh = outputs.filter(
      (output) => !("position" in output) || output.position.seq > appliedSeq,
    );
    this.#take({ seq, facts: fresh.map(factOf) });
  }

  flush(): void {
    assert(!this.#closed, "the projection is closed");
    this.#durable = this.#groups.length;
  }

  close(): void {
    assert(!this.#closed, "the projection is closed");
    this.#closed = true;
    this.#durable = this.#groups.length;
  }

  /** Metered records in the order of their positions. */
  records(): readonly MeteredRecordOutput[] {
    return [...this.meteredRecords.values()];
  }

  /** The file as a new process finds it: whole, or after a power cut a prefix of its groups. */
  reopened(powerCut: SeededRandom | null): MemoryOutputs {
    const kept =
      powerCut === null
        ? this.#groups.length
        : powerCut.integer(this.#durable, this.#groups.length);
    const found = new MemoryOutputs();
    for (const group of this.#groups.slice(0, kept)) found.#take(group);
    found.#durable = kept;
    return found;
  }

  #take(group: Group): void {
    this.#groups.push(group);
    for (const fact of group.facts) this.#show(fact);
  }

  #show(fact: Fact): void {
    switch (fact.kind) {
      case "metered-record":
        this.#insert(this.meteredRecords, fact);
        break;
      case "threshold-event":
        this.#insert(this.thresholdEvents, fact);
        break;
      case "correction":
        this.#insert(this.corrections, fact);
        break;
      case "superseded":
        this.superseded.add(fact.item);
        break;
      case "period-waiting":
        this.settling.add(`${fact.meterId} ${fact.periodEnd}`);
        break;
      case "period-settled":
        this.settling.delete(`${fact.meterId} ${fact.periodEnd}`);
        break;
      case "listed":
        this.meters.add(fact.meterId);
        break;
      case "unlisted":
        this.meters.delete(fact.meterId);
        break;
      case "audit":
        this.audits.push(fact);
        break;
      case "usage-window":
        this.windows.push(fact);
        break;
      case "correction-changed":
      case "correction-expired":
      case "correction-action":
        this.correctionWork.push(fact);
        break;
    }
  }

  #insert<T extends MeteredRecordOutput | ThresholdEventOutput | CorrectionOutput>(
    table: Map<string, T>,
    fact: T,
  ): void {
    const position = positionText(fact.position);
    assert(!table.has(position), `two outputs at ${position}`);
    table.set(position, fact);
  }
}

function factOf(output: Output): Fact {
  switch (output.kind) {
    case "metered-record":
    case "threshold-event":
    case "correction":
    case "period-waiting":
    case "period-settled":
      return output;
    case "correction-superseded":
      return { kind: "superseded", item: positionText(output.item) };
    case "meter-listed":
      return { kind: "listed", meterId: output.meter.id };
    case "meter-unlisted":
      return { kind: "unlisted", meterId: output.meterId };
    case "audit":
    case "usage-window":
    case "correction-changed":
    case "correction-expired":
    case "correction-action":
      return output;
  }
}
