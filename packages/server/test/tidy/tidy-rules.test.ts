// Each structure check meets a sample that it must refuse and one that it must let pass.
import { describe, expect, it } from "vitest";
import * as documents from "./documents.ts";
import * as imports from "./imports.ts";
import * as shape from "./shape.ts";
import { readSource, type Source } from "./source.ts";
import { wordFaults, wordRules } from "./words.ts";

const src = "packages/server/src";

function source(path: string, text: string): Source {
  return readSource({ path, text });
}

function importsOf(files: Readonly<Record<string, string>>): readonly imports.Import[] {
  return Object.entries(files).flatMap(([path, text]) => imports.readImports(source(path, text)));
}

describe("reading a source", () => {
  it("tells comments from texts that look like them", () => {
    const text =
      'const a = "// no"; // yes é\nconst b = /\\/\\*/; /* and\nthis */ const c = `/*$' + "{a}//`;";
    const { comments, code } = source("a.ts", text);
    expect(comments.map(({ start, end }) => text.slice(start, end))).toEqual([
      "// yes é",
      "/* and\nthis */",
    ]);
    expect(code).toHaveLength(text.length);
    expect(code).not.toMatch(/no|yes|and|this/);
    expect(code).toMatch(/const c/);
  });
});

describe("imports", () => {
  const arrows = { core: [], http: ["core"], ".": ["core"] };

  it("refuses an arrow that the table lacks", () => {
    const faults = (path: string, to: string): number =>
      imports.forbiddenArrows(importsOf({ [`${src}/${path}`]: `import "${to}";` }), arrows).length;
    expect(faults("http/a.ts", "../core/b.ts")).toBe(0);
    expect(faults("core/a.ts", "./b.ts")).toBe(0);
    expect(faults("core/a.ts", "../http/b.ts")).toBe(1);
    expect(faults("core/a.ts", "../../test/b.ts")).toBe(1);
    expect(faults("http/a.ts", "../main.ts")).toBe(1);
    expect(faults("config.ts", "./http/b.ts")).toBe(1);
    expect(faults("config.ts", "./b.ts")).toBe(0);
    expect(faults("main.ts", "./http/b.ts")).toBe(0);
    expect(faults("other/a.ts", "./b.ts")).toBe(1);
  });

  it("refuses packages away from home, and all of them in core", () => {
    const homes = { jose: ["auth"], "node:sqlite": ["projection"] };
    const faults = (path: string, to: string): number =>
      imports.misplacedPackages(importsOf({ [`${src}/${path}`]: `import "${to}";` }), homes).length;
    expect(faults("auth/a.ts", "jose")).toBe(0);
    expect(faults("auth/a.ts", "node:crypto")).toBe(0);
    expect(faults("http/a.ts", "jose/sub")).toBe(1);
    expect(faults("engine/a.ts", "node:sqlite")).toBe(1);
    expect(faults("core/a.ts", "node:crypto")).toBe(1);
  });

  it("refuses undeclared and idle dependencies", () => {
    const found = importsOf({ "a.ts": 'import "@a/b/c"; import "node:fs"; import "./x.ts";' });
    const check = (declared: string[], tools: string[]): readonly string[] =>
      imports.wrongDependencies(found, new Set(declared), new Set(tools));
    expect(check(["@a/b"], [])).toEqual([]);
    expect(check(["@a/b", "tool"], ["tool"])).toEqual([]);
    expect(check([], [])).toHaveLength(1);
    expect(check(["@a/b", "idle"], [])).toHaveLength(1);
  });

  it("finds a circle, unless types alone make it", () => {
    const circle = (first: string): readonly string[] =>
      imports.cycles(
        importsOf({
          "a.ts": first,
          "b.ts": 'import "./c.ts"; import "./d.ts";',
          "c.ts": 'import { a } from "./a.ts"; import "./d.ts";',
          "d.ts": "",
        }),
      );
    expect(circle('import { b } from "./b.ts";')).toEqual(["a.ts -> b.ts -> c.ts -> a.ts"]);
    expect(circle('import type { b } from "./b.ts";')).toEqual([]);
    expect(circle('import { type b } from "./b.ts";')).toEqual([]);
  });

  it("finds files that only tests or nobody reaches", () => {
    const files = {
      [`${src}/main.ts`]: 'import "./used.ts"; new URL("./thread.ts", import.meta.url);',
      [`${src}/used.ts`]: "",
      [`${src}/thread.ts`]: "",
      [`${src}/tested.ts`]: "",
      [`${src}/tested.test.ts`]: 'import "./tested.ts"; import "../test/support/s.ts";',
      "packages/server/test/support/s.ts": "",
      "packages/server/test/support/idle.ts": "",
    };
    expect(imports.deadFiles(Object.keys(files), importsOf(files))).toEqual([
      `${src}/tested.ts: nothing imports it but tests`,
      "packages/server/test/support/idle.ts: nothing imports it",
    ]);
  });

  it("finds exports that nobody takes", () => {
    const files = {
      "a.ts": "export const one = 1; export const two = one; export interface Three { a: 1 }",
      "d.ts": 'export const words = ["a"] as const; export type Word = (typeof words)[number];',
      "b.ts": 'export type Four = 4; export const five: Four = 4; import { one } from "./a.ts";',
      "c.ts": 'import * as b from "./b.ts"; export function six() {}',
    };
    const sources = Object.entries(files).map(([path, text]) => source(path, text));
    expect(imports.unusedExports(sources, importsOf(files))).toEqual([
      "a.ts:1: nobody imports two",
      "a.ts:1: nobody imports Three",
      "d.ts:1: nobody imports Word",
      "c.ts:1: nobody imports six",
    ]);
  });
});

