/**
 * Runs a job in a process of its own: an opening happens once in a process, and memory has to be its own.
 *
 *     runInChild("open-items", dir) ─> node --expose-gc child-main.js open-items <dir> ─> one line of JSON
 *
 * The rule: children run what is built, also when a test runs the sources.
 */
import { execFile } from "node:child_process";
import { resolve } from "node:path";
import { promisify } from "node:util";

const childMain = resolve("test/dist/test/src/bench/child-main.js");

export const runInChild = async <Result>(
  job: string,
  ...facts: readonly unknown[]
): Promise<Result> => {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ["--expose-gc", childMain, job, JSON.stringify(facts)],
    { maxBuffer: 1 << 20 },
  );
  return JSON.parse(stdout) as Result;
};
