// Listens for an HTTP server on several addresses with one port, and drains it. The first address
// is the server's own, the others are doors that hand their connections to it, so that its time-outs
// and its guards hold for all. Must never answer with a reset what arrived before the drain.
import type { Server, ServerResponse } from "node:http";
import { type AddressInfo, Server as NetServer } from "node:net";
import type { Clock } from "../core/ports.ts";
import { fail, ok, type Result } from "../core/problem.ts";

export interface ListenOptions {
  /** At least one. Loopbacks that this machine does not have are left out. */
  readonly hosts: readonly string[];
  /** 0: any that is free on every address. */
  readonly port: number;
  readonly clock: Clock;
}

export interface Listening {
  readonly port: number;
  /** The addresses that are listened on. */
  readonly hosts: readonly string[];
  /**
   * Takes no new connections and resolves when the open ones have ended: each answer from now on is
   * its connection's last, and one without a request is ended after a moment's grace.
   */
  drain(): Promise<void>;
  /** Ends every connection now. */
  cut(): void;
}

/** How often another free port is tried when the second address does not have the first's. */
const freePortTriesMax = 20;
/** Time for a request that is on its way over a connection that looks idle. */
const idleGraceMs = 250;
const lookEveryMs = 25;

/** Listens on all addresses or on none. A failure is one sentence for the operator. */
export async function listen(
  server: Server,
  options: ListenOptions,
): Promise<Result<Listening, string>> {
  let problem = "";
  for (let tries = 0; tries < (options.port === 0 ? freePortTriesMax : 1); tries++) {
    const opened = await openAll(server, options);
    if (opened.ok) return ok(listeningOn(server, opened.value, options.clock));
    problem = opened.error.detail;
    if (opened.error.code !== "EADDRINUSE") break;
  }
  return fail(problem);
}

interface Door {
  readonly host: string;
  readonly server: NetServer;
  readonly port: number;
}

interface DoorFault {
  readonly code: string;
  readonly detail: string;
}

async function openAll(
  server: Server,
  { hosts, port }: ListenOptions,
): Promise<Result<readonly Door[], DoorFault>> {
  const doors: Door[] = [];
  for (const host of hosts) {
    const isOwn = doors.length === 0;
    const door = isOwn ? server : new NetServer({ allowHalfOpen: true, noDelay: true });
    if (!isOwn) door.on("connection", (socket) => server.emit("connection", socket));
    const opened = await open(door, { host, port: doors[0]?.port ?? port });
    if (opened.ok) {
      doors.push({ host, server: door, port: opened.value });
      continue;
    }
    if (hosts.length > 1 && isMissingAddress(opened.error)) continue;
    await Promise.all(doors.map((other) => stopAccepting(other.server)));
    return opened;
  }
  if (doors.length > 0) return ok(doors);
  return fail({ code: "EADDRNOTAVAIL", detail: `None of ${hosts.join(", ")} can be listened on.` });
}

function open(
  door: NetServer,
  at: { readonly host: string; readonly port: number },
): Promise<Result<number, DoorFault>> {
  return new Promise((resolve) => {
    const onError = (error: NodeJS.ErrnoException): void => {
      resolve(fail({ code: error.code ?? "", detail: listenProblem(error, at) }));
    };
    door.once("error", onError);
    door.listen({ ...at, backlog: 1_024 }, () => {
      door.off("error", onError);
      resolve(ok((door.address() as AddressInfo).port));
    });
  });
}

/** A machine without IPv6 (or without IPv4) has one loopback only. */
function isMissingAddress({ code }: DoorFault): boolean {
  return code === "EADDRNOTAVAIL" || code === "EAFNOSUPPORT";
}

function listenProblem(
  error: NodeJS.ErrnoException,
  { host, port }: { readonly host: string; readonly port: number },
): string {
  switch (error.code) {
    case "EADDRINUSE":
      return (
        `Port ${port} of ${host} is taken by another program: stop that one, or choose another ` +
        "port with METERHOUSE_PORT (0 takes any free one)."
      );
    case "EACCES":
      return (
        `This user may not listen on port ${port} of ${host}: choose a port from 1024 up with ` +
        "METERHOUSE_PORT."
      );
    case "EADDRNOTAVAIL":
    case "EAFNOSUPPORT":
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return `${host} is no address of this machine: set METERHOUSE_HOST to one that is.`;
    default:
      return `Cannot listen on port ${port} of ${host}: ${error.message}.`;
  }
}

/**
 * The responses that have not been answered, in places that are used again and again. A `Set` would
 * not do: each table that it leaves behind points to the next one, so that what they held lives on
 * until the whole heap is looked at, and the collector copies every single request until then.
 */
class Unanswered {
  readonly #places: (ServerResponse | null)[] = [];
  readonly #free: number[] = [];

  add(response: ServerResponse): void {
    const at = this.#free.pop() ?? this.#places.length;
    this.#places[at] = response;
    response.on("close", () => {
      if (this.#places[at] !== response) return;
      this.#places[at] = null;
      this.#free.push(at);
    });
  }

  all(): readonly ServerResponse[] {
    return this.#places.filter((response) => response !== null);
  }
}

function listeningOn(server: Server, doors: readonly Door[], clock: Clock): Listening {
  const unanswered = new Unanswered();
  let isDraining = false;
  server.prependListener("request", (_request, response: ServerResponse) => {
    if (isDraining) response.shouldKeepAlive = false;
    unanswered.add(response);
  });
  return {
    port: doors[0]?.port ?? 0,
    hosts: doors.map((door) => door.host),
    async drain(): Promise<void> {
      isDraining = true;
      for (const response of unanswered.all()) {
        if (!response.headersSent) response.shouldKeepAlive = false;
      }
      const stopped = new AbortController();
      const ended = Promise.all(doors.map((door) => stopAccepting(door.server)));
      void ended.then(() => stopped.abort());
      await clock.sleepUntil(clock.now() + idleGraceMs, stopped.signal);
      while (!stopped.signal.aborted) {
        server.closeIdleConnections();
        await clock.sleepUntil(clock.now() + lookEveryMs, stopped.signal);
      }
      await ended;
    },
    cut: () => server.closeAllConnections(),
  };
}

/**
 * Resolves when its connections have ended. Not the HTTP server's own `close`, which would end
 * connections at once whose next request is on its way, and stop its watch over slow ones.
 */
function stopAccepting(door: NetServer): Promise<void> {
  return new Promise((resolve) => {
    NetServer.prototype.close.call(door, () => resolve());
  });
}
