/**
 * `taskwal import`: a legacy state directory becomes a store, and every file that did not read is named.
 *
 * The rule: plan first (`--dry-run` writes nothing); the originals stay, whatever happens.
 */
import { openNodeDisk } from "@taskwal/disk";
import { openStore } from "@taskwal/core";
import { UnsupportedFormatError } from "@taskwal/errors";
import {
  importReading,
  importReportOf,
  openTaskStore,
  readLegacyDirectory,
  taskModel,
  type ImportReport,
  type LegacyReading,
} from "@taskwal/tasks";
import type { Terminal } from "./terminal.ts";

export interface ImportCommandOptions {
  readonly into?: string;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

/** Throws UnsupportedFormatError for a directory of another program; nothing is written then. */
export const runImport = async (
  legacy: string,
  options: ImportCommandOptions,
  terminal: Terminal,
): Promise<number> => {
  const reading = await readLegacy(legacy);
  if (!options.dryRun) await bring(legacy, options.into, reading);
  const report = importReportOf(reading);
  if (options.json) {
    process.stdout.write(`${JSON.stringify({ legacy, written: !options.dryRun, ...report })}\n`);
    return 0;
  }
  tell(legacy, options, report, terminal);
  return 0;
};

const readLegacy = async (legacy: string): Promise<LegacyReading> => {
  const directory = await openNodeDisk().openDirectory(legacy);
  try {
    const reading = await readLegacyDirectory(directory);
    if (reading.kind === "legacy") return reading;
    const found = {
      taskwal: "a store already",
      empty: "nothing",
      agentapi: "the state of coder/agentapi",
    };
    throw new UnsupportedFormatError({
      file: legacy,
      found: reading.kind === "foreign" ? "files of another program" : found[reading.kind],
      supported:
        "state.json, state.backup.*.json and tasks/*.json of systemprompt-code-orchestrator",
    });
  } finally {
    await directory.close();
  }
};

const bring = async (
  legacy: string,
  into: string | undefined,
  reading: LegacyReading,
): Promise<void> => {
  if (into === undefined) {
    await (await openTaskStore({ dir: legacy })).close();
    return;
  }
  const store = await openStore<typeof taskModel>({ dir: into, model: taskModel });
  try {
    await importReading(store, reading);
  } finally {
    await store.close();
  }
};

const tell = (
  legacy: string,
  { into, dryRun }: ImportCommandOptions,
  report: ImportReport,
  { say, heading, bad, good }: Terminal,
): void => {
  const { tasks, logEntries, sessions, partial, deleted, problems } = report;
  heading(`${dryRun ? "would bring" : "brought"} ${legacy} into ${into ?? "a store in its place"}`);
  say(`  ${good(`${tasks} tasks`)}, ${logEntries} log entries, ${sessions} sessions`);
  if (partial.length > 0) say(`  ${partial.length} of them only in part: ${partial.join(", ")}`);
  if (deleted.length > 0) say(`  not brought, deleted before: ${deleted.join(", ")}`);
  if (problems.length === 0) say("  every file read as a whole");
  else heading(`${problems.length} files or parts that did not read as a whole`);
  for (const { file, reason, recovered } of problems) {
    say(`  ${bad(file)}`);
    say(`    ${reason}`);
    say(`    -> ${recovered}`);
  }
  if (!dryRun && into === undefined)
    say("\n  the originals are kept, byte for byte, under legacy/");
};
