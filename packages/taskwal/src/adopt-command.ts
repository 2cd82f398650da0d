/**
 * `taskwal adopt`: task files that somebody edited become mutations.
 *
 *     read beside whoever runs ─ what was edited, field by field ─ --apply? ─ open, which adopts ─ close
 *
 * The rule: plan first (without --apply nothing is written); an edit that may not be adopted is shown with its reason,
 * and its file stays.
 */
import { openTaskStore, type TaskEdit } from "@taskwal/tasks";
import { assertStore } from "./assert-directory.ts";
import { exitCodes } from "./exit-codes.ts";
import type { Terminal } from "./terminal.ts";
import { counted } from "./words.ts";

export interface AdoptCommandOptions {
  readonly dir: string;
  /** Ids of tasks, or files in `tasks/` or `quarantine/`; none: all of `tasks/`. */
  readonly of: readonly string[];
  readonly overNewer: boolean;
  readonly apply: boolean;
  readonly json: boolean;
}

/** Exit code 1 if an edit is a conflict or refused, else 0. Throws UsageError, and what an opening throws. */
export const runAdopt = async (
  { dir, of, overNewer, apply, json }: AdoptCommandOptions,
  terminal: Terminal,
): Promise<number> => {
  await assertStore(dir);
  const options = { overNewer, ...(of.length > 0 ? { of } : {}) };
  let edits: readonly TaskEdit[] = [];
  if (apply) {
    const adopt = { ...options, onFound: (found: readonly TaskEdit[]) => void (edits = found) };
    await (await openTaskStore({ dir, adopt })).close();
  } else {
    const store = await openTaskStore({ dir, readOnly: true });
    try {
      edits = await store.edits(options);
    } finally {
      await store.close();
    }
  }
  if (json) terminal.raw(`${JSON.stringify({ dir, applied: apply, edits })}\n`);
  else tell(dir, edits, apply, terminal);
  const open = edits.filter(({ verdict }) => verdict === "conflict" || verdict === "refused");
  return open.length === 0 ? exitCodes.fine : exitCodes.difference;
};

const tell = (
  dir: string,
  edits: readonly TaskEdit[],
  applied: boolean,
  { say, heading, good, bad, dim }: Terminal,
): void => {
  heading(`${dir}${applied ? "" : " (nothing was written)"}`);
  if (edits.length === 0) say("  every task file is as the store wrote it");
  for (const { file, verdict, reason, fields, logs } of edits) {
    const isOpen = verdict === "conflict" || verdict === "refused";
    say(`  ${file}: ${isOpen ? bad(verdict) : good(verdict)}${reason ? `, ${reason}` : ""}`);
    for (const { name, before, after } of fields)
      say(dim(`    ${name}: ${shown(before)} -> ${shown(after)}`));
    if (logs.length > 0) say(dim(`    logs: ${counted(logs.length, "entry", "entries")} more`));
  }
  const count = (wanted: TaskEdit["verdict"]): number =>
    edits.filter(({ verdict }) => verdict === wanted).length;
  if (!applied && count("adoptable") > 0) heading("--apply adopts them");
  if (count("conflict") > 0) heading("--over-newer takes a conflict as the file has it");
};

const shownChars = 60;

const shown = (value: unknown): string => {
  if (value === undefined) return "(none)";
  const text = JSON.stringify(value);
  return text.length > shownChars ? `${text.slice(0, shownChars)}…` : text;
};
