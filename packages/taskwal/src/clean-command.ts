/**
 * `taskwal clean-state`: files that no opening needs, listed one by one, and removed only then.
 *
 *     plan (reads): each file, its size, what it is ─ --apply? ─ lock ─ the same files, if they are still to be found
 *
 * The rule: nothing goes that is not in the list; tasks, edits, damage, archives, logs and reports never are.
 */
import { cleanState, planCleaning, type CleanPlan, type Removable } from "@taskwal/core";
import { taskModel } from "@taskwal/tasks";
import { assertStore } from "./assert-directory.ts";
import { exitCodes } from "./exit-codes.ts";
import type { Terminal } from "./terminal.ts";
import { UsageError } from "./usage-error.ts";
import { counted, sizeWords } from "./words.ts";

export interface CleanCommandOptions {
  readonly dir: string;
  /** Undefined for the ten that a store keeps. */
  readonly backupsKept: number | undefined;
  readonly apply: boolean;
  readonly json: boolean;
}

/** Throws UsageError, and what planning and cleaning throw. */
export const runClean = async (
  { dir, backupsKept, apply, json }: CleanCommandOptions,
  terminal: Terminal,
): Promise<number> => {
  await assertStore(dir);
  if (backupsKept !== undefined && !(Number.isInteger(backupsKept) && backupsKept >= 3))
    throw new UsageError("--keep-backups takes a number from 3 on");
  const options = {
    dir,
    model: taskModel,
    ...(backupsKept === undefined ? {} : { backupsKept }),
  };
  const plan = await planCleaning(options);
  const removed = apply ? await cleanState(options, plan) : undefined;
  if (json) {
    terminal.raw(`${JSON.stringify({ dir, applied: apply, ...plan, removed: removed ?? [] })}\n`);
  } else tell(dir, plan, removed, terminal);
  return exitCodes.fine;
};

const partWords: Readonly<Record<Removable["part"], string>> = {
  backups: "a backup beyond those that stay",
  history: "records that state.json and every backup hold",
  leftovers: "a temporary file of a process that ended",
  torn: "a copy of bytes that a crash cut off",
};

const tell = (
  dir: string,
  { removable, kept }: CleanPlan,
  removed: readonly Removable[] | undefined,
  { say, heading }: Terminal,
): void => {
  const listed = removed ?? removable;
  const bytes = listed.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  heading(`${dir}${removed ? "" : " (nothing was removed)"}`);
  for (const { name, sizeBytes, part } of listed) {
    say(`  ${name}  ${sizeWords(sizeBytes)}`);
    say(`    ${partWords[part]}`);
  }
  for (const reason of kept) say(`  ${reason}`);
  say(
    `  ${removed ? "removed" : "would go"}: ${counted(listed.length, "file")}, ${sizeWords(bytes)}`,
  );
  if (!removed && listed.length > 0) heading("--apply removes exactly these");
};
