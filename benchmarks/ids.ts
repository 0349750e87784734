// Measures what knowing many record ids costs: memory, and time for each record read, judged and
// counted by the core, with none known and with more and more. Ids beyond the bound lie in files as
// they do in production. Run: npm run bench:ids -- --ids=100000000
import { parseArgs } from "node:util";
import { temporaryDirectory } from "../examples/engine-process.ts";
import { type Level, measureIds } from "./ids-levels.ts";
import { machine } from "./report.ts";

const help = `Measures the memory of record ids: npm run bench:ids -- [options]

  --ids=<n>        known ids at the end (10000000); a tenth and half of them are measured too
  --in-memory=<n>  ids that stay in memory (as the engine's default)
  --meters=<n>     users with a meter each (10000)
  --rounds=<n>     rounds at each level (5)
  --batches=<n>    batches of 1,000 records of a round (20)
  --json           figures as JSON
  --help           this text
`;

try {
  await run();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}

async function run(): Promise<void> {
  const { values } = parseArgs({
    options: {
      ids: { type: "string", default: "10000000" },
      "in-memory": { type: "string" },
      meters: { type: "string", default: "10000" },
      rounds: { type: "string", default: "5" },
      batches: { type: "string", default: "20" },
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    process.stdout.write(help);
    return;
  }
  const before = machine();
  const inMemory = values["in-memory"];
  const levels = await measureIds(temporaryDirectory(), {
    ids: whole("ids", values.ids),
    inMemoryMax: inMemory === undefined ? null : whole("in-memory", inMemory),
    meters: whole("meters", values.meters),
    rounds: whole("rounds", values.rounds),
    batches: whole("batches", values.batches),
  });
  const report = { machine: before, levels };
  process.stdout.write(values.json ? `${JSON.stringify(report)}\n` : toText(report));
}

function whole(name: string, text: string): number {
  if (!/^[1-9][0-9]{0,9}$/.test(text)) throw new Error(`--${name} must be a whole number from 1.`);
  return Number.parseInt(text, 10);
}

function toText({
  machine: on,
  levels,
}: {
  machine: ReturnType<typeof machine>;
  levels: readonly Level[];
}): string {
  const head = ["known ids", "in memory", "runs", "MB resident", "bytes/id", "µs/record", "ratio"];
  const more = ["µs again", "µs old again", "µs spilled", "slice ms"];
  const rows = levels.map((level) => [
    level.known.toLocaleString("en-US"),
    level.inMemory.toLocaleString("en-US"),
    String(level.runs),
    String(Math.round(level.residentBytes / 1e6)),
    level.memoryBytesPerId.toFixed(1),
    level.microsPerRecord.toFixed(2),
    level.ratio.toFixed(2),
    level.microsPerDuplicate.toFixed(2),
    level.microsPerOldDuplicate.toFixed(2),
    level.spillMicrosPerId.toFixed(2),
    level.longestSliceMs.toFixed(0),
  ]);
  const lines = [
    `${on.cores} cores of ${on.processor}, Node ${on.node}, load before ${on.loadBefore.toFixed(2)}`,
    ...(on.warning === null ? [] : [on.warning]),
    "",
    ...[[...head, ...more], ...rows].map((cells) =>
      cells.map((cell) => cell.padStart(13)).join(""),
    ),
  ];
  return `${lines.join("\n")}\n`;
}
