// Starts core-process.ts and gives it tasks. The child is ended by its process id when this process
// ends, however that comes.
import { fork } from "node:child_process";
import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Done, Task } from "./core-process.ts";

export interface CoreChild {
  /** One at a time; rejects with the child's reason. */
  perform(task: Task): Promise<Done>;
  /** Kills it; nothing happens when it has ended. */
  kill(): Promise<void>;
}

const program = fileURLToPath(new URL("./core-process.ts", import.meta.url));

/** Resolves when the child has made its meters. `directory` is made. */
export async function startCoreChild(options: {
  readonly users: number;
  readonly seed: number;
  readonly directory: string;
  readonly nodeOptions?: readonly string[];
  readonly settings?: Readonly<Record<string, string>>;
}): Promise<CoreChild> {
  const { users, seed, directory, nodeOptions = [], settings = {} } = options;
  mkdirSync(directory, { recursive: true });
  const child = fork(program, [`${users}`, `${seed}`, directory, JSON.stringify(settings)], {
    execArgv: ["--expose-gc", ...nodeOptions],
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  const kill = (): void => void child.kill("SIGKILL");
  process.prependOnceListener("exit", kill);
  let isOver = false;
  const ended = new Promise<void>((resolve) => {
    child.once("close", () => {
      isOver = true;
      process.off("exit", kill);
      resolve();
    });
  });
  const lost = ended.then(() => {
    throw new Error(`The process of the core ended with ${child.exitCode ?? child.signalCode}.`);
  });
  lost.catch(() => undefined);
  const message = (): Promise<unknown> =>
    Promise.race([new Promise((resolve) => child.once("message", resolve)), lost]);
  await message();
  return {
    async perform(task: Task): Promise<Done> {
      const answer = message();
      child.send(task);
      const done = (await answer) as Done;
      if (done.fault !== null) throw new Error(done.fault);
      if (task.kind === "close") await ended;
      return done;
    },
    async kill(): Promise<void> {
      if (!isOver) kill();
      await ended;
    },
  };
}
