// A process for database.test.ts: stores groups of three entries for ever and prints the sequence
// after each, until it is killed.
import { writeSync } from "node:fs";
import type { Output } from "../../src/core/output.ts";
import { openProjection } from "../../src/projection/database.ts";
import { outputsOfEntry } from "./entry-outputs.ts";

const [file = ""] = process.argv.slice(2);
const projection = openProjection(file, { walMiB: 1 });
for (let seq = 3; seq < 3_000_000; seq += 3) {
  const outputs: Output[] = [seq - 2, seq - 1, seq].flatMap(outputsOfEntry);
  projection.store(outputs, seq);
  writeSync(1, `${seq}\n`);
}
