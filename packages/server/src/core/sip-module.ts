// SipHash-2-4 with 128 bits of output as a WebAssembly module, put together from its instructions
// below: words of 64 bits are what it is made of, and JavaScript has none that are quick. One memory
// holds key, hash and message; the module keeps nothing else.

/** Where the parts stand in the memory, in bytes. */
export const keyAt = 0;
export const hashAt = 16;
export const messageAt = 32;

/** What the module offers. */
export interface SipModule {
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): number };
  /** Hashes so many bytes of the message. Eight bytes behind it may be read and mean nothing. */
  hash(length: number): void;
}

export function instantiateSip(): SipModule {
  const { Module, Instance } = webAssembly;
  return new Instance(new Module(Uint8Array.from(moduleBytes()))).exports as SipModule;
}

/** As much of the WebAssembly JavaScript Interface as is used here. */
interface WebAssemblyInterface {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: unknown };
}

const webAssembly: WebAssemblyInterface = Reflect.get(globalThis, "WebAssembly");

type Code = readonly number[];

// Numbers of the binary format (WebAssembly Core Specification, chapters 5.4 and 5.5).
const i32 = 0x7f;
const i64 = 0x7e;
const end: Code = [0x0b];
const loop: Code = [0x03, 0x40];
const block: Code = [0x02, 0x40];
const branchIf: Code = [0x0d];
const branch: Code = [0x0c];
const i32Add: Code = [0x6a];
const i32And: Code = [0x71];
const i32GreaterOrEqual: Code = [0x4f];
const i64Add: Code = [0x7c];
const i64And: Code = [0x83];
const i64Or: Code = [0x84];
const i64Xor: Code = [0x85];
const i64ShiftLeft: Code = [0x86];
const i64RotateLeft: Code = [0x89];
const i64Sub: Code = [0x7d];
const i64ExtendUnsigned: Code = [0xad];

// Locals of the function, in order: its parameter, then its own.
const length = 0;
const at = 1;
const last = 2;
const [v0, v1, v2, v3, word] = [3, 4, 5, 6, 7];

const get = (local: number): Code => [0x20, local];
const set = (local: number): Code => [0x21, local];
const i32Const = (value: number): Code => [0x41, ...signed(BigInt(value))];
const i64Const = (value: bigint): Code => [0x42, ...signed(BigInt.asIntN(64, value))];
const load = (offset: number): Code => [0x29, 0, ...unsigned(offset)];
const store = (offset: number): Code => [0x37, 0, ...unsigned(offset)];

function add(into: number, from: number): Code {
  return [...get(into), ...get(from), ...i64Add, ...set(into)];
}

function rotate(local: number, bits: bigint): Code {
  return [...get(local), ...i64Const(bits), ...i64RotateLeft, ...set(local)];
}

function xor(into: number, from: Code): Code {
  return [...get(into), ...from, ...i64Xor, ...set(into)];
}

/** `into` and `from` are mixed, and `from` turned. */
function mix(into: number, from: number, bits: bigint): Code {
  return [...add(into, from), ...rotate(from, bits), ...xor(from, get(into))];
}

const round: Code = [
  ...mix(v0, v1, 13n),
  ...rotate(v0, 32n),
  ...mix(v2, v3, 16n),
  ...mix(v0, v3, 21n),
  ...mix(v2, v1, 17n),
  ...rotate(v2, 32n),
];

const absorbWord: Code = [
  ...set(word),
  ...xor(v3, get(word)),
  ...round,
  ...round,
  ...xor(v0, get(word)),
];

/** The constant is XORed with half of the key. */
function begun(local: number, constant: bigint, keyOffset: number): Code {
  const key = [...i32Const(0), ...load(keyAt + keyOffset)];
  return [...i64Const(constant), ...key, ...i64Xor, ...set(local)];
}

function half(offset: number): Code {
  const mixed = [...get(v0), ...get(v1), ...i64Xor, ...get(v2), ...i64Xor, ...get(v3), ...i64Xor];
  return [...round, ...round, ...round, ...round, ...i32Const(0), ...mixed, ...store(offset)];
}

/** The bytes behind the last whole word, and the length of all in the topmost byte. */
const lastWord: Code = [
  ...get(at),
  ...load(messageAt),
  ...[...i64Const(1n), ...restBits(), ...i64ShiftLeft, ...i64Const(1n), ...i64Sub],
  ...i64And,
  ...[...get(length), ...i64ExtendUnsigned, ...i64Const(56n), ...i64ShiftLeft],
  ...i64Or,
];

function restBits(): Code {
  const rest = [...get(length), ...i32Const(7), ...i32And, ...i64ExtendUnsigned];
  return [...rest, ...i64Const(3n), ...i64ShiftLeft];
}

const wholeWords: Code = [
  ...block,
  ...loop,
  ...[...get(at), ...get(last), ...i32GreaterOrEqual, ...branchIf, 1],
  ...[...get(at), ...load(messageAt)],
  ...absorbWord,
  ...[...get(at), ...i32Const(8), ...i32Add, ...set(at)],
  ...[...branch, 0],
  ...end,
  ...end,
];

// "somepseudorandomlygeneratedbytes" under the key; 0xee in v1 marks the 128-bit variant.
const hash: Code = [
  ...begun(v0, 0x736f6d6570736575n, 0),
  ...begun(v1, 0x646f72616e646f6dn ^ 0xeen, 8),
  ...begun(v2, 0x6c7967656e657261n, 0),
  ...begun(v3, 0x7465646279746573n, 8),
  ...[...get(length), ...i32Const(-8), ...i32And, ...set(last)],
  ...wholeWords,
  ...lastWord,
  ...absorbWord,
  ...xor(v2, i64Const(0xeen)),
  ...half(hashAt),
  ...xor(v1, i64Const(0xddn)),
  ...half(hashAt + 8),
  ...end,
];

function moduleBytes(): Code {
  const type = [0x60, ...vector([[i32]]), ...vector([])];
  const locals = vector([
    [2, i32],
    [5, i64],
  ]);
  const body = [...locals, ...hash];
  const onePage = [0x00, 1];
  const exported = [
    [...name("memory"), 0x02, 0],
    [...name("hash"), 0x00, 0],
  ];
  const magicAndVersion = [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
  return [
    ...magicAndVersion,
    ...section(1, vector([type])),
    ...section(3, vector([[0]])),
    ...section(5, vector([onePage])),
    ...section(7, vector(exported)),
    ...section(10, vector([[...unsigned(body.length), ...body]])),
  ];
}

function section(id: number, content: Code): Code {
  return [id, ...unsigned(content.length), ...content];
}

function vector(items: readonly Code[]): Code {
  return [...unsigned(items.length), ...items.flat()];
}

function name(text: string): Code {
  return vector(Array.from(text, (letter) => [letter.charCodeAt(0)]));
}

/** LEB128. */
function unsigned(value: number): Code {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...unsigned(value >>> 7)];
}

function signed(value: bigint): Code {
  const low = Number(value & 0x7fn);
  const rest = value >> 7n;
  const isLast = (rest === 0n && low < 0x40) || (rest === -1n && low >= 0x40);
  return isLast ? [low] : [low | 0x80, ...signed(rest)];
}
