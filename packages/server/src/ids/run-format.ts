// Layout of a file of old ids: a head page, then pages of rows in the order of their keys' first
// words. Each page is checked by its own checksum and says where it belongs, so that none is taken
// for another. All words are little-endian; the first sixteen bytes stay the same in every version.
import { crc32 } from "node:zlib";
import { bytesOf, type IdRun, idRowWords } from "../core/old-ids.ts";

export const runFormatVersion = 1;
export const pageBytes = 4_096;
export const pageWords: number = pageBytes / 4;
const pageHeadWords = 4;
export const rowsPerPage: number = Math.floor((pageWords - pageHeadWords) / idRowWords);

/** Whose ids, and which run of them. */
export interface RunPlace {
  readonly partition: number;
  readonly run: IdRun;
}

/** A file of ids that cannot be trusted. The text names it, the place, and what to do. */
export class IdRunDamage extends Error {
  override readonly name = "IdRunDamage";

  /** `what` is a sentence that ends without a full stop. */
  constructor(file: string, at: { readonly page: number; readonly what: string }) {
    super(
      `${file}, byte ${at.page * pageBytes}: ${at.what}. Nothing was changed. Keep a copy of the ` +
        "data directory, check the disk, and restore the latest backup.",
    );
  }
}

/**
 * Magic (8 bytes), format version, CRC-32 of these two; partition, number of the run, rows, pages,
 * latest time, check over all pages, CRC-32 of everything before; zeros.
 */
export function encodeHead({ partition, run }: RunPlace): Uint8Array<ArrayBuffer> {
  const page = new Uint8Array(pageBytes);
  const view = new DataView(page.buffer);
  page.set(magic, 0);
  view.setUint32(8, runFormatVersion, true);
  view.setUint32(12, crc32(page.subarray(0, 12)), true);
  const words = [partition, run.number, run.rows, pagesOf(run.rows), run.newest, run.check];
  for (const [at, word] of words.entries()) view.setUint32(16 + at * 4, word, true);
  view.setUint32(40, crc32(page.subarray(0, 40)), true);
  return page;
}

/** Null when the head is that of the run; else what is wrong with it. */
export function headFault(page: Uint8Array, { partition, run }: RunPlace): string | null {
  if (page.length < pageBytes) return "the file is cut off";
  const view = new DataView(page.buffer, page.byteOffset, page.byteLength);
  const isOurs = magic.every((byte, at) => page[at] === byte);
  const isWhole = isOurs && crc32(page.subarray(0, 12)) === view.getUint32(12, true);
  if (!isWhole) return "the head of the file is damaged";
  const version = view.getUint32(8, true);
  if (version > runFormatVersion) {
    return `its format ${version} is newer than the known ${runFormatVersion}`;
  }
  const expected = encodeHead({ partition, run });
  if (page.every((byte, at) => byte === expected[at])) return null;
  const isSound = crc32(page.subarray(0, 40)) === view.getUint32(40, true);
  return isSound
    ? "the file holds other ids than those that the snapshot names"
    : "the head of the file is damaged";
}

export function pagesOf(rows: number): number {
  return Math.ceil(rows / rowsPerPage);
}

/** CRC-32 of the rest, number of the run, number of the page from 1, rows; then the rows. */
export function sealPage(
  page: Uint32Array,
  { run, number, rows }: { run: number; number: number; rows: number },
): number {
  page[1] = run;
  page[2] = number;
  page[3] = rows;
  const check = crc32(bytesOf(page).subarray(4));
  page[0] = check;
  return check;
}

/** Rows of a page, or -1 when it is not this page of this run, whole. */
export function rowsOfPage(
  page: Uint32Array,
  { run, number }: { run: number; number: number },
): number {
  if (page.length < pageWords || page[1] !== run || page[2] !== number) return -1;
  if (crc32(bytesOf(page).subarray(4)) !== page[0]) return -1;
  const rows = page[3] ?? 0;
  return rows > rowsPerPage ? -1 : rows;
}

/** Word at which a row of a page begins. */
export function rowStart(row: number): number {
  return pageHeadWords + row * idRowWords;
}

/** The check of a run, gone on with the checksum of one more page. */
export function addToCheck(check: number, pageCheck: number): number {
  return crc32(bytesOf(Uint32Array.of(pageCheck)), check);
}

const magic: readonly number[] = [0xdc, 0xdc, 0xdc, 0xdc, 0x4d, 0x48, 0x49, 0x31];
