// How a data-correction item begins and ends to wait: the counts of account and processor, the table
// of those that wait, and the record id that each waits under. The only code that changes these.
import { fingerprint } from "./fingerprint.ts";
import type { Position } from "./output.ts";
import type { AccountState, Processor, State } from "./state.ts";

/** Whose record it is, as far as it could be read. */
export interface RecordIdentity {
  readonly userId: string | null;
  /** The record id as text; null where there is none. */
  readonly recordId: string | null;
}

/** Of the fingerprint that is made a key. */
const words = new Uint32Array(4);

/** Under what the items with a record id wait; null for one without. */
export function waitingKey(state: State, { userId, recordId }: RecordIdentity): string | null {
  const key = state.fingerprintKey;
  if (recordId === null || key === null) return null;
  fingerprint(key, userId ?? "", recordId, words);
  return `${words[0]}.${words[1]}.${words[2]}.${words[3]}`;
}

/** A new item waits. Nothing else may wait under its key. */
export function beginWaiting(
  account: AccountState,
  processor: Processor,
  { position, key }: { readonly position: Position; readonly key: string | null },
): void {
  processor.waiting.add(position);
  processor.waitingCorrections += 1;
  account.waitingCorrections += 1;
  waitUnder(processor, position, key);
}

/** False when it did not wait; then nothing changes. */
export function endWaiting(
  account: AccountState,
  processor: Processor,
  { position, key }: { readonly position: Position; readonly key: string | null },
): boolean {
  if (!processor.waiting.remove(position)) return false;
  processor.waitingCorrections -= 1;
  account.waitingCorrections -= 1;
  leaveKey(processor, position, key);
  return true;
}

/** From now on the item waits under this key, unless another one does. */
export function waitUnder(processor: Processor, position: Position, key: string | null): void {
  if (key === null || processor.waitingByFingerprint.has(key)) return;
  processor.waitingByFingerprint.set(key, position);
}

/** The item waits under this key no more. */
export function leaveKey(processor: Processor, position: Position, key: string | null): void {
  if (key !== null && isWaitingUnder(processor, position, key)) {
    processor.waitingByFingerprint.delete(key);
  }
}

/** Whether it is this item that waits under the key: a record counted under it would close it. */
export function isWaitingUnder(processor: Processor, position: Position, key: string): boolean {
  const item = processor.waitingByFingerprint.get(key);
  return item !== undefined && item.seq === position.seq && item.index === position.index;
}
