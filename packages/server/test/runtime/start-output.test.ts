// What is printed at start, and whether shells can read the block.
import { execFileSync } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { describe, expect, it } from "vitest";
import { shellBlock, startOutput } from "../../src/runtime/start-output.ts";

const client = { id: "AbCdEfGh01234567AbCdEfGh01234567", secret: `-${"aB3_".repeat(15)}xyz` };
const meterKey = "0a0a0a0a-1111-4222-8333-444444444444";
const facts = { version: "1.2.3", baseUrl: "http://localhost:8080", dataDirectory: "/srv/data" };

/** Every POSIX shell of this machine. `sh` is always there. */
const shells = ["sh", "bash", "dash", "zsh", "ksh"].filter((name) =>
  (process.env.PATH ?? "").split(delimiter).some((folder) => isProgram(join(folder, name))),
);

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Commands of the block with curl replaced: what each call would have sent. */
function runWithoutServer(shell: string, block: string): string {
  const curl = [
    'curl() { case "$*" in',
    '  *oauth/token*) printf \'{"access_token":"tok.en-1","expires_in":3600}\' ;;',
    '  */meter-types*) printf \'{"accountId":"acc","id":"type-1","name":"x"}\' ;;',
    "  */meters/*) printf 'read <%s>' \"$*\" ;;",
    '  */meters*) printf \'{"code":"c","existingId":"meter-1","requestId":"r"}\' ;;',
    "  *) printf 'usage <%s>' \"$*\" ;;",
    "esac; }",
  ].join("\n");
  return execFileSync(shell, ["-u"], { input: `${curl}\n${block}\n`, encoding: "utf8" });
}

describe("first start", () => {
  const output = startOutput({
    ...facts,
    firstAccount: { clientId: client.id, clientSecret: client.secret, meterKey },
  });

  it("[RU25] shows base URL, client id, client secret and meter key, and the block", () => {
    for (const text of [facts.baseUrl, client.id, client.secret, meterKey, facts.version]) {
      expect(output).toContain(text);
    }
    expect(output).toContain(shellBlock({ baseUrl: facts.baseUrl, meterKey, client }));
  });

  it("[RU27] prints no secret and no client id that settings fix", () => {
    const fixed = startOutput({
      ...facts,
      firstAccount: { clientId: "id-of-settings", clientSecret: null, meterKey },
    });
    expect(fixed).not.toContain("id-of-settings");
    expect(fixed).toContain('"$METERHOUSE_CLIENT_ID"');
    expect(fixed).toContain('"$METERHOUSE_CLIENT_SECRET"');
    expect(fixed).toContain(meterKey);
  });
});

it("[RU26] a later start shows where things are, and no secret", () => {
  const output = startOutput({ ...facts, firstAccount: null });
  expect(output).toContain("http://localhost:8080/openapi.json");
  expect(output).toContain("/srv/data");
  expect(output).toContain("npm run account -- create");
  expect(output).not.toContain("curl");
});

describe("shell block", () => {
  const block = shellBlock({ baseUrl: facts.baseUrl, meterKey, client });

  it("[RU25] has nothing that trips an interactive shell", () => {
    expect(block).not.toMatch(/[#!]/);
    expect(block).not.toMatch(/[^\x20-\x7e\n]/);
    expect(Math.max(...block.split("\n").map((line) => line.length))).toBeLessThanOrEqual(100);
    expect(block.split("\n").length).toBeLessThanOrEqual(25);
  });

  it.each(shells)("[RU25] %s reads it and hands on token, ids and key", (shell) => {
    execFileSync(shell, ["-n"], { input: block });
    expect(runWithoutServer(shell, block)).toBe(
      [
        `usage <-sS ${facts.baseUrl}/meter-processors/${meterKey}/usage-records -H Authorization: ` +
          "Bearer tok.en-1 -H Content-Type: application/json -d " +
          '{"userId":"alice@example.com","value":3}>',
        `read <-sS ${facts.baseUrl}/meters/meter-1 -H Authorization: Bearer tok.en-1>`,
        "",
      ].join("\n"),
    );
  });

  it("[RU25] quotes a base URL that a shell would read otherwise", () => {
    const odd = shellBlock({ baseUrl: "https://example.com/a$b'c&d", meterKey, client });
    expect(odd).toContain(`BASE='https://example.com/a$b'\\''c&d'`);
    expect(runWithoutServer("sh", odd)).toContain("read <-sS https://example.com/a$b'c&d/meters/");
  });
});
