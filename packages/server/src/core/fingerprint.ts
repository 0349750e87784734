// What stands for a record id in memory: 128 keyed bits of user id and id. Also the ids of what the
// engine makes by itself, as a keyed function of a position in the journal, so that replay makes
// the same. The key is in the journal's first entry and never changes.
import { assert } from "./problem.ts";
import { type SipKey, SipMessage } from "./siphash.ts";

export interface FingerprintKey {
  readonly sip: SipKey;
  /** Seeds of the content hash, two words, derived from the key. */
  readonly contentSeeds: Uint32Array;
}

/** First bytes of messages that are no fingerprints; UTF-8 has no bytes above 0xf4. */
const separator = 0xff;
const positionMark = 0xfe;
const seedMark = 0xfd;

const message: SipMessage = new SipMessage();
const scratch: Uint32Array = new Uint32Array(4);

/** `hex` is 32 hexadecimal digits, the 16 bytes in order. */
export function readFingerprintKey(hex: string): FingerprintKey {
  assert(/^[0-9a-f]{32}$/i.test(hex), "a fingerprint key is 32 hexadecimal digits");
  const bytes = Uint8Array.from({ length: 16 }, (_, at) =>
    Number.parseInt(hex.slice(at * 2, at * 2 + 2), 16),
  );
  const view = new DataView(bytes.buffer);
  const sip = Uint32Array.from({ length: 4 }, (_, at) => view.getUint32(at * 4, true));
  message.clear();
  message.byte(seedMark);
  message.hash(sip, scratch);
  return { sip, contentSeeds: scratch.slice(0, 2) };
}

/** Writes the fingerprint of (userId, id), compared byte for byte, into `out[0..3]` (DD3, DD14). */
export function fingerprint(
  key: FingerprintKey,
  userId: string,
  id: string,
  out: Uint32Array,
): void {
  message.clear();
  message.text(userId);
  message.byte(separator);
  message.text(id);
  message.hash(key.sip, out);
}

/** Where user id and record id stand in a body, both ASCII. Reused from record to record. */
export interface IdBytes {
  readonly bytes: Uint8Array;
  userStart: number;
  userEnd: number;
  idStart: number;
  idEnd: number;
}

/** The same for texts that stand in a body. */
export function fingerprintOfBytes(key: FingerprintKey, at: IdBytes, out: Uint32Array): void {
  message.clear();
  message.copy(at.bytes, at.userStart, at.userEnd);
  message.byte(separator);
  message.copy(at.bytes, at.idStart, at.idEnd);
  message.hash(key.sip, out);
}

/**
 * A UUID of version 8 (RFC 9562) for what entry `seq` made as its `index`-th thing. Nobody who
 * lacks the key can guess it, and the same position always gives the same.
 */
export function derivedUuid(key: FingerprintKey, seq: number, index: number): string {
  message.clear();
  message.byte(positionMark);
  message.word(seq % 0x1_0000_0000);
  message.word(Math.floor(seq / 0x1_0000_0000));
  message.word(index);
  message.hash(key.sip, scratch);
  const [a = 0, b = 0, c = 0, d = 0] = scratch;
  const versioned = ((b & 0xffff0fff) | 0x8000) >>> 0;
  const varied = ((c & 0x3fffffff) | 0x80000000) >>> 0;
  const hex = [a, versioned, varied, d].map((word) => word.toString(16).padStart(8, "0")).join("");
  return [8, 12, 16, 20, 32].map((end, part) => hex.slice([0, 8, 12, 16, 20][part], end)).join("-");
}
