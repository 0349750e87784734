// The program behind `npm run soak`: reads the arguments, runs, writes the report. What is done and
// how it is judged is in test/crash/soak.ts and soak-report.ts.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { runSoak } from "../test/crash/soak.ts";
import { soakReport } from "../test/crash/soak-report.ts";

const help = `Keeps the server under load and checks what was counted: npm run soak -- [options]

  --minutes=<n>      how long (5)
  --hours=<n>        the same in hours
  --life=<n>         seconds between two kills or stops (30)
  --connections=<n>  callers (32)
  --seed=<n>         what is drawn (1)
  --dir=<path>       where everything lies; the same path goes on with a run that ended; without it a
                     temporary one, removed when all is well
  --report=<file>    where the report is written, besides stdout
  --help             this text
`;

// An end by exit takes the server with it.
for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, () => process.exit(1));
try {
  process.exitCode = await run();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
  process.exitCode = 1;
}

async function run(): Promise<number> {
  const { values } = parseArgs({
    options: {
      minutes: { type: "string", default: "5" },
      hours: { type: "string" },
      life: { type: "string", default: "30" },
      connections: { type: "string", default: "32" },
      seed: { type: "string", default: "1" },
      dir: { type: "string" },
      report: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    process.stdout.write(help);
    return 0;
  }
  const minutes = values.hours === undefined ? Number(values.minutes) : Number(values.hours) * 60;
  const numbers = [minutes, Number(values.life), Number(values.connections), Number(values.seed)];
  if (numbers.some((number) => !(number > 0))) throw new Error("Numbers must be above 0.");
  const directory = values.dir ?? mkdtempSync(join(tmpdir(), "meterhouse-soak-"));
  process.stdout.write(`everything lies in ${directory}\n`);
  const result = await runSoak({
    directory,
    minutes,
    seed: Number(values.seed),
    connections: Number(values.connections),
    lifeSeconds: Number(values.life),
    onProgress: (line) => void process.stdout.write(`${line}\n`),
  });
  const { text, passed } = soakReport(result);
  process.stdout.write(`\n${text}`);
  if (values.report !== undefined) writeFileSync(values.report, text);
  if (passed && values.dir === undefined) rmSync(directory, { recursive: true });
  return passed ? 0 : 1;
}
