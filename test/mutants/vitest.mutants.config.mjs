/**
 * The repository's vitest configuration, with the test files in the order that run.mjs gives: Vitest would
 * begin with the longest, and a mutant should die of the cheapest test that sees it.
 */
import { join } from "node:path";
import { BaseSequencer } from "vitest/node";
import base from "../../vitest.config.ts";

const order = JSON.parse(process.env["TASKWAL_MUTANT_FILES"] ?? "[]");

class InGivenOrder extends BaseSequencer {
  sort(specifications) {
    const place = ({ moduleId }) => order.findIndex((file) => moduleId.endsWith(file));
    return Promise.resolve(specifications.toSorted((a, b) => place(a) - place(b)));
  }
}

export default {
  ...base,
  root: join(import.meta.dirname, "../.."),
  test: {
    ...base.test,
    include: order,
    // On a machine that others use as well, slow is not dead.
    testTimeout: 120_000,
    maxWorkers: 1,
    fileParallelism: false,
    sequence: { sequencer: InGivenOrder },
  },
};
