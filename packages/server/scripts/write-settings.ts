// Writes docs/settings.md from the table of settings. Run it after changing a setting; a test
// compares the file with the table.
import { writeFileSync } from "node:fs";
import { settingsDocument } from "../src/arguments.ts";

const file = new URL("../../../docs/settings.md", import.meta.url);
writeFileSync(file, settingsDocument());
