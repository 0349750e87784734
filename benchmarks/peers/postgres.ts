// A Postgres of the benchmark's own: Debian's program, a new cluster in a temporary directory, the
// settings that it comes with (fsync and synchronous_commit on), a free loopback port, a password
// that nobody knows. Postgres refuses to run as root, so root lends it another user.
import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chownSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import pg from "pg";
import { temporaryDirectory } from "../../examples/engine-process.ts";
import { type Daemon, findProgram, freePort, newestVersion, startDaemon } from "./daemon.ts";

export interface Postgres {
  readonly version: string;
  connect(): Promise<pg.Client>;
  cpuSeconds(): number;
  stop(): Promise<void>;
}

const user = "bench";

/** In a temporary directory of its own: another user must reach it. */
export async function openPostgres(): Promise<Postgres> {
  const program = findProgram(
    () => newestVersion("/usr/lib/postgresql", "bin/postgres"),
    "postgresql",
  );
  const as = process.getuid?.() === 0 ? systemUser("postgres") : undefined;
  const password = randomBytes(16).toString("hex");
  const directory = makeCluster({ program, password, as });
  const port = await freePort();
  const open: pg.Client[] = [];
  const connect = async (): Promise<pg.Client> => {
    const client = new pg.Client({ host: "127.0.0.1", port, user, password, database: "postgres" });
    // A stop ends connections too; whoever waits on one hears of it there.
    client.on("error", () => undefined);
    await client.connect();
    open.push(client);
    return client;
  };
  const daemon: Daemon = await startDaemon({
    command: program,
    args: ["-D", directory, "-p", `${port}`, "-h", "127.0.0.1", "-k", directory],
    directory,
    ...(as === undefined ? {} : { user: as }),
    // Fast shutdown: ends what is open and leaves a clean cluster.
    stopSignal: "SIGINT",
    answers: async () => {
      await (await connect()).query("SELECT 1");
      return true;
    },
  });
  const told = await (await connect()).query<{ server_version: string }>("SHOW server_version");
  return {
    version: told.rows[0]?.server_version ?? "",
    connect,
    cpuSeconds: () => daemon.cpuSeconds(),
    async stop(): Promise<void> {
      for (const client of open) await client.end().catch(() => undefined);
      await daemon.stop();
    },
  };
}

interface SystemUser {
  readonly uid: number;
  readonly gid: number;
}

interface ClusterOptions {
  readonly program: string;
  readonly password: string;
  readonly as: SystemUser | undefined;
}

/** Gives the cluster's directory. */
function makeCluster({ program, password, as }: ClusterOptions): string {
  const parent = temporaryDirectory();
  const directory = join(parent, "data");
  mkdirSync(directory, { mode: 0o700 });
  const passwordFile = join(parent, "password");
  writeFileSync(passwordFile, password, { mode: 0o600 });
  if (as !== undefined) {
    for (const path of [parent, directory, passwordFile]) chownSync(path, as.uid, as.gid);
  }
  const given = ["-D", directory, "-U", user, "-A", "scram-sha-256", "-E", "UTF8", "--no-sync"];
  const initdb = join(dirname(program), "initdb");
  const made = spawnSync(initdb, [...given, "--locale=C", `--pwfile=${passwordFile}`], {
    cwd: directory,
    encoding: "utf8",
    ...as,
  });
  if (made.status !== 0) throw new Error(`${initdb} failed: ${made.stderr}`);
  return directory;
}

function systemUser(name: string): SystemUser {
  const read = (flag: string): number => {
    const { stdout, status } = spawnSync("id", [flag, name], { encoding: "utf8" });
    if (status !== 0) throw new Error(`There is no system user ${name}.`);
    return Number.parseInt(stdout, 10);
  };
  return { uid: read("-u"), gid: read("-g") };
}
