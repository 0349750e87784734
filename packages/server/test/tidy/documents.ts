// The documents: links and anchors that lead somewhere, an index that names every page, a heading
// for every problem code, and no word of a place or a paper that a reader of the repository does
// not have. Pure functions of the files, giving the faults as sentences.
import { posix } from "node:path";
import type { ProjectFile } from "./project-files.ts";
import { child, children, lineAt, type Node, nameOf, type Source } from "./source.ts";

/** Relative links of Markdown files whose file or heading does not exist. */
export function brokenLinks(files: readonly ProjectFile[]): readonly string[] {
  const paths = new Set(files.flatMap((file) => [file.path, ...foldersOf(file.path)]));
  const pages = files.filter((file) => file.path.endsWith(".md"));
  const anchors = new Map(pages.map((page) => [page.path, anchorsOf(page.text)]));
  return pages.flatMap((page) =>
    linksOf(page.text).flatMap(({ target, line }) => {
      const [file = "", anchor] = target.split("#");
      const path = file === "" ? page.path : posix.join(posix.dirname(page.path), file);
      const known = anchors.get(path);
      if (!paths.has(path.replace(/\/$/, ""))) return [`${page.path}:${line}: no file ${target}`];
      if (anchor === undefined || (known?.has(anchor) ?? false)) return [];
      return [`${page.path}:${line}: no heading ${target}`];
    }),
  );
}

/** Relative targets only; what is in code fences is no link. */
export function linksOf(text: string): readonly { target: string; line: number }[] {
  const prose = withoutFences(text).replace(/`[^`\n]*`/g, (code) => " ".repeat(code.length));
  const pattern = /\]\(([^)\s]+)(?:\s+"[^"]*")?\)|^\[[^\]]+\]:\s*(\S+)/gm;
  return [...prose.matchAll(pattern)].flatMap((match) => {
    const target = match[1] ?? match[2] ?? "";
    const line = lineAt(text, match.index);
    return /^[a-z]+:/.test(target) ? [] : [{ target, line }];
  });
}

/** Headings as GitHub names them: lower case, no punctuation, hyphens, numbered when repeated. */
export function anchorsOf(text: string): ReadonlySet<string> {
  const seen = new Map<string, number>();
  const anchors = new Set<string>();
  for (const match of withoutFences(text).matchAll(/^#{1,6}\s+(.+?)\s*#*$/gm)) {
    const plain = (match[1] ?? "").replace(/\[([^\]]*)\]\([^)]*\)/g, "$1").toLowerCase();
    const slug = plain.replace(/[^\p{L}\p{N}\s_-]/gu, "").replace(/\s/g, "-");
    const count = seen.get(slug) ?? 0;
    seen.set(slug, count + 1);
    anchors.add(count === 0 ? slug : `${slug}-${count}`);
  }
  return anchors;
}

function withoutFences(text: string): string {
  return text.replace(/^(```+|~~~+)[^\n]*\n[\s\S]*?^\1[ \t]*$/gm, (block) =>
    block.replace(/[^\n]/g, " "),
  );
}

function foldersOf(path: string): readonly string[] {
  const parts = path.split("/").slice(0, -1);
  return parts.map((_, index) => parts.slice(0, index + 1).join("/"));
}

