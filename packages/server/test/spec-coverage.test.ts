// Rules and tests, compared: each rule of docs/spec is quoted by a test, each quoted rule exists,
// and an id names one rule. A rule reads `- **RS4** text`, a test quotes it as `[RS4]` in a text.
import { expect, it } from "vitest";
import { readProjectFiles } from "./tidy/project-files.ts";
import { readSource, type Source } from "./tidy/source.ts";

interface Rule {
  readonly id: string;
  readonly path: string;
}

function rulesIn(path: string, text: string): readonly Rule[] {
  return [...text.matchAll(/^\s*- \*\*([A-Z]{2}\d+)\*\*/gm)].map((match) => ({
    id: match[1] ?? "",
    path,
  }));
}

/** Ids in strings only: a comment that names a rule tests nothing. */
function quotesIn(source: Source): readonly string[] {
  return source.strings.flatMap(({ start, end }) =>
    [...source.text.slice(start, end).matchAll(/\[([A-Z]{2}\d+)\]/g)].map(
      (match) => match[1] ?? "",
    ),
  );
}

const files = readProjectFiles();
const rules = files
  .filter((file) => /^docs\/spec\/[^/]+\.md$/.test(file.path))
  .flatMap((file) => rulesIn(file.path, file.text));
const tests = files.filter((file) => /\.(?:test|suite)\.ts$/.test(file.path)).map(readSource);
const quoted = new Map(
  tests
    .filter((source) => !source.path.endsWith("/spec-coverage.test.ts"))
    .flatMap((source) => quotesIn(source).map((id) => [id, source.path] as const)),
);

it("there are rules", () => {
  expect(rules.length).toBeGreaterThan(100);
});

it("an id names one rule, and its letters one page", () => {
  const ids = rules.map((rule) => rule.id);
  expect(ids.filter((id, index) => ids.indexOf(id) !== index)).toEqual([]);
  const pages = new Map<string, Set<string>>();
  for (const { id, path } of rules) {
    const letters = id.slice(0, 2);
    pages.set(letters, (pages.get(letters) ?? new Set()).add(path));
  }
  expect([...pages].filter(([, paths]) => paths.size > 1).map(([letters]) => letters)).toEqual([]);
});

it("every rule is quoted by a test", () => {
  const untested = rules.filter((rule) => !quoted.has(rule.id));
  expect(untested.map((rule) => `${rule.id} of ${rule.path}`)).toEqual([]);
});

it("every quoted rule exists", () => {
  const known = new Set(rules.map((rule) => rule.id));
  const unknown = [...quoted].filter(([id]) => !known.has(id));
  expect(unknown.map(([id, path]) => `${id} in ${path}`)).toEqual([]);
});

it("the comparison can fail", () => {
  const text = "- **AA1** one\n- **AA2** two\nnot **AA3** a rule\n  - **AB4** nested";
  expect(rulesIn("a.md", text).map((rule) => rule.id)).toEqual(["AA1", "AA2", "AB4"]);
  const source = readSource({ path: "a.test.ts", text: 'it("[AA1] x [AA2]", f); // [AA3]' });
  expect(quotesIn(source)).toEqual(["AA1", "AA2"]);
});
