/**
 * `taskwal backup`: the whole of a store, copied elsewhere, beside whoever writes in it.
 *
 *     copy ─ open the copy for reading, which verifies every line ─ what it holds
 *
 * The rule: a copy is called a backup only once it was opened and no promise of it was broken.
 */
import { resolve } from "node:path";
import { copyStore } from "@taskwal/core";
import { openTaskStore } from "@taskwal/tasks";
import { assertDirectory } from "./assert-directory.ts";
import { exitCodes } from "./exit-codes.ts";
import type { Terminal } from "./terminal.ts";
import { counted, sizeWords } from "./words.ts";

export interface BackupCommandOptions {
  readonly dir: string;
  /** Empty or missing. */
  readonly into: string;
  readonly json: boolean;
}

/** Exit code 4 if the copy lost something, as its original may have; else 0. Throws as `copyStore` and opening. */
export const runBackup = async (
  { dir, into, json }: BackupCommandOptions,
  terminal: Terminal,
): Promise<number> => {
  await assertDirectory(dir);
  const copied = await copyStore({
    from: resolve(dir),
    to: resolve(into),
    onProgress: (done, total) =>
      terminal.progress(`copied ${sizeWords(done)} of ${sizeWords(total)}`),
  });
  const store = await openTaskStore({ dir: into, readOnly: true });
  const { sequence, recovery } = store;
  const tasks = store.list().length;
  await store.close();
  const isWhole = recovery.lost.length === 0 && recovery.damaged.length === 0;
  const report = { dir, into, ...copied, sequence, tasks, isWhole, lost: recovery.lost };
  if (json) terminal.raw(`${JSON.stringify(report)}\n`);
  else {
    const { say, heading, good, bad } = terminal;
    heading(`${dir} -> ${into}`);
    say(`  ${counted(copied.files, "file")}, ${sizeWords(copied.bytes)}`);
    say(`  opened and verified: ${counted(tasks, "task")}, up to @${sequence}`);
    if (isWhole) say(`  ${good("whole")}`);
    else say(`  ${bad("not whole")}: what is damaged or lost in the copy, see its recovery report`);
  }
  return isWhole ? exitCodes.fine : exitCodes.corruption;
};
