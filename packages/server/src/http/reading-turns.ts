// Gives large bodies their turns: one is read, then come some rounds of the event loop for small requests,
// new connections (Node takes one in a round) and the engine's own work, however many large ones have
// arrived (large-bodies.ts bounds them). Must never hold up a small body, nor read one without room.
import { largeCommandBytesMin, turnsBetweenReads } from "../core/limits.ts";
import { fail, type Problem } from "../core/problem.ts";
import type { Handled, Route } from "./route.ts";

/** Why the route would not take a body of so many bytes now, whatever is in it; null: it would. */
export function refusalUnread({ request }: Route, bodyBytes: number): Problem | null {
  if (request?.bodyKind !== "raw") return null;
  return request.refuses?.(bodyBytes) ?? null;
}

/** A body that has come. */
export interface Arrived {
  readonly length: number;
  /** Called when it is about to be read, or never will be. */
  leave(): void;
}

export class ReadingTurns {
  #last: Promise<void> = Promise.resolve();

  /**
   * Has the route handle a body that has come, a small one at once and a large one in its turn; or
   * says why it is not even read: the route has no room for it any more.
   */
  handle(route: Route, body: Arrived, run: () => Handled): Handled {
    const start = (): Handled => {
      body.leave();
      const problem = refusalUnread(route, body.length);
      return problem === null ? run() : fail(problem);
    };
    if (body.length < largeCommandBytesMin) return start();
    const turn = this.#last.then(someRounds);
    this.#last = turn;
    return turn.then(start);
  }
}

async function someRounds(): Promise<void> {
  for (let round = 0; round < turnsBetweenReads; round += 1) {
    await new Promise((resolve) => setImmediate(resolve));
  }
}
