// The order of a stop, its bounds, and what a second signal does; on a virtual clock.
import { expect, it } from "vitest";
import { openLog } from "../../src/runtime/log.ts";
import {
  createShutdown,
  drainMs,
  type Shutdown,
  type StopSteps,
} from "../../src/runtime/shutdown.ts";
import { VirtualClock } from "../support/virtual-clock.ts";

interface Setup {
  readonly shutdown: Shutdown;
  readonly clock: VirtualClock;
  /** What was done, in order. */
  readonly done: string[];
  readonly lines: string[];
}

function setUp(steps: Partial<StopSteps> = {}): Setup {
  const clock = new VirtualClock();
  const done: string[] = [];
  const lines: string[] = [];
  const write = (line: string): void => void lines.push(line);
  const note = (name: string): Promise<void> => {
    done.push(name);
    return Promise.resolve();
  };
  const shutdown = createShutdown({
    clock,
    log: openLog({ level: "debug", format: "json", isTerminal: false, write }).log,
    exit: (code) => void note(`exit ${code}`),
    steps: {
      setNotReady: () => void note("not ready"),
      closeListeners: () => note("listeners closed"),
      cutConnections: () => void note("cut"),
      closeStore: () => note("store closed"),
      ...steps,
    },
  });
  return { shutdown, clock, done, lines };
}

const never = (): Promise<void> => new Promise(() => undefined);

it.each(["SIGTERM", "SIGINT"] as const)("[RU35] %s drains, closes and exits 0", async (signal) => {
  const { shutdown, clock, done } = setUp();
  shutdown.onSignal(signal);
  await shutdown.ended;
  expect(done).toEqual(["not ready", "listeners closed", "store closed", "exit 0"]);
  expect(clock.sleeping).toBe(0);
});

it("[RU36] requests in flight have ten seconds, then they are cut and the store is closed", async () => {
  const { shutdown, clock, done } = setUp({ closeListeners: never });
  shutdown.onSignal("SIGTERM");
  await clock.advanceBy(drainMs - 1);
  expect(done).toEqual(["not ready"]);
  await clock.advanceBy(1);
  await shutdown.ended;
  expect(drainMs).toBe(10_000);
  expect(done).toEqual(["not ready", "cut", "store closed", "exit 0"]);
});

it.each([
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const)("[RU37] a second signal exits at once: %s with %d", async (signal, code) => {
  const { shutdown, clock, done } = setUp({ closeListeners: never });
  shutdown.onSignal("SIGTERM");
  await clock.advanceBy(1_000);
  shutdown.onSignal(signal);
  expect(done).toEqual(["not ready", `exit ${code}`]);
});

it("[RU37] another signal than the first is a second one even right after it", () => {
  const { shutdown, done } = setUp({ closeListeners: never });
  shutdown.onSignal("SIGTERM");
  shutdown.onSignal("SIGINT");
  expect(done.at(-1)).toBe("exit 130");
});

it("[RU38] one press that npm doubles is one signal", async () => {
  const { shutdown, clock, done } = setUp({ closeListeners: never });
  shutdown.onSignal("SIGINT");
  await clock.advanceBy(249);
  shutdown.onSignal("SIGINT");
  expect(done).toEqual(["not ready"]);
  await clock.advanceBy(1);
  shutdown.onSignal("SIGINT");
  expect(done.at(-1)).toBe("exit 130");
});

it("[RU39] an error that nobody caught is logged, and exits 1", () => {
  const { shutdown, done, lines } = setUp();
  shutdown.onUncaught(new Error("broken promise"));
  expect(done).toEqual(["exit 1"]);
  expect(lines.join("")).toContain("broken promise");
});

it("[RU39] a store that does not close is logged, and exits 1", async () => {
  const closeStore = (): Promise<void> => Promise.reject(new Error("disk gone"));
  const { shutdown, done, lines } = setUp({ closeStore });
  shutdown.onSignal("SIGTERM");
  await shutdown.ended;
  expect(done.at(-1)).toBe("exit 1");
  expect(lines.join("")).toContain("disk gone");
});

it("[RU39] an engine that failed ends the server in order, with 1", async () => {
  const { shutdown, done, lines } = setUp();
  shutdown.onEngineFailed(new Error("disk broken"));
  await shutdown.ended;
  expect(done).toEqual(["not ready", "listeners closed", "store closed", "exit 1"]);
  expect(lines.join("")).toContain("disk broken");
});

it("[RU39] [CO5] an engine that fails while the store is closed makes it 1, after a signal too", async () => {
  const { shutdown, done, lines } = setUp({
    closeStore: () => {
      shutdown.onEngineFailed(new Error("law broken"));
      return Promise.resolve();
    },
  });
  shutdown.onSignal("SIGTERM");
  await shutdown.ended;
  expect(done).toEqual(["not ready", "listeners closed", "exit 1"]);
  expect(lines.join("")).toContain("law broken");
});
