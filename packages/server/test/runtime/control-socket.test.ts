// The account command's door: who may open it, what it answers, what a dead server leaves behind.
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { assert, fail, ok } from "../../src/core/problem.ts";
import {
  type ControlOperations,
  openControlSocket,
  requestAccount,
  requestHold,
} from "../../src/runtime/control-socket.ts";

let directory = "";

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "meterhouse-test-"));
});

afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

/** Holds that were given and not yet let go. */
let holds = 0;

const operations: ControlOperations = {
  makeAccount: async (name) =>
    name === "taken"
      ? fail("This name is taken.")
      : ok({ name, accountId: "a", clientId: "c", clientSecret: "s", meterKey: "k" }),
  async holdFiles() {
    holds += 1;
    return () => {
      holds -= 1;
    };
  },
  lastSeq: () => 42,
};

function send(path: string, options: { method: string; body: string }): Promise<number> {
  return new Promise((resolve, reject) => {
    const socketPath = join(directory, "control.sock");
    const outgoing = request({ socketPath, path, method: options.method }, (answer) => {
      answer.resume();
      resolve(answer.statusCode ?? 0);
    });
    outgoing.on("error", reject);
    outgoing.end(options.body);
  });
}

describe("a running server", () => {
  it("[BK3] holds its files for as long as somebody wants them, and tells the last entry", async () => {
    const socket = await openControlSocket(directory, operations);
    const held = await requestHold(directory);
    assert(held.ok && held.value !== null, "the files are held");
    expect([holds, held.value.isHeld(), await held.value.lastSeq()]).toEqual([1, true, ok(42)]);
    held.value.release();
    await expect.poll(() => holds).toBe(0);
    expect(held.value.isHeld()).toBe(false);
    const again = await requestHold(directory);
    assert(again.ok && again.value !== null, "the files are held again");
    const { value } = again;
    await socket.close();
    await expect.poll(() => [holds, value.isHeld()]).toEqual([0, false]);
    expect(await value.lastSeq()).toEqual(fail("The server has stopped."));
    expect(await requestHold(directory)).toEqual(ok(null));
  });

  it("[RU45] makes the account that is asked for", async () => {
    const socket = await openControlSocket(directory, operations);
    const made = await requestAccount(directory, "Größe ✓");
    expect(made).toEqual(
      ok({ name: "Größe ✓", accountId: "a", clientId: "c", clientSecret: "s", meterKey: "k" }),
    );
    expect(await requestAccount(directory, "taken")).toEqual(fail("This name is taken."));
    await socket.close();
  });

  it("[RU48] has a socket that only its owner may open, gone after the stop", async () => {
    const socket = await openControlSocket(directory, operations);
    const path = join(directory, "control.sock");
    expect(statSync(path).mode & 0o777).toBe(0o600);
    await socket.close();
    expect(existsSync(path)).toBe(false);
    expect(await requestAccount(directory, "x")).toEqual(ok(null));
  });

  it("[RU45] answers what it does not understand, and goes on", async () => {
    const socket = await openControlSocket(directory, operations);
    expect(await send("/accounts", { method: "GET", body: "" })).toBe(404);
    expect(await send("/", { method: "POST", body: "{}" })).toBe(404);
    for (const body of ["", "{", "[]", "null", '{"name":1}', '{"__proto__":{"name":"x"}}']) {
      expect([body, await send("/accounts", { method: "POST", body })]).toEqual([body, 400]);
    }
    const long = JSON.stringify({ name: "x".repeat(100_000) });
    await expect(send("/accounts", { method: "POST", body: long })).rejects.toThrow();
    expect((await requestAccount(directory, "x")).ok).toBe(true);
    await socket.close();
  });
});

describe("what a dead server left", () => {
  it("[RU48] is replaced: a file in the socket's place does not stop the start", async () => {
    writeFileSync(join(directory, "control.sock"), "");
    const socket = await openControlSocket(directory, operations);
    expect((await requestAccount(directory, "x")).ok).toBe(true);
    await socket.close();
  });

  it("[RU48] is nobody to ask", async () => {
    expect(await requestAccount(join(directory, "none"), "x")).toEqual(ok(null));
  });
});

it("[RU48] a data directory with a long path has its socket elsewhere", async () => {
  const long = join(directory, "d".repeat(120));
  mkdirSync(long);
  const first = await openControlSocket(long, operations);
  expect(existsSync(join(long, "control.sock"))).toBe(false);
  expect((await requestAccount(long, "x")).ok).toBe(true);
  const second = await openControlSocket(long, operations);
  expect((await requestAccount(long, "x")).ok).toBe(true);
  await second.close();
  await first.close();
  expect(existsSync(join(long, "control.path"))).toBe(false);
  expect(existsSync(dirname(long))).toBe(true);
});
