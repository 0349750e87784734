// Ends the process well: on SIGTERM and SIGINT it drains and closes in order, on an error that
// nobody caught it logs and ends at once. Must never end with success before the engine has closed,
// and never wait for longer than the drain time for a client.
//
// Modes: running → draining (not ready, no new connections, requests in flight finish, at most
// `drainMs`) → closing (journal, snapshot) → ended. A second signal in draining or closing ends at
// once: what was acknowledged is durable already, and recovery is made for that.
import type { CancelSignal, Clock } from "../core/ports.ts";
import type { Log } from "./log.ts";

/** The parts of the system in the order in which they end. */
export interface StopSteps {
  /** Readiness answers 503 from now on. */
  setNotReady(): void;
  /** Takes no new connections; resolves when the requests in flight are answered. */
  closeListeners(): Promise<void>;
  /** Cuts what is still open. */
  cutConnections(): void;
  /** Closes engine, journal, projection and the lock of the directory. */
  closeStore(): Promise<void>;
}

export interface ShutdownOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly exit: (code: number) => void;
  readonly steps: StopSteps;
}

export type StopSignal = "SIGINT" | "SIGTERM";

export interface Shutdown {
  /** First: stops gracefully and exits 0 (1 when the store does not close). Second: exits now. */
  onSignal(signal: StopSignal): void;
  /** Logs and exits 1. Whatever was acknowledged is durable already. */
  onUncaught(error: unknown): void;
  /** The engine has stopped for good: stops gracefully, for whoever still reads, and exits 1. */
  onEngineFailed(cause: unknown): void;
  /** Resolves when the graceful stop has called `exit`; for tests. */
  readonly ended: Promise<void>;
}

/** Longest wait for requests in flight (RU36). */
export const drainMs = 10_000;

/**
 * npm hands a signal on to its script although the terminal sent it to both, so one Ctrl-C comes
 * twice within a millisecond. A repetition within this time is the same press.
 */
const sameSignalMs = 250;

const exitCodes: Readonly<Record<StopSignal, number>> = { SIGINT: 130, SIGTERM: 143 };

export function createShutdown(options: ShutdownOptions): Shutdown {
  const { clock, log, exit } = options;
  const { promise: ended, resolve: end } = Promise.withResolvers<void>();
  let first: { readonly signal: StopSignal | null; readonly at: number } | undefined;
  let hasEngineFailed = false;
  const stop = async (signal: StopSignal | null, code: number): Promise<void> => {
    first = { signal, at: clock.monotonic() };
    const isClosed = await stopInOrder(options);
    // An engine can fail while it is closed: its last snapshot adds up all meters.
    exit(isClosed && !hasEngineFailed ? code : 1);
    end();
  };
  return {
    ended,
    onSignal(signal): void {
      if (first === undefined) {
        log.info({ signal }, "stop requested");
        void stop(signal, 0);
        return;
      }
      if (first.signal === signal && clock.monotonic() - first.at < sameSignalMs) return;
      log.warn({ signal }, "stop cut short");
      exit(exitCodes[signal]);
    },
    onUncaught(error): void {
      log.fatal({ err: error }, "process failed");
      exit(1);
    },
    onEngineFailed(cause): void {
      hasEngineFailed = true;
      log.error({ err: cause }, "engine failed, server stops");
      if (first === undefined) void stop(null, 1);
    },
  };
}

/** Connects the process's signals and uncaught errors; from then on they no longer just kill it. */
export function watchProcess(shutdown: Shutdown): void {
  process.on("SIGINT", () => shutdown.onSignal("SIGINT"));
  process.on("SIGTERM", () => shutdown.onSignal("SIGTERM"));
  process.on("uncaughtException", (error) => shutdown.onUncaught(error));
  process.on("unhandledRejection", (reason) => shutdown.onUncaught(reason));
}

/** True when everything is closed as it should be. */
async function stopInOrder({ clock, log, steps }: ShutdownOptions): Promise<boolean> {
  try {
    steps.setNotReady();
    const isDrained = await drain(clock, steps);
    if (!isDrained) {
      log.warn({ drainMs }, "requests cut off");
      steps.cutConnections();
    }
    await steps.closeStore();
    log.info("server stopped");
    return true;
  } catch (error) {
    log.error({ err: error }, "stop failed");
    return false;
  }
}

/** True when the requests in flight were answered in time. */
async function drain(clock: Clock, steps: StopSteps): Promise<boolean> {
  const waiting = new AbortController();
  const signal: CancelSignal = waiting.signal;
  const closed = steps.closeListeners().then(() => true);
  const timedOut = clock.sleepUntil(clock.now() + drainMs, signal).then(() => false);
  try {
    return await Promise.race([closed, timedOut]);
  } finally {
    waiting.abort();
  }
}
