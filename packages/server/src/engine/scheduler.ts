// Wakes the engine when periods are due, whether or not anyone writes: within a second of the
// boundary, half of what is promised. Which periods those are, the engine's state alone knows.
import type { Clock } from "../core/ports.ts";

/** How often the state is looked at; a boundary closed by a writer before that is just as well. */
const lookEveryMs = 500;

export class Scheduler {
  readonly #woken: readonly { wake(): void }[];
  readonly #clock: Clock;
  readonly #stop = new AbortController();
  #running: Promise<void> = Promise.resolve();

  constructor(woken: readonly { wake(): void }[], clock: Clock) {
    this.#woken = woken;
    this.#clock = clock;
  }

  start(): void {
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      for (const one of this.#woken) one.wake();
      await this.#clock.sleepUntil(this.#clock.now() + lookEveryMs, this.#stop.signal);
    }
  }
}
