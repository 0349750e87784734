// Counting by hand in Redis: SET NX for each record's id, then HINCRBYFLOAT for what is new, in two
// pipelines a body; once with commands for each record, once with sums by user made in the client
// first. The server is Debian's, with the append-only file synced before every answer. A crash between
// the two pipelines loses usage: the peer promises less than what it is compared with.
import { randomBytes } from "node:crypto";
import { mkdirSync } from "node:fs";
import type { MeterReading } from "../ledger.ts";
import { userIdOf } from "../workload.ts";
import { type Daemon, findProgram, firstFile, freePort, startDaemon } from "./daemon.ts";
import { decimalText, type PeerRecord, parseBody, sumByUser } from "./peer-record.ts";
import { type CountBody, countOver, type Side } from "./peer-side.ts";
import { command, openResp, type Reply, type RespConnection } from "./resp.ts";

export interface Redis {
  /** Commands for each record: one side for each number of connections. All share the server only. */
  readonly plain: readonly Side[];
  /** The same, with sums made in the client. */
  readonly summed: readonly Side[];
  stop(): Promise<void>;
}

export async function openRedis(options: {
  readonly users: number;
  readonly directory: string;
  readonly connections: readonly number[];
}): Promise<Redis> {
  const { users, directory } = options;
  const password = randomBytes(16).toString("hex");
  const port = await freePort();
  const daemon = await start(directory, port, password);
  const open: RespConnection[] = [];
  const connect = async (): Promise<RespConnection> => {
    const connection = await openResp(port, password);
    open.push(connection);
    return connection;
  };
  const side = async (count: number, way: Way): Promise<Side> => {
    const prefix = `${way.name}${count}:`;
    const connections = await Promise.all(Array.from({ length: count }, connect));
    const counters = connections.map(
      (each): CountBody =>
        (body) =>
          countBody(each, { prefix, way }, body),
    );
    return {
      name: `Redis, ${way.name}, ${count} connection${count === 1 ? "" : "s"}`,
      countAll: (bodies) => countOver(counters, bodies),
      readMeters: async () => readMeters(await connect(), prefix, users),
      serverCpuSeconds: () => daemon.cpuSeconds(),
    };
  };
  const sidesOf = (way: Way): Promise<Side[]> =>
    Promise.all(options.connections.map((count) => side(count, way)));
  return {
    plain: await sidesOf({ name: "each record", commands: commandsOfEach }),
    summed: await sidesOf({ name: "sums in the client", commands: commandsOfSums }),
    async stop(): Promise<void> {
      for (const connection of open) connection.close();
      await daemon.stop();
    },
  };
}

/** The program that Debian ships under two names takes its role from the name it is called by. */
function start(directory: string, port: number, password: string): Promise<Daemon> {
  const files = ["/usr/bin/redis-server", "/usr/bin/redis-check-rdb"];
  const program = findProgram(() => firstFile(files), "redis-tools");
  mkdirSync(directory, { recursive: true });
  const settings = [
    `port ${port}`,
    "bind 127.0.0.1",
    `dir ${directory}`,
    `requirepass ${password}`,
    "appendonly yes",
    "appendfsync always",
    'save ""',
    "daemonize no",
  ];
  return startDaemon({
    command: program,
    argv0: "redis-server",
    args: ["-"],
    input: `${settings.join("\n")}\n`,
    directory,
    stopSignal: "SIGTERM",
    answers: async () => {
      (await openResp(port, password)).close();
      return true;
    },
  });
}

async function countBody(
  connection: RespConnection,
  { prefix, way }: { readonly prefix: string; readonly way: Way },
  body: Buffer,
): Promise<number> {
  const records = parseBody(body);
  const seen = records.map(({ id }) => command("SET", `${prefix}i:${id}`, "1", "NX"));
  const answers = await connection.send(seen);
  const fresh = records.filter((_, index) => answers[index] === "OK");
  await connection.send(way.commands(fresh, prefix));
  return fresh.length;
}

/** How what is new becomes commands. */
interface Way {
  readonly name: string;
  commands(fresh: readonly PeerRecord[], prefix: string): string[];
}

function commandsOfEach(fresh: readonly PeerRecord[], prefix: string): string[] {
  return fresh.flatMap(({ userId, value, model, region, session }) => {
    const key = `${prefix}m:${userId}`;
    const amount = String(value);
    return [
      command("HINCRBYFLOAT", key, "value", amount),
      command("HINCRBY", key, "records", "1"),
      command("HINCRBYFLOAT", key, `m:${model}`, amount),
      command("HINCRBYFLOAT", key, `r:${region}`, amount),
      command("HSET", key, "session", session),
    ];
  });
}

function commandsOfSums(fresh: readonly PeerRecord[], prefix: string): string[] {
  const commands: string[] = [];
  for (const [userId, sum] of sumByUser(fresh)) {
    const key = `${prefix}m:${userId}`;
    commands.push(
      command("HINCRBYFLOAT", key, "value", decimalText(sum.thousandths)),
      command("HINCRBY", key, "records", String(sum.records)),
      command("HSET", key, "session", sum.session),
    );
    for (const [group, thousandths] of sum.groups) {
      commands.push(command("HINCRBYFLOAT", key, group, decimalText(thousandths)));
    }
  }
  return commands;
}

/** Its sums are floating point: they are compared when rounded to thousandths. */
async function readMeters(
  connection: RespConnection,
  prefix: string,
  users: number,
): Promise<readonly MeterReading[]> {
  const meters: MeterReading[] = [];
  for (let first = 0; first < users; first += 10_000) {
    const count = Math.min(10_000, users - first);
    const ids = Array.from({ length: count }, (_, index) => userIdOf(first + index));
    const replies = await connection.send(ids.map((id) => command("HGETALL", `${prefix}m:${id}`)));
    for (const [index, userId] of ids.entries()) meters.push(meterOf(userId, replies[index]));
  }
  return meters;
}

function meterOf(userId: string, reply: Reply | undefined): MeterReading {
  const flat = Array.isArray(reply) ? reply.map(String) : [];
  const amounts = { value: 0, "m:": 0, "r:": 0 };
  let records = 0;
  for (let at = 0; at + 1 < flat.length; at += 2) {
    const name = flat[at] ?? "";
    const number = Number(flat[at + 1]);
    if (name === "records") records = number;
    else if (name === "value") amounts.value += Math.round(number * 1_000);
    else if (name.startsWith("m:")) amounts["m:"] += Math.round(number * 1_000);
    else if (name.startsWith("r:")) amounts["r:"] += Math.round(number * 1_000);
  }
  if (amounts.value !== amounts["m:"] || amounts.value !== amounts["r:"]) {
    throw new Error(`Redis: the groups of ${userId} do not add up to its value.`);
  }
  const valueExact = decimalText(amounts.value);
  return { userId, valueExact, meterMetaData: { count: records } };
}
