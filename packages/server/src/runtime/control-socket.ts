// The door for commands while the server runs: a Unix socket in the data directory that only its
// owner may open; it makes accounts and holds files for a backup. Not part of the API and never on a
// network port, so it asks for no token: who may write the data directory owns everything already.
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

/** What the running server does for its commands. A failure is one sentence. */
export interface ControlOperations {
  makeAccount(name: string): Promise<Result<ControlAccount, string>>;
  /** Keeps the files of journal and snapshots in place until the result is called. */
  holdFiles(): Promise<() => void>;
  /** The last applied entry. */
  lastSeq(): number;
}

/** The files of a running server are kept in place for whoever has this. */
export interface FileHold {
  lastSeq(): Promise<Result<number, string>>;
  /** False once the server has let go by itself: it stopped, or the hold took too long. */
  isHeld(): boolean;
  release(): void;
}

/** Operating systems take 104 to 108 bytes; the rest is room for the end mark. */
const socketPathBytesMax = 100;
const textBytesMax = 4_096;
const answerTimeoutMs = 30_000;
/** The server needs its snapshots: nobody may hold them back for longer. */
const holdMsMax: number = 6 * 3_600_000;

/**
 * Listens for commands. The caller holds the lock of the data directory, so a socket that
 * is there already was left by a process that died, and is removed.
 */
export async function openControlSocket(
  dataDirectory: string,
  operations: ControlOperations,
): Promise<{ close(): Promise<void> }> {
  removeSocket(dataDirectory);
  const path = placeSocket(dataDirectory);
  const server = createServer((incoming, answer) => {
    void handle(incoming, answer, operations);
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
export async function requestAccount(
  dataDirectory: string,
  name: string,
): Promise<Result<ControlAccount | null, string>> {
  const asked = await ask(dataDirectory, { path: "/accounts", body: JSON.stringify({ name }) });
  if (!asked.ok || asked.value === null) return asked.ok ? ok(null) : asked;
  const document = await readAnswer(asked.value, 201);
  return document.ok ? ok(fromWireAccount(document.value)) : document;
}

/** Asks the server to hold its files; `ok(null)` when none runs there. */
export async function requestHold(dataDirectory: string): Promise<Result<FileHold | null, string>> {
  const asked = await ask(dataDirectory, { path: "/holds", body: "" });
  if (!asked.ok || asked.value === null) return asked.ok ? ok(null) : asked;
  const answer = asked.value;
  if (answer.statusCode !== 200) return fail(detailOf(await readAnswer(answer, 200)));
  let isHeld = true;
  const ended = (): void => {
    isHeld = false;
  };
  answer.on("error", ended).on("close", ended);
  // The first byte says that the files are held, the end that they no longer are.
  await new Promise((resolve) => answer.once("data", resolve).once("close", resolve));
  if (!isHeld) return fail(notUnderstood);
  return ok({
    isHeld: () => isHeld,
    release: () => void answer.destroy(),
    async lastSeq(): Promise<Result<number, string>> {
      const seq = await ask(dataDirectory, { path: "/last-seq", body: "" });
      if (!seq.ok || seq.value === null) return seq.ok ? fail("The server has stopped.") : seq;
      const document = await readAnswer(seq.value, 200);
      if (!document.ok) return document;
      return typeof document.value.seq === "number" ? ok(document.value.seq) : fail(notUnderstood);
    },
  });
}

const notUnderstood = "The running server gave an answer that is not understood.";

function detailOf(answer: Result<unknown, string>): string {
  return answer.ok ? notUnderstood : answer.error;
}

function ask(
  dataDirectory: string,
  { path, body }: { readonly path: string; readonly body: string },
): Promise<Result<IncomingMessage | null, string>> {
  const socketPath = findSocket(dataDirectory);
  return new Promise((resolve) => {
    const outgoing = request(
      { socketPath, method: "POST", path, timeout: answerTimeoutMs, agent: false },
      (answer) => {
        outgoing.setTimeout(0);
        resolve(ok(answer));
      },
    );
    outgoing.on("timeout", () => outgoing.destroy(new Error("it took too long to answer")));
    outgoing.on("error", (error: NodeJS.ErrnoException) => {
      const isNobodyThere = error.code === "ENOENT" || error.code === "ECONNREFUSED";
      resolve(isNobodyThere ? ok(null) : fail(`The running server: ${error.message}.`));
    });
    outgoing.end(body);
  });
}

async function readAnswer(
  answer: IncomingMessage,
  expected: number,
): Promise<Result<Readonly<Record<string, unknown>>, string>> {
  try {
    const document: unknown = JSON.parse(await readText(answer));
    if (!isRecord(document)) return fail(notUnderstood);
    return answer.statusCode === expected ? ok(document) : fail(String(document.detail));
  } catch {
    return fail(notUnderstood);
  }
}

function fromWireAccount(document: object): ControlAccount {
  return document as ControlAccount;
}

async function handle(
  incoming: IncomingMessage,
  answer: ServerResponse,
  operations: ControlOperations,
): Promise<void> {
  const send = (status: number, document: object): void => {
    answer.writeHead(status, { "content-type": "application/json" });
    answer.end(JSON.stringify(document));
  };
  const operation = incoming.method === "POST" ? incoming.url : undefined;
  try {
    if (operation === "/last-seq") send(200, { seq: operations.lastSeq() });
    else if (operation === "/holds") await hold(answer, operations);
    else if (operation !== "/accounts") {
      send(404, { detail: "There are only POST /accounts, /holds and /last-seq here." });
    } else {
      const name = readName(await readText(incoming));
      if (name === null) {
        send(400, { detail: 'The body must be {"name": "…"}.' });
        return;
      }
      const made = await operations.makeAccount(name);
      send(made.ok ? 201 : 400, made.ok ? made.value : { detail: made.error });
    }
  } catch {
    // The command went away, or sent more than a name.
    answer.destroy();
  }
}

/** The files are held as long as the answer is not at its end and somebody waits for it. */
async function hold(answer: ServerResponse, operations: ControlOperations): Promise<void> {
  let isGone = false;
  const gone = new Promise<void>((resolve) => {
    answer.once("close", () => {
      isGone = true;
      resolve();
    });
  });
  const release = await operations.holdFiles();
  const limit = setTimeout(() => answer.destroy(), holdMsMax);
  limit.unref();
  if (!isGone) {
    answer.writeHead(200, { "content-type": "text/plain" });
    answer.write("held\n");
  }
  await gone;
  clearTimeout(limit);
  release();
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
