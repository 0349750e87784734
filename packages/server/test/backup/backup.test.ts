// Backup, restore and verify of a directory that nobody uses (docs/spec/backup.md, BK): what is
// refused, what damage is found and where, and that a restore goes on without using a position twice.
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type MadeBackup, makeBackup } from "../../src/backup/make-backup.ts";
import { manifestName } from "../../src/backup/manifest.ts";
import { restoreBackup } from "../../src/backup/restore-backup.ts";
import { type Finding, verifyData } from "../../src/backup/verify-data.ts";
import type { Result } from "../../src/core/problem.ts";
import { openThreadDisk } from "../../src/journal/thread-disk.ts";
import { lockDirectory } from "../../src/runtime/directory-lock.ts";
import { endProcesses, mainFile, runScript, startServer } from "../support/server-process.ts";
import {
  connect,
  fixedClient,
  liveValues,
  meteredIds,
  usedDirectory,
} from "../support/used-directory.ts";

const disk = openThreadDisk();
const silent = (): void => {};
let originals: Readonly<Record<"stopped" | "killed", string>> = { stopped: "", killed: "" };
let place = "";
let data = "";

beforeAll(async () => {
  const found = { stopped: await usedDirectory("SIGTERM"), killed: await usedDirectory("SIGKILL") };
  const kept = mkdtempSync(join(tmpdir(), "meterhouse-test-"));
  cpSync(found.stopped, join(kept, "stopped"), { recursive: true });
  cpSync(found.killed, join(kept, "killed"), { recursive: true });
  originals = { stopped: join(kept, "stopped"), killed: join(kept, "killed") };
  await endProcesses();
});

beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), "meterhouse-test-"));
  data = join(place, "data");
  use("stopped");
});

afterEach(async () => {
  await endProcesses();
  rmSync(place, { recursive: true, force: true });
});

afterAll(async () => {
  // Empty when nothing could be made: the directory above it would be the working directory.
  if (originals.stopped !== "") rmSync(dirname(originals.stopped), { recursive: true });
  await disk.close();
});

function use(name: keyof typeof originals): void {
  rmSync(data, { recursive: true, force: true });
  cpSync(originals[name], data, { recursive: true });
}

function backUp(target = join(place, "backup")): Promise<Result<MadeBackup, string>> {
  const source = {
    directory: data,
    lastSeq: async () => ({ ok: true, value: null }) as const,
    isHeld: () => true,
  };
  return makeBackup({ source, target, disk, version: "1.2.3", now: 5, tell: silent });
}

async function verify(root: string): Promise<{ isSound: boolean; findings: readonly Finding[] }> {
  const findings: Finding[] = [];
  const isSound = await verifyData(root, disk, (finding) => void findings.push(finding));
  return { isSound, findings };
}

async function faultsOf(root: string): Promise<string> {
  const { isSound, findings } = await verify(root);
  const faults = findings.filter(({ isFault }) => isFault).map(({ text }) => text);
  expect(isSound).toBe(faults.length === 0);
  return faults.join("\n");
}

/** Names, sizes and contents, for "nothing was changed". */
function contentOf(root: string): readonly string[] {
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((item) => item.isFile() && !item.name.startsWith("lock."))
    .map((item) => {
      const path = join(item.parentPath, item.name);
      return `${path} ${readFileSync(path).toString("base64")}`;
    })
    .sort();
}

function flip(file: string, at: number): void {
  const bytes = readFileSync(file);
  const offset = at < 0 ? bytes.length + at : at;
  bytes.writeUInt8(bytes.readUInt8(offset) ^ 4, offset);
  writeFileSync(file, bytes);
}

function firstOf(root: string, folder: string): string {
  const [name] = readdirSync(join(root, folder)).sort();
  expect(name).toBeDefined();
  return join(root, folder, name ?? "");
}

