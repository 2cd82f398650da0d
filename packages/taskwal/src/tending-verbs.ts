/**
 * The verbs that tend a directory: adopt, archive, backup, compact, clean-state, mark. Words and help here, work in a file each.
 *
 * The rule: what takes something away from where it was plans first, and does it with --apply only.
 */
import type { CAC } from "cac";
import { runAdopt } from "./adopt-command.ts";
import { runArchive, runRestoreArchived } from "./archive-command.ts";
import { runBackup } from "./backup-command.ts";
import { runClean } from "./clean-command.ts";
import { runCompact } from "./compact-command.ts";
import { runMark } from "./mark-command.ts";
import { readingFlags } from "./reading/reading-words.ts";
import type { Terminal } from "./terminal.ts";
import { UsageError } from "./usage-error.ts";
import { durationMs } from "./words.ts";

/** cac makes numbers of words that look like one. */
type Word = string | number;

interface Flags {
  readonly apply?: boolean;
  readonly json?: boolean;
}

const jsonOption = ["--json", "One JSON object, nothing else"] as const;

export const addTendingVerbs = (cli: CAC, terminal: Terminal): void => {
  addAdopt(cli, terminal);
  addArchive(cli, terminal);
  cli
    .command(
      "backup <dir>",
      "Copy a whole store elsewhere, beside whoever writes in it, and verify the copy",
    )
    .option("--into <dir>", "Where to; missing or empty")
    .option(...jsonOption)
    .example("$ taskwal backup ./state --into ./copy")
    .action((dir: Word, { into, json = false }: Flags & { into?: Word }) => {
      if (into === undefined) throw new UsageError("backup needs --into <dir>");
      return runBackup({ dir: String(dir), into: String(into), json }, terminal);
    });
  cli
    .command("compact <dir>", "Fold the log into state.json and let go of what nothing needs")
    .option(...jsonOption)
    .example("$ taskwal compact ./state")
    .action((dir: Word, { json = false }: Flags) =>
      runCompact({ dir: String(dir), json }, terminal),
    );
  cli
    .command("clean-state <dir>", "List files that no opening needs, and remove exactly these")
    .option("--keep-backups <number>", "So many backups stay, 3 at least (default: 10)")
    .option("--apply", "Remove them (default: list them)")
    .option(...jsonOption)
    .example("$ taskwal clean-state ./state --keep-backups 5")
    .action((dir: Word, options: Flags & { keepBackups?: Word }) => {
      const { keepBackups, apply = false, json = false } = options;
      const backupsKept = keepBackups === undefined ? undefined : Number(keepBackups);
      return runClean({ dir: String(dir), backupsKept, apply, json }, terminal);
    });
  addMark(cli, terminal);
};

const addAdopt = (cli: CAC, terminal: Terminal): void => {
  cli
    .command("adopt <dir> [...of]", "Make mutations of task files that were edited by hand")
    .option("--over-newer", "Also where the task went on meanwhile: as the file has it")
    .option("--apply", "Do it (default: show each edit, and write nothing)")
    .option(...jsonOption)
    .example("$ taskwal adopt ./state")
    .action((dir: Word, of: readonly Word[], options: Flags & { overNewer?: boolean }) => {
      const { overNewer = false, apply = false, json = false } = options;
      return runAdopt({ dir: String(dir), of: of.map(String), overNewer, apply, json }, terminal);
    });
};

const addArchive = (cli: CAC, terminal: Terminal): void => {
  cli
    .command("archive <dir>", "Take tasks that are long over out of the state, into archive/")
    .option("--older-than <time>", "Over for at least so long (default: 30d)")
    .option("--restore <id>", "Bring one back instead")
    .option("--apply", "Do it (default: list them, and write nothing)")
    .option(...jsonOption)
    .example("$ taskwal archive ./state --older-than 30d")
    .action((dir: Word, options: Flags & { olderThan?: Word; restore?: Word }) => {
      const { olderThan = "30d", restore, apply = false, json = false } = options;
      if (restore !== undefined)
        return runRestoreArchived({ dir: String(dir), id: String(restore), json }, terminal);
      const olderThanMs = durationMs(String(olderThan));
      return runArchive({ dir: String(dir), olderThanMs, apply, json }, terminal);
    });
};

const addMark = (cli: CAC, terminal: Terminal): void => {
  cli
    .command(
      "mark <dir> <name>",
      "Give the end of the log a name, to go back to it: --at mark:NAME",
    )
    .option("--text <text>", "Why")
    .option("--model <file>", "A file that exports your model (default: the tasks')")
    .option(...jsonOption)
    .example('$ taskwal mark ./state before-upgrade --text "engine 0.1 to 0.2"')
    .action((dir: Word, name: Word, options: Flags & Readonly<Record<string, unknown>>) => {
      const words = readingFlags(cli, options);
      const { json = false } = options;
      const [text, model] = [words.one("text"), words.one("model")];
      return runMark({ dir: String(dir), name: String(name), text, model, json }, terminal);
    });
};
