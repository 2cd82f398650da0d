/**
 * `taskwal compact`: the log is folded into state.json, and what nothing needs any more goes, as the store itself
 * would do it.
 *
 *     open ─ snapshot ─ prune ─ close ─ bytes before and after
 */
import { openTaskStore } from "@taskwal/tasks";
import { assertStore } from "./assert-directory.ts";
import { exitCodes } from "./exit-codes.ts";
import type { Terminal } from "./terminal.ts";
import { sizeWords } from "./words.ts";

/** Throws UsageError, and what an opening and a compaction throw. */
export const runCompact = async (
  { dir, json }: { readonly dir: string; readonly json: boolean },
  terminal: Terminal,
): Promise<number> => {
  await assertStore(dir);
  const store = await openTaskStore({ dir });
  try {
    const before = (await store.health()).directory.usage;
    terminal.progress("writing state.json");
    const sequence = await store.compact();
    const after = (await store.health()).directory.usage;
    if (json) terminal.raw(`${JSON.stringify({ dir, sequence, before, after })}\n`);
    else {
      const { say, heading } = terminal;
      heading(dir);
      say(`  state.json holds everything up to @${sequence}`);
      for (const part of ["snapshot", "backups", "log"] as const) {
        const [from, to] = [before?.[part].bytes ?? 0, after?.[part].bytes ?? 0];
        say(`  ${part.padEnd(9)} ${sizeWords(from)} -> ${sizeWords(to)}`);
      }
    }
    return exitCodes.fine;
  } finally {
    await store.close();
  }
};