describe("a backup", () => {
  it.each(["stopped", "killed"] as const)(
    "[BK1] [BK2] of a %s directory holds all of it, sound, and changes nothing there",
    async (name) => {
      use(name);
      const before = contentOf(data);
      const made = await backUp();
      expect(made).toMatchObject({ ok: true, value: { target: join(place, "backup") } });
      const { isSound, findings } = await verify(join(place, "backup"));
      expect([isSound, findings.filter(({ isFault }) => isFault)]).toEqual([true, []]);
      const texts = findings.map(({ text }) => text).join("\n");
      expect(texts).toMatch(/metered records: 4 \([0-9a-f]{16}\), as replayed/);
      expect(texts).toMatch(/data correction: 4 .*as replayed/);
      expect(texts).toContain("replayed from the first entry");
      const side = /(?:projection|deliveries)\.db-(?:wal|shm)/;
      expect(contentOf(data).filter((line) => !side.test(line))).toEqual(
        before.filter((line) => !side.test(line)),
      );
      expect(readdirSync(place).sort()).toEqual(["backup", "data"]);
    },
  );

  it("[BK2] is its owner's alone, and its manifest says what it is", async () => {
    await backUp();
    const target = join(place, "backup");
    for (const item of readdirSync(target, { recursive: true, withFileTypes: true })) {
      const mode = statSync(join(item.parentPath, item.name)).mode & 0o777;
      expect([item.name, mode]).toEqual([item.name, item.isDirectory() ? 0o700 : 0o600]);
    }
    const manifest = JSON.parse(readFileSync(join(target, manifestName), "utf8"));
    expect(manifest).toMatchObject({
      format: 1,
      version: "1.2.3",
      madeAt: 5,
      journalStartsAfter: 0,
    });
    expect(Object.keys(manifest.formats)).toEqual([
      "journal",
      "snapshot",
      "ids",
      "projection",
      "deliveries",
    ]);
    expect(manifest.projectionSeq).toBeLessThanOrEqual(manifest.seq);
  });

  it("[BK4] is refused within the data, over something, and beside nothing", async () => {
    writeFileSync(join(place, "file"), "");
    const targets: readonly (readonly [string, string])[] = [
      [data, "within the data directory"],
      [join(data, "backup"), "within the data directory"],
      [place, "is not empty"],
      [join(place, "file"), "no directory that a backup can be made in"],
      [join(place, "none", "backup"), "There is no directory"],
    ];
    for (const [target, text] of targets) {
      const made = await backUp(target);
      expect([target, made.ok, made.ok ? "" : made.error]).toEqual([
        target,
        false,
        expect.stringContaining(text),
      ]);
    }
    mkdirSync(join(place, "empty"));
    expect((await backUp(join(place, "empty"))).ok).toBe(true);
  });

  it("[BK5] of damaged data is refused with the place, and leaves nothing behind", async () => {
    flip(firstOf(data, "journal"), 60);
    const made = await backUp();
    expect(made).toMatchObject({
      ok: false,
      error: expect.stringContaining("segment-0000000000000001.log, byte"),
    });
    expect(readdirSync(place)).toEqual(["data"]);
    use("stopped");
    writeFileSync(join(data, "projection.db"), "no database at all, but text");
    expect((await backUp()).ok).toBe(false);
    use("stopped");
    flip(firstOf(data, "snapshots"), -40);
    const told: string[] = [];
    expect((await backUp()).ok).toBe(true);
    expect(told).toEqual([]);
    expect(existsSync(join(place, "backup", "snapshots"))).toBe(false);
    expect(await faultsOf(join(place, "backup"))).toBe("");
  });
});

