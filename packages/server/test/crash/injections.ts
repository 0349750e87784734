// What is done to a life of the server: which end it gets and at which moment, drawn from the seed,
// and how the server is started for it. Tells what really happened, never what was planned.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { SeededRandom } from "../support/seeded-random.ts";
import {
  type Exit,
  type HowToStart,
  type ServerProcess,
  startServer,
} from "../support/server-process.ts";
import type { TwinFault } from "./fault-preload.ts";
import { clientId, clientSecret } from "./metered-world.ts";

/** At a system call of any thread, by strace. */
interface StraceFault {
  readonly call: string;
  readonly when: number;
  readonly action: "SIGKILL" | "EIO" | "ENOSPC";
}

export type Injection =
  | { readonly kind: "kill" }
  | { readonly kind: "kill while starting"; readonly event: string }
  | { readonly kind: "stop" }
  | { readonly kind: "strace"; readonly fault: StraceFault }
  | { readonly kind: "twin"; readonly fault: TwinFault };

const preload = new URL("./fault-preload.ts", import.meta.url);

/** Calls of the server and up to which one is drawn: fewer than most lives make. */
const straceCalls: readonly (readonly [call: string, upTo: number])[] = [
  ["fdatasync", 12],
  ["pwrite64", 24],
  ["fsync", 3],
  ["rename", 1],
  ["unlink", 1],
];
const twinCalls: readonly (readonly [call: TwinFault["call"], upTo: number])[] = [
  ["fdatasyncSync", 20],
  ["writeSync", 20],
  ["fsyncSync", 2],
  ["renameSync", 1],
  ["unlinkSync", 1],
];

/** Mostly kills; one life in ten ends by a fault of the disk or in good order. */
export function drawInjection(random: SeededRandom, hasStrace: boolean): Injection {
  const share = random.fraction();
  if (share < 0.5) return { kind: "kill" };
  if (share < 0.6) {
    return {
      kind: "kill while starting",
      event: random.pick(["settings read", "state recovered"]),
    };
  }
  if (share < 0.68 && hasStrace) return strace(random, "SIGKILL");
  if (share < 0.9) return twin(random, random.pick(["kill before", "kill after"]));
  if (share < 0.92 && hasStrace) return strace(random, random.pick(["EIO", "ENOSPC"]));
  if (share < 0.97) return twin(random, random.pick(["EIO", "ENOSPC", "short"]));
  return { kind: "stop" };
}

function strace(random: SeededRandom, action: StraceFault["action"]): Injection {
  const [call, upTo] = random.pick(straceCalls);
  if (action === "EIO") {
    return { kind: "strace", fault: { call: "fdatasync", when: random.integer(1, 8), action } };
  }
  if (action === "ENOSPC") {
    return { kind: "strace", fault: { call: "pwrite64", when: random.integer(1, 8), action } };
  }
  return { kind: "strace", fault: { call, when: random.integer(1, upTo), action } };
}

function twin(random: SeededRandom, action: TwinFault["action"]): Injection {
  const [call, upTo] = random.pick(twinCalls);
  if (action === "EIO") {
    const when = random.integer(1, 20);
    return { kind: "twin", fault: { call: "fdatasyncSync", when, action } };
  }
  if (action === "ENOSPC" || action === "short") {
    return { kind: "twin", fault: { call: "writeSync", when: random.integer(1, 20), action } };
  }
  return { kind: "twin", fault: { call, when: random.integer(1, upTo), action } };
}

/** The server under this injection. */
export function startInjected(
  directory: string,
  injection: Injection,
  settings: Readonly<Record<string, string>>,
): ServerProcess {
  const env = {
    METERHOUSE_CLIENT_ID: clientId,
    METERHOUSE_CLIENT_SECRET: clientSecret,
    ...settings,
  };
  if (injection.kind === "twin") return startServer(directory, env, withTwin(injection.fault));
  if (injection.kind === "strace") {
    return startServer(directory, env, { before: straceCommand(directory, injection.fault) });
  }
  return startServer(directory, env);
}

export function withTwin(fault: TwinFault): HowToStart {
  return {
    nodeArguments: ["--import", fileURLToPath(preload)],
    env: { CRASH_FAULT: JSON.stringify(fault) },
  };
}

/**
 * As a grandchild (-D), so that the process that is started is the server itself. Injected signals
 * are lost with --seccomp-bpf (strace 6.1), so kills go without it, which is slower.
 */
function straceCommand(directory: string, { call, when, action }: StraceFault): readonly string[] {
  const how = { SIGKILL: "signal=SIGKILL", EIO: "error=EIO", ENOSPC: "error=ENOSPC" }[action];
  const quick = action === "SIGKILL" ? [] : ["--seccomp-bpf"];
  const inject = `inject=${call}:${how}:when=${when}`;
  const log = straceLog(directory);
  return ["strace", "-D", "-f", ...quick, "-qq", "-o", log, "-e", `trace=${call}`, "-e", inject];
}

function straceLog(directory: string): string {
  return join(directory, "..", "strace.log");
}

/** What came of a life, in words for the tally; `isKill` when SIGKILL ended it. */
export interface Ending {
  readonly what: string;
  readonly isKill: boolean;
  /** Why the end is not as it must be. */
  readonly fault: string | null;
}

/** `wasSignalled`: whether this program sent SIGKILL or SIGTERM before the end. */
export function judgeEnding(
  injection: Injection,
  exit: Exit,
  { wasSignalled, directory }: { wasSignalled: boolean; directory: string },
): Ending {
  const isKill = exit.signal === "SIGKILL";
  const end = `ended with ${exit.code ?? exit.signal}: ${exit.stderr.slice(-400)}`;
  const must = (isRight: boolean, what: string): Ending => {
    return { what, isKill, fault: isRight ? null : `${what} ${end} ${exit.stdout.slice(-1000)}` };
  };
  switch (injection.kind) {
    case "stop":
      return must(exit.code === 0, "graceful stop");
    case "kill":
      return must(isKill && wasSignalled, "kill -9 under load");
    case "kill while starting":
      return must(isKill && wasSignalled, "kill -9 while starting");
  }
  const { call, action } = injection.fault;
  const what = `${injection.kind}: ${call} ${action}`;
  if (action === "SIGKILL" || action.startsWith("kill")) {
    return must(isKill, wasSignalled ? "kill -9 under load" : what);
  }
  if (!hasInjected(injection, exit, directory)) return must(isKill, "kill -9 under load");
  // Before it has started the server may refuse to start, in one sentence.
  const isRefused = exit.code === 1 && exit.stderr.includes("Meterhouse cannot start: ");
  const isEnded = isRefused || (isKill && wasSignalled);
  // A failed flush ends the process; a short write or a full disk does not, so it was killed.
  return action === "EIO"
    ? must(exit.code === 1 || isEnded, what)
    : must(isEnded, isRefused ? `${what}, start refused` : `${what}, then kill -9`);
}

function hasInjected(injection: Injection, exit: Exit, directory: string): boolean {
  if (injection.kind === "twin") return exit.stderr.includes("injected: ");
  const log = straceLog(directory);
  return existsSync(log) && readFileSync(log, "utf8").includes("(INJECTED)");
}
