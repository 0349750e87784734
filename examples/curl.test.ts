// The shell example, run by sh against a real server.
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterEach, expect, it } from "vitest";
import {
  endProcesses,
  newDataDirectory,
  startServer,
} from "../packages/server/test/support/server-process.ts";
import { connect } from "./client.ts";

const run = promisify(execFile);
const script = fileURLToPath(new URL("./curl.sh", import.meta.url));
const readme = fileURLToPath(new URL("../README.md", import.meta.url));
const clientId = "client-of-the-example";
const clientSecret = "0123456789abcdefghijklmnopqrstuvwxyz-ABCD";

afterEach(endProcesses);

it("counts, and counts on when it is run again", async () => {
  const server = startServer(newDataDirectory(), {
    METERHOUSE_CLIENT_ID: clientId,
    METERHOUSE_CLIENT_SECRET: clientSecret,
  });
  const baseUrl = await server.started;
  const client = await connect({ baseUrl, clientId, clientSecret });
  const [processor] = await client.list<{ readonly meterKey: string }>(
    "/meter-processors",
    "meterProcessors",
  );
  const env = {
    PATH: process.env.PATH ?? "",
    BASE: baseUrl,
    CLIENT_ID: clientId,
    CLIENT_SECRET: clientSecret,
    METER_KEY: processor?.meterKey ?? "",
  };
  for (const value of [3, 6]) {
    const { stdout, stderr } = await run("sh", [script], { env });
    const [answer = "", meter = ""] = stdout.trim().split("\n");
    expect(stderr).toBe("");
    const counted = { received: 1, counted: 1, duplicates: 0, rejected: 0, results: [] };
    expect(JSON.parse(answer)).toEqual(counted);
    expect(JSON.parse(meter)).toMatchObject({ userId: "alice@example.com", value });
  }
});

it("says what is missing", async () => {
  const env = { PATH: process.env.PATH ?? "", CLIENT_ID: "x" };
  const failed = run("sh", [script], { env });
  await expect(failed).rejects.toMatchObject({ stderr: expect.stringContaining("CLIENT_SECRET") });
});

it("is the block of README.md", () => {
  const text = readFileSync(script, "utf8");
  expect(readFileSync(readme, "utf8")).toContain(text.slice(text.indexOf("TOKEN=$(")));
});