describe("verify", () => {
  it("[BK8] finds a flipped bit in every file of a backup, and names the file", async () => {
    await backUp();
    const backup = join(place, "backup");
    const files = [
      "projection.db",
      "keys/token-signing.pem",
      "journal/segment-0000000000000001.log",
    ];
    for (const name of files) {
      const path = join(backup, name);
      const sound = readFileSync(path);
      flip(path, Math.floor(sound.length / 2));
      expect([name, await faultsOf(backup)]).toEqual([
        name,
        expect.stringContaining(`${name} was changed`),
      ]);
      writeFileSync(path, sound);
    }
    rmSync(join(backup, "keys"), { recursive: true });
    writeFileSync(join(backup, "journal", "more"), "");
    expect(await faultsOf(backup)).toMatch(
      /token-signing.pem is missing.\njournal\/more does not belong/,
    );
  });

  it("[BK9] finds damage in a data directory, and what does not fit together", async () => {
    expect(await faultsOf(data)).toBe("");
    flip(firstOf(data, "journal"), 200);
    expect(await faultsOf(data)).toMatch(/segment-0000000000000001\.log, byte \d+/);
    use("stopped");
    flip(firstOf(data, "snapshots"), -40);
    expect(await faultsOf(data)).toMatch(/snapshot-\d+\.bin, byte \d+/);
    use("stopped");
    truncateSync(firstOf(data, "journal"), 1_000);
    expect(await faultsOf(data)).toContain("before a snapshot");
    use("stopped");
    rmSync(join(data, "projection.db"));
    expect(await faultsOf(data)).toContain("projection.db");
  });

  const lies: readonly [string, string, RegExp][] = [
    [
      "DELETE FROM metered WHERE no = 2",
      "a lost metered record",
      /metered records: the lists have 3 .* replay gives 4/,
    ],
    [
      "UPDATE metered_json SET json = json || ' ' WHERE no = 1",
      "a changed metered record",
      /metered records: the lists have 4 .* replay gives 4/,
    ],
    [
      "UPDATE corrections SET state = 'deleted' WHERE no = 1",
      "a changed state",
      /waiting in data correction: the lists have 3, replay gives 4/,
    ],
    [
      "DELETE FROM meters WHERE user_id = 'ann'",
      "a lost meter",
      /meters: the lists have 1, replay gives 2/,
    ],
    [
      "UPDATE applied SET seq = seq + 100",
      "a projection ahead",
      /The projection has outputs up to entry/,
    ],
  ];

  it.each(lies)("[BK9] finds lists that replay does not give: %s (%s)", async (sql, _, text) => {
    const database = new DatabaseSync(join(data, "projection.db"));
    database.exec(sql);
    database.close();
    expect(await faultsOf(data)).toMatch(text);
  });

  it("[BK10] changes nothing, and works where nobody may write", async () => {
    await backUp();
    const backup = join(place, "backup");
    const before = contentOf(place);
    for (const item of readdirSync(backup, { recursive: true, withFileTypes: true })) {
      chmodSync(join(item.parentPath, item.name), item.isDirectory() ? 0o500 : 0o400);
    }
    expect(await faultsOf(backup)).toBe("");
    expect(await faultsOf(data)).toBe("");
    expect(contentOf(place)).toEqual(before);
    for (const name of ["keys", "journal", "snapshots"]) chmodSync(join(backup, name), 0o700);
  });
});

