// What stands for a record with an id: six words, four of fingerprint and two of content. Those of a
// record that was read by itself are made here; those of a plain one stand in its columns.
import { contentHash } from "./content-hash.ts";
import { type FingerprintKey, fingerprint } from "./fingerprint.ts";
import type { JsonObject } from "./json-value.ts";

const fingerprintWords = 4;
const contentWords = 2;
const idWordCount = fingerprintWords + contentWords;

// Of the record that is read by itself. One for all: a record is counted before the next is read,
// and requests are many while arrays that share their memory take long to make.
const own: Int32Array = new Int32Array(idWordCount);
const ownFingerprint: Uint32Array = new Uint32Array(own.buffer, 0, fingerprintWords);
const ownContent: Uint32Array = new Uint32Array(own.buffer, fingerprintWords * 4, contentWords);

/** Reused from record to record. */
export class IdWords {
  /** Where the words of the present record stand. */
  words: Int32Array = own;
  at = 0;

  /** Six words that somebody else keeps. */
  stand(words: Int32Array, at: number): void {
    this.words = words;
    this.at = at;
  }

  /** Those of a record that was read by itself. */
  hash(
    key: FingerprintKey,
    { userId, id }: { userId: string; id: string },
    fields: JsonObject,
  ): void {
    this.stand(own, 0);
    fingerprint(key, userId, id, ownFingerprint);
    contentHash(key, fields, ownContent);
  }

  /** Keys of fingerprint and content in maps. */
  get fingerprintText(): string {
    return textOf(this.words, this.at, fingerprintWords);
  }

  get contentText(): string {
    return textOf(this.words, this.at + fingerprintWords, contentWords);
  }
}

function textOf(words: Int32Array, from: number, count: number): string {
  let text = `${(words[from] ?? 0) >>> 0}`;
  for (let at = from + 1; at < from + count; at += 1) text += `.${(words[at] ?? 0) >>> 0}`;
  return text;
}
