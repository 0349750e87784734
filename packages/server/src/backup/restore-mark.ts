// The mark that a restore leaves in a data directory: how far the backup went, and whether all of it
// is there. The next start refuses a half-restored directory, continues the sequence far beyond the
// mark's, and then takes the mark away.
import { readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { fail, ok, type Result } from "../core/problem.ts";
import { syncPath, writeFile } from "./copy-files.ts";

interface RestoreMark {
  /** The last entry of the backup. */
  readonly seq: number;
  readonly isWhole: boolean;
}

const markName = "restored.json";

/** Durable when it returns; replaces an earlier one. */
export function writeRestoreMark(directory: string, mark: RestoreMark): void {
  const path = join(directory, markName);
  const temporary = `${path}.tmp`;
  rmSync(temporary, { force: true });
  writeFile(temporary, `${JSON.stringify(mark)}\n`);
  renameSync(temporary, path);
  syncPath(directory);
}

/** The last entry of the backup that was restored here; null without a mark. */
export function readRestoreMark(directory: string): Result<number | null, string> {
  const path = join(directory, markName);
  if (statSync(path, { throwIfNoEntry: false }) === undefined) return ok(null);
  const mark = parse(readFileSync(path, "utf8"));
  if (mark?.isWhole === true) return ok(mark.seq);
  return fail(
    `The restore into ${directory} did not come to its end. Empty the directory and run it again.`,
  );
}

export function removeRestoreMark(directory: string): void {
  rmSync(join(directory, markName), { force: true });
  syncPath(directory);
}

function parse(text: string): RestoreMark | null {
  try {
    const mark: unknown = JSON.parse(text);
    const isMark =
      typeof mark === "object" &&
      mark !== null &&
      "seq" in mark &&
      Number.isSafeInteger(mark.seq) &&
      "isWhole" in mark;
    return isMark ? fromWire(mark) : null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

function fromWire(mark: object): RestoreMark {
  return mark as RestoreMark;
}
