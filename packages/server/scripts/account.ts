// The account command: makes an account with an application access and shows its secret once.
// Asks the running server over its socket; where none runs, it opens the data directory itself.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { accountNameFault, createAccount, type NewAccount } from "../src/accounts.ts";
import { type Config, readConfig } from "../src/config.ts";
import { fail, ok, type Result } from "../src/core/problem.ts";
import { requestAccount } from "../src/runtime/control-socket.ts";

const help = `Makes an account with one application access and the meter processor "Default".

  npm run account -- create <name>

Prints client id, client secret and meter key; the secret is shown this once. Works while the
server runs and while it does not. The data directory is METERHOUSE_DATA_DIR, ./data by default.
`;

const wrongArguments = 2;

await run(process.argv.slice(2));

async function run(given: readonly string[]): Promise<void> {
  if (given.includes("--help") || given.includes("-h")) return void process.stdout.write(help);
  const name = readName(given);
  if (!name.ok) return refuse([name.error], wrongArguments);
  const config = readConfig(process.env);
  if (!config.ok) return refuse(config.error, 1);
  const made = await make(config.value, name.value);
  if (!made.ok) return refuse([made.error], 1);
  process.stdout.write(accountText(made.value));
}

function refuse(reasons: readonly string[], code: number): void {
  for (const reason of reasons) process.stderr.write(`${reason}\n`);
  process.exitCode = code;
}

function readName([command, name, ...rest]: readonly string[]): Result<string, string> {
  if (command !== "create") {
    const shown = command === undefined ? "Nothing was asked for" : "There is only one command";
    return fail(`${shown}: npm run account -- create <name>`);
  }
  if (name === undefined) return fail("The name is missing: npm run account -- create <name>");
  if (rest.length > 0) return fail("A name with spaces needs quotes around it.");
  if (name.startsWith("-")) return fail("There are no flags but --help, and no name begins so.");
  const fault = accountNameFault(name);
  return fault === null ? ok(name) : fail(fault);
}

async function make(config: Config, name: string): Promise<Result<NewAccount, string>> {
  const { dataDirectory } = config;
  if (!existsSync(join(dataDirectory, "journal"))) {
    return fail(
      `There are no data in ${dataDirectory} yet: start the server once (npm start), or name ` +
        "another directory with METERHOUSE_DATA_DIR.",
    );
  }
  const asked = await requestAccount(dataDirectory, name);
  if (!asked.ok) return asked;
  return asked.value === null ? makeHere(config, name) : ok(asked.value);
}

/** No server answers: this process is the server for a moment. Only then is all of it loaded. */
async function makeHere(config: Config, name: string): Promise<Result<NewAccount, string>> {
  const { openStore } = await import("../src/open-store.ts");
  const { openLog } = await import("../src/runtime/log.ts");
  const { createTelemetry } = await import("../src/runtime/telemetry.ts");
  const { log } = openLog({
    level: "warn",
    format: config.logFormat,
    isTerminal: process.stdout.isTTY,
  });
  let failure: unknown;
  const onFailed = (cause: unknown): void => {
    failure = cause;
  };
  const opened = await openStore(config, { log, telemetry: createTelemetry(), onFailed });
  if (!opened.ok) return opened;
  try {
    const recovered = await opened.value.recover();
    if (!recovered.ok) return recovered;
    const made = await createAccount(recovered.value, name);
    return made.ok ? made : fail(made.error.detail);
  } finally {
    if (failure === undefined) await opened.value.close();
  }
}

function accountText({ name, accountId, clientId, clientSecret, meterKey }: NewAccount): string {
  return [
    "",
    `  Account        ${name}  (${accountId})`,
    `  Client id      ${clientId}`,
    `  Client secret  ${clientSecret}`,
    `  Meter key      ${meterKey}  (meter processor "Default")`,
    "",
    "  The secret is shown this once.",
    "",
    "",
  ].join("\n");
}
