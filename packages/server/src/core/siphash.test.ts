// SipHash-2-4 with 128 bits against the published vectors.
import { describe, expect, it } from "vitest";
import { SipMessage } from "./siphash.ts";

/** The reference implementation's vectors: key 00 to 0f, messages 00 01 02 … of 0 to 63 bytes. */
const published = `
  a3817f04ba25a8e66df67214c7550293 da87c1d86b99af44347659119b22fc45
  8177228da4a45dc7fca38bdef60affe4 9c70b60c5267a94e5f33b6b02985ed51
  f88164c12d9c8faf7d0f6e7c7bcd5579 1368875980776f8854527a07690e9627
  14eeca338b208613485ea0308fd7a15e a1f1ebbed8dbc153c0b84aa61ff08239
  3b62a9ba6258f5610f83e264f31497b4 264499060ad9baabc47f8b02bb6d71ed
  00110dc378146956c95447d3f3d0fbba 0151c568386b6677a2b4dc6f81e5dc18
  d626b266905ef35882634df68532c125 9869e247e9c08b10d029934fc4b952f7
  31fcefac66d7de9c7ec7485fe4494902 5493e99933b0a8117e08ec0f97cfc3d9
  6ee2a4ca67b054bbfd3315bf85230577 473d06e8738db89854c066c47ae47740
  a426e5e423bf4885294da481feaef723 78017731cf65fab074d5208952512eb1
  9e25fc833f2290733e9344a5e83839eb 568e495abe525a218a2214cd3e071d12
  4a29b54552d16b9a469c10528eff0aae c9d184ddd5a9f5e0cf8ce29a9abf691c
  2db479ae78bd50d8882a8a178a6132ad 8ece5f042d5e447b5051b9eacb8d8f6f
  9c0b53b4b3c307e87eaee08678141f66 abf248af69a6eae4bfd3eb2f129eeb94
  0664da1668574b88b935f3027358aef4 aa4b9dc4bf337de90cd4fd3c467c6ab7
  ea5c7f471faf6bde2b1ad7d4686d2287 2939b0183223fafc1723de4f52c43d35
  7c3956ca5eeafc3e363e9d556546eb68 77c6077146f01c32b6b69d5f4ea9ffcf
  37a6986cb8847edf0925f0f1309b54de a705f0e69da9a8f907241a2e923c8cc8
  3dc47d1f29c448461e9e76ed904f6711 0d62bf01e6fc0e1a0d3c4751c5d3692b
  8c03468bca7c669ee4fd5e084bbee7b5 528a5bb93baf2c9c4473cce5d0d22bd9
  df6a301e95c95dad97ae0cc8c6913bd8 801189902c857f39e73591285e70b6db
  e617346ac9c231bb3650ae34ccca0c5b 27d93437efb721aa401821dcec5adf89
  89237d9ded9c5e78d8b1c9b166cc7342 4a6d8091bf5e7d651189fa94a250b14c
  0e33f96055e7ae893ffc0e3dcf492902 e61c432b720b19d18ec8d84bdc63151b
  f7e5aef549f782cf379055a608269b16 438d030fd0b7a54fa837f2ad201a6403
  a590d3ee4fbf04e3247e0d27f286423f 5fe2c1a172fe93c4b15cd37caef9f538
  2c97325cbd06b36eb2133dd08b3a017c 92c814227a6bca949ff0659f002ad39e
  dce850110bd8328cfbd50841d6911d87 67f14984c7da791248e32bb5922583da
  1938f2cf72d54ee97e94166fa91d2a36 74481e9646ed49fe0f6224301604698e
  57fca5de98a9d6d8006438d0583d8a1d 9fecde1cefdc1cbed4763674d9575359
  e3040c00eb28f15366ca73cbd872e740 7697009a6a831dfecca91c5993670f7a
  5853542321f567a005d547a4f04759bd 5150d1772f50834a503e069a973fbd7c
`
  .trim()
  .split(/\s+/);

const key = Uint32Array.of(0x03020100, 0x07060504, 0x0b0a0908, 0x0f0e0d0c);

function hex(message: SipMessage): string {
  const words = new Uint32Array(4);
  message.hash(key, words);
  const view = new DataView(new ArrayBuffer(16));
  words.forEach((word, at) => {
    view.setUint32(at * 4, word, true);
  });
  return Array.from({ length: 16 }, (_, at) =>
    view.getUint8(at).toString(16).padStart(2, "0"),
  ).join("");
}

