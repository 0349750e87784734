// The door for the account command while the server runs: a Unix socket in the data directory that
// only its owner may open, with one operation. Not part of the API and never on a network port, so
// it asks for no token: who may write the data directory owns the accounts already.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import {
  createServer,
  type IncomingMessage,
  request,
  type Server,
  type ServerResponse,
} from "node:http";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fail, ok, type Result } from "../core/problem.ts";

/** What the account command asks for, and is answered. */
export interface ControlAccount {
  readonly accountId: string;
  readonly name: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly meterKey: string;
}

/** Makes an account; a failure is one sentence. */
export type AccountMaker = (name: string) => Promise<Result<ControlAccount, string>>;

/** Operating systems take 104 to 108 bytes; the rest is room for the end mark. */
const socketPathBytesMax = 100;
const textBytesMax = 4_096;
const answerTimeoutMs = 30_000;

/**
 * Listens for account commands. The caller holds the lock of the data directory, so a socket that
 * is there already was left by a process that died, and is removed.
 */
export async function openControlSocket(
  dataDirectory: string,
  makeAccount: AccountMaker,
): Promise<{ close(): Promise<void> }> {
  removeSocket(dataDirectory);
  const path = placeSocket(dataDirectory);
  const server = createServer((incoming, answer) => {
    void handle(incoming, answer, makeAccount);
  });
  await listenForOwner(server, path);
  return {
    async close(): Promise<void> {
      await new Promise((resolve) => {
        server.close(resolve);
        server.closeAllConnections();
      });
      removeSocket(dataDirectory);
    },
  };
}

/**
 * Asks the server of this data directory for an account; `ok(null)` when none runs there. The
 * failure is one sentence.
 */
export function requestAccount(
  dataDirectory: string,
  name: string,
): Promise<Result<ControlAccount | null, string>> {
  const path = findSocket(dataDirectory);
  return new Promise((resolve) => {
    const outgoing = request(
      { socketPath: path, method: "POST", path: "/accounts", timeout: answerTimeoutMs },
      (answer) => void readAnswer(answer).then(resolve),
    );
    outgoing.on("timeout", () => outgoing.destroy(new Error("it took too long to answer")));
    outgoing.on("error", (error: NodeJS.ErrnoException) => {
      const isNobodyThere = error.code === "ENOENT" || error.code === "ECONNREFUSED";
      resolve(isNobodyThere ? ok(null) : fail(`The running server: ${error.message}.`));
    });
    outgoing.end(JSON.stringify({ name }));
  });
}

async function readAnswer(answer: IncomingMessage): Promise<Result<ControlAccount, string>> {
  try {
    const document: unknown = JSON.parse(await readText(answer));
    if (answer.statusCode === 201) return ok(fromWireAccount(document));
    if (isRecord(document)) return fail(String(document.detail));
  } catch {
    // Falls through: an answer that is not ours.
  }
  return fail("The running server gave an answer that is not understood.");
}

function fromWireAccount(document: unknown): ControlAccount {
  return document as ControlAccount;
}

async function handle(
  incoming: IncomingMessage,
  answer: ServerResponse,
  makeAccount: AccountMaker,
): Promise<void> {
  const send = (status: number, document: object): void => {
    answer.writeHead(status, { "content-type": "application/json" });
    answer.end(JSON.stringify(document));
  };
  try {
    if (incoming.method !== "POST" || incoming.url !== "/accounts") {
      send(404, { detail: "There is only POST /accounts here." });
      return;
    }
    const name = readName(await readText(incoming));
    if (name === null) {
      send(400, { detail: 'The body must be {"name": "…"}.' });
      return;
    }
    const made = await makeAccount(name);
    send(made.ok ? 201 : 400, made.ok ? made.value : { detail: made.error });
  } catch {
    // The command went away, or sent more than a name.
    answer.destroy();
  }
}

function readName(text: string): string | null {
  try {
    const document: unknown = JSON.parse(text);
    const name = isRecord(document) ? document.name : undefined;
    return typeof name === "string" ? name : null;
  } catch {
    return null;
  }
}

async function readText(message: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of message) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > textBytesMax) throw new Error("too long");
  }
  return Buffer.concat(chunks).toString("utf8");
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

/** The mask is set while the socket is made, so that it never stands open to others. */
async function listenForOwner(server: Server, path: string): Promise<void> {
  const mask = process.umask(0o177);
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(path, () => {
        server.off("error", reject);
        resolve();
      });
    });
  } finally {
    process.umask(mask);
  }
}

function socketPath(dataDirectory: string): string {
  return join(dataDirectory, "control.sock");
}

/** Names the socket's place when the data directory's own path is too long for one. */
function pointerPath(dataDirectory: string): string {
  return join(dataDirectory, "control.path");
}

function placeSocket(dataDirectory: string): string {
  const path = socketPath(dataDirectory);
  if (Buffer.byteLength(path) <= socketPathBytesMax) return path;
  const elsewhere = join(mkdtempSync(join(tmpdir(), "meterhouse-")), "control.sock");
  writeFileSync(pointerPath(dataDirectory), elsewhere, { mode: 0o600 });
  return elsewhere;
}

function findSocket(dataDirectory: string): string {
  try {
    return readFileSync(pointerPath(dataDirectory), "utf8");
  } catch {
    return socketPath(dataDirectory);
  }
}

function removeSocket(dataDirectory: string): void {
  const path = findSocket(dataDirectory);
  rmSync(path, { force: true });
  rmSync(pointerPath(dataDirectory), { force: true });
  // Only a directory that placeSocket made is removed with its socket.
  const isElsewhere = path !== socketPath(dataDirectory);
  if (isElsewhere && /[\\/]meterhouse-\w{6}$/.test(dirname(path))) {
    rmSync(dirname(path), { recursive: true, force: true });
  }
}
