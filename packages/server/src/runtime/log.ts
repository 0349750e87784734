// The structured log: JSON lines, or pretty lines on a terminal. A line is an event named by noun
// and verb ("period ended") with ids as fields. Must never hold a token, a secret, an
// Authorization header, a user id or a record that waits in data correction (RU16): fields
// of such names are replaced wherever they stand, and token-like text in every line.
import { type Logger, pino, stdSerializers, stdTimeFunctions } from "pino";
import pretty from "pino-pretty";
import type { LogFormat, LogLevel } from "../settings-table.ts";

/** As pino has it: `log.info({ seq }, "snapshot written")`. */
export type Log = Logger;

export interface LogOptions {
  readonly level: LogLevel;
  readonly format: LogFormat;
  /** Whether stdout is a terminal: decides `auto`, and colours. */
  readonly isTerminal: boolean;
  /** Where lines go instead of stdout; for tests. */
  readonly write?: (line: string) => void;
}

export interface OpenLog {
  readonly log: Log;
  readonly isPretty: boolean;
}

export function openLog(options: LogOptions): OpenLog {
  const isPretty = options.format === "pretty" || (options.format === "auto" && options.isTerminal);
  const log = pino(
    {
      level: options.level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: {
        level: (label) => ({ level: label }),
        log: (fields) => hideSecrets(fields),
      },
      serializers: { err: (error: Error) => hideSecrets({ ...stdSerializers.err(error) }) },
      hooks: { streamWrite: hideInLine },
    },
    { write: writerOf(options, isPretty) },
  );
  return { log, isPretty };
}

/**
 * Straight to stdout, which writes files, pipes and terminals at once: no line is lost when the
 * process ends, however it ends. There are few lines at `info`.
 */
function writerOf(options: LogOptions, isPretty: boolean): (line: string) => void {
  const write = options.write ?? ((line: string) => void process.stdout.write(line));
  if (!isPretty) return write;
  const format = pretty.prettyFactory({
    colorize: options.isTerminal,
    translateTime: "SYS:HH:MM:ss.l",
    singleLine: true,
  });
  return (line) => write(format(line));
}

const hidden = "[hidden]";
const depthMax = 6;
const itemsMax = 100;
const charactersMax = 8_192;

/** Compared in lower case without `-` and `_`. */
const secretNames: ReadonlySet<string> = new Set([
  "accesstoken",
  "authorization",
  "body",
  "clientsecret",
  "cookie",
  "fingerprintkey",
  "original",
  "password",
  "privatekey",
  "proxyauthorization",
  "record",
  "records",
  "secret",
  "secrethash",
  "secrets",
  "setcookie",
  "token",
  "userid",
]);

/** A copy with secret fields replaced, bounded in depth, items and length of texts. */
function hideSecrets(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [name, hideField(name, value, 1)]),
  );
}

function hideField(name: string, value: unknown, depth: number): unknown {
  if (!isSecretName(name)) return hideValue(value, depth);
  // Counts under such a name ("records": 12) tell nothing and are wanted.
  return typeof value === "number" || value === undefined ? value : hidden;
}

function hideValue(value: unknown, depth: number): unknown {
  if (typeof value === "bigint") return value.toString();
  if (typeof value === "string") return value.slice(0, charactersMax);
  if (typeof value !== "object" || value === null) return value;
  // Errors at the top are told by the serializer, with stack and cause.
  if (value instanceof Error) return depth === 1 ? value : `${value.name}: ${value.message}`;
  if (depth >= depthMax) return "[deep]";
  if (Array.isArray(value)) {
    return value.slice(0, itemsMax).map((item) => hideValue(item, depth + 1));
  }
  const members = Object.entries(value).slice(0, itemsMax);
  return Object.fromEntries(
    members.map(([name, inner]) => [name, hideField(name, inner, depth + 1)]),
  );
}

function isSecretName(name: string): boolean {
  return secretNames.has(name.toLowerCase().replace(/[-_]/g, ""));
}

/**
 * The last look at a line: texts of child loggers' fields, which no formatter sees, and tokens that
 * got into a message or a URL (schemes with credentials, and JWTs).
 */
function hideInLine(line: string): string {
  return line
    .replace(/"([\w-]{1,40})":"(?:[^"\\]|\\.)*"/g, (field: string, name: string) =>
      isSecretName(name) ? `"${name}":"${hidden}"` : field,
    )
    .replace(/\b(bearer|basic)[ +]+[\w.~+/=-]{8,}/gi, `$1 ${hidden}`)
    .replace(/\beyJ[\w-]{8,}\.[\w-]+(\.[\w-]*)?/g, hidden)
    .replace(/\b(client_secret|access_token)=[^&\s"\\]+/gi, `$1=${hidden}`);
}
