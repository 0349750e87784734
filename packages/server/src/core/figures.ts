// What counting adds up as it goes, record by record: what the law of conservation is about
// (docs/spec/conservation.md), and what the usage audit tells. Only numbers; conservation.ts and
// census.ts compare them with the counters.
import type { Decimal } from "./decimal.ts";
import type { ExactSum } from "./exact-sum.ts";

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
  /** Of the waiting: counted by reprocessing, deleted by a caller, gone after their time. */
  reprocessed: number;
  deleted: number;
  expired: number;
  meteredRecords: number;
  thresholdEvents: number;
}

/** Records in the meters of one processor: a record that changed two meters stands here twice (CO3). */
export interface Flow {
  accepted: number;
  /** Of the accepted: told in metered records. */
  metered: number;
  /** Of the accepted: in ended periods that wait for late usage. */
  settling: number;
  /** Of the accepted: in open periods. */
  live: number;
  /** Of the accepted: in the open periods of meters that were deleted. */
  discarded: number;
}

/** The same in amounts; what is live stands in the meters themselves (CO4). */
export interface Sums {
  readonly accepted: ExactSum;
  metered: Decimal;
  discarded: Decimal;
}
