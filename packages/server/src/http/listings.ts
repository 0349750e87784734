// What the routes need of the projections, declared here so that they depend on none of them.
// projection/database.ts has this shape; what a success answer told of is in it already.
import type { EpochMs } from "../core/ports.ts";
import type { Fault, Result } from "../core/problem.ts";

export type SortOrder = "ASC" | "DESC";

/** A piece of a list: 1 to 100 items after the first `skip`. */
export interface Page {
  readonly limit: number;
  readonly skip: number;
}

/** Filters are exact and joined by AND. */
export interface MeterFilter {
  readonly accountId: string;
  readonly meterKey?: string | undefined;
  readonly meterTypeId?: string | undefined;
  readonly userId?: string | undefined;
}

/** `from` and `to` are half-open on the period's end. */
export interface MeteredRecordFilter extends MeterFilter {
  readonly meterId?: string | undefined;
  readonly from?: EpochMs | undefined;
  readonly to?: EpochMs | undefined;
}

export interface MeteredRecordPage {
  /** JSON texts as they go out, by position. */
  readonly records: readonly string[];
  readonly total: number;
  /** Null on the last page. */
  readonly nextCursor: string | null;
}

export const correctionStates = ["waiting", "reprocessed", "superseded", "deleted"] as const;
export type CorrectionState = (typeof correctionStates)[number];

/** `from` and `to` are half-open on the time at which the record was received. */
export interface CorrectionFilter {
  readonly accountId: string;
  readonly state: CorrectionState;
  readonly meterKey?: string | undefined;
  readonly reason?: string | undefined;
  readonly userId?: string | undefined;
  readonly recordId?: string | undefined;
  readonly from?: EpochMs | undefined;
  readonly to?: EpochMs | undefined;
}

export interface CorrectionItem {
  readonly id: string;
  readonly meterKey: string;
  readonly userId: string | null;
  readonly recordId: string | null;
  readonly reason: string;
  readonly detail: string;
  /** The element as sent; bytes that are not UTF-8 show as U+FFFD. */
  readonly original: string;
  /** The exact bytes, only where `original` cannot show them. */
  readonly originalBase64?: string;
  /** JSON text of the record; null when the element is no JSON object. */
  readonly record: string | null;
  readonly state: CorrectionState;
  readonly attempts: number;
  readonly receivedAt: EpochMs;
  readonly updatedAt: EpochMs;
}

export interface Listings {
  listMeters(query: MeterFilter & Page): {
    readonly ids: readonly string[];
    readonly total: number;
  };
  /** A cursor that is not one of this list is a fault of the parameter `cursor`. */
  listMeteredRecords(
    filter: MeteredRecordFilter,
    page: Page & { readonly sortOrder: SortOrder; readonly cursor?: string | undefined },
  ): Result<MeteredRecordPage, Fault>;
  /** Everything that matches at the time of the call, in bounded chunks of JSON texts. */
  streamMeteredRecords(
    filter: MeteredRecordFilter,
    sortOrder: SortOrder,
  ): Iterable<readonly string[]>;
  listCorrections(
    filter: CorrectionFilter,
    page: Page & { readonly sortOrder: SortOrder },
  ): { readonly items: readonly CorrectionItem[]; readonly total: number };
}
