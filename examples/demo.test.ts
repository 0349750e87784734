// The demo as a person runs it: a bounded run, Ctrl-C, a port that is taken; and its usage, which
// must be the same for the same seed.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { fileURLToPath } from "node:url";
import { afterEach, expect, it } from "vitest";
import {
  endProcesses,
  newDataDirectory,
  runScript,
} from "../packages/server/test/support/server-process.ts";
import { createUsage, type UsageBatch } from "./demo-usage.ts";

const program = fileURLToPath(new URL("./demo.ts", import.meta.url));

afterEach(endProcesses);

function settings(port = "0"): Record<string, string> {
  return { METERHOUSE_DATA_DIR: newDataDirectory(), METERHOUSE_PORT: port };
}

it("tells of what it sent, and goes on with its data at the next run", async () => {
  const env = settings();
  const exit = await runScript(program, ["--once"], env);
  expect(exit.stderr).toBe("");
  expect(exit.code).toBe(0);
  expect(exit.stdout).toMatch(/curl -sS "\$BASE\/meters\?userId=ada"/);
  const last = exit.stdout.trim().split("\n").at(-2) ?? "";
  const totals = last.match(/(\d+) records: (\d+) counted, (\d+) duplicates, (\d+) rejected/);
  const [received = 0, counted = 0, duplicates = 0, rejected = 0] = (totals ?? [])
    .slice(1)
    .map((text) => Number.parseInt(text, 10));
  expect(received).toBe(counted + duplicates + rejected);
  expect(Math.min(counted, duplicates, rejected)).toBeGreaterThan(0);
  expect(last).toMatch(/ada: \d+ AI calls, [\d,]+ AI tokens in, [\d,]+ AI tokens out; mats: /);
  expect(exit.stdout.trim().endsWith("Stopped.")).toBe(true);
  const again = await runScript(program, ["--once"], env);
  expect([again.code, again.stderr]).toEqual([0, ""]);
});

it("ends well on Ctrl-C, together with its engine", async () => {
  const child = spawn(process.execPath, [program], {
    env: { PATH: process.env.PATH ?? "", ...settings() },
    stdio: ["ignore", "pipe", "inherit"],
  });
  let text = "";
  const hasStarted = Promise.withResolvers<void>();
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk;
    if (text.includes("Ctrl-C stops.")) hasStarted.resolve();
  });
  await hasStarted.promise;
  const ended = once(child, "close");
  child.kill("SIGINT");
  expect(await ended).toEqual([0, null]);
  expect(text).toContain("Stopped.");
});

it("says why the engine cannot start", async () => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
  const address = other.address();
  const port = String(typeof address === "object" ? address?.port : "");
  const exit = await runScript(program, ["--once"], settings(port));
  other.close();
  expect(exit.stderr).toMatch(/^Meterhouse cannot start: .*\n$/);
  expect(exit.stderr).toContain(port);
  expect(exit.code).toBe(1);
});

it.each([["--minutes=0"], ["--minutes=x"], ["--hours=1"]])("refuses %s", async (argument) => {
  const exit = await runScript(program, [argument], settings());
  expect(exit.stderr).toMatch(/--minutes must be a number|Unknown option '--hours'/);
  expect(exit.stderr).not.toContain("    at ");
  expect(exit.code).not.toBe(0);
});

it("draws the same usage for the same seed", () => {
  const first = createUsage(7, "a");
  const second = createUsage(7, "a");
  const other = createUsage(8, "a");
  const draw = ({ next }: typeof first): readonly (readonly UsageBatch[])[] =>
    Array.from({ length: 50 }, next);
  const drawn = draw(first);
  expect(draw(second)).toEqual(drawn);
  expect(draw(other)).not.toEqual(drawn);
});
