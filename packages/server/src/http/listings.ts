// What the routes need of the projections, declared here so that they depend on none of them.
// projection/database.ts has this shape; what a success answer told of is in it already.
import type { WaitingItem } from "../core/entry.ts";
import type { AuditEvent, AuditFigures, Discarded, Position } from "../core/output.ts";
import type { EpochMs } from "../core/ports.ts";
import type { Place } from "../core/position-list.ts";
import type { Fault, Result } from "../core/problem.ts";
import type { UsagePiece } from "../core/usage-answer.ts";

export type SortOrder = "ASC" | "DESC";

/** A piece of a list: 1 to 100 items after the first `skip`. */
export interface Page {
  readonly limit: number;
  readonly skip: number;
}

export interface CursorPage extends Page {
  readonly sortOrder: SortOrder;
  /** As given out with the page before; keeps a place, not the filter. */
  readonly cursor?: string | undefined;
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
  readonly detail?: string | undefined;
  readonly userId?: string | undefined;
  readonly recordId?: string | undefined;
  readonly from?: EpochMs | undefined;
  readonly to?: EpochMs | undefined;
}

/** What waits with one reason and detail at one meter key. */
export interface CorrectionSummary {
  readonly meterKey: string;
  readonly reason: string;
  readonly detail: string;
  readonly count: number;
  readonly firstSeenAt: EpochMs;
  readonly lastSeenAt: EpochMs;
}

/** Data correction beyond the list of its items. */
export interface CorrectionListings {
  readonly lists: {
    /** Of waiting items, the most frequent error first. */
    summarize(
      filter: Pick<CorrectionFilter, "accountId" | "meterKey" | "reason">,
      page: Page,
    ): { readonly groups: readonly CorrectionSummary[]; readonly total: number };
  };
  readonly worked: {
    count(filter: CorrectionFilter): number;
    /** Positions of items that match, after a row that an earlier call named. */
    choose(
      filter: CorrectionFilter,
      from: { readonly afterNo: number; readonly limit: number },
    ): { readonly places: readonly Place[]; readonly lastNo: number };
    /** In the same order, perhaps fewer; null for one that does not wait. */
    waiting(
      accountId: string,
      positions: readonly Position[],
      unitsMax: number,
    ): readonly (WaitingItem | null)[];
    /** JSON text of an action of this account. */
    action(accountId: string, id: string): string | undefined;
    /** JSON texts, the newest first. */
    actions(
      accountId: string,
      page: Page,
    ): { readonly texts: readonly string[]; readonly total: number };
  };
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

/** `from` and `to` are half-open on the start of the row, or of the hour. */
export interface AuditFilter {
  readonly accountId: string;
  readonly meterKey?: string | undefined;
  readonly kind?: AuditEvent | undefined;
  readonly from?: EpochMs | undefined;
  readonly to?: EpochMs | undefined;
}

/** What one processor did within a second. */
export interface AuditRow {
  readonly id: string;
  readonly meterKey: string;
  readonly kind: AuditEvent;
  readonly startedAt: EpochMs;
  readonly endedAt: EpochMs;
  readonly figures: AuditFigures;
  readonly rejectedByReason: Readonly<Record<string, number>>;
  readonly discarded: Discarded | null;
}

/** What its rows of one hour add up to. */
export interface AuditHour {
  readonly meterKey: string;
  readonly from: EpochMs;
  readonly rows: number;
  readonly deletedMeters: number;
  readonly figures: AuditFigures;
  readonly rejectedByReason: Readonly<Record<string, number>>;
}

export interface AuditPage<Row> {
  readonly rows: readonly Row[];
  readonly total: number;
  /** Null on the last page. */
  readonly nextCursor: string | null;
}

/** Any of them throws `NoRoomError` while what was told of finds no room. */
export interface AuditListings {
  list(filter: AuditFilter, page: CursorPage): Result<AuditPage<AuditRow>, Fault>;
  listHours(filter: AuditFilter, page: CursorPage): Result<AuditPage<AuditHour>, Fault>;
  stream(filter: AuditFilter, sortOrder: SortOrder): Iterable<readonly AuditRow[]>;
  streamHours(filter: AuditFilter, sortOrder: SortOrder): Iterable<readonly AuditHour[]>;
}

export interface ThresholdEventPage {
  /** JSON texts as they go out, by position. */
  readonly events: readonly string[];
  readonly total: number;
  /** Null on the last page. */
  readonly nextCursor: string | null;
}

/** Here `from` and `to` are half-open on the time of the event. */
export interface ThresholdEventListings {
  /** A cursor that is not one of this list is a fault of the parameter `cursor`. */
  list(filter: MeteredRecordFilter, page: CursorPage): Result<ThresholdEventPage, Fault>;
  /** Everything that matches at the time of the call, in bounded chunks of JSON texts. */
  stream(filter: MeteredRecordFilter, sortOrder: SortOrder): Iterable<readonly string[]>;
}

export interface UsagePieceQuery {
  readonly meterId: string;
  /** Quarter-hours and days that start in `from <= t < to`; `from` on a quarter-hour. */
  readonly from: EpochMs;
  readonly to: EpochMs;
  /** Days are those of the meter's own zone, of what is kept in no finer form. */
  readonly detail: "minutes" | "quarters" | "quarters-and-days";
  readonly withGroups: boolean;
}

export interface UsageListings {
  /** What a meter has counted, but for what is open; null when that is more than one may read. */
  pieces(query: UsagePieceQuery): readonly UsagePiece[] | null;
}

/** A period that has ended and is not flushed yet. */
export interface SettlingPeriod {
  readonly meterId: string;
  readonly periodEnd: EpochMs;
}

export interface SettlingListings {
  /** By the period's end, then by meter. */
  list(
    filter: MeteredRecordFilter,
    page: Page & { readonly sortOrder: SortOrder },
  ): { readonly periods: readonly SettlingPeriod[]; readonly total: number };
  /** Everything that matches, in bounded chunks. */
  stream(filter: MeteredRecordFilter, sortOrder: SortOrder): Iterable<readonly SettlingPeriod[]>;
}

export interface Listings {
  readonly settling: SettlingListings;
  readonly usage: UsageListings;
  readonly corrections: CorrectionListings;
  readonly audit: AuditListings;
  readonly thresholdEvents: ThresholdEventListings;
  listMeters(query: MeterFilter & Page): {
    readonly ids: readonly string[];
    readonly total: number;
  };
  /** A cursor that is not one of this list is a fault of the parameter `cursor`. */
  listMeteredRecords(
    filter: MeteredRecordFilter,
    page: CursorPage,
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
