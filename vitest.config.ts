import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

// Tests read packages/*/src, not dist: our own condition comes before Vite's server defaults, of which "module" is left
// out: what packages bring under it is for bundlers, and Node does not run all of it.
const conditions = ["taskwal-source", "node", "development|production"];

// CI reads its closing line from this file; a person needs none.
const resultFile = process.env["TASKWAL_TEST_RESULT"];

export default defineConfig({
  ssr: { resolve: { conditions } },
  test: {
    include: ["packages/*/src/**/*.test.ts", "test/src/**/*.test.ts"],
    testTimeout: 60_000,
    // Vitest leaves one core to its own process, which has little to do.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    reporters: resultFile ? ["default", ["json", { outputFile: resultFile }]] : ["default"],
  },
});
