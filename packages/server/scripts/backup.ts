// The backup command: copies the data directory while the server runs, or while it does not. A
// running server only holds its files in place; all of the copying is done here.
import { existsSync } from "node:fs";
import { productVersion } from "../src/arguments.ts";
import { type MadeBackup, makeBackup, type Source } from "../src/backup/make-backup.ts";
import { readConfig } from "../src/config.ts";
import { fail, ok, type Result } from "../src/core/problem.ts";
import { dataDirectory } from "../src/data-directory.ts";
import { openThreadDisk } from "../src/journal/thread-disk.ts";
import { requestHold } from "../src/runtime/control-socket.ts";
import { lockDirectory } from "../src/runtime/directory-lock.ts";
import { createSystemClock } from "../src/runtime/system-ports.ts";

const help = `Makes a backup of the data directory.

  npm run backup -- <target directory>

The target must not exist, or be empty. It has its name only when the backup is whole. Works while
the server runs, which goes on counting, and while it does not. The data directory is
METERHOUSE_DATA_DIR, ./data by default. The backup holds the key that signs tokens: keep it as safe
as the data directory. Check it with: npm run verify -- <target directory>
`;

const wrongArguments = 2;

await run(process.argv.slice(2));

async function run(given: readonly string[]): Promise<void> {
  if (given.includes("--help") || given.includes("-h")) return void process.stdout.write(help);
  const [target, ...rest] = given;
  if (target === undefined || rest.length > 0 || target.startsWith("-")) {
    return refuse("One argument is wanted: npm run backup -- <target directory>", wrongArguments);
  }
  const config = readConfig(process.env);
  if (!config.ok) return refuse(config.error.join("\n"), 1);
  const made = await makeFrom(config.value.dataDirectory, target);
  if (!made.ok) return refuse(made.error, 1);
  const { bytes, seq } = made.value;
  process.stdout.write(`Backup of everything up to entry ${seq}, ${bytes} bytes: ${target}\n`);
}

function refuse(reason: string, code: number): void {
  process.stderr.write(`${reason}\n`);
  process.exitCode = code;
}

async function makeFrom(directory: string, target: string): Promise<Result<MadeBackup, string>> {
  if (!existsSync(dataDirectory(directory).journal)) {
    return fail(`There are no data in ${directory}: name another one with METERHOUSE_DATA_DIR.`);
  }
  const held = await hold(directory);
  if (!held.ok) return held;
  const disk = openThreadDisk();
  try {
    return await makeBackup({
      source: held.value.source,
      target,
      disk,
      version: productVersion(),
      now: createSystemClock().now(),
      tell: (line) => void process.stdout.write(`${line}\n`),
    });
  } finally {
    held.value.release();
    await disk.close();
  }
}

interface Held {
  readonly source: Source;
  release(): void;
}

/** The files as a running server holds them, or as nobody can change them while we have the lock. */
async function hold(directory: string): Promise<Result<Held, string>> {
  const asked = await requestHold(directory);
  if (!asked.ok) return asked;
  const server = asked.value;
  if (server !== null) {
    const { lastSeq, isHeld, release } = server;
    return ok({ source: { directory, lastSeq, isHeld }, release });
  }
  const lock = lockDirectory(directory);
  if (!lock.ok) return fail(lock.error.detail);
  const source: Source = { directory, lastSeq: async () => ok(null), isHeld: () => true };
  return ok({ source, release: () => lock.value.release() });
}
