// The load generator: kept connections, one request at a time on each, written to plain sockets so
// that it costs little beside the server. Requests are made before the clock starts. Of an answer
// only the status and the count are read; anything but a 200 ends the run with an error.
import { connect, type Socket } from "node:net";

export interface Target {
  readonly port: number;
  /** Sent to both sides, so that both read the same head. */
  readonly token: string;
  readonly path: string;
}

export interface LoadResult {
  readonly seconds: number;
  /** Of each request, in the order in which they were begun. */
  readonly latenciesMs: Float64Array;
  /** What the answer to each request said was counted. */
  readonly counted: Uint32Array;
}

/** Sends every body once, over as many connections as told. */
export async function sendAll(
  target: Target,
  bodies: readonly Buffer[],
  connections: number,
): Promise<LoadResult> {
  const requests = bodies.map((body) => requestOf(target, body));
  const sockets = await Promise.all(Array.from({ length: connections }, () => opened(target.port)));
  const latenciesMs = new Float64Array(requests.length);
  const counted = new Uint32Array(requests.length);
  let next = 0;
  const serve = async (socket: Socket): Promise<void> => {
    const read = answersOf(socket);
    for (let index = next++; index < requests.length; index = next++) {
      const begun = performance.now();
      socket.write(requests[index] ?? "");
      counted[index] = countIn(await read());
      latenciesMs[index] = performance.now() - begun;
    }
  };
  const begun = performance.now();
  try {
    await Promise.all(sockets.map(serve));
    return { seconds: (performance.now() - begun) / 1_000, latenciesMs, counted };
  } finally {
    for (const socket of sockets) socket.destroy();
  }
}

function requestOf({ path, token }: Target, body: Buffer): Buffer {
  const head =
    `POST ${path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n` +
    `authorization: Bearer ${token}\r\ncontent-length: ${body.length}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), body]);
}

function opened(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1", noDelay: true });
    socket.once("connect", () => resolve(socket));
    socket.once("error", reject);
  });
}

/** Each call gives the next whole answer, head and body. */
function answersOf(socket: Socket): () => Promise<string> {
  let text = "";
  let waiting: PromiseWithResolvers<string> | null = null;
  const settle = (): void => {
    const end = endOfAnswer(text);
    if (waiting === null || end === -1) return;
    const { resolve } = waiting;
    const answer = text.slice(0, end);
    text = text.slice(end);
    waiting = null;
    resolve(answer);
  };
  const lose = (): void => waiting?.reject(new Error("The server closed a connection."));
  // One character for each byte: lengths are those of the head.
  socket.setEncoding("latin1").on("data", (chunk: string) => {
    text += chunk;
    settle();
  });
  socket.once("error", lose).once("close", lose);
  return () => {
    waiting = Promise.withResolvers();
    const { promise } = waiting;
    settle();
    return promise;
  };
}

function endOfAnswer(text: string): number {
  const headEnd = text.indexOf("\r\n\r\n");
  if (headEnd === -1) return -1;
  const length = text.slice(0, headEnd).match(/\r\ncontent-length: (\d+)/i)?.[1];
  // Not ours: taken as it is, and told by the check of the count.
  if (length === undefined) return text.length;
  const end = headEnd + 4 + Number.parseInt(length, 10);
  return text.length < end ? -1 : end;
}

function countIn(answer: string): number {
  const counted = answer.match(/"counted":(\d+)/)?.[1];
  if (answer.startsWith("HTTP/1.1 200 ") && counted !== undefined) {
    return Number.parseInt(counted, 10);
  }
  throw new Error(`The server answered:\n${answer.slice(0, 1_000)}`);
}
