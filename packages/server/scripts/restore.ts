// The restore command: checks a backup and copies it into an empty data directory. Reads arguments
// and prints; what a restore is stands in src/backup.
import { restoreBackup } from "../src/backup/restore-backup.ts";

const help = `Restores a backup into an empty data directory.

  npm run restore -- <backup> <data directory>

Every file is checked against the backup's manifest before anything is written. The data directory
must not exist, or be empty. The next start continues the sequence far beyond the backup's last
entry, so that no metered record's id is used a second time. What was counted after the backup was
made is not in it: senders that kept their records can send them again under the same ids.
`;

const wrongArguments = 2;

run(process.argv.slice(2));

function run(given: readonly string[]): void {
  if (given.includes("--help") || given.includes("-h")) return void process.stdout.write(help);
  const [backup, directory, ...rest] = given;
  if (backup === undefined || directory === undefined || rest.length > 0) {
    const usage = "npm run restore -- <backup> <data directory>";
    refuse(`Two arguments are wanted: ${usage}`, wrongArguments);
    return;
  }
  const tell = (line: string): void => void process.stdout.write(`${line}\n`);
  const restored = restoreBackup({ backup, directory, tell });
  if (restored.ok) tell(`Restored everything up to entry ${restored.value.seq} into ${directory}.`);
  else refuse(restored.error, 1);
}

function refuse(reason: string, code: number): void {
  process.stderr.write(`${reason}\n`);
  process.exitCode = code;
}
