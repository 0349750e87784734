// Imports the files of a file destination into a ledger, each record once: the manifest says which
// files are whole, a file is imported in one transaction together with its name, and a record that
// the ledger has already is left out. Runs as often as one likes; prints what every user owes for.
// Run: npm run example:billing -- <folder> <ledger.db>
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { parseArgs } from "node:util";

const help = `Imports metered records: npm run example:billing -- <folder> <ledger.db>

  <folder>     the folder of a file destination with the format ndjson,
               such as data/exports/billing
  <ledger.db>  the ledger, made when it is missing
  --help       this text
`;

/** One line of manifest.ndjson. */
interface ManifestLine {
  readonly file: string;
  readonly output: "reset" | "threshold";
  readonly format: "ndjson" | "csv";
  readonly records: number;
  readonly bytes: number;
  readonly sha256: string;
}

/** Of a metered record what the ledger keeps. */
interface MeteredRecord {
  readonly recordId: string;
  readonly userId: string;
  readonly meterTypeName: string;
  readonly unit: string;
  readonly valueExact: string;
  readonly periodStart: string;
  readonly periodEnd: string;
}

const tables = `
CREATE TABLE IF NOT EXISTS imported (file TEXT PRIMARY KEY, records INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS lines (
  record_id TEXT PRIMARY KEY, user_id TEXT NOT NULL, what TEXT NOT NULL, unit TEXT NOT NULL,
  amount TEXT NOT NULL, period_start TEXT NOT NULL, period_end TEXT NOT NULL
) STRICT;`;

/** Digits that an amount can have after its point. */
const places = 18;

try {
  run();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}

function run(): void {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { help: { type: "boolean", short: "h", default: false } },
  });
  const [folder, ledger] = positionals;
  if (values.help) return void process.stdout.write(help);
  if (folder === undefined || ledger === undefined || positionals.length > 2) {
    throw new Error(`A folder and a ledger are expected.\n\n${help}`);
  }
  const database = new DatabaseSync(ledger);
  database.exec(tables);
  for (const line of readManifest(folder)) importFile(database, folder, line);
  process.stdout.write(totals(database));
  database.close();
}

/** The whole lines. One without an end is still being written. */
function readManifest(folder: string): readonly ManifestLine[] {
  const manifest = join(folder, "manifest.ndjson");
  if (!existsSync(manifest)) {
    throw new Error(`There is no ${manifest}: no period has been delivered to this folder yet.`);
  }
  const lines = readFileSync(manifest, "utf8").split("\n").slice(0, -1);
  return lines.map((line): ManifestLine => JSON.parse(line));
}

function importFile(database: DatabaseSync, folder: string, line: ManifestLine): void {
  const { file, output, format, records } = line;
  const known = database.prepare("SELECT 1 FROM imported WHERE file = ?").get(file);
  if (known !== undefined || output !== "reset") return;
  if (format !== "ndjson") throw new Error(`${file}: this importer reads ndjson, not ${format}.`);
  const lines = wholeText(join(folder, file), line).split("\n").slice(0, -1);
  if (lines.length !== records) throw new Error(`${file} has ${lines.length} records.`);
  let booked = 0;
  database.exec("BEGIN IMMEDIATE");
  try {
    for (const text of lines) booked += book(database, JSON.parse(text));
    database.prepare("INSERT INTO imported VALUES (?, ?)").run(file, records);
    database.exec("COMMIT");
  } catch (error) {
    database.exec("ROLLBACK");
    throw error;
  }
  process.stdout.write(`${file}: ${booked} booked, ${records - booked} known\n`);
}

/** The file is what the manifest says of it, or nothing of it is used. */
function wholeText(path: string, { bytes, sha256 }: ManifestLine): string {
  const content = readFileSync(path);
  const digest = createHash("sha256").update(content).digest("hex");
  if (content.length === bytes && digest === sha256) return content.toString("utf8");
  throw new Error(`${path} is not the file that the manifest names; have it sent again.`);
}

/** 1 when the record was new, else 0. The amount stays text, with all its digits. */
function book(database: DatabaseSync, record: MeteredRecord): number {
  const { recordId, userId, meterTypeName, unit, valueExact, periodStart, periodEnd } = record;
  const { changes } = database
    .prepare("INSERT INTO lines VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING")
    .run(recordId, userId, meterTypeName, unit, valueExact, periodStart, periodEnd);
  return Number(changes);
}

function totals(database: DatabaseSync): string {
  const sums = new Map<string, bigint>();
  const rows = database.prepare("SELECT * FROM lines ORDER BY user_id, what, unit").all();
  for (const { user_id, what, unit, amount } of rows) {
    const name = `${user_id}  ${what}, ${unit}`;
    sums.set(name, (sums.get(name) ?? 0n) + scaled(String(amount)));
  }
  return [...sums].map(([name, sum]) => `${name}: ${unscaled(sum)}\n`).join("");
}

/** The amount in units of the last place: exact, where a double would round. */
function scaled(amount: string): bigint {
  const [whole = "", fraction = ""] = amount.replace("-", "").split(".");
  const digits = BigInt(whole + fraction.padEnd(places, "0"));
  return amount.startsWith("-") ? -digits : digits;
}

function unscaled(sum: bigint): string {
  const digits = String(sum < 0n ? -sum : sum).padStart(places + 1, "0");
  const fraction = digits.slice(-places).replace(/0+$/, "");
  const amount = digits.slice(0, -places) + (fraction === "" ? "" : `.${fraction}`);
  return sum < 0n ? `-${amount}` : amount;
}
