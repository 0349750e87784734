// What main thread and disk thread say to each other: requests, their replies, and faults as data.
// Nothing in it may hold more than data; bytes are transferred, not copied.
import type { DiskErrorKind } from "./disk.ts";

export type DiskRequest =
  | { readonly operation: "make directory"; readonly path: string }
  | { readonly operation: "list"; readonly path: string }
  | { readonly operation: "size"; readonly path: string }
  | {
      readonly operation: "read";
      readonly path: string;
      readonly position: number;
      readonly length: number;
    }
  | { readonly operation: "open"; readonly path: string }
  | { readonly operation: "create"; readonly path: string }
  | { readonly operation: "rename"; readonly path: string; readonly to: string }
  | { readonly operation: "remove"; readonly path: string }
  | { readonly operation: "sync directory"; readonly path: string }
  | {
      readonly operation: "write";
      readonly path: string;
      readonly handle: number;
      readonly position: number;
      readonly bytes: Uint8Array<ArrayBuffer>;
    }
  | {
      readonly operation: "truncate";
      readonly path: string;
      readonly handle: number;
      readonly size: number;
    }
  | { readonly operation: "close"; readonly path: string; readonly handle: number };

/** What a request gives back, by its operation. */
export interface DiskReplies {
  readonly "make directory": null;
  readonly list: readonly string[];
  readonly size: number;
  readonly read: Uint8Array<ArrayBuffer>;
  readonly open: { readonly handle: number; readonly size: number };
  readonly create: { readonly handle: number; readonly size: number };
  readonly rename: null;
  readonly remove: null;
  readonly "sync directory": null;
  readonly write: null;
  readonly truncate: null;
  readonly close: null;
}

export interface DiskCall {
  readonly id: number;
  readonly request: DiskRequest;
}

export interface DiskFault {
  readonly kind: DiskErrorKind;
  readonly code: string;
}

export type DiskAnswer =
  | { readonly id: number; readonly value: DiskReplies[keyof DiskReplies] }
  | { readonly id: number; readonly fault: DiskFault };
