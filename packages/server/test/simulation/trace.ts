// What happened in a world, line by line: a hash over all of it, by which two runs of one seed are
// compared, and the last lines, which a failed run shows.
import { createHash, type Hash } from "node:crypto";

const linesKept = 40;
/** Lines hashed at once. */
const linesHashed = 400;

export class Trace {
  readonly #hash: Hash = createHash("sha256");
  #lines: string[] = [];
  #last: readonly string[] = [];

  note(line: string): void {
    this.#lines.push(line);
    if (this.#lines.length >= linesHashed) this.#settle();
  }

  get last(): readonly string[] {
    return [...this.#last, ...this.#lines].slice(-linesKept);
  }

  /** Of everything noted until now. */
  get digest(): string {
    this.#settle();
    return this.#hash.copy().digest("hex").slice(0, 32);
  }

  #settle(): void {
    if (this.#lines.length === 0) return;
    this.#hash.update(this.#lines.join("\n")).update("\n");
    this.#last = this.last;
    this.#lines = [];
  }
}