describe("shape", () => {
  const lines = (count: number): string => "a();\n".repeat(count);

  it("counts the lines of files", () => {
    expect(shape.lengthFaults(source("src/a.ts", lines(300)))).toEqual([]);
    expect(shape.lengthFaults(source("src/a.ts", lines(301)))).toHaveLength(1);
    expect(shape.lengthFaults(source("test/a.ts", lines(500)))).toEqual([]);
    expect(shape.lengthFaults(source("src/a.test.ts", lines(501)))).toHaveLength(1);
  });

  it("counts the lines and the parameters of functions", () => {
    const faults = (text: string): number => shape.functionFaults(source("a.ts", text)).length;
    expect(faults(`function f() {\n${lines(58)}}`)).toBe(0);
    expect(faults(`function f() {\n${lines(59)}}`)).toBe(1);
    expect(faults(`describe("x", () => {\n${lines(59)}})`)).toBe(0);
    expect(faults(`describe.each([1])("x", () => {\n${lines(59)}})`)).toBe(0);
    expect(faults(`it("x", () => {\n${lines(59)}})`)).toBe(1);
    expect(faults("const f = (a, b, c) => 1;")).toBe(0);
    expect(faults("class A { f(a, b, c, d) {} }")).toBe(1);
    expect(faults('it.each(rows)("x", (a, b, c, d) => {})')).toBe(0);
    expect(faults("fc.property(w, x, y, z, (a, b, c, d) => {})")).toBe(0);
  });

  it("wants a header of two to six lines", () => {
    const faults = (text: string): number => shape.headerFaults(source("src/a.ts", text)).length;
    expect(faults("// a\n// b\nf();")).toBe(0);
    expect(faults("#!/usr/bin/env node\n// a\n// b\nf();")).toBe(0);
    expect(faults(`// a\n// b\n//\n${"// mode\\n".repeat(7)}f();`)).toBe(0);
    expect(faults("f();")).toBe(1);
    expect(faults("// a\nf();")).toBe(1);
    expect(faults(`${"// a\n".repeat(7)}f();`)).toBe(1);
  });

  it("refuses names that say nothing", () => {
    const faults = (path: string, text = ""): number => shape.nameFaults(source(path, text)).length;
    expect(faults("src/due-index.ts", "export class DueIndex {}")).toBe(0);
    expect(faults("src/utils/a.ts")).toBe(1);
    expect(faults("src/helpers.test.ts")).toBe(1);
    expect(faults("src/dueIndex.ts")).toBe(1);
    expect(faults("src/a.ts", "export class MeterManager {}")).toBe(1);
  });

  it.each(["let a: any;", "a!.b;", "enum A {}", 'export * from "./a.ts";', "export default 1;"])(
    "refuses %s",
    (text) => {
      expect(shape.syntaxFaults(source("a.ts", text))).toHaveLength(1);
    },
  );
});

describe("words", () => {
  it.each([
    ["core/a.ts", "Date.now();", 1],
    ["core/a.ts", "new Date();", 1],
    ["core/a.ts", 'f("Date.now"); // Date.now', 0],
    ["core/a.ts", "Temporal.Now;", 1],
    ["runtime/a.ts", "Date.now(); setTimeout(f, 1);", 0],
    ["core/a.test.ts", "performance.now();", 0],
    ["http/a.ts", "setInterval(f, 1);", 1],
    ["http/a.ts", "Math.random(); randomUUID();", 2],
    ["core/a.ts", "a.toFixed(2); parseFloat(b);", 2],
    ["http/a.ts", "process.env;", 1],
    ["main.ts", "process.env;", 0],
    ["http/a.ts", "console.log(1);", 1],
    ["http/a.ts", "// TODO later\n/* FIXME */", 2],
    ["core/a.test.ts", 'it.only("a", f); it.skip("b", f); it.todo("c");', 3],
    ["core/a.test.ts", "await delay(10); setTimeout(f, 1);", 2],
    ["core/a.ts", "f(a as any); f(b as unknown as C);", 2],
    ["core/a.test.ts", "f(a as any); f(b as unknown as C);", 1],
  ])("%s: %s", (path, text, count) => {
    expect(wordFaults(source(`${src}/${path}`, text), wordRules)).toHaveLength(count);
  });
});

