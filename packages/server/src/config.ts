// The one table of settings: name, variable, default, unit, meaning, reader. `--help`,
// docs/settings.md, the check for unknown variables and the configuration itself all come from it.
// Must never print or repeat the value of a secret setting.
import { resolve } from "node:path";
import { assert, fail, ok, type Result } from "./core/problem.ts";
import { nearestWord } from "./nearest-word.ts";
import {
  baseUrlText,
  clientIdText,
  clientSecretText,
  filePath,
  hostNames,
  oneOf,
  type SettingParser,
  trueOrFalse,
  wholeNumber,
} from "./setting-parsers.ts";

export const logLevels = ["error", "warn", "info", "debug", "silent"] as const;
export type LogLevel = (typeof logLevels)[number];

export const logFormats = ["auto", "json", "pretty"] as const;
export type LogFormat = (typeof logFormats)[number];

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
  readonly catchUpMax: number;
  readonly allowClockLeap: boolean;
  readonly correctionQueueMax: number;
  readonly logLevel: LogLevel;
  readonly logFormat: LogFormat;
  readonly snapshotBytes: number;
  readonly idsInMemoryMax: number;
}

/** Every variable of this prefix is ours, so a misspelled one can be refused. */
const prefix = "METERHOUSE_";

export interface Setting<T> {
  readonly variable: string;
  /** As it would be written in the variable; null where there is none. */
  readonly default: string | null;
  readonly unit: string;
  readonly meaning: string;
  /** Its value is never shown. */
  readonly isSecret?: boolean;
  readonly parse: SettingParser<T>;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** The table, in the order in which help and documentation show it. */
const settings = {
  port: {
    variable: "METERHOUSE_PORT",
    default: "8080",
    unit: "TCP port",
    meaning: "Port to listen on; 0 takes any free one.",
    parse: wholeNumber(0, 65_535),
  },
  host: {
    variable: "METERHOUSE_HOST",
    default: "localhost",
    unit: "name or address",
    meaning: "Where to listen; localhost is both loopbacks, 0.0.0.0 or :: every network.",
    parse: hostNames,
  },
  dataDirectory: {
    variable: "METERHOUSE_DATA_DIR",
    default: "./data",
    unit: "path",
    meaning: "Directory of journal, snapshots and keys; made when it is missing.",
    parse: filePath,
  },
  baseUrl: {
    variable: "METERHOUSE_BASE_URL",
    default: null,
    unit: "URL",
    meaning:
      "How clients reach this server; issuer and audience of its tokens. " +
      "Not set: http://localhost with the port.",
    parse: baseUrlText,
  },
  allowHttp: {
    variable: "METERHOUSE_ALLOW_HTTP",
    default: "false",
    unit: "true or false",
    meaning: "Allows a base URL with http:// for another host than this machine.",
    parse: trueOrFalse,
  },
  clientId: {
    variable: "METERHOUSE_CLIENT_ID",
    default: null,
    unit: "text",
    meaning:
      "Client id of the first account's application access, put at every start. " +
      "Not set: drawn at the first start and printed once.",
    isSecret: true,
    parse: clientIdText,
  },
  clientSecret: {
    variable: "METERHOUSE_CLIENT_SECRET",
    default: null,
    unit: "text",
    meaning: "Client secret that goes with METERHOUSE_CLIENT_ID; never printed.",
    isSecret: true,
    parse: clientSecretText,
  },
  futureToleranceSeconds: {
    variable: "METERHOUSE_FUTURE_TOLERANCE_SECONDS",
    default: "300",
    unit: "seconds",
    meaning: "How far ahead a record's timestamp may be and is still taken as now.",
    parse: wholeNumber(0, 86_400),
  },
  journalDays: {
    variable: "METERHOUSE_JOURNAL_DAYS",
    default: "35",
    unit: "days",
    meaning: "How long the journal is kept beyond what recovery needs.",
    parse: wholeNumber(1, 3_660),
  },
  catchUpMax: {
    variable: "METERHOUSE_CATCH_UP_MAX",
    default: "10000000",
    unit: "metered records",
    meaning: "Start is refused when more than these are owed for the time that it was stopped.",
    parse: wholeNumber(0, 1_000_000_000),
  },
  allowClockLeap: {
    variable: "METERHOUSE_ALLOW_CLOCK_LEAP",
    default: "false",
    unit: "true or false",
    meaning: "Takes a clock that is more than 400 days past the journal's last entry.",
    parse: trueOrFalse,
  },
  correctionQueueMax: {
    variable: "METERHOUSE_CORRECTION_QUEUE_MAX",
    default: "1000000",
    unit: "records",
    meaning: "Records of an account that may wait in data correction.",
    parse: wholeNumber(0, 100_000_000),
  },
  snapshotMegabytes: {
    variable: "METERHOUSE_SNAPSHOT_MEGABYTES",
    default: "256",
    unit: "MiB",
    meaning: "Journal written between two snapshots; less makes starts faster.",
    parse: wholeNumber(1, 65_536),
  },
  idsInMemory: {
    variable: "METERHOUSE_IDS_IN_MEMORY",
    default: "4000000",
    unit: "record ids",
    meaning: "Known record ids that stay in memory, about 32 bytes each; older ones lie on disk.",
    parse: wholeNumber(1_000, 1_000_000_000),
  },
  logLevel: {
    variable: "METERHOUSE_LOG_LEVEL",
    default: "info",
    unit: "word",
    meaning: "Least level that is logged: error, warn, info, debug; silent logs nothing.",
    parse: oneOf(logLevels),
  },
  logFormat: {
    variable: "METERHOUSE_LOG_FORMAT",
    default: "auto",
    unit: "word",
    meaning: "json, pretty, or auto: pretty on a terminal and JSON lines elsewhere.",
    parse: oneOf(logFormats),
  },
} satisfies Record<string, Setting<unknown>>;

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
  return {
    port: get(settings.port),
    hosts: get(settings.host),
    dataDirectory: resolve(get(settings.dataDirectory)),
    baseUrl: checkedBaseUrl(find(settings.baseUrl), get(settings.allowHttp), faults),
    client: checkedClient(env, [find(settings.clientId), find(settings.clientSecret)], faults),
    futureToleranceMs: get(settings.futureToleranceSeconds) * 1_000,
    journalDays: get(settings.journalDays),
    catchUpMax: get(settings.catchUpMax),
    allowClockLeap: get(settings.allowClockLeap),
    correctionQueueMax: get(settings.correctionQueueMax),
    snapshotBytes: get(settings.snapshotMegabytes) * 1024 * 1024,
    idsInMemoryMax: get(settings.idsInMemory),
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
