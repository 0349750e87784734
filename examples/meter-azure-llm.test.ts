// The Azure example as a person runs it, with a small file of the same shape. The real file is not
// part of the project: AZURE_CSV may name it.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import {
  endProcesses,
  newDataDirectory,
  runScript,
  startServer,
} from "../packages/server/test/support/server-process.ts";
import { readCalls, totalsOf } from "./azure-usage.ts";
import { connect } from "./client.ts";

const program = fileURLToPath(new URL("./meter-azure-llm.ts", import.meta.url));
const clientId = "client-of-the-example";
const clientSecret = "0123456789abcdefghijklmnopqrstuvwxyz-ABCD";
const directory = mkdtempSync(join(tmpdir(), "meterhouse-azure-"));
const heading = "TIMESTAMP,ContextTokens,GeneratedTokens";

afterEach(endProcesses);
afterAll(() => rmSync(directory, { recursive: true }));

function csvFile(name: string, lines: readonly string[]): string {
  const path = join(directory, name);
  writeFileSync(path, lines.join("\r\n"));
  return path;
}

const rows = Array.from({ length: 120 }, (_, index) => {
  const time = `2023-11-16 18:17:${String(index % 60).padStart(2, "0")}.9799600`;
  return `${time},${1_000 + index},${index % 7}`;
});
const smallFile = csvFile("small.csv", [heading, ...rows, ""]);

describe("a file of calls", () => {
  it("is metered by an engine of its own, and again without a change", async () => {
    const exit = await runScript(program, [smallFile], {});
    expect(exit.stderr).toBe("");
    expect(exit.stdout).toContain("120 calls, 240 records.\nPosted: 240 counted, 0 dupl");
    // Rows 1, 51 and 101: contexts 1000, 1050, 1100 and generated 0, 1, 2.
    expect(exit.stdout).toMatch(/^user-01@example\.com +3 +3,150 +3 +1,100$/m);
    expect(exit.stdout).toMatch(/^Total +120 +127,140 +357 +1,119$/m);
    expect(exit.stdout).toContain("All 200 totals are those of the file.");
    expect(exit.stdout).toContain("Posted again: 0 counted, 240 duplicates, 0 rejected.");
    expect(exit.stdout).toContain("No meter changed.");
    expect(exit.code).toBe(0);
  });

  it("is known to a running server at the next run, and a wrong total is told", async () => {
    const server = startServer(newDataDirectory(), {
      METERHOUSE_CLIENT_ID: clientId,
      METERHOUSE_CLIENT_SECRET: clientSecret,
    });
    const baseUrl = await server.started;
    const env = {
      METERHOUSE_BASE_URL: `${baseUrl}/`,
      METERHOUSE_CLIENT_ID: clientId,
      METERHOUSE_CLIENT_SECRET: clientSecret,
    };
    expect((await runScript(program, [smallFile], env)).code).toBe(0);
    const second = await runScript(program, [smallFile], env);
    expect(second.stdout).toContain("Posted: 0 counted, 240 duplicates, 0 rejected.");
    expect(second.code).toBe(0);
    const client = await connect({ baseUrl, clientId, clientSecret });
    const foreign = { userId: "user-03@example.com", kind: "generated", value: 1 };
    await client.post("/meter-processors/azure-llm/usage-records", foreign);
    const third = await runScript(program, [smallFile], env);
    expect(third.stdout).toMatch(/Wrong totals:\n {2}user-03@example\.com, generatedTokens: /);
    expect(third.code).toBe(1);
  });

  const realFile = process.env.AZURE_CSV;
  it.each(realFile === undefined ? [] : [realFile])("is metered when it is %s", async (path) => {
    const exit = await runScript(program, [path, "--start"], {});
    const users = totalsOf(readCalls(path)).size;
    expect(exit.stdout).toContain(`All ${4 * users} totals are those of the file.`);
    expect(exit.stdout).toContain("No meter changed.");
    expect(exit.code).toBe(0);
  });
});

describe("what cannot be metered", () => {
  it.each([
    ["no path", [], 2, "Exactly one path of a CSV file is expected."],
    ["two paths", ["a.csv", "b.csv"], 2, "Exactly one path of a CSV file is expected."],
    ["a misspelled option", ["--strat", "a.csv"], 2, "Unknown option '--strat'"],
    ["no file", [join(directory, "none.csv")], 1, "none.csv: there is no such file."],
    ["a directory", [directory], 1, "it cannot be read (EISDIR)."],
    ["another file", [csvFile("other.csv", ["a,b", "1,2"])], 1, `must be "${heading}"`],
    ["no rows", [csvFile("empty.csv", [heading, ""])], 1, "there is no call below the heading."],
    [
      "a faulty row",
      [csvFile("faulty.csv", [heading, rows[0] ?? "", "2023,12,many"])],
      1,
      'faulty.csv, line 3: a time and two whole numbers, parted by commas, were expected, not "2023,',
    ],
    ["half an access", ["--client-id", "x", smallFile], 1, "needs --client-id and --client-secret"],
    [
      "no server",
      ["--client-id=x", "--client-secret=y", "--url=http://127.0.0.1:9", smallFile],
      1,
      "Is the server running there?",
    ],
  ])("%s", async (_, given, code, text) => {
    const exit = await runScript(program, given, {});
    expect(exit.stderr).toContain(text);
    expect(exit.stderr).not.toContain("    at ");
    expect(exit.code).toBe(code);
  });

  it("--help ends with 0", async () => {
    const exit = await runScript(program, ["--help"], {});
    expect([exit.code, exit.stderr]).toEqual([0, ""]);
    expect(exit.stdout).toContain("npm run example:azure -- [options] <path to code.csv>");
  });
});
