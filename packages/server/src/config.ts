// The configuration, read from the environment by the table of settings: all faults at once, unknown
// variables refused. Must never print or repeat the value of a secret setting.
import { join, resolve } from "node:path";
import { assert, fail, ok, type Result } from "./core/problem.ts";
import { nearestWord } from "./nearest-word.ts";
import { type LogFormat, type LogLevel, type Setting, settings } from "./settings-table.ts";

/** Everything that the environment decides; made once, by main.ts. */
export interface Config {
  /** 0: any free port. */
  readonly port: number;
  /** Addresses or names to listen on. */
  readonly hosts: readonly string[];
  /** Absolute. */
  readonly dataDirectory: string;
  /** Without last slash. Null: `http://localhost:<port>`, once the port is known. */
  readonly baseUrl: string | null;
  /** The application access that is put at every start; null: one is drawn at the first start. */
  readonly client: { readonly id: string; readonly secret: string } | null;
  readonly futureToleranceMs: number;
  readonly journalDays: number;
  /** 0: for ever, as in the next one. */
  readonly meteredRecordDays: number;
  readonly auditDays: number;
  readonly usageWindows: boolean;
  readonly catchUpMax: number;
  readonly allowClockLeap: boolean;
  readonly correctionQueueMax: number;
  readonly correctionDays: number;
  /** Absolute. */
  readonly exportDirectory: string;
  readonly allowPrivateDestinations: boolean;
  readonly destinationPorts: readonly number[];
  readonly deliveryDays: number;
  readonly logLevel: LogLevel;
  readonly logFormat: LogFormat;
  readonly snapshotBytes: number;
  readonly idsInMemoryMax: number;
}

/** Every variable of this prefix is ours, so a misspelled one can be refused. */
const prefix = "METERHOUSE_";

export type Environment = Readonly<Record<string, string | undefined>>;

/** The rows as a list, for whoever only prints them. */
export function listSettings(): readonly Setting<unknown>[] {
  return Object.values(settings);
}

/** What the environment sets, by variable, for the log; of a secret only that it is set. */
export function changedSettings(env: Environment): Readonly<Record<string, string>> {
  const changed = listSettings().flatMap(({ variable, isSecret }) => {
    const text = env[variable];
    return text === undefined ? [] : [[variable, isSecret === true ? "set" : text] as const];
  });
  return Object.fromEntries(changed);
}

/**
 * Reads the settings from environment variables. All faults come together, each one sentence that
 * names the variable and says what is allowed. Unknown variables of our prefix
 * are faults. `dataDirectory` is made absolute from the working directory.
 */
export function readConfig(env: Environment): Result<Config, readonly string[]> {
  const faults = unknownVariables(env);
  const config = readValues(env, faults);
  return faults.length > 0 ? fail(faults) : ok(config);
}

/** Reads every row; what is at fault goes to `faults` and its default stands in for it. */
function readValues(env: Environment, faults: string[]): Config {
  const find = <T>(setting: Setting<T>): T | null => {
    const text = env[setting.variable];
    if (text === undefined) return null;
    const parsed = setting.parse(text);
    if (parsed.ok) return parsed.value;
    const fault = text === "" ? "is empty: unset it, or make it" : "must be";
    faults.push(`${setting.variable} ${fault} ${parsed.error}.`);
    return null;
  };
  const get = <T>(setting: Setting<T>): T => find(setting) ?? defaultOf(setting);
  const dataDirectory = resolve(get(settings.dataDirectory));
  return {
    port: get(settings.port),
    hosts: get(settings.host),
    dataDirectory,
    baseUrl: checkedBaseUrl(find(settings.baseUrl), get(settings.allowHttp), faults),
    client: checkedClient(env, [find(settings.clientId), find(settings.clientSecret)], faults),
    futureToleranceMs: get(settings.futureToleranceSeconds) * 1_000,
    journalDays: get(settings.journalDays),
    meteredRecordDays: get(settings.meteredRecordDays),
    auditDays: get(settings.auditDays),
    usageWindows: get(settings.usageWindows),
    catchUpMax: get(settings.catchUpMax),
    allowClockLeap: get(settings.allowClockLeap),
    correctionQueueMax: get(settings.correctionQueueMax),
    correctionDays: get(settings.correctionDays),
    snapshotBytes: get(settings.snapshotMegabytes) * 1024 * 1024,
    idsInMemoryMax: get(settings.idsInMemory),
    exportDirectory: resolve(find(settings.exportDirectory) ?? join(dataDirectory, "exports")),
    allowPrivateDestinations: get(settings.allowPrivateDestinations),
    destinationPorts: get(settings.destinationPorts),
    deliveryDays: get(settings.deliveryDays),
    logLevel: get(settings.logLevel),
    logFormat: get(settings.logFormat),
  };
}

function defaultOf<T>(setting: Setting<T>): T {
  const parsed = setting.parse(setting.default ?? "");
  assert(parsed.ok, `the default of ${setting.variable} is refused by its own reader`);
  return parsed.value;
}

/** Tokens and secrets travel readable under http://, which only stays on one machine safely. */
function checkedBaseUrl(
  baseUrl: string | null,
  allowHttp: boolean,
  faults: string[],
): string | null {
  if (baseUrl === null || allowHttp || !baseUrl.startsWith("http://")) return baseUrl;
  const host = new URL(baseUrl).hostname;
  const isLocal = host === "localhost" || host.endsWith(".localhost") || host === "[::1]";
  if (isLocal || /^127\.[0-9.]+$/.test(host)) return baseUrl;
  faults.push(
    `${settings.baseUrl.variable} is http:// for another host than this machine, so tokens and ` +
      `secrets would travel readable: use https://, or set ${settings.allowHttp.variable}=true.`,
  );
  return baseUrl;
}

function checkedClient(
  env: Environment,
  [id, secret]: readonly [string | null, string | null],
  faults: string[],
): Config["client"] {
  const idVariable = settings.clientId.variable;
  const secretVariable = settings.clientSecret.variable;
  const isIdSet = env[idVariable] !== undefined;
  if (isIdSet !== (env[secretVariable] !== undefined)) {
    const [given, missing] = isIdSet ? [idVariable, secretVariable] : [secretVariable, idVariable];
    faults.push(`${given} is set and ${missing} is not: set both or neither.`);
  }
  if (id === null || secret === null) return null;
  if (id === secret) faults.push(`${idVariable} and ${secretVariable} must differ.`);
  return { id, secret };
}

/** A misspelled variable would be ignored in silence; it is refused with the nearest name. */
function unknownVariables(env: Environment): string[] {
  const known = listSettings().map((setting) => setting.variable);
  const unknown = Object.keys(env).filter(
    (name) => name.toUpperCase().startsWith(prefix) && !known.includes(name),
  );
  const words = known.map((name) => name.slice(prefix.length));
  return unknown.sort().map((name) => {
    const nearest = nearestWord(name.slice(prefix.length).toUpperCase(), words);
    const hint =
      nearest === undefined ? "--help lists all settings" : `perhaps ${prefix}${nearest}`;
    return `${printable(name)} is no setting: ${hint}.`;
  });
}

function printable(name: string): string {
  return name.slice(0, 100).replace(/[^\x20-\x7e]/g, "?");
}
