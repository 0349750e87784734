// What the thread that scans large bodies is told, and what it answers. Arrays are moved from one side
// to the other, so neither keeps what it has sent.

import type { FingerprintKey } from "../core/fingerprint.ts";
import type { Column } from "../core/scan-plan.ts";
import type { ScanRows } from "../core/usage-scan.ts";

/** What a processor looks at, by number: told once, with the first body for it. */
export interface PlanMessage {
  readonly columns: readonly Column[];
  readonly idField: string;
  readonly key: FingerprintKey;
}

export interface ReadingCall {
  readonly id: number;
  readonly planNumber: number;
  /** Null where the thread has it. */
  readonly plan: PlanMessage | null;
  readonly isLines: boolean;
  /** Moved there and back. */
  readonly bytes: Uint8Array<ArrayBuffer>;
}

export interface ReadingAnswer {
  readonly id: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Null: the strict reader must judge the body as a whole. */
  readonly rows: ScanRows | null;
}

/** Plans that the thread keeps; with the next one both sides forget them all. */
export const plansMax = 256;
