// Who imports whom: folders by the table of arrows, packages by the table of their homes, no
// cycles, no file and no export that nobody uses. Pure functions of the sources, each giving the
// faults as sentences.
import { posix } from "node:path";
import { child, children, isSourcePath, lineAt, type Node, nameOf, type Source } from "./source.ts";

export interface Import {
  readonly from: string;
  /** Path of a file of ours, or the package's specifier. */
  readonly to: string;
  readonly line: number;
  readonly isOurs: boolean;
  /** Erased before running. */
  readonly isType: boolean;
  /** Names taken; "*" for all. */
  readonly names: readonly string[];
}

const src = "packages/server/src/";

/** Folder of src -> folders that it may import, besides itself. `.` is src's own files. */
export type Arrows = Readonly<Record<string, readonly string[]>>;

export function readImports(source: Source): readonly Import[] {
  return source.nodes.flatMap((node) => {
    const specifier = nameOf(importedModule(node));
    if (specifier === null) return [];
    const isOurs = specifier.startsWith(".");
    const to = isOurs ? posix.join(posix.dirname(source.path), specifier) : specifier;
    const line = lineAt(source.text, node.start);
    return [{ from: source.path, to, line, isOurs, isType: isErased(node), names: namesOf(node) }];
  });
}

/** Import statements, re-exports, `import()`, `require()`, and `new URL("./thread.ts", …)`. */
function importedModule(node: Node): Node | null {
  if (/^(?:Import|ExportNamed|ExportAll)Declaration$/.test(node.type)) return child(node, "source");
  if (node.type === "ImportExpression") return child(node, "source");
  const callee = nameOf(child(node, "callee"));
  const argument = children(node, "arguments")[0] ?? null;
  if (node.type === "CallExpression" && callee === "require") return argument;
  const isFile = /^\.{1,2}\/.*\.(?:ts|cjs)$/.test(nameOf(argument) ?? "");
  return node.type === "NewExpression" && callee === "URL" && isFile ? argument : null;
}

function isErased(node: Node): boolean {
  if (node.importKind === "type" || node.exportKind === "type") return true;
  const specifiers = children(node, "specifiers");
  return specifiers.length > 0 && specifiers.every((one) => one.importKind === "type");
}

function namesOf(node: Node): readonly string[] {
  const specifiers = children(node, "specifiers");
  if (node.type !== "ImportDeclaration" && node.type !== "ExportNamedDeclaration") return ["*"];
  return specifiers
    .map((one) => nameOf(child(one, "imported") ?? child(one, "local")) ?? "*")
    .map((name, index) => (specifiers[index]?.type === "ImportNamespaceSpecifier" ? "*" : name));
}

function folderOf(path: string): string | null {
  if (!path.startsWith(src)) return null;
  const rest = path.slice(src.length);
  return rest.includes("/") ? rest.slice(0, rest.indexOf("/")) : ".";
}

/** The two files that put the system together; they may import everything. */
function isRoot(path: string): boolean {
  return path === `${src}main.ts` || path === `${src}open-store.ts`;
}

/** Imports of src that the table does not allow, and folders that it does not know. */
export function forbiddenArrows(imports: readonly Import[], arrows: Arrows): readonly string[] {
  return imports.flatMap((one) => {
    const from = folderOf(one.from);
    if (from === null || one.from.endsWith(".test.ts")) return [];
    const allowed = arrows[from];
    if (allowed === undefined) return [`${one.from}: the folder ${from} is not in the table`];
    if (!one.isOurs) return [];
    const to = folderOf(one.to);
    if (one.to === `${src}main.ts`) return [`${one.from}:${one.line} imports main.ts`];
    if (to === from) return [];
    if (isRoot(one.from) || (to !== null && allowed.includes(to))) return [];
    return [`${one.from}:${one.line} imports ${one.to}; ${from} may import ${allowed.join(", ")}`];
  });
}

/** Package or node: module -> folders of src that may import it; others are free outside core. */
export function misplacedPackages(
  imports: readonly Import[],
  homes: Readonly<Record<string, readonly string[]>>,
): readonly string[] {
  return imports.flatMap((one) => {
    const folder = folderOf(one.from);
    if (folder === null || one.isOurs || one.from.endsWith(".test.ts")) return [];
    const home = homes[packageOf(one.to)] ?? homes[one.to];
    if (folder !== "core" && (home === undefined || home.includes(folder))) return [];
    const where = home === undefined ? "core imports no package and no node: module" : home.join();
    return [`${one.from}:${one.line} imports ${one.to}; allowed: ${where}`];
  });
}

