/**
 * `taskwal import`: a legacy state directory becomes a store, and every file that did not read is named.
 *
 *     plan (reads) ─ import, unless it is a dry run ─ what was brought ─ what could not be read
 *
 * The rule: plan first (`--dry-run` says the same and writes nothing); the originals stay.
 */
import { resolve } from "node:path";
import { openNodeDisk } from "@taskwal/disk";
import {
  classifyDirectory,
  foundWords,
  importReportOf,
  legacyLayout,
  openTaskStore,
  planImport,
  type ImportReport,
} from "@taskwal/tasks";
import { assertDirectory } from "./assert-directory.ts";
import { exitCodes } from "./exit-codes.ts";
import { UsageError } from "./usage-error.ts";
import type { Terminal } from "./terminal.ts";
import { counted } from "./words.ts";

export interface ImportCommandOptions {
  readonly legacy: string;
  readonly into: string | undefined;
  readonly dryRun: boolean;
  readonly json: boolean;
}

/**
 * Exit code 1 if something could not be read, else 0. Throws UsageError if there is nothing to import,
 * and what opening a store throws; nothing is written then.
 */
export const runImport = async (
  { legacy, into, dryRun, json }: ImportCommandOptions,
  terminal: Terminal,
): Promise<number> => {
  const from = resolve(legacy);
  const dir = into === undefined ? from : resolve(into);
  const elsewhere = dir === from ? undefined : from;
  const disk = openNodeDisk();
  await assertDirectory(from);
  const plan = await planImport(disk, dir, elsewhere);
  if (!plan) throw await nothingToDo(dir, elsewhere);
  if (!dryRun) {
    const importFrom = elsewhere === undefined ? {} : { importFrom: elsewhere };
    await (await openTaskStore({ dir, ...importFrom })).close();
  }
  const report = importReportOf(plan.reading);
  if (json) terminal.raw(`${JSON.stringify({ from, into: dir, written: !dryRun, ...report })}\n`);
  else tell({ legacy, into, dryRun }, report, terminal);
  return report.problems.length === 0 ? exitCodes.fine : exitCodes.difference;
};

const nothingToDo = async (dir: string, from: string | undefined): Promise<UsageError> => {
  if (from !== undefined) return new UsageError(`${from} was imported into ${dir} before`);
  const directory = await openNodeDisk().openDirectory(dir);
  try {
    const found = foundWords[await classifyDirectory(directory)];
    return new UsageError(`${dir} holds ${found}; an import reads ${legacyLayout}`);
  } finally {
    await directory.close();
  }
};

const tell = (
  { legacy, into, dryRun }: Pick<ImportCommandOptions, "legacy" | "into" | "dryRun">,
  report: ImportReport,
  { say, heading, bad, good, dim }: Terminal,
): void => {
  const { tasks, logEntries, sessions, partial, deleted, problems } = report;
  const what = counted(tasks, "task");
  const rest = `${counted(logEntries, "log entry", "log entries")}, ${counted(sessions, "session")}`;
  heading(`${legacy} -> ${into ?? "a store in its place"}${dryRun ? " (dry run)" : ""}`);
  say(`  ${dryRun ? "would bring" : "brought"} ${good(what)}, ${rest}`);
  for (const id of partial) say(`  ${id} only in part: a file was cut`);
  for (const id of deleted) say(`  ${id} was deleted before; not brought`);
  if (problems.length === 0) say("  every file was read as a whole");
  else heading(`Not read as a whole: ${counted(problems.length, "entry", "entries")}`);
  for (const { file, reason, recovered } of problems) {
    say(`  ${bad(file)}`);
    say(`    ${reason}`);
    say(dim(`    recovered: ${recovered}`));
  }
  heading(dryRun ? "Nothing was written" : "Next");
  const where = into ?? legacy;
  if (dryRun) return;
  say(`  ${where}/legacy/      the originals, byte for byte, and import.json, this report`);
  say(`  ${where}/state.json   all of it as one JSON file`);
  say(`  openTaskStore({ dir: ${JSON.stringify(where)} }) opens it`);
};
