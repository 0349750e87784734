// Listening on both loopbacks with one port, the refusals, and the drain, over real sockets.
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { type AddressInfo, connect, createServer as createNetServer, type Socket } from "node:net";
import { networkInterfaces } from "node:os";
import { afterEach, describe, expect, it } from "vitest";
import { type Listening, listen } from "../../src/runtime/listen.ts";
import { createSystemClock } from "../../src/runtime/system-ports.ts";

const loopbacks = ["127.0.0.1", "::1"];
const hasBoth = Object.values(networkInterfaces()).some((list) =>
  list?.some((entry) => entry.address === "::1"),
);
const clock = createSystemClock();
const opened: { server: Server; sockets: Socket[] }[] = [];

afterEach(() => {
  for (const { server, sockets } of opened.splice(0)) {
    for (const socket of sockets) socket.destroy();
    server.closeAllConnections();
    server.close();
  }
});

interface Running {
  readonly listening: Listening;
  /** Answers the requests that wait. */
  readonly answer: () => void;
  /** Resolves when one more request waits. */
  readonly arrived: () => Promise<unknown>;
  readonly send: (host: string) => Promise<Client>;
}

interface Client {
  readonly socket: Socket;
  /** Everything received until the server ends the connection. */
  readonly all: Promise<string>;
}

async function run(): Promise<Running> {
  const waiting: (() => void)[] = [];
  const server = createServer((_request, response) => {
    waiting.push(() => response.end("done"));
    server.emit("waiting");
  });
  const sockets: Socket[] = [];
  opened.push({ server, sockets });
  const started = await listen(server, { hosts: loopbacks, port: 0, clock });
  if (!started.ok) throw new Error(started.error);
  const listening = started.value;
  return {
    listening,
    answer: () => {
      for (const one of waiting.splice(0)) one();
    },
    arrived: () => once(server, "waiting"),
    async send(host) {
      const socket = connect({ host, port: listening.port });
      sockets.push(socket);
      await once(socket, "connect");
      let text = "";
      socket.on("data", (chunk) => {
        text += chunk;
      });
      const all = new Promise<string>((resolve) => {
        socket.on("close", () => resolve(text));
        socket.on("error", () => resolve(`${text} broken`));
      });
      return { socket, all };
    },
  };
}

const get = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

describe("listening", () => {
  it("[RU40] takes one free port on every loopback of the machine", async () => {
    const { listening, send, arrived, answer } = await run();
    expect(listening.port).toBeGreaterThan(0);
    expect(listening.hosts).toEqual(hasBoth ? loopbacks : ["127.0.0.1"]);
    for (const host of listening.hosts) {
      const { socket } = await send(host);
      const came = arrived();
      socket.write(get);
      await came;
      answer();
      expect(String((await once(socket, "data"))[0])).toContain("200 OK");
    }
  });

  it.each(loopbacks.slice(0, hasBoth ? 2 : 1))(
    "[RU50] a port that is taken on %s is refused, and none stays open",
    async (host) => {
      const other = createNetServer();
      await new Promise<void>((resolve) => other.listen(0, host, resolve));
      const { port } = other.address() as AddressInfo;
      const server = createServer();
      const refused = await listen(server, { hosts: loopbacks, port, clock });
      expect(refused).toEqual({
        ok: false,
        error:
          `Port ${port} of ${host} is taken by another program: stop that one, or choose another ` +
          "port with METERHOUSE_PORT (0 takes any free one).",
      });
      expect(server.listening).toBe(false);
      other.close();
    },
  );

  it.each(["192.0.2.1", "no-such-host.invalid"])(
    "[RU50] %s is no address of this machine",
    async (host) => {
      const refused = await listen(createServer(), { hosts: [host], port: 0, clock });
      expect(refused.ok ? "" : refused.error).toContain("METERHOUSE_HOST");
    },
  );
});

describe("drain", () => {
  it("[RU36] answers what is in flight and ends its connection, on every address", async () => {
    const { listening, send, arrived, answer } = await run();
    const clients: Client[] = [];
    for (const host of listening.hosts) {
      const client = await send(host);
      const came = arrived();
      client.socket.write(get);
      await came;
      clients.push(client);
    }
    const drained = listening.drain();
    answer();
    for (const { all } of clients) {
      expect(await all).toMatch(/^HTTP\/1.1 200 OK[\s\S]*connection: close[\s\S]*done$/i);
    }
    await drained;
  });

  it("[RU36] answers what comes over an open connection just then, and ends idle ones", async () => {
    const { listening, send, arrived, answer } = await run();
    const late = await send("127.0.0.1");
    const idle = await send("127.0.0.1");
    const drained = listening.drain();
    const came = arrived();
    late.socket.write(get);
    await came;
    answer();
    expect(await late.all).toMatch(/connection: close[\s\S]*done$/i);
    expect(await idle.all).toBe("");
    await drained;
    await expect(send("127.0.0.1")).rejects.toThrow("ECONNREFUSED");
  });

  it("[RU36] what does not end is cut", async () => {
    const { listening, send, arrived } = await run();
    const { socket, all } = await send("127.0.0.1");
    const came = arrived();
    socket.write(get);
    await came;
    const drained = listening.drain();
    listening.cut();
    expect(await all).toMatch(/^( broken)?$/);
    await drained;
  });
});
