// The shape of a source file: its name, its header, its length, the length and the parameters of
// its functions, and the syntax that we do without. Limits are those of CONTRIBUTING.md. Pure
// functions of one source, giving the faults as sentences.
import { child, children, lineAt, type Node, nameOf, type Source } from "./source.ts";

const fileLinesMax = 300;
const testLinesMax = 500;
const functionLinesMax = 60;
const parametersMax = 3;
const headerLinesMax = 6;

/** What calls a function with a column or an arbitrary value for each parameter. */
const tableCallers = ["describe", "it", "fc"];

const bannedNames = /^(?:utils?|helpers?|common|misc|shared|lib|index|types)$/;
const bannedEndings = /(?:Manager|Helper|Utils?|Base|Impl|V2)$/;

export function lengthFaults(source: Source): readonly string[] {
  const max = source.isTest ? testLinesMax : fileLinesMax;
  return source.lineCount <= max
    ? []
    : [`${source.path} has ${source.lineCount} lines; the limit is ${max}`];
}

/** A `describe` is a list of tests; a table test or a property takes what its rows hold. */
export function functionFaults(source: Source): readonly string[] {
  return source.nodes.filter(isFunction).flatMap((node) => {
    const line = lineAt(source.text, node.start);
    const lines = lineAt(source.text, node.end) - line + 1;
    const parameters = children(node, "params").length;
    const caller = callerOf(source, node);
    const where = `${source.path}:${line}: ${functionName(source, node)}`;
    return [
      ...(lines > functionLinesMax && caller !== "describe"
        ? [`${where} has ${lines} lines; the limit is ${functionLinesMax}`]
        : []),
      ...(parameters > parametersMax && !tableCallers.includes(caller ?? "")
        ? [`${where} has ${parameters} parameters; after ${parametersMax} name them in an object`]
        : []),
    ];
  });
}

function isFunction(node: Node): boolean {
  return /^(?:FunctionDeclaration|FunctionExpression|ArrowFunctionExpression)$/.test(node.type);
}

function functionName(source: Source, node: Node): string {
  const parent = source.parentOf.get(node) ?? node;
  const named = child(node, "id") ?? child(parent, "key") ?? child(parent, "id");
  return nameOf(named) ?? "a function";
}

/** `it` in `it(…, node)` and in `it.each(…)(…, node)`; null when the function is no argument. */
function callerOf(source: Source, node: Node): string | null {
  let callee = child(source.parentOf.get(node) ?? node, "callee");
  while (callee !== null && nameOf(callee) === null) {
    callee = child(callee, "object") ?? child(callee, "callee");
  }
  return nameOf(callee);
}

/**
 * Two to six comment lines before everything else; one is enough for a test. A further paragraph,
 * after an empty comment line, is free: it may show the modes of what the file owns.
 */
export function headerFaults(source: Source): readonly string[] {
  const text = source.text.replace(/^#!.*\n/, "");
  const lines = text.split("\n");
  const found = lines.findIndex((line) => !line.startsWith("// "));
  const count = found === -1 ? lines.length : found;
  const least = source.isTest ? 1 : 2;
  if (count >= least && count <= headerLinesMax) return [];
  return [
    `${source.path} opens with ${count} comment lines; ${least} to ${headerLinesMax} are due`,
  ];
}

export function nameFaults(source: Source): readonly string[] {
  const parts = source.path.split("/");
  const stem = (parts.pop() ?? "").replace(/\..*$/, "");
  const banned = [...parts, stem].filter((part) => bannedNames.test(part));
  const exported = source.nodes
    .filter((node) => node.type === "ExportNamedDeclaration")
    .flatMap((node) => nameOf(child(child(node, "declaration") ?? node, "id")) ?? []);
  return [
    ...banned.map((part) => `${source.path}: ${part} says nothing; name it for what it owns`),
    ...(/^[a-z0-9]+(?:-[a-z0-9]+)*$/.test(stem) ? [] : [`${source.path}: not in kebab-case`]),
    ...exported
      .filter((name) => bannedEndings.test(name))
      .map((name) => `${source.path}: ${name} ends in a word that says nothing`),
  ];
}

const bannedSyntax: Readonly<Record<string, string>> = {
  TSAnyKeyword: "any",
  TSNonNullExpression: "a non-null assertion",
  TSEnumDeclaration: "an enum",
  TSParameterProperty: "a parameter property",
  Decorator: "a decorator",
  ExportAllDeclaration: "export *",
  WithStatement: "with",
  DebuggerStatement: "debugger",
};

export function syntaxFaults(source: Source): readonly string[] {
  return source.nodes.flatMap((node) => {
    const isDefault = node.type === "ExportDefaultDeclaration" && !isConfig(source.path);
    const what = isDefault ? "a default export" : bannedSyntax[node.type];
    return what === undefined
      ? []
      : [`${source.path}:${lineAt(source.text, node.start)}: ${what} is not used here`];
  });
}

function isConfig(path: string): boolean {
  return path.endsWith(".config.ts");
}
