// Loaded into a server before its own code (--import): on SIGUSR2 it collects garbage and writes what
// memory is left, so that the benchmark can ask a real server. Needs --expose-gc.
import { renameSync, writeFileSync } from "node:fs";

const file = process.env.BENCH_MEMORY_FILE ?? "";

process.on("SIGUSR2", () => {
  globalThis.gc?.();
  globalThis.gc?.();
  const peakBytes = process.resourceUsage().maxRSS * 1_024;
  const { rss, heapUsed, arrayBuffers } = process.memoryUsage();
  writeFileSync(
    `${file}.new`,
    JSON.stringify({ residentBytes: rss, peakBytes, heapUsed, arrayBuffers }),
  );
  renameSync(`${file}.new`, file);
});