/** Pages below docs/ that their index does not link to. */
export function unlistedPages(files: readonly ProjectFile[], index: string): readonly string[] {
  const page = files.find((file) => file.path === index);
  const folder = posix.dirname(index);
  const listed = new Set(
    linksOf(page?.text ?? "").map(({ target }) => posix.join(folder, target.replace(/#.*/, ""))),
  );
  return files
    .filter((file) => file.path.startsWith(`${folder}/`) && file.path.endsWith(".md"))
    .filter((file) => file.path !== index && !listed.has(file.path))
    .map((file) => `${file.path} is not linked from ${index}`);
}

/** The `code` of every problem that the source can make: kebab-case texts in a code's place. */
export function problemCodes(sources: readonly Source[]): ReadonlyMap<string, string> {
  const takers = codeTakers(sources);
  const codes = new Map<string, string>();
  for (const source of sources) {
    for (const node of source.nodes) {
      const value = codeIn(node, takers);
      const code = value?.type === "Literal" ? nameOf(value) : null;
      if (code === null || !/^[a-z]+(?:-[a-z]+)*$/.test(code)) continue;
      codes.set(code, `${source.path}:${lineAt(source.text, node.start)}`);
    }
  }
  return codes;
}

/** Functions with a parameter called `code`, and its place. */
function codeTakers(sources: readonly Source[]): ReadonlyMap<string, number> {
  const takers = new Map<string, number>();
  for (const node of sources.flatMap((source) => source.nodes)) {
    const name = nameOf(child(node, "id"));
    if (node.type !== "FunctionDeclaration" || name === null) continue;
    const names = children(node, "params").map((one) => nameOf(child(one, "left") ?? one));
    if (names.includes("code")) takers.set(name, names.indexOf("code"));
  }
  return takers;
}

/** `code: "x"`, `code = "x"`, and an argument in the place of a parameter called `code`. */
function codeIn(node: Node, takers: ReadonlyMap<string, number>): Node | null {
  if (node.type === "Property" && nameOf(child(node, "key")) === "code")
    return child(node, "value");
  if (node.type === "AssignmentPattern" && nameOf(child(node, "left")) === "code") {
    return child(node, "right");
  }
  const place = node.type === "CallExpression" && takers.get(nameOf(child(node, "callee")) ?? "");
  return typeof place === "number" ? (children(node, "arguments")[place] ?? null) : null;
}

/** Codes without a heading in the page of problems, and headings of codes that nothing makes. */
export function problemPageFaults(
  codes: ReadonlyMap<string, string>,
  page: string,
): readonly string[] {
  const headings = new Set(
    [...page.matchAll(/^#{2,4}\s+`?([a-z]+(?:-[a-z]+)*)`?\s*$/gm)].map((match) => match[1] ?? ""),
  );
  return [
    ...[...codes]
      .filter(([code]) => !headings.has(code))
      .map(([code, where]) => `${where}: ${code} has no heading in docs/problems.md`),
    ...[...headings]
      .filter((heading) => !codes.has(heading))
      .map((heading) => `docs/problems.md: nothing answers ${heading}`),
  ];
}

/** Paths in code marks that no document describes, and described paths that the page leaves out. */
export function pathFaults(page: string, described: readonly string[]): readonly string[] {
  const own = /^(?:\/usage-metering|\/authentication)\/v1$/;
  const named = [...page.matchAll(/`(\/[a-z.][\w./{}-]*)`/g)].map((match) => match[1] ?? "");
  return [
    ...named
      .filter((path) => !own.test(path) && !described.includes(path))
      .map((path) => `README.md names ${path}, which openapi.json does not describe`),
    ...described
      .filter((path) => !named.includes(path))
      .map((path) => `README.md does not name ${path}`),
  ];
}

/**
 * Paths in code marks that lead nowhere: from the root, or from the server's src. Only paths that
 * begin with a folder of ours and end in a file's ending or a slash are looked at.
 */
export function missingPaths(files: readonly ProjectFile[]): readonly string[] {
  const known = new Set(files.flatMap((file) => [file.path, ...foldersOf(file.path)]));
  const pattern =
    /`((?:packages|docs|core|engine|http|journal|projection|auth|runtime)\/[\w./-]*)`/g;
  const pages = files.filter((file) => file.path.endsWith(".md"));
  return pages.flatMap((page) =>
    [...page.text.matchAll(pattern)].flatMap((match) => {
      const path = (match[1] ?? "").replace(/\/$/, "");
      if (known.has(path) || known.has(`packages/server/src/${path}`)) return [];
      return [`${page.path}:${lineAt(page.text, match.index)}: no file ${path}`];
    }),
  );
}

/** Files that the scripts of a package.json run but that are not there. */
export function scriptFaults(
  scripts: Readonly<Record<string, string>>,
  files: readonly ProjectFile[],
): readonly string[] {
  return Object.entries(scripts).flatMap(([name, command]) =>
    (command.match(/[\w./-]+\.c?[jt]s\b/g) ?? [])
      .filter((path) => !files.some((file) => file.path === path))
      .map((path) => `npm run ${name}: no file ${path}`),
  );
}

// Spelled in two halves so that this file does not hold them.
const privatePlaces = [
  ["/wo", "rk/"],
  ["../sha", "red"],
  [".lib", "rary"],
  ["/ho", "me/"],
].map((halves) => halves.join(""));

/** Paths of a machine, in any file. */
export function privatePlaceFaults(files: readonly ProjectFile[]): readonly string[] {
  return files.flatMap((file) =>
    privatePlaces.flatMap((place) => {
      const at = file.text.indexOf(place);
      return at === -1 ? [] : [`${file.path}:${lineAt(file.text, at)} names ${place}`];
    }),
  );
}

/** Documents, decisions and promises that comments cite but the repository does not have. */
export function missingDocuments(
  sources: readonly Source[],
  files: readonly ProjectFile[],
): readonly string[] {
  const pages = files.filter((file) => file.path.endsWith(".md"));
  const decided = pages.flatMap((page) => page.text.match(/^\| D-\d\d(?= \|)/gm) ?? []);
  const known = new Set([
    ...pages.map((page) => posix.basename(page.path)),
    ...decided.map((row) => row.slice(2)),
  ]);
  const citation = /[\w-]+\.md\b|\bD-\d\d\b|\bpromises? [A-J]\d+|\bdecisions: [\w-]+/g;
  return sources.flatMap((source) =>
    source.comments.flatMap(({ start, end }) =>
      [...source.text.slice(start, end).matchAll(citation)]
        .filter((match) => !known.has(match[0]))
        .map((match) => {
          const line = lineAt(source.text, start + match.index);
          return `${source.path}:${line} cites ${match[0]}, which the repository does not have`;
        }),
    ),
  );
}
