// The command line of the server: flags, help text, version, and docs/settings.md, which is made
// from the same table. Everything that can be set is a variable; there are no other flags, and one
// that does not exist is refused rather than ignored.
import { readFileSync } from "node:fs";
import { listSettings } from "./config.ts";
import { assert } from "./core/problem.ts";
import { nearestWord } from "./nearest-word.ts";
import type { Setting } from "./settings-table.ts";

export type Arguments =
  | { readonly kind: "start" }
  /** Text for stdout; the process ends with 0. */
  | { readonly kind: "print"; readonly text: string }
  /** One sentence for stderr; the process ends with 2. */
  | { readonly kind: "refuse"; readonly reason: string };

const flags = ["--help", "-h", "--version", "-v"];

/** `argv` without the program and its file. */
export function readArguments(argv: readonly string[]): Arguments {
  const unknown = argv.find((argument) => !flags.includes(argument));
  if (unknown !== undefined) return { kind: "refuse", reason: unknownArgument(unknown) };
  const first = argv[0];
  if (first === undefined) return { kind: "start" };
  const isHelp = argv.some((argument) => argument === "--help" || argument === "-h");
  return { kind: "print", text: isHelp ? helpText() : `meterhouse ${productVersion()}\n` };
}

/** The version of the package this file belongs to, as in package.json at the root. */
export function productVersion(): string {
  const file = new URL("../../../package.json", import.meta.url);
  const document: unknown = JSON.parse(readFileSync(file, "utf8"));
  assert(typeof document === "object" && document !== null && "version" in document, file.href);
  return String(document.version);
}

/** What `npm start -- --help` prints. */
export function helpText(): string {
  const rows = listSettings().flatMap((setting) => [
    `  ${setting.variable}`,
    ...wrap(`${setting.meaning} (${setting.unit}; ${defaultText(setting)})`, 72).map(
      (line) => `      ${line}`,
    ),
  ]);
  return [
    "Meterhouse: usage metering, exactly once, exact to the digit.",
    "",
    "  npm start                  run the server",
    "  npm start -- --help        this text",
    "  npm start -- --version     the version",
    "  npm run account -- --help  make accounts",
    "  npm run backup -- --help   back up; likewise restore and verify",
    "",
    "Settings are environment variables, read once at start:",
    "",
    ...rows,
    "",
  ].join("\n");
}

/** The content of docs/settings.md. */
export function settingsDocument(): string {
  const rows = listSettings().map((setting) => {
    const value = setting.default === null ? "" : `\`${setting.default}\``;
    return `| \`${setting.variable}\` | ${value} | ${setting.unit} | ${setting.meaning} |`;
  });
  return [
    "# Settings",
    "",
    "Environment variables, read once at start. An unknown `METERHOUSE_` variable, a value that is",
    "not allowed, or two settings that contradict each other stop the start with one sentence each.",
    "`npm start -- --help` prints the same table.",
    "",
    "This page is written by `node packages/server/scripts/write-settings.ts` from the table in",
    "`packages/server/src/settings-table.ts`; do not edit it.",
    "",
    "| Variable | Default | Unit | Meaning |",
    "| --- | --- | --- | --- |",
    ...rows,
    "",
  ].join("\n");
}

function unknownArgument(argument: string): string {
  const shown = JSON.stringify(argument.slice(0, 100));
  const nearest = nearestWord(argument, flags);
  const hint = nearest === undefined ? "" : ` Perhaps you meant ${nearest}.`;
  return (
    `There is no argument ${shown}.${hint} Settings are environment variables; ` +
    "npm start -- --help lists them."
  );
}

function defaultText(setting: Setting<unknown>): string {
  return setting.default === null ? "no default" : `default ${setting.default}`;
}

/** Breaks at spaces so that lines have at most `width` characters; longer words stay whole. */
function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = "";
    }
    line += line === "" ? word : ` ${word}`;
  }
  lines.push(line);
  return lines;
}
