// One TypeScript file as the structure checks see it: syntax tree, comments, texts, and the code
// with both blanked out, so that a banned word in a comment or in a message is no fault.
// The parser is the one that vitest brings; TypeScript 7 has none to call.
import { parseAst } from "vitest/node";
import type { ProjectFile } from "./project-files.ts";

/** A node of the ESTree syntax tree. */
export interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [member: string]: unknown;
}

export interface Span {
  readonly start: number;
  readonly end: number;
}

export interface Source extends ProjectFile {
  readonly lineCount: number;
  /** Below a test folder, or named *.test.ts. */
  readonly isTest: boolean;
  /** Every node in the order of the text, parents before children. */
  readonly nodes: readonly Node[];
  readonly parentOf: ReadonlyMap<Node, Node>;
  readonly comments: readonly Span[];
  /** String and template literals without their quotes' meaning: the raw text. */
  readonly strings: readonly Span[];
  /** The text with comments, strings and regular expressions as spaces; offsets are the same. */
  readonly code: string;
}

export function isSourcePath(path: string): boolean {
  return /\.(?:ts|cjs)$/.test(path);
}

/** Throws the parser's error when the file is no valid TypeScript. */
export function readSource(file: ProjectFile): Source {
  const { path, text } = file;
  const { nodes, parentOf } = flatten(readNode(parseAst(text, { lang: "ts" }, path)));
  const strings = nodes.filter(isText).map(({ start, end }) => ({ start, end }));
  strings.sort((a, b) => a.start - b.start);
  const comments = findComments(text, strings);
  return {
    path,
    text,
    lineCount: text.trimEnd().split("\n").length,
    isTest: /(?:^|\/)test\/|\.test\.ts$/.test(path),
    nodes,
    parentOf,
    comments,
    strings,
    code: blank(text, [...comments, ...strings]),
  };
}

/** Line number from 1. */
export function lineAt(text: string, offset: number): number {
  let line = 1;
  for (let at = text.indexOf("\n"); at !== -1 && at < offset; at = text.indexOf("\n", at + 1)) {
    line += 1;
  }
  return line;
}

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && "type" in value && "start" in value;
}

/** The member as a node. Null where the tree has none. */
export function child(node: Node, name: string): Node | null {
  const value = node[name];
  return isNode(value) ? value : null;
}

export function children(node: Node, name: string): readonly Node[] {
  const value = node[name];
  return Array.isArray(value) ? value.filter(isNode) : [];
}

/** The text of an identifier or of a string literal; null for every other node. */
export function nameOf(node: Node | null): string | null {
  const value = node?.type === "Literal" ? node.value : node?.name;
  return typeof value === "string" ? value : null;
}

function readNode(tree: unknown): Node {
  if (!isNode(tree)) throw new TypeError("the parser gave no syntax tree");
  return tree;
}

function flatten(root: Node): { nodes: readonly Node[]; parentOf: ReadonlyMap<Node, Node> } {
  const nodes: Node[] = [];
  const parentOf = new Map<Node, Node>();
  const waiting = [root];
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    nodes.push(node);
    for (const value of Object.values(node)) {
      for (const item of Array.isArray(value) ? value : [value]) {
        if (!isNode(item)) continue;
        parentOf.set(item, node);
        waiting.push(item);
      }
    }
  }
  // Stable: a parent begins no later than its children and was met before them.
  nodes.sort((a, b) => a.start - b.start);
  return { nodes, parentOf };
}

function isText(node: Node): boolean {
  if (node.type === "TemplateElement") return true;
  return node.type === "Literal" && (typeof node.value === "string" || "regex" in node);
}

/** `strings` ascending: a slash inside them begins no comment. */
function findComments(text: string, strings: readonly Span[]): readonly Span[] {
  const comments: Span[] = [];
  const opening = /\/\/|\/\*/g;
  let next = 0;
  for (let match = opening.exec(text); match !== null; match = opening.exec(text)) {
    const start = match.index;
    while ((strings[next]?.end ?? Number.POSITIVE_INFINITY) <= start) next += 1;
    const string = strings[next];
    if (string !== undefined && string.start <= start) {
      opening.lastIndex = string.end;
      continue;
    }
    const end = match[0] === "//" ? endOf(text, "\n", start) : endOf(text, "*/", start) + 2;
    comments.push({ start, end });
    opening.lastIndex = end;
  }
  return comments;
}

function endOf(text: string, mark: string, from: number): number {
  const at = text.indexOf(mark, from + 2);
  return at === -1 ? text.length : at;
}

function blank(text: string, spans: readonly Span[]): string {
  let code = "";
  let from = 0;
  for (const { start, end } of spans.toSorted((a, b) => a.start - b.start)) {
    code += text.slice(from, start) + text.slice(start, end).replace(/[^\n]/g, " ");
    from = Math.max(from, end);
  }
  return code + text.slice(from);
}
