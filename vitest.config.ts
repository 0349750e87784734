// One configuration for the whole workspace. `tidy` is a project of its own so that
// `npm run check` can run the structure checks without the rest.
import { defineConfig } from "vitest/config";

const tidy = "packages/server/test/tidy.test.ts";

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "server",
          include: ["packages/**/*.test.ts", "examples/**/*.test.ts", "benchmarks/**/*.test.ts"],
          exclude: ["**/node_modules/**", tidy],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      { test: { name: "tidy", include: [tidy] } },
    ],
  },
});