describe("a restore", () => {
  it("[BK6] is refused over anything, into a used directory, and from a changed backup, writing nothing", async () => {
    await backUp();
    const backup = join(place, "backup");
    const before = contentOf(place);
    const restore = (directory: string): Result<unknown, string> =>
      restoreBackup({ backup, directory, tell: silent });
    expect(restore(data)).toMatchObject({ error: expect.stringContaining("is not empty") });
    const lock = lockDirectory(data);
    expect(restore(data)).toMatchObject({ error: expect.stringContaining("in use") });
    if (lock.ok) lock.value.release();
    expect(restore(backup)).toMatchObject({ error: expect.stringContaining("another directory") });
    expect(contentOf(place)).toEqual(before);
    flip(join(backup, "projection.db"), 5_000);
    expect(restore(join(place, "new"))).toMatchObject({
      error: "projection.db was changed: its SHA-256 is another one.",
    });
    rmSync(join(backup, manifestName));
    expect(restore(join(place, "new"))).toMatchObject({
      error: expect.stringContaining("no whole backup"),
    });
    expect(existsSync(join(place, "new"))).toBe(false);
  });

  it("[BK6] takes no manifest that leads out of its directory or is of a later format", async () => {
    await backUp();
    const path = join(place, "backup", manifestName);
    const manifest = JSON.parse(readFileSync(path, "utf8"));
    const changed: readonly object[] = [
      { ...manifest, files: [{ ...manifest.files[0], name: "../../outside" }] },
      { ...manifest, files: [{ ...manifest.files[0], name: "/etc/passwd" }] },
      { ...manifest, files: [manifest.files[0], manifest.files[0]] },
      { ...manifest, seq: -1 },
      { ...manifest, format: 2 },
      [],
    ];
    for (const [index, document] of changed.entries()) {
      writeFileSync(path, JSON.stringify(document));
      const restored = restoreBackup({
        backup: join(place, "backup"),
        directory: join(place, "new"),
        tell: silent,
      });
      expect([index, restored.ok]).toEqual([index, false]);
      if (index === 4)
        expect(restored).toMatchObject({
          error: expect.stringContaining("Use the release that wrote it"),
        });
    }
    expect(existsSync(join(place, "new"))).toBe(false);
  });

  it("[BK7] goes on far beyond the backup, with every value and no position twice", async () => {
    await backUp();
    const directory = join(place, "restored");
    const restored = restoreBackup({ backup: join(place, "backup"), directory, tell: silent });
    expect(restored.ok).toBe(true);
    const server = startServer(directory, fixedClient);
    const baseUrl = await server.started;
    const { seq } = await server.logged("state recovered");
    expect(seq).toBeGreaterThan(1.7e15);
    const connection = await connect(baseUrl);
    expect(Object.fromEntries(await liveValues(connection))).toEqual({ ann: 1.5, bob: 2 });
    const before = await meteredIds(connection);
    expect(before).toHaveLength(4);
    const [processor] = (await connection.ask("GET", "/meter-processors")).meterProcessors as {
      meterKey: string;
    }[];
    const path = `/meter-processors/${processor?.meterKey}`;
    await connection.ask("PATCH", path, { flushType: "ALL_FILES" });
    const again = await connection.ask("POST", `${path}/usage-records`, [
      { userId: "ann", value: 1.5, id: "d-1" },
    ]);
    expect(again).toMatchObject({ duplicates: 1 });
    const after = await meteredIds(connection);
    expect(new Set(after).size).toBe(6);
    const [, later] = String(after.at(-1)).split(".");
    expect(BigInt(later ?? 0)).toBeGreaterThan(BigInt(String(seq)));
    connection.close();
    server.signal("SIGKILL");
    await server.exited;
    const second = startServer(directory, fixedClient);
    await second.started;
    const third = await second.logged("state recovered");
    expect(Number(third.seq) - Number(seq)).toBeLessThan(10);
    second.signal("SIGTERM");
    await second.exited;
    expect(await faultsOf(directory)).toBe("");
  });

  it("[BK7] that did not come to its end is refused by the start", async () => {
    await backUp();
    const directory = join(place, "restored");
    restoreBackup({ backup: join(place, "backup"), directory, tell: silent });
    writeFileSync(join(directory, "restored.json"), '{"seq":7,"isWhole":false}\n');
    const exit = await startServer(directory, fixedClient).exited;
    expect([exit.code, exit.stderr]).toEqual([
      1,
      expect.stringContaining("did not come to its end"),
    ]);
    writeFileSync(join(directory, "restored.json"), '{"seq":700,"isWhole":true}\n');
    const other = await startServer(directory, fixedClient).exited;
    expect([other.code, other.stderr]).toEqual([1, expect.stringContaining("files are missing")]);
  });
});

describe("the commands", () => {
  const script = (name: string): string => join(mainFile, `../../scripts/${name}.ts`);

  it("[BK11] answer wrong arguments with 2, faults with 1, --help with 0", async () => {
    const env = { METERHOUSE_DATA_DIR: join(place, "none") };
    const runs: readonly (readonly [string, readonly string[], number, string])[] = [
      ["backup", [], 2, "npm run backup -- <target directory>"],
      ["backup", ["a", "b"], 2, "npm run backup"],
      ["backup", [join(place, "b")], 1, "There are no data in"],
      ["restore", ["a"], 2, "npm run restore -- <backup> <data directory>"],
      ["restore", [place, join(place, "new")], 1, "no whole backup"],
      ["verify", [], 2, "npm run verify -- <data directory or backup>"],
      ["verify", [place], 1, "neither a data directory nor a backup"],
    ];
    for (const [name, given, code, text] of runs) {
      const exit = await runScript(script(name), given, env);
      expect([name, given, exit.code, exit.stdout]).toEqual([name, given, code, ""]);
      expect(exit.stderr).toContain(text);
      expect(exit.stderr).toMatch(/^[^\n]+\n$/);
    }
    for (const name of ["backup", "restore", "verify"]) {
      const help = await runScript(script(name), ["--help"], env);
      expect([help.code, help.stderr, help.stdout]).toEqual([
        0,
        "",
        expect.stringContaining(`npm run ${name} --`),
      ]);
    }
  });

  it("[BK11] verify exits 0 when all is well and 1 when not", async () => {
    const well = await runScript(script("verify"), [data], {});
    expect([well.code, well.stderr]).toEqual([0, ""]);
    expect(well.stdout).toMatch(/Everything is well\.\n$/);
    flip(firstOf(data, "journal"), 200);
    const ill = await runScript(script("verify"), [data], {});
    expect(ill.code).toBe(1);
    expect(ill.stdout).toMatch(/^FAULT {2}.*segment-0000000000000001\.log, byte/m);
  });
});
