/**
 * `taskwal archive`: tasks that are long over leave memory and state.json for `archive/`, and come back.
 *
 *     plan (reads) ─ --apply? ─ open ─ archive ─ close          --restore <id>: open ─ bring it back ─ close
 *
 * The rule: plan first; the file is durable before the task leaves, and stays when it comes back.
 */
import { openNodeDisk } from "@taskwal/disk";
import { endedTasks, isArchived, openTaskStore } from "@taskwal/tasks";
import { assertStore } from "./assert-directory.ts";
import { exitCodes } from "./exit-codes.ts";
import type { Terminal } from "./terminal.ts";
import { UsageError } from "./usage-error.ts";
import { counted } from "./words.ts";

export interface ArchiveCommandOptions {
  readonly dir: string;
  readonly olderThanMs: number;
  readonly apply: boolean;
  readonly json: boolean;
}

/** Exit code 1 if a task could not be archived, else 0. Throws UsageError, and what an opening throws. */
export const runArchive = async (
  { dir, olderThanMs, apply, json }: ArchiveCommandOptions,
  terminal: Terminal,
): Promise<number> => {
  await assertStore(dir);
  const { say, heading, good, bad } = terminal;
  const store = await openTaskStore({ dir, readOnly: !apply });
  try {
    if (!apply) {
      const tasks = endedTasks(store.list(), Date.now(), olderThanMs).map(({ task, endedAt }) => ({
        id: task.id,
        status: task.status,
        endedAt: new Date(endedAt).toISOString(),
      }));
      if (json) terminal.raw(`${JSON.stringify({ dir, applied: false, tasks })}\n`);
      else {
        heading(`${dir} (nothing was written)`);
        say(`  ${counted(tasks.length, "task")} would go to archive/`);
        for (const { id, status, endedAt } of tasks) say(`  ${id}  ${status}  ${endedAt}`);
        if (tasks.length > 0) heading("--apply archives them");
      }
      return exitCodes.fine;
    }
    const onProgress = (done: number, total: number): void =>
      terminal.progress(`archived ${done} of ${total}`);
    const { archived, kept } = await store.archive({ olderThanMs, onProgress });
    if (json) terminal.raw(`${JSON.stringify({ dir, applied: true, archived, kept })}\n`);
    else {
      heading(dir);
      say(`  ${good(counted(archived.length, "task"))} in archive/ now`);
      for (const id of archived) say(`  ${id}`);
      for (const { id, reason } of kept) say(`  ${bad(id)} stays: ${reason}`);
    }
    return kept.length === 0 ? exitCodes.fine : exitCodes.difference;
  } finally {
    await store.close();
  }
};

/**
 * Brings one task back. Throws UsageError, also for an id that is not in `archive/`, before the store is opened; and what
 * `restoreArchived` and an opening throw.
 */
export const runRestoreArchived = async (
  { dir, id, json }: { readonly dir: string; readonly id: string; readonly json: boolean },
  terminal: Terminal,
): Promise<number> => {
  await assertStore(dir);
  await assertArchived(dir, id);
  const store = await openTaskStore({ dir });
  try {
    const task = await store.restoreArchived(id);
    if (json) terminal.raw(`${JSON.stringify({ dir, restored: task })}\n`);
    else terminal.say(`${terminal.good(id)} is in the state again; its file stays in archive/`);
    return exitCodes.fine;
  } finally {
    await store.close();
  }
};

const assertArchived = async (dir: string, id: string): Promise<void> => {
  const directory = await openNodeDisk().openDirectory(dir);
  try {
    if (await isArchived(directory, id)) return;
    throw new UsageError(`${dir} has no archived task ${JSON.stringify(id)}`);
  } finally {
    await directory.close();
  }
};
