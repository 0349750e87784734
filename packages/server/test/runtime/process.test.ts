// The server as a real process: refusals, signals, the first start's block in a real shell.
import { execFile } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { promisify } from "node:util";
import { crc32 } from "node:zlib";
import { afterEach, describe, expect, it } from "vitest";
import {
  type Exit,
  endProcesses,
  mainFile,
  newDataDirectory,
  runScript,
  startServer,
} from "../support/server-process.ts";

const run = promisify(execFile);
const fixedClient = {
  METERHOUSE_CLIENT_ID: "client-of-settings",
  METERHOUSE_CLIENT_SECRET: "0123456789abcdefghijklmnopqrstuvwxyz-ABCD",
};

afterEach(endProcesses);

/** One sentence on stderr, exit code 1. */
function expectRefusal(exit: Exit, text: string): void {
  expect(exit.stderr).toContain(text);
  expect(exit.stderr).toMatch(/^Meterhouse cannot start: .*\n$/);
  expect(exit.code).toBe(1);
}

/** Starts once and stops well, so that the directory holds something. */
async function usedDirectory(settings: Readonly<Record<string, string>> = {}): Promise<string> {
  const directory = newDataDirectory();
  const server = startServer(directory, settings);
  await server.started;
  server.signal("SIGTERM");
  expect((await server.exited).code).toBe(0);
  return directory;
}

describe("arguments and settings", () => {
  it("[RU6] --help exits 0, a wrong argument 2", async () => {
    const help = await runScript(mainFile, ["--help"], {});
    expect([help.code, help.stderr]).toEqual([0, ""]);
    expect(help.stdout).toContain("METERHOUSE_PORT");
    const wrong = await runScript(mainFile, ["--hepl"], {});
    expect([wrong.code, wrong.stdout]).toEqual([2, ""]);
    expect(wrong.stderr).toContain("--help");
  });

  it("[RU2] every faulty setting is told before anything is touched", async () => {
    const directory = join(newDataDirectory(), "new");
    const exit = await startServer(directory, { METERHOUSE_PORT: "x", METERHOUSE_X: "1" }).exited;
    expect(exit.code).toBe(1);
    expect(exit.stderr.trim().split("\n")).toHaveLength(2);
    expect(existsSync(directory)).toBe(false);
  });

  it("[RU7] an older Node is refused in one sentence", async () => {
    const file = join(mainFile, "../../scripts/require-node.cjs");
    const pretend = "Object.defineProperty(process.versions, 'node', { value: '20.1.0' });";
    const script = `${pretend} require(${JSON.stringify(file)});`;
    const exit = await runScript("-e", [script], {});
    expect(exit.code).toBe(1);
    expect(exit.stderr).toMatch(/^Meterhouse needs Node 26 and this is 20\.1\.0: .*npm ci.*\n$/);
    expect((await runScript(file, [], {})).code).toBe(0);
  });
});

describe("refusals", () => {
  it("[RU50] a port that is taken", async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    const port = String((other.address() as AddressInfo).port);
    const exit = await startServer(newDataDirectory(), { METERHOUSE_PORT: port }).exited;
    other.close();
    expectRefusal(exit, `Port ${port} of 127.0.0.1 is taken`);
    expect(exit.stderr).toContain("METERHOUSE_PORT");
  });

  it("[RU51] a data directory that cannot be written", async () => {
    // Below a regular file, which stops the superuser too.
    const file = join(newDataDirectory(), "file");
    writeFileSync(file, "");
    const exit = await startServer(join(file, "data")).exited;
    expectRefusal(exit, join(file, "data"));
    expect(exit.stderr).toContain("METERHOUSE_DATA_DIR");
  });

  it("[RU52] a data directory that another process holds, until that one is killed", async () => {
    const directory = newDataDirectory();
    const holder = startServer(directory);
    await holder.started;
    expectRefusal(await startServer(directory).exited, "in use by another running server");
    holder.signal("SIGKILL");
    await holder.exited;
    await startServer(directory).started;
  });

  it("[RU53] a data directory that a newer version wrote", async () => {
    const directory = await usedDirectory();
    const database = new DatabaseSync(join(directory, "projection.db"));
    database.exec("PRAGMA user_version = 1000");
    database.close();
    const exit = await startServer(directory).exited;
    expectRefusal(exit, "projection.db");
    expect(exit.stderr).toContain("newer version");
  });

  it("[RU53] [RU54] a newer or damaged journal, naming the file", async () => {
    const directory = await usedDirectory();
    const file = join(directory, "journal", "segment-0000000000000001.log");
    const sound = readFileSync(file);
    const newer = Buffer.from(sound);
    newer.writeUInt32BE(99, 8);
    newer.writeUInt32BE(crc32(newer.subarray(0, 12)), 12);
    writeFileSync(file, newer);
    expectRefusal(await startServer(directory).exited, `${file}, byte 8`);
    const damaged = Buffer.from(sound);
    damaged.writeUInt8(damaged.readUInt8(120) ^ 1, 120);
    writeFileSync(file, damaged);
    expectRefusal(await startServer(directory).exited, `${file}, byte `);
    expect(readFileSync(file)).toEqual(damaged);
  });
});

/** A request whose body is still to come, over a connection that may be used again. */
async function halfRequest(
  baseUrl: string,
): Promise<{ socket: Socket; finish: () => Promise<string> }> {
  const { hostname, port } = new URL(baseUrl);
  const socket = connect({ host: hostname, port: Number.parseInt(port, 10) });
  await once(socket, "connect");
  const body = "grant_type=client_credentials";
  const head = [
    "POST /oauth/token HTTP/1.1",
    "Host: localhost",
    "Content-Type: application/x-www-form-urlencoded",
    `Content-Length: ${body.length}`,
    "Expect: 100-continue",
  ];
  socket.write(`${head.join("\r\n")}\r\n\r\n`);
  // "100 Continue" says that the server has taken the request in hand.
  await once(socket, "data");
  return {
    socket,
    async finish(): Promise<string> {
      let text = "";
      socket.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk;
      });
      socket.write(body);
      await once(socket, "close");
      return text;
    },
  };
}

