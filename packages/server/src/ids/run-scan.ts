// Reads a run from end to end when the engine starts: every page is checked, and the rows are given in
// order for the filter. A run is used only when all of it is what the snapshot names.
import { type IdRun, idRowWords } from "../core/old-ids.ts";
import type { RunDisk } from "./run-disk.ts";
import {
  addToCheck,
  headFault,
  IdRunDamage,
  pageBytes,
  pagesOf,
  pageWords,
  rowStart,
  rowsOfPage,
} from "./run-format.ts";

const pagesPerRead = 64;

export class RunScan {
  readonly run: IdRun;
  readonly path: string;
  /** First word of the first key of each page; whole when the scan has ended. */
  readonly firstWords: Uint32Array;
  /** Rows read and not yet taken: from row `at` to before row `end`. */
  rows: Uint32Array = new Uint32Array(0);
  at = 0;
  end = 0;
  readonly #disk: RunDisk;
  readonly #pages: number;
  #page = 0;
  #check = 0;
  #rows = 0;
  #newest = 0;
  #last = 0;

  constructor(disk: RunDisk, path: string, run: IdRun) {
    this.#disk = disk;
    this.path = path;
    this.run = run;
    this.#pages = pagesOf(run.rows);
    this.firstWords = new Uint32Array(this.#pages);
  }

  /** Checks the head and reads the first rows. Throws `IdRunDamage`, and what the disk throws. */
  async begin(partition: number): Promise<void> {
    const size = await this.#disk.size(this.path);
    const head = await this.#disk.read(this.path, 0, pageBytes);
    const fault = headFault(head, { partition, run: this.run });
    if (fault !== null) throw new IdRunDamage(this.path, { page: 0, what: fault });
    if (size !== (1 + this.#pages) * pageBytes) {
      throw new IdRunDamage(this.path, { page: 0, what: `its ${size} bytes do not fit its head` });
    }
    await this.more();
  }

  /** Reads on when all rows were taken. False: there are no more, and all were checked. */
  async more(): Promise<boolean> {
    if (this.#page === this.#pages) {
      const { rows, newest, check } = this.run;
      if (this.#check === check && this.#rows === rows && this.#newest === newest) return false;
      throw this.#damage(0, "its pages are not those that the snapshot names");
    }
    const count = Math.min(pagesPerRead, this.#pages - this.#page);
    const position = (1 + this.#page) * pageBytes;
    const bytes = await this.#disk.read(this.path, position, count * pageBytes);
    if (bytes.length < count * pageBytes) throw this.#damage(this.#page + 1, "the file is cut off");
    const words = new Uint32Array(bytes.slice().buffer);
    this.rows = new Uint32Array(words.length);
    this.at = 0;
    this.end = 0;
    for (let page = 0; page < count; page += 1) {
      this.#take(words.subarray(page * pageWords, (page + 1) * pageWords));
    }
    return true;
  }

  #take(page: Uint32Array): void {
    const number = this.#page + 1;
    const count = rowsOfPage(page, { run: this.run.number, number });
    if (count < 1) throw this.#damage(number, "a page of ids is damaged");
    this.firstWords[this.#page] = page[rowStart(0)] ?? 0;
    this.rows.set(page.subarray(rowStart(0), rowStart(count)), this.end * idRowWords);
    for (let row = 0; row < count; row += 1) {
      const start = rowStart(row);
      const first = page[start] ?? 0;
      if (first < this.#last) throw this.#damage(number, "ids are not in their order");
      this.#last = first;
      this.#newest = Math.max(this.#newest, page[start + 6] ?? 0);
    }
    this.#check = addToCheck(this.#check, page[0] ?? 0);
    this.end += count;
    this.#rows += count;
    this.#page += 1;
  }

  #damage(page: number, what: string): IdRunDamage {
    return new IdRunDamage(this.path, { page, what });
  }
}
