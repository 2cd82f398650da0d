/** The child process of `runInChild`: does one job, prints what it came to as JSON, ends without ceremony. */
import { writeSync } from "node:fs";
import { childJobs } from "./child-jobs.ts";

const [name = "", facts = "[]"] = process.argv.slice(2);
const job = childJobs[name];
if (!job) throw new Error(`no job ${name}`);
const result = await job(...(JSON.parse(facts) as never[]));
writeSync(1, JSON.stringify(result ?? null));
// Not closed on purpose: a store that is closed takes a snapshot, and not every job wants one.
process.exit(0);
