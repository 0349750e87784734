// 64 keyed bits of a record's content, to tell a record sent again from another under the same id.
// Equal for equal members and values whatever their order, white space or spelling of numbers
// (DD). It decides no more than that: the fingerprint says which id it is.
import { canonicalNumber } from "./decimal.ts";
import type { FingerprintKey } from "./fingerprint.ts";
import { kinds, mixA, mixB, spread } from "./hash-mix.ts";
import { ExactNumber, isJsonObject, type JsonObject, type JsonValue } from "./json-value.ts";

/** Names whose hash is kept; when there are more, the keeping starts anew. */
const keptNamesMax = 4_096;

// The hash that is being made. One for the module: hashing is never interrupted.
let laneA = 0;
let laneB = 0;

let seedA = 0;
let seedB = 0;
let seedsOf: FingerprintKey | null = null;
const keptNames = new Map<string, number>();
const keptLanes = new Int32Array(keptNamesMax * 2);
const double = new DataView(new ArrayBuffer(8));

/** Writes the hash of a record's members into `out[0..1]`. */
export function contentHash(key: FingerprintKey, fields: JsonObject, out: Uint32Array): void {
  if (seedsOf !== key) useSeeds(key);
  laneA = seedA;
  laneB = seedB;
  absorbObject(fields);
  finish();
  out[0] = laneA;
  out[1] = laneB;
}

/** 32 keyed bits of a text. */
export function textHash(key: FingerprintKey, text: string): number {
  if (seedsOf !== key) useSeeds(key);
  laneA = seedA;
  laneB = seedB;
  absorbText(text);
  finish();
  return laneA;
}

function useSeeds(key: FingerprintKey): void {
  seedsOf = key;
  seedA = key.contentSeeds[0] ?? 0;
  seedB = key.contentSeeds[1] ?? 0;
  keptNames.clear();
}

/** Members are hashed one by one, each begun with its name, and added up: order does not matter. */
function absorbObject(object: JsonObject): void {
  const outerA = laneA;
  const outerB = laneB;
  let sumA = 0;
  let sumB = 0;
  let count = 0;
  for (const name in object) {
    beginWithName(name);
    absorbValue(object[name] ?? null);
    finish();
    sumA = (sumA + laneA) | 0;
    sumB = (sumB + laneB) | 0;
    count += 1;
  }
  laneA = outerA;
  laneB = outerB;
  absorb(kinds.object);
  absorb(count);
  absorb(sumA);
  absorb(sumB);
}

function absorbValue(value: JsonValue): void {
  if (typeof value === "string") {
    absorb(kinds.string);
    absorbText(value);
  } else if (typeof value === "number") {
    absorbDouble(value);
  } else if (value === null) {
    absorb(kinds.null);
  } else if (typeof value === "boolean") {
    absorb(value ? kinds.true : kinds.false);
  } else if (value instanceof ExactNumber) {
    absorbExact(value);
  } else if (isJsonObject(value)) {
    absorbObject(value);
  } else {
    absorb(kinds.array);
    absorb(value.length);
    for (const item of value) absorbValue(item);
  }
}

/** A double stands for its shortest decimal, so equal doubles are equal decimals and vice versa. */
function absorbDouble(value: number): void {
  absorb(kinds.double);
  double.setFloat64(0, value + 0);
  absorb(double.getInt32(0));
  absorb(double.getInt32(4));
}

/** As the double of the same decimal where there is one, else by its canonical digits. */
function absorbExact(number: ExactNumber): void {
  const digits = canonicalNumber(number);
  const value = Number(digits);
  if (Number.isFinite(value) && canonicalNumber(value) === digits) {
    absorbDouble(value);
  } else {
    absorb(kinds.digits);
    absorbText(digits);
  }
}

function beginWithName(name: string): void {
  const kept = keptNames.get(name);
  if (kept !== undefined) {
    laneA = keptLanes[kept * 2] ?? 0;
    laneB = keptLanes[kept * 2 + 1] ?? 0;
    return;
  }
  laneA = seedA;
  laneB = seedB;
  absorb(kinds.name);
  absorbText(name);
  finish();
  if (keptNames.size === keptNamesMax) keptNames.clear();
  const index = keptNames.size;
  keptNames.set(name, index);
  keptLanes[index * 2] = laneA;
  keptLanes[index * 2 + 1] = laneB;
}

/** Two UTF-16 units at a time, and the length first. */
function absorbText(text: string): void {
  const { length } = text;
  let a = mixA(laneA, length);
  let b = mixB(laneB, length);
  let at = 0;
  for (; at + 1 < length; at += 2) {
    const word = text.charCodeAt(at) | (text.charCodeAt(at + 1) << 16);
    a = mixA(a, word);
    b = mixB(b, word);
  }
  if (at < length) {
    const word = text.charCodeAt(at);
    a = mixA(a, word);
    b = mixB(b, word);
  }
  laneA = a;
  laneB = b;
}

function absorb(word: number): void {
  laneA = mixA(laneA, word);
  laneB = mixB(laneB, word);
}

/** Lets every bit of both lanes bear on every bit of both. */
function finish(): void {
  laneA = spread(laneA ^ ((laneB << 16) | (laneB >>> 16)));
  laneB = spread((laneB + laneA) | 0);
}
