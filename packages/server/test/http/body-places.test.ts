// The bounds of large bodies without sockets (docs/spec/http.md, HT31 to HT34): how many wait, how
// many come slowly, how many are read or thrown away in a turn of the event loop.
import type { IncomingMessage } from "node:http";
import { Readable } from "node:stream";
import { describe, expect, it } from "vitest";
import {
  pacedReadsMax,
  receivedBytesMax,
  slowBodiesBytesMax,
  turnsBetweenReads,
  waitingBodiesMax,
} from "../../src/core/limits.ts";
import { ok } from "../../src/core/problem.ts";
import { LargeBodies, type LargeBody } from "../../src/http/large-bodies.ts";
import { pacedReads } from "../../src/http/paced-reads.ts";
import { ReadingTurns } from "../../src/http/reading-turns.ts";
import { exampleRoutes } from "../support/edge-server.ts";
import { VirtualClock } from "../support/virtual-clock.ts";

interface FakeBody extends LargeBody {
  state: "waiting" | "coming" | "refused";
}

function bodyOf(bytes: number): FakeBody {
  const body: FakeBody = {
    bytes,
    isComplete: false,
    state: "waiting",
    begin: () => {
      body.state = "coming";
    },
    refuse: () => {
      body.state = "refused";
    },
  };
  return body;
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

describe("places", () => {
  it("[HT31] are given in the order of coming, one at least, however large", () => {
    const places = new LargeBodies(new VirtualClock());
    const sizes = [2 * receivedBytesMax, receivedBytesMax - 1, 2, 1];
    const bodies = sizes.map(bodyOf);
    for (const body of bodies) places.enter(body);
    const states = (): readonly string[] => bodies.map(({ state }) => state);
    expect(states()).toEqual(["coming", "waiting", "waiting", "waiting"]);
    for (const body of bodies.slice(0, 1)) places.leave(body);
    // The last one would fit beside, but is not let in before its turn.
    expect(states()).toEqual(["coming", "coming", "waiting", "waiting"]);
    for (const body of bodies.slice(0, 2)) places.leave(body);
    expect(states()).toEqual(["coming", "coming", "coming", "coming"]);
  });

  it("[HT31] whoever leaves the line lets those behind come", () => {
    const places = new LargeBodies(new VirtualClock());
    const bodies = [1, receivedBytesMax, 2].map(bodyOf);
    for (const body of bodies) places.enter(body);
    expect(bodies.map(({ state }) => state)).toEqual(["coming", "waiting", "waiting"]);
    for (const body of bodies.slice(1, 2)) places.leave(body);
    expect(bodies.map(({ state }) => state)).toEqual(["coming", "waiting", "coming"]);
  });

  it("[HT32] at most 256 wait; those beyond are refused at once", () => {
    const places = new LargeBodies(new VirtualClock());
    const bodies = Array.from({ length: waitingBodiesMax + 3 }, () => bodyOf(receivedBytesMax));
    for (const body of bodies) places.enter(body);
    const count = (state: string): number => bodies.filter((body) => body.state === state).length;
    expect([count("coming"), count("waiting"), count("refused")]).toEqual([1, 256, 2]);
    expect(bodies.at(-2)?.state).toBe("refused");
  });

  it("[HT33] slow senders come beside the others up to 64 MiB; one more is refused", async () => {
    const clock = new VirtualClock();
    const places = new LargeBodies(clock);
    const all = slowBodiesBytesMax / receivedBytesMax + 1;
    const slow = Array.from({ length: all }, () => bodyOf(receivedBytesMax));
    for (const body of slow) {
      places.enter(body);
      const next = bodyOf(receivedBytesMax);
      places.enter(next);
      for (let looks = 0; looks < 2; looks += 1) {
        await clock.advanceBy(100);
        await turn();
      }
      expect(next.state).toBe("coming");
      places.leave(next);
    }
    expect(slow.map(({ state }) => state)).toEqual([...Array(all - 1).fill("coming"), "refused"]);
    const [first] = slow;
    if (first !== undefined) expect(places.came(first, 1)).toBe(false);
  });

  it("[HT33] whoever has come keeps the place until it has been read", async () => {
    const clock = new VirtualClock();
    const places = new LargeBodies(clock);
    const [complete, next] = [bodyOf(receivedBytesMax), bodyOf(1)];
    places.enter(complete);
    Object.assign(complete, { isComplete: true });
    places.enter(next);
    for (let looks = 0; looks < 4; looks += 1) {
      await clock.advanceBy(100);
      await turn();
    }
    expect(next.state).toBe("waiting");
    places.leave(complete);
    expect(next.state).toBe("coming");
  });
});

describe("turns", () => {
  it("[HT31] one large body is read in 32 turns, and small ones at once", async () => {
    const reading = new ReadingTurns();
    const [route] = exampleRoutes();
    if (route === undefined) throw new Error("there are example routes");
    let read = 0;
    const run = (): ReturnType<typeof ok<{ status: number }>> => {
      read += 1;
      return ok({ status: 200 });
    };
    const large = { length: 100_000, leave: () => undefined };
    for (let index = 0; index < 5; index += 1) void reading.handle(route, large, run);
    expect(read).toBe(0);
    expect(reading.handle(route, { ...large, length: 10 }, run)).toEqual(ok({ status: 200 }));
    const last = 5 * turnsBetweenReads + 1;
    for (let turns = 1; turns <= last; turns += 1) {
      await turn();
      expect(read).toBeLessThanOrEqual(1 + Math.ceil(turns / turnsBetweenReads));
    }
    expect(read).toBe(6);
  });

  it("[HT34] of bodies that are thrown away 8 reads are made in a turn, each in its order", async () => {
    let reads = 0;
    let ended = 0;
    const bodies = Array.from({ length: 40 }, () => {
      let left = 4;
      const stream = new Readable({
        highWaterMark: 1,
        read() {
          left -= 1;
          this.push(left < 0 ? null : Buffer.alloc(65_536));
        },
      });
      stream.on("data", () => {
        reads += 1;
      });
      stream.on("end", () => {
        ended += 1;
      });
      stream.pause();
      const headers = { "content-length": String(4 * 65_536) };
      return Object.assign(stream, { headers }) as unknown as IncomingMessage;
    });
    for (const body of bodies) pacedReads.discard(body);
    await turn();
    for (let turns = 0; turns < 100 && ended < 40; turns += 1) {
      const before = reads;
      await turn();
      expect(reads - before).toBeLessThanOrEqual(turns === 0 ? 40 + pacedReadsMax : pacedReadsMax);
    }
    expect([reads, ended]).toEqual([160, 40]);
  });
});
