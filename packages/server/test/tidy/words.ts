// Words that a file may not hold, and where each is at home. The table is the rule: a word that
// needs another place gets it here, with the reason beside it.
import { lineAt, type Source } from "./source.ts";

export interface WordRule {
  readonly name: string;
  readonly pattern: RegExp;
  /** Where it is searched. */
  readonly within: "code" | "comments";
  /** Files it is searched in, and files that are its home. */
  readonly applies: RegExp;
  readonly home?: RegExp;
  readonly instead: string;
}

const production = /^packages\/[a-z]+\/src\/(?!.*\.test\.ts$)/;
const tests = /\/test\/|\.test\.ts$/;
const everything = /./;

export const wordRules: readonly WordRule[] = [
  {
    name: "wall clock",
    pattern: /\bDate\.now\b|\bnew Date\b|\bDate\(|\bTemporal\b/g,
    within: "code",
    applies: production,
    home: /\/src\/runtime\//,
    instead: "take the time from the Clock port, or from the entry",
  },
  {
    name: "timer",
    pattern: /\b(?:setTimeout|setInterval|performance)\b/g,
    within: "code",
    applies: production,
    home: /\/src\/runtime\//,
    instead: "wait with clock.sleepUntil, measure with clock.monotonic",
  },
  {
    name: "chance",
    pattern: /\bMath\.random\b|\brandom(?:UUID|Bytes|Int)\b|\bgetRandomValues\b/g,
    within: "code",
    applies: production,
    home: /\/src\/runtime\//,
    instead: "draw from the Random port",
  },
  {
    name: "rounding",
    pattern: /\bparseFloat\b|\.toFixed\b|\.toPrecision\b|\.toLocaleString\b/g,
    within: "code",
    applies: production,
    instead: "amounts are exact: use core/decimal.ts",
  },
  {
    name: "environment",
    pattern: /\bprocess\.env\b/g,
    within: "code",
    applies: production,
    home: /\/src\/main\.ts$/,
    instead: "add a setting to config.ts",
  },
  {
    name: "console",
    pattern: /\bconsole\./g,
    within: "code",
    applies: production,
    instead: "use the log that is handed in",
  },
  {
    name: "suppression",
    pattern: /@ts-(?:ignore|expect-error|nocheck)|biome-ignore/g,
    within: "comments",
    applies: production,
    instead: "mend what the tool points at",
  },
  {
    name: "unfinished",
    pattern: /\b(?:TODO|FIXME|XXX|HACK)\b/g,
    within: "comments",
    applies: everything,
    instead: "do it, or write it into the changelog as not done",
  },
  {
    name: "test left out",
    pattern: /\.(?:only|skip|skipIf|runIf|todo|fails)\s*\(/g,
    within: "code",
    applies: tests,
    instead: "a test runs or is deleted",
  },
  {
    name: "sleep in a test",
    pattern: /\b(?:setTimeout|setInterval|delay|Atomics\.wait)\s*\(|\btimers\/promises\b/g,
    within: "code",
    applies: tests,
    instead: "move the virtual clock, or await the event",
  },
  {
    name: "cast to any",
    pattern: /\bas\s+any\b/g,
    within: "code",
    applies: everything,
    instead: "narrow with a check",
  },
  {
    name: "cast through unknown",
    pattern: /\bas\s+unknown\s+as\b/g,
    within: "code",
    applies: production,
    instead: "narrow with a check",
  },
];

export function wordFaults(source: Source, rules: readonly WordRule[]): readonly string[] {
  return rules.flatMap((rule) => {
    if (!rule.applies.test(source.path) || rule.home?.test(source.path)) return [];
    return textsOf(source, rule).flatMap(({ text, offset }) =>
      [...text.matchAll(rule.pattern)].map((match) => {
        const line = lineAt(source.text, offset + match.index);
        return `${source.path}:${line}: ${match[0]} (${rule.name}); ${rule.instead}`;
      }),
    );
  });
}

function textsOf(source: Source, rule: WordRule): readonly { text: string; offset: number }[] {
  if (rule.within === "code") return [{ text: source.code, offset: 0 }];
  return source.comments.map(({ start, end }) => ({
    text: source.text.slice(start, end),
    offset: start,
  }));
}
