// One thread of the fleet: runs the world of each seed that it is sent and reports on it.
import { parentPort } from "node:worker_threads";
import { runWorld } from "./world.ts";

parentPort?.on("message", ({ seed, operations }: { seed: number; operations: number }) => {
  void runWorld(seed, operations).then((report) => parentPort?.postMessage(report));
});
