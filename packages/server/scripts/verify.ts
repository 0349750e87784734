// The verify command: checks a data directory or a backup from end to end and says what it found.
// Reads arguments, keeps servers away meanwhile, and prints.
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { manifestName } from "../src/backup/manifest.ts";
import { verifyData } from "../src/backup/verify-data.ts";
import { fail, ok, type Result } from "../src/core/problem.ts";
import { dataDirectory } from "../src/data-directory.ts";
import { openThreadDisk } from "../src/journal/thread-disk.ts";
import { lockDirectory } from "../src/runtime/directory-lock.ts";

const help = `Checks a data directory or a backup and changes nothing in it.

  npm run verify -- <data directory or backup>

Reads every byte: checksums, journal, snapshots, ids, projection, the conservation law; replays the
journal and compares what comes out with snapshots and lists. Exits 0 when all is well and 1 when
not. A data directory must not be in use: of a running server, make a backup and verify that.
`;

const wrongArguments = 2;

await run(process.argv.slice(2));

async function run(given: readonly string[]): Promise<void> {
  if (given.includes("--help") || given.includes("-h")) return void process.stdout.write(help);
  const [root, ...rest] = given;
  if (root === undefined || rest.length > 0 || root.startsWith("-")) {
    const usage = "npm run verify -- <data directory or backup>";
    return refuse(`One argument is wanted: ${usage}`, wrongArguments);
  }
  const held = hold(resolve(root));
  if (!held.ok) return refuse(held.error, 1);
  const disk = openThreadDisk();
  try {
    const isSound = await verifyData(resolve(root), disk, ({ isFault, text }) => {
      process.stdout.write(`${isFault ? "FAULT" : "ok   "}  ${text}\n`);
    });
    process.stdout.write(isSound ? "Everything is well.\n" : "Faults were found.\n");
    process.exitCode = isSound ? 0 : 1;
  } finally {
    await disk.close();
    held.value();
  }
}

function refuse(reason: string, code: number): void {
  process.stderr.write(`${reason}\n`);
  process.exitCode = code;
}

/** Keeps a server from starting meanwhile; a backup has nobody who would. */
function hold(root: string): Result<() => void, string> {
  if (!existsSync(dataDirectory(root).journal) && !existsSync(join(root, manifestName))) {
    return fail(`${root} is neither a data directory nor a backup.`);
  }
  if (!existsSync(join(root, "lock.db"))) return ok(() => {});
  const lock = lockDirectory(root);
  return lock.ok ? ok(() => lock.value.release()) : fail(lock.error.detail);
}
