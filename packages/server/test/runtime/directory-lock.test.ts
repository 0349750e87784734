// The lock of a data directory, against a second process and in the same one.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { lockDirectory } from "../../src/runtime/directory-lock.ts";

let root: string;
const children: ChildProcess[] = [];

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "meterhouse-lock-"));
});

afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
  rmSync(root, { recursive: true, force: true });
});

/** Another process that tries to take the lock, and lives until it is killed. */
async function holder(directory: string, expected = "locked\n"): Promise<ChildProcess> {
  const source = new URL("../../src/runtime/directory-lock.ts", import.meta.url).href;
  const script = join(root, "holder.mjs");
  writeFileSync(
    script,
    `import { lockDirectory } from "${source}";
    const said = (() => {
      const lock = lockDirectory("${directory}");
      return lock.ok ? "locked" : lock.error.code;
    })();
    // A lock that nobody refers to stays a lock.
    for (let turn = 0; turn < 3; turn += 1) {
      globalThis.gc();
      await new Promise((resolve) => setImmediate(resolve));
    }
    console.log(said);
    process.stdin.resume();`,
  );
  const stdio = ["pipe", "pipe", "inherit"] as const;
  const child = spawn(process.execPath, ["--expose-gc", script], { stdio: [...stdio] });
  children.push(child);
  const [said] = await once(child.stdout, "data");
  expect(String(said)).toBe(expected);
  return child;
}

describe("the lock of a data directory", () => {
  it("[JN20] refuses a second process at once, naming directory and holder, until kill -9", async () => {
    const directory = join(root, "data");
    const child = await holder(directory);
    const refused = lockDirectory(directory);
    expect(refused).toMatchObject({ ok: false, error: { code: "directory-in-use" } });
    const detail = refused.ok ? "" : refused.error.detail;
    expect(detail).toContain(`The data directory ${directory} is in use`);
    expect(detail).toContain(`process ${child.pid} on `);
    child.kill("SIGKILL");
    await once(child, "close");
    const lock = lockDirectory(directory);
    expect(lock).toMatchObject({ ok: true });
    if (lock.ok) lock.value.release();
  });

  it("[JN20] refuses a second lock in the same process, and is free after release", async () => {
    const first = lockDirectory(root);
    expect(lockDirectory(root)).toMatchObject({ error: { code: "directory-in-use" } });
    await holder(root, "directory-in-use\n");
    if (first.ok) first.value.release();
    if (first.ok) first.value.release();
    const again = lockDirectory(root);
    expect(again.ok).toBe(true);
    if (again.ok) again.value.release();
  });

  it("[JN18] makes the directory and its files for the owner alone", () => {
    const directory = join(root, "a/b");
    const lock = lockDirectory(directory);
    expect(statSync(directory).mode & 0o777).toBe(0o700);
    for (const name of readdirSync(directory)) {
      expect([name, statSync(join(directory, name)).mode & 0o777]).toEqual([name, 0o600]);
    }
    if (lock.ok) lock.value.release();
  });

  it.each([
    ["a file in its place", "file"],
    ["a file above it", "file/below"],
    ["something else called lock.db", "other"],
  ])("[JN21] says why a directory cannot be used: %s", (_what, name) => {
    writeFileSync(join(root, "file"), "");
    const other = lockDirectory(join(root, "other"));
    if (other.ok) other.value.release();
    writeFileSync(
      join(root, "other/lock.db"),
      "this is no database, but it is long enough".repeat(9),
    );
    const directory = join(root, name);
    const refused = lockDirectory(directory);
    expect(refused).toMatchObject({ ok: false, error: { code: "directory-not-usable" } });
    expect(refused.ok ? "" : refused.error.detail).toContain(
      `The data directory ${directory} cannot be used: `,
    );
  });
});
