// The journal's entries: every change of the system, as data. Applying the same entries in the
// same order gives the same state and outputs, byte for byte; so an entry carries everything that
// comes from outside the core: its time, drawn ids, boundaries computed from zone rules, settings.
import type { CorrectionOrder } from "./correction-action.ts";
import type {
  MeterFields,
  MeterPatch,
  MeterTypeFields,
  MeterTypePatch,
  ProcessorFields,
  ProcessorPatch,
} from "./definitions.ts";
import type {
  DestinationFields,
  DestinationPatch,
  DisabledReason,
  DrawnSecret,
} from "./destination.ts";
import type { RejectionReason } from "./outcome.ts";
import type { Position } from "./output.ts";
import type { EpochMs } from "./ports.ts";
import type { PositionRows } from "./position-list.ts";
import type { UsageBody } from "./usage-body.ts";

/** Boundaries of one meter type in one zone: instants at which periods end, strictly ascending. */
export interface Timetable {
  readonly timezone: string;
  readonly boundaries: readonly EpochMs[];
}

/** First entry of a journal. */
export interface Genesis {
  readonly kind: "genesis";
  readonly partition: number;
  /** 16 random bytes in hex: keys the fingerprints of record ids and derived meter ids. */
  readonly fingerprintKey: string;
}

/** Settings that judge records; written when they differ from the last ones. */
export interface Configure {
  readonly kind: "configure";
  readonly futureToleranceMs: number;
  /** Waiting data-correction items an account may have. */
  readonly correctionsPerAccountMax: number;
  /** Whether usage over time is kept; it is where nothing is said. */
  readonly usageWindows?: boolean;
}

export interface CreateAccount {
  readonly kind: "create-account";
  readonly accountId: string;
  readonly name: string;
  /** Meter key of the processor "Default", made with the account. */
  readonly meterKey: string;
}

/** Creates an access, or replaces the one with this client id. */
export interface PutAccess {
  readonly kind: "put-access";
  readonly id: string;
  readonly accountId: string;
  readonly name: string;
  readonly clientId: string;
  readonly secretHash: string;
  readonly scopes: readonly string[];
}

export interface CreateMeterType {
  readonly kind: "create-meter-type";
  readonly accountId: string;
  readonly id: string;
  readonly fields: MeterTypeFields;
  /** First boundaries after the entry's time, in the type's zone. */
  readonly boundaries: readonly EpochMs[];
}

export interface PatchMeterType {
  readonly kind: "patch-meter-type";
  readonly accountId: string;
  readonly id: string;
  readonly patch: MeterTypePatch;
  /** For each zone that the type's meters use or will use, when schedule or zone changes. */
  readonly timetables: readonly Timetable[];
}

export interface DeleteMeterType {
  readonly kind: "delete-meter-type";
  readonly accountId: string;
  readonly id: string;
}

/** One meter, or the well-formed lines of a bulk request. */
export interface CreateMeters {
  readonly kind: "create-meters";
  readonly accountId: string;
  readonly meters: readonly { readonly id: string; readonly fields: MeterFields }[];
}

export interface PatchMeter {
  readonly kind: "patch-meter";
  readonly accountId: string;
  readonly id: string;
  readonly patch: MeterPatch;
}

export interface DeleteMeter {
  readonly kind: "delete-meter";
  readonly accountId: string;
  readonly id: string;
}

export interface CreateProcessor {
  readonly kind: "create-processor";
  readonly accountId: string;
  readonly meterKey: string;
  readonly fields: ProcessorFields;
}

export interface PatchProcessor {
  readonly kind: "patch-processor";
  readonly accountId: string;
  readonly meterKey: string;
  readonly patch: ProcessorPatch;
}

export interface DeleteProcessor {
  readonly kind: "delete-processor";
  readonly accountId: string;
  readonly meterKey: string;
}

