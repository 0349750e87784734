// The structure of the repository, checked: who imports whom, lengths, names, banned words, dead
// files, links, problem codes, the OpenAPI document. `npm run check` runs it. Each check has a
// counter-example in tidy/tidy-rules.test.ts that shows it can fail.
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { shellBlock } from "../src/runtime/start-output.ts";
import * as documents from "./tidy/documents.ts";
import * as imports from "./tidy/imports.ts";
import { readProjectFiles, rootDirectory } from "./tidy/project-files.ts";
import * as shape from "./tidy/shape.ts";
import { isSourcePath, readSource } from "./tidy/source.ts";
import { wordFaults, wordRules } from "./tidy/words.ts";

/** Folder of packages/server/src -> what it may import. Nothing imports main.ts. */
const arrows: imports.Arrows = {
  core: [],
  auth: ["core"],
  backup: ["core", "delivery", "engine", "ids", "journal", "projection", "runtime", "."],
  delivery: ["core"],
  engine: ["core"],
  http: ["engine", "auth", "core"],
  ids: ["core"],
  journal: ["core"],
  projection: ["core"],
  runtime: ["core", "."],
  ".": ["auth", "core", "engine"],
};

/** Package -> the folders that may import it. Those not listed are free outside core. */
const packageHomes: Readonly<Record<string, readonly string[]>> = {
  fastify: ["http"],
  jose: ["auth"],
  pino: ["runtime"],
  "pino-pretty": ["runtime"],
  "prom-client": ["runtime"],
  typebox: ["http"],
  "node:sqlite": ["delivery", "projection", "runtime"],
  "node:worker_threads": ["journal", "projection"],
};

/** Dependencies that are run or read by tools and imported by no file. */
const tools = new Set(["@biomejs/biome", "@types/node", "@types/pg", "node", "typescript"]);

/**
 * Faults that stand for now, word for word but for line numbers. The list may only shrink: an entry
 * that is no longer a fault fails too.
 */
const tolerated: readonly string[] = [
  // Called once for each record that has an id; an object for each call costs more than they do.
  "packages/server/src/core/fingerprint.ts: fingerprint has 4 parameters; after 3 name them in an object",
  "packages/server/src/core/id-memory.ts: add has 4 parameters; after 3 name them in an object",
];

const files = readProjectFiles();
const sources = files.filter((file) => isSourcePath(file.path)).map(readSource);
const production = sources.filter(({ path, isTest }) => path.includes("/src/") && !isTest);
const allImports = sources.flatMap(imports.readImports);
const found: string[] = [];

function expectNone(faults: readonly string[]): void {
  found.push(...faults.map(withoutLine));
  expect(faults.filter((fault) => !tolerated.includes(withoutLine(fault)))).toEqual([]);
}

function withoutLine(fault: string): string {
  return fault.replace(/:\d+/, "");
}

/** Empty where there is no such file: then nothing of it is found. */
function textOf(path: string): string {
  return files.find((file) => file.path === path)?.text ?? "";
}

it("folders import along the arrows only", () => {
  expectNone(imports.forbiddenArrows(allImports, arrows));
});

it("packages are imported where they are at home", () => {
  expectNone(imports.misplacedPackages(allImports, packageHomes));
});

it("what is imported is declared, and what is declared is imported", () => {
  const declared = files
    .filter((file) => /^(?:packages\/[a-z]+\/)?package\.json$/.test(file.path))
    .flatMap((file) => {
      const { dependencies = {}, devDependencies = {} } = JSON.parse(file.text);
      return [...Object.keys(dependencies), ...Object.keys(devDependencies)];
    });
  expectNone(imports.wrongDependencies(allImports, new Set(declared), tools));
});

it("imports make no circle at run time", () => {
  expectNone(imports.cycles(allImports));
});

it("every file is used", () => {
  expectNone(
    imports.deadFiles(
      sources.map((source) => source.path),
      allImports,
    ),
  );
});

it("every export is used by another file", () => {
  const exporters = sources.filter((source) => !source.path.endsWith(".config.ts"));
  expectNone(imports.unusedExports(exporters, allImports));
});

it("files, functions and parameter lists keep to their limits", () => {
  expectNone(sources.flatMap(shape.lengthFaults));
  expectNone(sources.flatMap(shape.functionFaults));
});

it("files open with a header and are named for what they own", () => {
  expectNone(sources.flatMap(shape.headerFaults));
  expectNone(sources.flatMap(shape.nameFaults));
});

it("syntax that we do without is not there", () => {
  expectNone(sources.flatMap(shape.syntaxFaults));
});

it.each(wordRules)("no word out of its place: $name", (rule) => {
  expectNone(sources.flatMap((source) => wordFaults(source, [rule])));
});

it("links and anchors of the documents lead somewhere", () => {
  expectNone(documents.brokenLinks(files));
  expectNone(documents.missingPaths(files));
});

it("docs/README.md lists every document", () => {
  expectNone(documents.unlistedPages(files, "docs/README.md"));
});

it("docs/problems.md has a heading for each problem code, and no other", () => {
  const codes = documents.problemCodes(production);
  expectNone(documents.problemPageFaults(codes, textOf("docs/problems.md")));
});

it("no file names a place on somebody's machine", () => {
  expectNone(documents.privatePlaceFaults(files));
});

it("comments cite only documents that are here", () => {
  expectNone(documents.missingDocuments(sources, files));
});

it("the npm scripts run files that exist", () => {
  expectNone(documents.scriptFaults(JSON.parse(textOf("package.json")).scripts, files));
});

it("README.md shows the block that the first start prints", () => {
  const client = { id: "id", secret: "secret" };
  const block = shellBlock({ baseUrl: "http://localhost:8080", meterKey: "key", client });
  expect(textOf("README.md")).toContain(block.slice(block.indexOf("TOKEN=")));
});

it("README.md names the paths of openapi.json, and no other", () => {
  const described = Object.keys(JSON.parse(textOf("openapi.json")).paths);
  expectNone(documents.pathFaults(textOf("README.md"), described));
});

it("openapi.json is what the routes say", () => {
  const script = join(rootDirectory, "packages/server/scripts/write-openapi.ts");
  expect(existsSync(script)).toBe(true);
  execFileSync(process.execPath, [script, "--check"], { cwd: rootDirectory, stdio: "pipe" });
});

it("the list of tolerated faults holds only faults", () => {
  expect(tolerated.filter((fault) => !found.includes(fault))).toEqual([]);
});
