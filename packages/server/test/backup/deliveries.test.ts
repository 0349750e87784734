// What a backup holds of deliveries: a server on a restored directory knows what was delivered, and
// signs with the same secret; and what verify finds in deliveries.db.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { Webhook } from "standardwebhooks";
import { afterAll, afterEach, beforeEach, expect, it } from "vitest";
import { makeBackup } from "../../src/backup/make-backup.ts";
import { manifestName } from "../../src/backup/manifest.ts";
import { restoreBackup } from "../../src/backup/restore-backup.ts";
import { verifyData } from "../../src/backup/verify-data.ts";
import { ok } from "../../src/core/problem.ts";
import { openThreadDisk } from "../../src/journal/thread-disk.ts";
import { endProcesses, newDataDirectory, startServer } from "../support/server-process.ts";
import { connect, fixedClient } from "../support/used-directory.ts";

interface Received {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const disk = openThreadDisk();
const settings = { ...fixedClient, METERHOUSE_ALLOW_PRIVATE_DESTINATIONS: "true" };
let place = "";
let receiver: Server;
let received: Received[] = [];

beforeEach(async () => {
  place = mkdtempSync(join(tmpdir(), "meterhouse-test-"));
  received = [];
  receiver = createServer((request, response) => {
    void readMessage(request).then((message) => {
      received.push(message);
      response.writeHead(204).end();
    });
  });
  await new Promise<void>((resolve) => receiver.listen(0, "127.0.0.1", resolve));
});

afterEach(async () => {
  await endProcesses();
  receiver.close();
  rmSync(place, { recursive: true, force: true });
});
afterAll(() => disk.close());

async function readMessage(request: IncomingMessage): Promise<Received> {
  let body = "";
  for await (const chunk of request) body += String(chunk);
  const headers = Object.entries(request.headers).map(([name, value]) => [name, String(value)]);
  return { headers: Object.fromEntries(headers), body };
}

interface Delivered {
  readonly id: string;
  readonly secret: string;
  readonly log: string;
}

/** A directory whose server has sent one test message; its destination, and the secret. */
async function delivered(data: string): Promise<Delivered> {
  const server = startServer(data, { ...settings, METERHOUSE_LOG_LEVEL: "debug" });
  const client = await connect(await server.started);
  const { port } = receiver.address() as AddressInfo;
  const body = { name: "Receiver", kind: "webhook", url: `http://127.0.0.1:${port}/` };
  const { id, secret } = await client.ask("POST", "/destinations", body);
  await client.ask("POST", `/destinations/${id}/test`);
  client.close();
  server.signal("SIGTERM");
  const { stdout: log } = await server.exited;
  return { id: String(id), secret: String(secret), log };
}

async function backUp(data: string, target: string): Promise<void> {
  const source = { directory: data, lastSeq: async () => ok(null), isHeld: () => true };
  const told = { version: "test", now: Date.UTC(2026, 0, 1), tell: () => undefined };
  expect(await makeBackup({ source, target, disk, ...told })).toMatchObject({ ok: true });
}

async function verified(root: string): Promise<readonly string[]> {
  const faults: string[] = [];
  await verifyData(root, disk, ({ isFault, text }) => {
    if (isFault) faults.push(text);
  });
  return faults;
}

it("[DV33] a restored server knows what was delivered, and signs with the same secret", async () => {
  const data = newDataDirectory();
  const { id, secret } = await delivered(data);
  const backup = join(place, "backup");
  await backUp(data, backup);
  const { files } = JSON.parse(readFileSync(join(backup, manifestName), "utf8"));
  const names = files.map(({ name }: { name: string }) => name);
  expect(names).toEqual(expect.arrayContaining(["deliveries.db", "keys/secret-box.key"]));
  expect(await verified(backup)).toEqual([]);
  const restored = join(place, "restored");
  expect(restoreBackup({ backup, directory: restored, tell: () => undefined }).ok).toBe(true);
  const server = startServer(restored, settings);
  const client = await connect(await server.started);
  const listed = await client.ask("GET", `/destinations/${id}/deliveries`);
  expect(listed.deliveries).toMatchObject([{ type: "test", state: "delivered" }]);
  await client.ask("POST", `/destinations/${id}/test`);
  expect(received).toHaveLength(2);
  const webhook = new Webhook(secret);
  for (const { headers, body } of received) {
    expect(webhook.verify(body, headers)).toMatchObject({ type: "test" });
  }
});

it("[DV24] no file and no line of the log holds a secret in clear", async () => {
  const data = newDataDirectory();
  const { secret, log } = await delivered(data);
  const bytes = Buffer.from(secret.slice("whsec_".length), "base64");
  const forms = [
    bytes,
    ...(["base64", "base64url", "hex"] as const).map((form) => bytes.toString(form)),
  ];
  const files = readdirSync(data, { recursive: true, withFileTypes: true }).filter((item) =>
    item.isFile(),
  );
  expect(files.length).toBeGreaterThan(5);
  const held = files.map((item) => readFileSync(join(item.parentPath, item.name)));
  for (const content of [...held, Buffer.from(log)]) {
    for (const form of forms) expect(content.includes(form)).toBe(false);
  }
});

it("[DV33] verify finds a cursor ahead of the journal, and damage", async () => {
  const data = newDataDirectory();
  await delivered(data);
  expect(await verified(data)).toEqual([]);
  const path = join(data, "deliveries.db");
  const database = new DatabaseSync(path);
  database.exec("UPDATE lanes SET seq = 1000000");
  database.close();
  expect(await verified(data)).toEqual([
    expect.stringMatching(/^deliveries\.db: delivered up to entry 1000000, but the journal ends/),
  ]);
  const another = new DatabaseSync(path);
  another.exec("PRAGMA application_id = 7");
  another.close();
  expect(await verified(data)).toEqual([
    "deliveries.db: The file is a database of something else.",
  ]);
});
