// A new meter processor's place in the state: compiled rules, an empty memory of ids, zero
// tallies. Whether its key is free is decided before.
import type { ProcessorFields } from "./definitions.ts";
import type { Flow, Tally } from "./figures.ts";
import { prepareJudging } from "./guiding-rule.ts";
import { IdMemory } from "./id-memory.ts";
import type { EpochMs } from "./ports.ts";
import type { Processor } from "./state.ts";
import { WaitingItems } from "./waiting-items.ts";

export function newProcessor(made: {
  accountId: string;
  meterKey: string;
  fields: ProcessorFields;
  createdAt: EpochMs;
}): Processor {
  const fields = wholeFields(made.fields);
  return {
    ...made,
    fields,
    judging: prepareJudging(fields),
    updatedAt: made.createdAt,
    ids: new IdMemory(),
    idsKnownSince: 0,
    waitingCorrections: 0,
    waiting: new WaitingItems(),
    waitingByFingerprint: new Map(),
    tally: newTally(),
    flow: newFlow(),
  };
}

/** With the members that were not offered when an older entry or snapshot was written. */
export function wholeFields(fields: ProcessorFields): ProcessorFields {
  return "lateUsage" in fields ? fields : { ...offeredLater, ...(fields as ProcessorFields) };
}

const offeredLater = { settlingSeconds: 0, lateUsage: "current" } as const;

export function newFlow(): Flow {
  return { accepted: 0, metered: 0, settling: 0, live: 0, discarded: 0 };
}

export function newTally(): Tally {
  return {
    received: 0,
    counted: 0,
    duplicates: 0,
    rejected: 0,
    dropped: 0,
    repeated: 0,
    superseded: 0,
    reprocessed: 0,
    deleted: 0,
    expired: 0,
    meteredRecords: 0,
    thresholdEvents: 0,
  };
}
