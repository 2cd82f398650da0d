import { defineConfig } from "vitest/config";

// Tests read packages/*/src, not dist: our own condition comes before Vite's server defaults.
const conditions = ["taskwal-source", "module", "node", "development|production"];

export default defineConfig({
  ssr: { resolve: { conditions } },
  test: {
    include: ["packages/*/src/**/*.test.ts", "test/src/**/*.test.ts"],
    testTimeout: 60_000,
  },
});
