// The program behind `npm run test:crash`; all that it does is in test/crash/command.ts. Faults of
// the arguments are one sentence.
import { crashCommand } from "../test/crash/command.ts";

// An end by exit takes the servers with it.
for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, () => process.exit(1));

try {
  process.exitCode = await crashCommand(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
  process.exitCode = 1;
}
