// Resident memory after a garbage collection: of the engine that has counted everything itself, and
// of a real server that was started on what it left. The larger of the two is judged.
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { startBenchServer } from "./bench-server.ts";
import { type Measure, measured } from "./reach.ts";
import type { Scale } from "./scale.ts";

export interface Memory {
  readonly residentBytes: number;
  readonly peakBytes: number;
}

interface ServerMemory extends Memory {
  readonly heapUsed: number;
  readonly arrayBuffers: number;
}

const probe = new URL("./server-memory.ts", import.meta.url);
const target = { better: "less", reach: 1.2, aim: 0.7 } as const;
const lookMs = 100;
const answerMs = 60_000;

/** While the engine of `scale` still runs. */
export async function memoryOfChild(scale: Scale): Promise<Memory> {
  return scale.child.perform({ kind: "memory" });
}

/** The engine of `scale` has ended. */
export async function measureMemory(scale: Scale, child: Memory): Promise<readonly Measure[]> {
  const { meters, ids } = scale.sizes;
  const server = await memoryOfServer(scale.directory);
  const gigabytes = (bytes: number): number => bytes / 1e9;
  const what = `${meters.toLocaleString("en")} meters, ${ids.toLocaleString("en")} ids`;
  const most = Math.max(child.residentBytes, server.residentBytes);
  const unit = "GB";
  return [
    measured(`memory: ${what}`, gigabytes(most), { unit, target, note: "resident after gc" }),
    measured("  the process that counted them", gigabytes(child.residentBytes), { unit }),
    measured("  its most ever, snapshots included", gigabytes(child.peakBytes), { unit }),
    measured("  a server started on them", gigabytes(server.residentBytes), { unit }),
    measured("  its most ever", gigabytes(server.peakBytes), { unit }),
    measured("  of it objects", gigabytes(server.heapUsed), { unit }),
    measured("  of it tables of numbers", gigabytes(server.arrayBuffers), { unit }),
    measured("  longest wait of a body while counting them", scale.longestMs / 1_000, {
      unit: "s",
    }),
  ];
}

async function memoryOfServer(directory: string): Promise<ServerMemory> {
  const file = `${directory}.memory`;
  const server = await startBenchServer({
    directory,
    settings: { BENCH_MEMORY_FILE: file },
    nodeOptions: ["--expose-gc", "--import", fileURLToPath(probe)],
  });
  try {
    process.kill(server.pid, "SIGUSR2");
    const deadline = performance.now() + answerMs;
    while (!existsSync(file)) {
      if (performance.now() > deadline) throw new Error("The server did not tell its memory.");
      await new Promise((resolve) => setTimeout(resolve, lookMs));
    }
    const told: ServerMemory = JSON.parse(readFileSync(file, "utf8"));
    return told;
  } finally {
    await server.stop("SIGKILL");
  }
}