describe("documents", () => {
  const page = (path: string, text: string): { path: string; text: string } => ({ path, text });

  it("follows links and anchors", () => {
    const other = page("docs/b.md", "# One `two`: three\n## Same\n## Same\n```\n# No\n```\n");
    const faults = (text: string): number =>
      documents.brokenLinks([page("docs/a.md", text), page("LICENSE", ""), other]).length;
    expect(faults("[b](b.md) [b](./b.md#one-two-three) [l](../LICENSE) [d](../docs/)")).toBe(0);
    expect(faults("[b](b.md#same-1) [web](https://example.com) `[x](y)`")).toBe(0);
    expect(faults("# Own\n[own](#own)\n```\n[x](y)\n```\n[ref]: b.md")).toBe(0);
    expect(faults("[c](c.md)")).toBe(1);
    expect(faults("[b](b.md#no) [own](#none)\n\n[ref]: c.md")).toBe(3);
  });

  it("misses files that a page names", () => {
    const tree = [page("packages/server/src/core/a.ts", ""), page("docs/b.md", "")];
    const text =
      "`core/a.ts` `core/` `docs/b.md` `packages/server/src/core` `other/c.ts` core/x.ts";
    expect(documents.missingPaths([...tree, page("a.md", text)])).toEqual([]);
    expect(documents.missingPaths([...tree, page("a.md", "`core/c.ts` and `http/`")])).toHaveLength(
      2,
    );
  });

  it("misses pages that the index leaves out", () => {
    const files = [page("docs/README.md", "[b](b.md#x)"), page("docs/b.md", ""), page("a.md", "")];
    expect(documents.unlistedPages(files, "docs/README.md")).toEqual([]);
    const more = [...files, page("docs/deep/c.md", "")];
    expect(documents.unlistedPages(more, "docs/README.md")).toHaveLength(1);
  });

  it("compares problem codes with the headings of their page", () => {
    const codes = documents.problemCodes([
      source(
        "a.ts",
        'f({ code: "one-two", other: "x" }); invalid(e, "three"); f({ code }); e.code = "ENOSPC";',
      ),
      source("b.ts", 'function g(a, code = "four") { return code === "five"; } g("no", "six");'),
      source("c.ts", "function invalid(errors, code) {}"),
    ]);
    expect([...codes.keys()].toSorted()).toEqual(["four", "one-two", "six", "three"]);
    expect(
      documents.problemPageFaults(codes, "## one-two\n### three\n## `four`\n## six\n## Why"),
    ).toEqual([]);
    expect(documents.problemPageFaults(codes, "## one-two\n## three\n## six\n## ten")).toHaveLength(
      2,
    );
  });

  it("compares the paths of a page with those described", () => {
    const text = "| `/a/{id}` | GET | see `/usage-metering/v1` and `a/b` |";
    expect(documents.pathFaults(text, ["/a/{id}"])).toEqual([]);
    expect(documents.pathFaults(text, ["/a/{id}", "/b"])).toHaveLength(1);
    expect(documents.pathFaults(text, [])).toHaveLength(1);
  });

  it("misses files that scripts run", () => {
    const scripts = { start: "node a/b.cjs && node c.ts --flag", test: "vitest run" };
    expect(documents.scriptFaults(scripts, [page("a/b.cjs", ""), page("c.ts", "")])).toEqual([]);
    expect(documents.scriptFaults(scripts, [page("c.ts", "")])).toHaveLength(1);
  });

  it("refuses places of a machine and papers that are not here", () => {
    const place = ["", "work", "main"].join("/");
    expect(documents.privatePlaceFaults([page("a.md", "see\nhere")])).toEqual([]);
    expect(documents.privatePlaceFaults([page("a.md", `see ${place}`)])).toHaveLength(1);
    const files = [page("docs/here.md", "| D-07 | question | answer |")];
    const cited = (text: string): number =>
      documents.missingDocuments([source("a.ts", text)], files).length;
    expect(cited('// as docs/here.md says\nf("gone.md");')).toBe(0);
    expect(cited("// as gone.md says")).toBe(1);
    expect(cited("// as D-07 says")).toBe(0);
    expect(cited("// as D-49 says (promise G2; decisions: paths)")).toBe(3);
  });
});