describe("signals", () => {
  it.each(["SIGTERM", "SIGINT"] as const)(
    "[RU35] [RU36] %s finishes what is in flight and exits 0",
    async (signal) => {
      const server = startServer(newDataDirectory());
      const { finish } = await halfRequest(await server.started);
      server.signal(signal);
      await server.logged("stop requested");
      const answer = await finish();
      expect(answer).toMatch(/^HTTP\/1\.1 400[\s\S]*"error":"invalid_request"/);
      const exit = await server.exited;
      expect([exit.code, exit.stderr]).toEqual([0, ""]);
      expect(exit.stdout).toContain("server stopped");
    },
  );

  it("[RU37] a second signal ends at once", async () => {
    const server = startServer(newDataDirectory());
    const { socket } = await halfRequest(await server.started);
    server.signal("SIGTERM");
    await server.logged("stop requested");
    server.signal("SIGINT");
    expect((await server.exited).code).toBe(130);
    socket.destroy();
  });
});

/** The block as it was printed, from its first command to its last. */
function blockOf(stdout: string): string {
  const block = /^BASE=[\s\S]*?\/meters\/\$METER" .*$/m.exec(stdout)?.[0];
  expect(block).toBeDefined();
  return block ?? "";
}

async function paste(block: string, env: Readonly<Record<string, string>> = {}): Promise<unknown> {
  const hasCurl = await run("curl", ["--version"]).then(
    () => true,
    () => false,
  );
  expect(hasCurl, "this test needs curl, as the printed block does").toBe(true);
  const { stdout } = await run("sh", ["-c", block], { env: { PATH: process.env.PATH, ...env } });
  return JSON.parse(stdout.trim().split("\n").at(-1) ?? "");
}

describe("first start", () => {
  it("[RU28] the printed block counts, and counts on when pasted again", async () => {
    const server = startServer(newDataDirectory());
    await server.started;
    await expect.poll(() => server.stdout).toContain("/meters/$METER");
    const block = blockOf(server.stdout);
    expect(await paste(block)).toMatchObject({ value: 3, userId: "alice@example.com" });
    expect(await paste(block)).toMatchObject({ value: 6 });
  });

  it("[RU27] [RU28] with fixed client id and secret neither is printed, and the block counts", async () => {
    const server = startServer(newDataDirectory(), fixedClient);
    await server.started;
    await expect.poll(() => server.stdout).toContain("/meters/$METER");
    for (const text of Object.values(fixedClient)) expect(server.stdout).not.toContain(text);
    expect(await paste(blockOf(server.stdout), fixedClient)).toMatchObject({ value: 3 });
  });

  it("[RU26] [RU30] the next starts print JSON lines only and journal nothing", async () => {
    const directory = await usedDirectory(fixedClient);
    const sequences: unknown[] = [];
    for (const start of [1, 2]) {
      const server = startServer(directory, fixedClient);
      sequences.push((await server.logged("state recovered")).seq);
      await server.started;
      server.signal("SIGTERM");
      const { stdout, code } = await server.exited;
      expect([start, code]).toEqual([start, 0]);
      for (const line of stdout.trim().split("\n")) expect(JSON.parse(line)).toHaveProperty("msg");
    }
    expect(sequences[1]).toBe(sequences[0]);
  });
});

describe("account command", () => {
  const script = join(mainFile, "../../scripts/account.ts");

  it("[RU45] [RU46] makes accounts while the server runs and while it does not", async () => {
    const directory = newDataDirectory();
    const env = { METERHOUSE_DATA_DIR: directory };
    const early = await runScript(script, ["create", "Acme"], env);
    expect([early.code, early.stdout]).toEqual([1, ""]);
    expect(early.stderr).toContain("start the server once");
    const server = startServer(directory);
    await server.started;
    const running = await runScript(script, ["create", "Acme Inc"], env);
    expect([running.code, running.stderr]).toEqual([0, ""]);
    server.signal("SIGTERM");
    await server.exited;
    const stopped = await runScript(script, ["create", "Umbrella"], env);
    expect([stopped.code, stopped.stderr]).toEqual([0, ""]);
    const again = startServer(directory);
    const baseUrl = await again.started;
    for (const { stdout } of [running, stopped]) {
      const [, id, secret] = /Client id +(\S+)\n +Client secret +(\S+)/.exec(stdout) ?? [];
      const body = new URLSearchParams({
        grant_type: "client_credentials",
        audience: baseUrl,
        client_id: id ?? "",
        client_secret: secret ?? "",
      });
      expect((await fetch(`${baseUrl}/oauth/token`, { method: "POST", body })).status).toBe(200);
    }
  });

  it("[RU47] answers wrong input in one sentence, with 2, and --help with 0", async () => {
    const cases = [
      [],
      ["make"],
      ["create"],
      ["create", "a", "b"],
      ["create", ""],
      ["create", "-x"],
    ];
    for (const given of cases) {
      const exit = await runScript(script, given, {});
      expect([given, exit.code, exit.stdout]).toEqual([given, 2, ""]);
      expect(exit.stderr).toMatch(/^[^\n]+\n$/);
    }
    const help = await runScript(script, ["--help"], {});
    expect([help.code, help.stderr]).toEqual([0, ""]);
    expect(help.stdout).toContain("npm run account -- create <name>");
  });
});
