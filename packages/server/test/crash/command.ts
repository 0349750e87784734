// What `npm run test:crash` does: kills, full disks, stops and overload, one after the other, with
// figures of what was injected and seen. Ends with 1 when a promise was broken, when something was
// not reached in time, and when nothing was injected.
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { runCampaign } from "./campaign.ts";
import { mountSmallDisk, runDiskFull, twinOfFullDisk } from "./disk-full.ts";
import { clock } from "./load-caller.ts";
import { runOverload } from "./overload.ts";
import { runStopCycles } from "./stop-cycles.ts";

const help = `Kills the server under load and checks what was counted: npm run test:crash -- [options]

  --kills=<n>        lives that SIGKILL ends (300)
  --records=<n>      records to be acknowledged in them (1000000)
  --connections=<n>  callers (64)
  --stops=<n>        stops in good order under load (100)
  --only=<parts>     some of kills,disk,stops,overload, with commas
  --minutes=<n>      begin no new life after so long (60)
  --seed=<n>         what is drawn
  --dir=<path>       where everything lies; the same path goes on with the kills of a run that
                     ended; without it a temporary one, removed when all is well
  --help             this text
`;

const print = (line: string): void => void process.stdout.write(`${line}\n`);

interface Options {
  readonly directory: string;
  readonly seed: number;
  readonly connections: number;
  readonly kills: number;
  readonly records: number;
  readonly stops: number;
  readonly minutes: number;
}

type Part = (options: Options) => Promise<readonly string[]>;

const parts: Readonly<Record<string, Part>> = { kills, disk, stops, overload };

/** Gives the exit code. */
export async function crashCommand(given: string[]): Promise<number> {
  const { values } = parseArgs({
    args: given,
    options: {
      kills: { type: "string", default: "300" },
      records: { type: "string", default: "1000000" },
      connections: { type: "string", default: "64" },
      stops: { type: "string", default: "100" },
      only: { type: "string", default: Object.keys(parts).join(",") },
      minutes: { type: "string", default: "60" },
      seed: { type: "string", default: String(clock.now() % 1_000_000) },
      dir: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    print(help);
    return 0;
  }
  const whole = (name: "kills" | "records" | "connections" | "stops" | "minutes" | "seed") => {
    const number = Number(values[name]);
    if (Number.isSafeInteger(number) && number >= 0) return number;
    throw new Error(`--${name} must be a whole number, not ${values[name]}.`);
  };
  const directory = values.dir ?? mkdtempSync(join(tmpdir(), "meterhouse-crash-"));
  const options: Options = {
    directory,
    seed: whole("seed"),
    connections: whole("connections"),
    kills: whole("kills"),
    records: whole("records"),
    stops: whole("stops"),
    minutes: whole("minutes"),
  };
  print(`seed ${options.seed}, everything lies in ${directory}`);
  let faults = 0;
  for (const name of values.only.split(",")) {
    const part = parts[name];
    if (part === undefined) throw new Error(`--only knows no ${name}; see --help.`);
    faults += await runPart(name, part, options);
  }
  print(faults === 0 ? "everything is as promised" : `${faults} faults`);
  // What failed is kept for whoever looks for the cause.
  if (faults === 0 && values.dir === undefined) rmSync(directory, { recursive: true });
  return faults === 0 ? 0 : 1;
}

async function runPart(name: string, part: Part, options: Options): Promise<number> {
  print(`\n== ${name}`);
  const begun = clock.monotonic();
  const faults = await part(options);
  for (const fault of faults) print(`FAULT ${fault}`);
  print(`${name}: ${Math.round((clock.monotonic() - begun) / 1_000)} s, ${faults.length} faults`);
  return faults.length;
}

/** A directory of its own for each part; only the kills go on where an earlier run ended. */
function placeOf({ directory }: Options, name: string): string {
  if (name === "kills") return join(directory, name);
  mkdirSync(directory, { recursive: true });
  return mkdtempSync(join(directory, `${name}-`));
}

async function kills(options: Options): Promise<readonly string[]> {
  const begun = clock.monotonic();
  const result = await runCampaign({
    ...options,
    directory: placeOf(options, "kills"),
    snapshotMegabytes: 8,
    goesOn: () => clock.monotonic() - begun < options.minutes * 60_000,
    onProgress: print,
  });
  for (const [what, count] of [...result.injected].sort())
    print(`${String(count).padStart(6)}  ${what}`);
  const { tally, records, meters, periods } = result;
  print(
    `${result.kills} kills; ${records} distinct records acknowledged in ${tally.requests} requests`,
  );
  print(
    `${tally.unknown} requests without an answer, ${tally.refused} refused, ${tally.duplicates} ` +
      `duplicates, ${tally.rejected} rejected records, ${tally.definitionChanges} definition changes`,
  );
  print(
    `${meters} meters with ${periods} periods read and compared, before and after one more start`,
  );
  const { faults } = result;
  const isShort = result.kills < options.kills || records < options.records;
  const why = `only ${result.kills} kills and ${records} records in time: go on with --dir`;
  return isShort && faults.length === 0 ? [why] : faults;
}

async function disk(options: Options): Promise<readonly string[]> {
  const faults: string[] = [];
  for (const kind of ["tmpfs", "ENOSPC", "short"] as const) {
    const directory = placeOf(options, "disk");
    const place =
      kind === "tmpfs" ? mountSmallDisk(directory, 48) : twinOfFullDisk(directory, kind);
    if (place === null) {
      print("tmpfs: not mounted, as this user may not; the twins that follow need no privilege");
      continue;
    }
    const { seed } = options;
    const result = await runDiskFull(place, { directory, seed, connections: 32, rounds: 10 });
    print(
      `${kind}: full ${result.rounds} times, ${result.refused} requests refused, ` +
        `${result.readsWhileFull} reads meanwhile, ${result.records} records acknowledged`,
    );
    faults.push(...result.faults);
  }
  return faults;
}

async function stops(options: Options): Promise<readonly string[]> {
  const result = await runStopCycles({
    ...options,
    directory: placeOf(options, "stops"),
    cycles: options.stops,
    onProgress: print,
  });
  print(
    `${result.cycles} stops under load, slowest ${Math.round(result.slowestMs)} ms; ` +
      `${result.records} records acknowledged, ${result.refused} requests refused`,
  );
  return result.faults;
}

async function overload(options: Options): Promise<readonly string[]> {
  const { seed } = options;
  const directory = placeOf(options, "overload");
  const result = await runOverload({ directory, seed, singles: 32, flooders: 64, seconds: 10 });
  const { normal, overloaded } = result;
  print(
    `single records alone: ${normal.answers} answers, p50 ${normal.p50} ms, p99 ${normal.p99} ms`,
  );
  print(
    `beside the flood: ${overloaded.answers} answers, p50 ${overloaded.p50} ms, ` +
      `p99 ${overloaded.p99} ms`,
  );
  print(
    `${result.offered} requests offered, ${result.refused} refused ${JSON.stringify(result.refusedAs)}; at most ` +
      `${result.queuedCommandsPeak} commands and ${result.queuedBytesPeak} bytes waited, ` +
      `${result.residentPeakMiB} MiB resident`,
  );
  return result.faults;
}
