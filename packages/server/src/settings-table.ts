// The one table of settings: variable, default, unit, meaning, reader. `--help`, docs/settings.md, the
// check for unknown variables and the configuration itself all come from it. It reads no environment
// and knows no value.
import {
  baseUrlText,
  clientIdText,
  clientSecretText,
  filePath,
  hostNames,
  oneOf,
  portList,
  type SettingParser,
  trueOrFalse,
  wholeNumber,
  zeroOr,
} from "./setting-parsers.ts";

export const logLevels = ["error", "warn", "info", "debug", "silent"] as const;
export type LogLevel = (typeof logLevels)[number];

export const logFormats = ["auto", "json", "pretty"] as const;
export type LogFormat = (typeof logFormats)[number];

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

/** The table, in the order in which help and documentation show it. */
export const settings = {
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
  meteredRecordDays: {
    variable: "METERHOUSE_METERED_RECORD_DAYS",
    default: "0",
    unit: "days",
    meaning:
      "How long metered records are listed after the end of their period, and threshold events " +
      "after they were made; 0 is for ever.",
    parse: zeroOr(7, 36_500),
  },
  auditDays: {
    variable: "METERHOUSE_AUDIT_DAYS",
    default: "180",
    unit: "days",
    meaning: "How long the usage audit is kept; 0 is for ever.",
    parse: zeroOr(1, 36_500),
  },
  usageWindows: {
    variable: "METERHOUSE_USAGE_WINDOWS",
    default: "true",
    unit: "true or false",
    meaning: "Keeps what each meter counts over time; false saves memory, disk and some time.",
    parse: trueOrFalse,
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
  correctionDays: {
    variable: "METERHOUSE_CORRECTION_DAYS",
    default: "183",
    unit: "days",
    meaning: "How long a record stays in data correction after its last change.",
    parse: wholeNumber(1, 3_660),
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
    meaning: "Known record ids that stay in memory, about 34 bytes each; older ones lie on disk.",
    parse: wholeNumber(1_000, 1_000_000_000),
  },
  exportDirectory: {
    variable: "METERHOUSE_EXPORT_DIR",
    default: null,
    unit: "path",
    meaning: "Where file destinations have their folders. Not set: exports in the data directory.",
    parse: filePath,
  },
  allowPrivateDestinations: {
    variable: "METERHOUSE_ALLOW_PRIVATE_DESTINATIONS",
    default: "false",
    unit: "true or false",
    meaning:
      "Allows webhooks on this machine and in private networks, with http:// and on every port; " +
      "for development.",
    parse: trueOrFalse,
  },
  destinationPorts: {
    variable: "METERHOUSE_DESTINATION_PORTS",
    default: "443,8443",
    unit: "TCP ports",
    meaning: "Ports that webhooks may have, with commas between them.",
    parse: portList,
  },
  deliveryDays: {
    variable: "METERHOUSE_DELIVERY_DAYS",
    default: "30",
    unit: "days",
    meaning: "How long deliveries that have come to an end stay listed.",
    parse: wholeNumber(1, 3_660),
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
