// kill -9 between and within attempts: after the last life every message has been delivered at
// least once, each time with the same bytes, and few of them twice.
import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, expect, it } from "vitest";
import { createSeededRandom, seedOf } from "../support/seeded-random.ts";

const script = fileURLToPath(new URL("./deliver-until-killed.ts", import.meta.url));
const directory = mkdtempSync(join(tmpdir(), "meterhouse-kill-"));
const running = new Set<ChildProcess>();

afterEach(() => {
  for (const child of running) child.kill("SIGKILL");
  rmSync(directory, { recursive: true, force: true });
});

const count = 1_500;
const kills = 8;
/** Attempts of one destination under way at a time, and those whose end was not yet written. */
const repeatedPerKillMax = 16;

it("[DV59] eight kills while messages are under way", async () => {
  const random = createSeededRandom(seedOf(59));
  console.info(`seed ${random.seed}`);
  const bodies = new Map<string, Set<string>>();
  let requests = 0;
  let killAt = Number.POSITIVE_INFINITY;
  let victim: ChildProcess | undefined;
  const server = createServer((request, response) => {
    const hash = createHash("sha256");
    request.on("data", (chunk: Buffer) => hash.update(chunk));
    request.once("end", () => {
      const id = String(request.headers["webhook-id"]);
      bodies.set(id, (bodies.get(id) ?? new Set()).add(hash.digest("hex")));
      requests += 1;
      // Before the answer goes out: the receiver has it, the sender will never know.
      if (requests >= killAt) victim?.kill("SIGKILL");
      response.end();
    });
    request.once("error", () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const given = [script, directory, `http://127.0.0.1:${port}/`, `${count}`];
  for (let life = 0; life < kills; life++) {
    killAt = requests + random.integer(1, 150);
    victim = spawn(process.execPath, given, { stdio: ["ignore", "ignore", "inherit"] });
    running.add(victim);
    const [, signal] = await once(victim, "close");
    running.delete(victim);
    expect(signal).toBe("SIGKILL");
  }
  killAt = Number.POSITIVE_INFINITY;
  const last = spawn(process.execPath, given, { stdio: ["ignore", "pipe", "inherit"] });
  running.add(last);
  expect(String((await once(last.stdout, "data"))[0])).toBe("done\n");
  await once(last, "close");
  running.delete(last);
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  expect(bodies.size).toBe(count);
  expect([...bodies.values()].every(({ size }) => size === 1)).toBe(true);
  expect(requests).toBeLessThanOrEqual(count + kills * repeatedPerKillMax);
});
