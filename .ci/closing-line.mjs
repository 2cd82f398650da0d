/**
 * Prints "N passed, N failed[, N skipped]" from vitest's JSON result: `node closing-line.mjs result.json`.
 *
 * The rule: a test file that failed without a failed test (it did not load, or a hook threw) counts as
 * one failure; without a result there is no line of numbers, and the exit code is 1.
 */
import { existsSync, readFileSync } from "node:fs";

const path = process.argv[2] ?? "";
if (!existsSync(path)) {
  process.stdout.write("the tests left no result\n");
  process.exit(1);
}

const { testResults, numPassedTests, numFailedTests, numPendingTests, numTodoTests } = JSON.parse(
  readFileSync(path, "utf8"),
);
const brokenFiles = testResults.filter(
  ({ status, assertionResults }) =>
    status === "failed" && !assertionResults.some((test) => test.status === "failed"),
);
const failed = numFailedTests + brokenFiles.length;
const skipped = numPendingTests + numTodoTests;
process.stdout.write(
  `${numPassedTests} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}\n`,
);
if (failed > 0 || numPassedTests === 0) process.exitCode = 1;
