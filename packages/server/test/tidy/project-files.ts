// The files of the repository, as a fresh clone has them: everything below its root but what
// .gitignore names. Read once for all structure checks; git itself is not needed, so that the
// checks also run where only the files are.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** Path from the repository's root, with forward slashes, and the content as text. */
export interface ProjectFile {
  readonly path: string;
  readonly text: string;
}

export const rootDirectory: string = fileURLToPath(new URL("../../../../", import.meta.url));

const textFile = /\.(?:ts|cjs|md|json|sql|sh|txt)$|(?:^|\/)(?:run|LICENSE|Dockerfile|\.[a-z]+)$/;

/** Every text file, sorted by path. */
export function readProjectFiles(root: string = rootDirectory): readonly ProjectFile[] {
  const ignored = readIgnored(readFileSync(join(root, ".gitignore"), "utf8"));
  const files: ProjectFile[] = [];
  const folders = [""];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    for (const item of readdirSync(join(root, folder), { withFileTypes: true })) {
      if (ignored(item.name)) continue;
      const path = folder + item.name;
      if (item.isDirectory()) folders.push(`${path}/`);
      else if (item.isFile() && textFile.test(path)) files.push(readFile(root, path));
    }
  }
  return files.sort((a, b) => (a.path < b.path ? -1 : 1));
}

function readFile(root: string, path: string): ProjectFile {
  return { path, text: readFileSync(join(root, path), "utf8") };
}

/** The two forms that our .gitignore uses: `name/` and `*.ending`. */
function readIgnored(gitignore: string): (name: string) => boolean {
  const lines = gitignore.split("\n").filter((line) => line !== "");
  const names = new Set([".git", ...lines.map((line) => line.replace(/\/$/, ""))]);
  const endings = lines.filter((line) => line.startsWith("*")).map((line) => line.slice(1));
  return (name) => names.has(name) || endings.some((ending) => name.endsWith(ending));
}