function ofText(text: string): string {
  const message = new SipMessage();
  message.text(text);
  return hex(message);
}

function ofBytes(bytes: Iterable<number>): string {
  const message = new SipMessage();
  for (const byte of bytes) message.byte(byte);
  return hex(message);
}

describe("SipHash-2-4-128", () => {
  it("[DD14] gives the 64 published hashes, byte by byte and as text", () => {
    expect(published).toHaveLength(64);
    for (const [length, expected] of published.entries()) {
      const bytes = Array.from({ length }, (_, at) => at);
      expect(ofBytes(bytes)).toBe(expected);
      expect(ofText(String.fromCharCode(...bytes))).toBe(expected);
    }
  });

  it("[DD14] is not disturbed by what the message held before", () => {
    const message = new SipMessage();
    message.text("\u00ff".repeat(100));
    message.clear();
    for (let byte = 0; byte < 13; byte += 1) message.byte(byte);
    expect(hex(message)).toBe(published[13]);
  });

  it.each(["", "a", "é", "€", "😀", "añ€😀z", "\u{7ff}\u{800}\u{ffff}\u{10000}\u{10ffff}"])(
    "[DD3] hashes %j as its UTF-8 bytes",
    (text) => expect(ofText(text)).toBe(ofBytes(new TextEncoder().encode(text))),
  );

  it("[DD3] takes texts longer than its first buffer", () => {
    const text = "0123456789€".repeat(5_000);
    expect(ofText(text)).toBe(ofBytes(new TextEncoder().encode(text)));
  });
});

/** SipHash as its authors describe it, in bigints. */
function naive(bytes: Uint8Array): string {
  const word = (value: bigint): bigint => BigInt.asUintN(64, value);
  const turn = (value: bigint, bits: bigint): bigint =>
    word(value << bits) | (value >> (64n - bits));
  const at = (index: number): bigint => BigInt(bytes[index] ?? 0);
  const [k0, k1] = [0x0706050403020100n, 0x0f0e0d0c0b0a0908n];
  let v0 = k0 ^ 0x736f6d6570736575n;
  let v1 = k1 ^ 0x646f72616e646f6dn ^ 0xeen;
  let v2 = k0 ^ 0x6c7967656e657261n;
  let v3 = k1 ^ 0x7465646279746573n;
  const rounds = (count: number): void => {
    for (let round = 0; round < count; round += 1) {
      v0 = word(v0 + v1);
      v2 = word(v2 + v3);
      v1 = turn(v1, 13n) ^ v0;
      v3 = turn(v3, 16n) ^ v2;
      v0 = turn(v0, 32n);
      v2 = word(v2 + v1);
      v0 = word(v0 + v3);
      v1 = turn(v1, 17n) ^ v2;
      v3 = turn(v3, 21n) ^ v0;
      v2 = turn(v2, 32n);
    }
  };
  const words = Math.floor(bytes.length / 8) + 1;
  for (let index = 0; index < words; index += 1) {
    let taken = index === words - 1 ? BigInt(bytes.length & 0xff) << 56n : 0n;
    for (let byte = 0; byte < 8; byte += 1) taken |= at(index * 8 + byte) << BigInt(byte * 8);
    v3 ^= taken;
    rounds(2);
    v0 ^= taken;
  }
  v2 ^= 0xeen;
  rounds(4);
  const low = v0 ^ v1 ^ v2 ^ v3;
  v1 ^= 0xddn;
  rounds(4);
  const high = v0 ^ v1 ^ v2 ^ v3;
  const littleEndian = (value: bigint): string =>
    (value.toString(16).padStart(16, "0").match(/../g) ?? []).reverse().join("");
  return littleEndian(low) + littleEndian(high);
}

it("[DD14] equals a naive model at any length, also after longer messages", () => {
  const message = new SipMessage();
  for (const length of [0, 1, 7, 8, 9, 63, 64, 65, 1_000, 65_530, 70_001, 200_003, 15, 8, 0]) {
    const bytes = Uint8Array.from({ length }, (_, at) => (at * 167 + length) & 0xff);
    message.clear();
    message.copy(bytes, 0, length);
    expect(hex(message)).toBe(naive(bytes));
  }
});
