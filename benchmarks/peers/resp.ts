// The protocol of Redis as far as the benchmark needs it: many commands in one write, all replies
// awaited together. A library would check, queue and convert each command by itself, and that, not
// the store, would be what is measured.
import { connect, type Socket } from "node:net";

export type Reply = string | number | null | readonly Reply[];

export interface RespConnection {
  /** Sends the commands as one pipeline; rejects with the first error among the replies. */
  send(commands: readonly string[]): Promise<readonly Reply[]>;
  close(): void;
}

/** A command in wire form; the arguments must be ASCII. */
export function command(...given: readonly string[]): string {
  let text = `*${given.length}\r\n`;
  for (const argument of given) text += `$${argument.length}\r\n${argument}\r\n`;
  return text;
}

export async function openResp(port: number, password: string): Promise<RespConnection> {
  const socket = await opened(port);
  const reader = new ReplyReader();
  let waiting: { count: number; settle: PromiseWithResolvers<readonly Reply[]> } | null = null;
  socket.setEncoding("latin1").on("data", (chunk: string) => {
    reader.push(chunk);
    if (waiting === null || reader.replies.length < waiting.count) return;
    const { settle } = waiting;
    waiting = null;
    const replies = reader.replies.splice(0);
    if (reader.error === null) settle.resolve(replies);
    else settle.reject(new Error(`Redis answered ${reader.error}`));
  });
  const lose = (): void => waiting?.settle.reject(new Error("Redis closed a connection."));
  socket.once("error", lose).once("close", lose);
  const send = (commands: readonly string[]): Promise<readonly Reply[]> => {
    if (commands.length === 0) return Promise.resolve([]);
    const settle = Promise.withResolvers<readonly Reply[]>();
    waiting = { count: commands.length, settle };
    socket.write(commands.join(""), "latin1");
    return settle.promise;
  };
  await send([command("AUTH", password)]);
  return { send, close: () => socket.destroy() };
}

function opened(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1", noDelay: true });
    socket.once("connect", () => resolve(socket));
    socket.once("error", reject);
  });
}

/** Takes text as it comes and gives whole replies in order. */
export class ReplyReader {
  readonly replies: Reply[] = [];
  /** The first error reply. */
  error: string | null = null;
  #text = "";
  #at = 0;

  push(chunk: string): void {
    this.#text = this.#text.slice(this.#at) + chunk;
    this.#at = 0;
    for (let start = 0; ; start = this.#at) {
      const reply = this.#read();
      if (reply === undefined) {
        this.#at = start;
        return;
      }
      this.replies.push(reply);
    }
  }

  /** Undefined: not all of it is there yet. */
  #read(): Reply | undefined {
    const end = this.#text.indexOf("\r\n", this.#at);
    if (end === -1) return undefined;
    const kind = this.#text[this.#at];
    const line = this.#text.slice(this.#at + 1, end);
    this.#at = end + 2;
    if (kind === "+") return line;
    if (kind === "-") {
      this.error ??= line;
      return line;
    }
    const number = Number.parseInt(line, 10);
    if (kind === ":") return number;
    if (number === -1) return null;
    if (kind === "*") return this.#readList(number);
    const from = this.#at;
    if (this.#text.length < from + number + 2) return undefined;
    this.#at = from + number + 2;
    return this.#text.slice(from, from + number);
  }

  #readList(count: number): Reply | undefined {
    const list: Reply[] = [];
    for (let index = 0; index < count; index += 1) {
      const reply = this.#read();
      if (reply === undefined) return undefined;
      list.push(reply);
    }
    return list;
  }
}
