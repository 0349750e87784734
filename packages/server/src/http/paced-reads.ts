// Lets bodies come slowly that nobody waits for: those that are thrown away, and those of slow
// senders. Each gives one read of its socket and then waits for its turn; a round of the event loop
// has only so many, where one socket alone could fill it with megabytes. Keeps no byte of them.
import type { IncomingMessage } from "node:http";
import { largeCommandBytesMin, pacedReadsMax } from "../core/limits.ts";
import { announcedBytes } from "./body.ts";

class PacedReads {
  /** Paused requests whose turn comes. */
  #waiting: IncomingMessage[] = [];

  /** Pauses the request until its turn comes. */
  pause(raw: IncomingMessage): void {
    raw.pause();
    this.#waiting.push(raw);
    if (this.#waiting.length === 1) setImmediate(() => this.#round());
  }

  /** Throws away what still comes of a refused body; of a small one Node does so by itself. */
  discard(raw: IncomingMessage): void {
    if (announcedBytes(raw) < largeCommandBytesMin) return;
    raw.on("data", () => this.pause(raw));
    raw.resume();
  }

  #round(): void {
    const turn = this.#waiting.splice(0, pacedReadsMax);
    for (const raw of turn) raw.resume();
    if (this.#waiting.length > 0) setImmediate(() => this.#round());
  }
}

/** One for the process, as there is one event loop. */
export const pacedReads: PacedReads = new PacedReads();
