// Gives large bodies their turns: one is read in each round of the event loop, so that small requests
// and the engine's own work come between, however many large ones have arrived. Bounded by bytes;
// must never hold up a small body, nor read one for which there is no room.
import { largeCommandBytesMin, unreadBytesMax } from "../core/limits.ts";
import { fail, type Problem } from "../core/problem.ts";
import { overloaded } from "../engine/unavailable.ts";
import type { Handled, Route } from "./route.ts";

/** Why the route would not take a body of so many bytes now, whatever is in it; null: it would. */
export function refusalUnread({ request }: Route, bodyBytes: number): Problem | null {
  if (request?.bodyKind !== "raw") return null;
  return request.refuses?.(bodyBytes) ?? null;
}

export class ReadingTurns {
  #bytes = 0;
  #last: Promise<void> = Promise.resolve();

  /**
   * Has the route handle a body that has come, a small one at once and a large one in its turn; or
   * says why it is not even read: too much waits here already, or the route has no room for it.
   */
  handle(route: Route, bodyBytes: number, run: () => Handled): Handled {
    const start = (): Handled => {
      const problem = refusalUnread(route, bodyBytes);
      return problem === null ? run() : fail(problem);
    };
    if (bodyBytes < largeCommandBytesMin) return start();
    if (this.#bytes >= unreadBytesMax) return fail(overloaded);
    this.#bytes += bodyBytes;
    const turn = this.#last.then(nextRound);
    this.#last = turn.then(() => {
      this.#bytes -= bodyBytes;
    });
    return turn.then(start);
  }
}

function nextRound(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
