// Writes a run of old ids to a new file: pages as rows come, in the order of their keys, in synced
// pieces, the head last. Until it is renamed the file is no run, whatever a crash leaves of it.
import { type IdRun, idRowWords } from "../core/old-ids.ts";
import { assert } from "../core/problem.ts";
import type { RunFile } from "./run-disk.ts";
import {
  addToCheck,
  encodeHead,
  pageBytes,
  pagesOf,
  pageWords,
  rowStart,
  rowsPerPage,
  sealPage,
} from "./run-format.ts";

/** 1 MiB. */
const pagesPerPieceMax = 256;

export class RunFileWriter {
  readonly #file: RunFile;
  readonly #place: { readonly partition: number; readonly number: number };
  readonly #pagesPerPiece: number;
  #piece = new Uint32Array(0);
  /** Whole pages in the piece, rows of the page that is being filled, pages of the file so far. */
  #pages = 0;
  #rowsInPage = 0;
  #written = 0;
  #rows = 0;
  #newest = 0;
  #check = 0;
  #last = 0;
  readonly #firstWords: number[] = [];

  /** For about so many rows. */
  constructor(
    file: RunFile,
    place: { readonly partition: number; readonly number: number; readonly rows: number },
  ) {
    this.#file = file;
    this.#place = place;
    this.#pagesPerPiece = Math.max(1, Math.min(pagesPerPieceMax, pagesOf(place.rows)));
  }

  /** First word of the first key of each page. */
  get firstWords(): Uint32Array {
    return Uint32Array.from(this.#firstWords);
  }

  /** Takes rows whose keys follow those before. */
  async write(rows: Uint32Array): Promise<void> {
    for (let at = 0; at < rows.length; at += idRowWords) {
      this.#put(rows, at);
      if (this.#rowsInPage < rowsPerPage) continue;
      this.#seal();
      if (this.#pages === this.#pagesPerPiece) await this.#flush();
    }
  }

  /** Everything is durable when it resolves, but for the file's name. */
  async end(): Promise<IdRun> {
    if (this.#rowsInPage > 0) this.#seal();
    if (this.#pages > 0) await this.#flush();
    const { number, partition } = this.#place;
    const run = { number, rows: this.#rows, newest: this.#newest, check: this.#check };
    await this.#file.writeDurably(0, encodeHead({ partition, run }));
    await this.#file.close();
    return run;
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  #put(rows: Uint32Array, from: number): void {
    const first = rows[from] ?? 0;
    assert(first >= this.#last, "the rows of a run are in the order of their keys");
    this.#last = first;
    if (this.#rowsInPage === 0) this.#firstWords.push(first);
    if (this.#piece.length === 0) this.#piece = new Uint32Array(this.#pagesPerPiece * pageWords);
    const to = this.#pages * pageWords + rowStart(this.#rowsInPage);
    for (let word = 0; word < idRowWords; word += 1)
      this.#piece[to + word] = rows[from + word] ?? 0;
    this.#newest = Math.max(this.#newest, rows[from + 6] ?? 0);
    this.#rowsInPage += 1;
    this.#rows += 1;
  }

  #seal(): void {
    const start = this.#pages * pageWords;
    const page = this.#piece.subarray(start, start + pageWords);
    const number = this.#written + this.#pages + 1;
    const check = sealPage(page, { run: this.#place.number, number, rows: this.#rowsInPage });
    this.#check = addToCheck(this.#check, check);
    this.#pages += 1;
    this.#rowsInPage = 0;
  }

  async #flush(): Promise<void> {
    const bytes = new Uint8Array(this.#piece.buffer, 0, this.#pages * pageBytes);
    const isWhole = this.#pages === this.#pagesPerPiece;
    const owned = isWhole ? bytes : bytes.slice();
    const position = (1 + this.#written) * pageBytes;
    this.#piece = new Uint32Array(0);
    this.#written += this.#pages;
    this.#pages = 0;
    await this.#file.writeDurably(position, owned);
  }
}
