// `npm run sim`: worlds from a seed on, for minutes or for a number of them; or every crash point.
// Prints the seed, what was injected and how fast, and ends with 1 when a promise was broken or a
// kind of fault never came.
import { parseArgs } from "node:util";
import { enumerateCrashPoints, fullSeeds } from "../test/simulation/crash-points.ts";
import { runFleet } from "../test/simulation/fleet.ts";
import { hallOfFame } from "../test/simulation/hall-of-fame.ts";
import { failureText, missingTroubles, tallyText } from "../test/simulation/report.ts";
import { scenarios } from "../test/simulation/scenarios.ts";
import { drawSwarm } from "../test/simulation/swarm.ts";
import { operationsMin } from "../test/simulation/world.ts";

const help = `Runs the engine in simulated worlds and checks its promises.

  npm run sim                                from a random seed, for one minute
  npm run sim -- --seed=N --minutes=M        from seed N on, for M minutes
  npm run sim -- --seed=N --worlds=K         exactly the worlds N to N + K - 1
  npm run sim -- --operations=K              operations of a world (${operationsMin})
  npm run sim -- --crash-points              every crash point of every scenario

A failed world prints its seed, its settings and its last operations. The same seed runs the same
world again, step by step.
`;

/** Worlds from which on a kind of fault that never came makes the run fail. */
const worldsThatMeetAll = 500;

await run();

async function run(): Promise<void> {
  const { values } = parseArgs({
    options: {
      seed: { type: "string" },
      minutes: { type: "string", default: "1" },
      worlds: { type: "string" },
      operations: { type: "string", default: String(operationsMin) },
      "crash-points": { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return void process.stdout.write(help);
  if (values["crash-points"]) return await runCrashPoints();
  for (const name of ["seed", "minutes", "worlds", "operations"] as const) {
    if (/^\d+(?:\.\d+)?$/.test(values[name] ?? "0")) continue;
    process.stderr.write(`--${name} must be a number, such as --${name}=5\n`);
    process.exitCode = 2;
    return;
  }
  const first = values.seed === undefined ? randomSeed() : Number.parseInt(values.seed, 10);
  const minutes = Number.parseFloat(values.minutes);
  const worlds = values.worlds === undefined ? null : Number.parseInt(values.worlds, 10);
  await runWorlds({ first, minutes, worlds, operations: Number.parseInt(values.operations, 10) });
}

async function runWorlds({
  first,
  minutes,
  worlds,
  operations,
}: {
  first: number;
  minutes: number;
  worlds: number | null;
  operations: number;
}): Promise<void> {
  const until = performance.now() + minutes * 60_000;
  print(`seed ${first}, ${worlds === null ? `${minutes} minutes` : `${worlds} worlds`}`);
  if (worlds === 1) print(`settings ${JSON.stringify(drawSwarm(first))}`);
  const startedAt = performance.now();
  const report = await runFleet({
    seeds: worlds === 1 ? [first] : seedsFrom(first, worlds),
    operations,
    ...(worlds === null ? { goesOn: () => performance.now() < until } : {}),
  });
  const seconds = (performance.now() - startedAt) / 1_000;
  print(tallyText(report.tally));
  const pace = (report.worlds / seconds).toFixed(1);
  print(`${report.worlds} worlds in ${seconds.toFixed(1)} s, ${pace} worlds/s`);
  for (const failure of report.failures) print(failureText(failure));
  const missing = report.worlds < worldsThatMeetAll ? [] : missingTroubles(report.tally);
  if (missing.length > 0) print(`never injected: ${missing.join(", ")}`);
  if (report.failures.length > 0 || missing.length > 0) process.exitCode = 1;
  else print("every promise was kept");
}

/** The hall of fame first. */
function* seedsFrom(first: number, worlds: number | null): Generator<number> {
  for (const { seed } of hallOfFame) yield seed;
  for (let done = 0; worlds === null || done < worlds; done += 1) yield first + done;
}

async function runCrashPoints(): Promise<void> {
  let recoveries = 0;
  for (const name of Object.keys(scenarios)) {
    const done = await enumerateCrashPoints(name, fullSeeds);
    recoveries += done.recoveries;
    print(`${name.padEnd(24)} ${done.points} I/Os, ${done.recoveries} recoveries`);
  }
  print(`${recoveries} recoveries, each all or nothing`);
}

function randomSeed(): number {
  return crypto.getRandomValues(new Uint32Array(1))[0] ?? 1;
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