export interface CreateDestination {
  readonly kind: "create-destination";
  readonly accountId: string;
  readonly id: string;
  readonly fields: DestinationFields;
  /** Null exactly where the target has none. */
  readonly secret: DrawnSecret | null;
}

export interface PatchDestination {
  readonly kind: "patch-destination";
  readonly accountId: string;
  readonly id: string;
  readonly patch: DestinationPatch;
}

export interface DeleteDestination {
  readonly kind: "delete-destination";
  readonly accountId: string;
  readonly id: string;
}

export interface RotateDestinationSecret {
  readonly kind: "rotate-destination-secret";
  readonly accountId: string;
  readonly id: string;
  readonly secret: DrawnSecret;
}

/** By the delivery service, which has met a receiver that is gone or fails for days. */
export interface DisableDestination {
  readonly kind: "disable-destination";
  readonly accountId: string;
  readonly id: string;
  readonly reason: DisabledReason;
  /** The destination that it was decided for; another change makes the entry void. */
  readonly changedSeq: number;
}

export interface Usage {
  readonly kind: "usage";
  readonly accountId: string;
  readonly meterKey: string;
  readonly body: UsageBody;
}

/** Begins an action on data correction; its items are worked through by entries that follow. */
export interface StartCorrectionAction extends Omit<CorrectionOrder, "createdAt"> {
  readonly kind: "start-correction-action";
  readonly items: PositionRows;
}

/** A waiting item as the projection knows it: what is needed to work on it. */
export interface WaitingItem {
  readonly meterKey: string;
  readonly userId: string | null;
  readonly recordId: string | null;
  readonly reason: RejectionReason;
  readonly detail: string;
  /** JSON texts (core/correction-change.ts). */
  readonly record: string | null;
  readonly event: string | null;
  /** The record id for which alone it was rejected: with this one it cannot be counted. */
  readonly refusedId: string | null;
  /** Its user or record id is another than when it was received. */
  readonly isRekeyed: boolean;
}

/** The next items of an action; null for one that waits no more. */
export interface WorkCorrections {
  readonly kind: "work-corrections";
  readonly actionId: string;
  /** How many items had their turn before; the entry is void anywhere else. */
  readonly from: number;
  readonly items: readonly (WaitingItem | null)[];
}

/** Items that nobody has touched for as long as they are kept; they go, waiting or not. */
export interface ExpireCorrections {
  readonly kind: "expire-corrections";
  readonly items: readonly (Pick<WaitingItem, "meterKey" | "userId" | "recordId"> & {
    readonly accountId: string;
    readonly position: Position;
  })[];
}

/** Closes periods that are due at the entry's time, at most `limit` of them. */
export interface EndPeriods {
  readonly kind: "end-periods";
  readonly limit: number;
}

/** Appends boundaries to timetables before they run out. */
export interface ExtendTimetables {
  readonly kind: "extend-timetables";
  readonly timetables: readonly (Timetable & { readonly meterTypeId: string })[];
}

/** Zone rules changed between two starts: replaces the boundaries after the entry's time. */
export interface Replan {
  readonly kind: "replan";
  readonly meterTypeId: string;
  readonly timetables: readonly Timetable[];
}

export type EntryBody =
  | Genesis
  | Configure
  | CreateAccount
  | PutAccess
  | CreateMeterType
  | PatchMeterType
  | DeleteMeterType
  | CreateMeters
  | PatchMeter
  | DeleteMeter
  | CreateProcessor
  | PatchProcessor
  | DeleteProcessor
  | CreateDestination
  | PatchDestination
  | DeleteDestination
  | RotateDestinationSecret
  | DisableDestination
  | Usage
  | StartCorrectionAction
  | WorkCorrections
  | ExpireCorrections
  | EndPeriods
  | ExtendTimetables
  | Replan;

export interface Entry {
  /** 1, 2, 3, … without gaps, but for a restore. */
  readonly seq: number;
  /** Never smaller than the entry's before it. */
  readonly time: EpochMs;
  readonly body: EntryBody;
}