/** Packages that are imported but not declared, and declared but neither imported nor tools. */
export function wrongDependencies(
  imports: readonly Import[],
  declared: ReadonlySet<string>,
  tools: ReadonlySet<string>,
): readonly string[] {
  const used = new Map<string, Import>();
  for (const one of imports) {
    if (!one.isOurs && !one.to.startsWith("node:")) used.set(packageOf(one.to), one);
  }
  const missing = [...used].filter(([name]) => !declared.has(name));
  const idle = [...declared].filter((name) => !used.has(name) && !tools.has(name));
  return [
    ...missing.map(([name, one]) => `${one.from}:${one.line}: ${name} is in no package.json`),
    ...idle.map((name) => `${name} is a dependency that nothing imports`),
  ];
}

function packageOf(specifier: string): string {
  return specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");
}

/** Circles of imports that are still there when types are erased. Each is told once. */
export function cycles(imports: readonly Import[]): readonly string[] {
  const targets = edges(imports.filter((one) => !one.isType));
  const done = new Set<string>();
  const faults: string[] = [];
  for (const start of targets.keys()) {
    const path: { file: string; next: number }[] = [{ file: start, next: 0 }];
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const to = done.has(top.file) ? undefined : targets.get(top.file)?.[top.next++];
      if (to === undefined) {
        done.add(top.file);
        path.pop();
        continue;
      }
      const circle = path.findIndex((step) => step.file === to);
      if (circle === -1) path.push({ file: to, next: 0 });
      else faults.push([...path.slice(circle).map((step) => step.file), to].join(" -> "));
    }
  }
  return faults;
}

function edges(imports: readonly Import[]): Map<string, string[]> {
  const targets = new Map<string, string[]>();
  for (const one of imports) {
    if (one.isOurs) targets.set(one.from, [...(targets.get(one.from) ?? []), one.to]);
  }
  return targets;
}

/** Files that no root reaches. Production files must be reached without the tests. */
export function deadFiles(files: readonly string[], imports: readonly Import[]): readonly string[] {
  const targets = edges(imports);
  const isRoot = (path: string): boolean =>
    path === `${src}main.ts` || /^(?:examples|benchmarks)\/|\/scripts\/|\.config\.ts$/.test(path);
  const production = reach(files.filter(isRoot), targets);
  const all = reach(
    files.filter((path) => isRoot(path) || /\.test\.ts$/.test(path)),
    targets,
  );
  return files
    .filter(
      (path) => !(path.startsWith(src) && !/\.test\.ts$/.test(path) ? production : all).has(path),
    )
    .map((path) => `${path}: nothing imports it${all.has(path) ? " but tests" : ""}`);
}

function reach(roots: readonly string[], targets: ReadonlyMap<string, string[]>): Set<string> {
  const seen = new Set(roots);
  for (const path of seen) for (const to of targets.get(path) ?? []) seen.add(to);
  return seen;
}

/**
 * Exports that no other file takes. A type, and the words of a closed set that a type is made of,
 * may instead be used in their own file.
 */
export function unusedExports(
  sources: readonly Source[],
  imports: readonly Import[],
): readonly string[] {
  const taken = new Set(imports.flatMap((one) => one.names.map((name) => `${one.to}#${name}`)));
  return sources.flatMap((source) =>
    exportsOf(source).flatMap(({ name, isWords, line }) => {
      if (taken.has(`${source.path}#${name}`) || taken.has(`${source.path}#*`)) return [];
      const uses = source.code.split(new RegExp(`\\b${name}\\b`)).length - 1;
      return isWords && uses > 1 ? [] : [`${source.path}:${line}: nobody imports ${name}`];
    }),
  );
}

interface Exported {
  readonly name: string;
  /** A type, or an array `as const`. */
  readonly isWords: boolean;
  readonly line: number;
}

function exportsOf(source: Source): readonly Exported[] {
  if (!isSourcePath(source.path)) return [];
  return source.nodes.flatMap((node) => {
    const declaration = child(node, "declaration");
    if (node.type !== "ExportNamedDeclaration" || declaration === null) return [];
    const isType = /^TS(?:Interface|TypeAlias)/.test(declaration.type);
    const line = lineAt(source.text, node.start);
    const parts = children(declaration, "declarations");
    return (parts.length > 0 ? parts : [declaration]).flatMap((part) => {
      const name = nameOf(child(part, "id"));
      const isSet = child(part, "init")?.type === "TSAsExpression";
      return name === null ? [] : [{ name, isWords: isType || isSet, line }];
    });
  });
}
