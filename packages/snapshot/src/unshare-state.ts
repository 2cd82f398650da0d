/**
 * Gives state.json bytes of its own, at open.
 *
 *     state.json ──┐                        state.json ──> a copy
 *                  ├──> one file     ─>
 *     a backup ────┘                        a backup ────> the file
 *
 * A crash between the link and the rename of a save leaves it so, and an edit in place would reach both.
 * The rule: a backup shares its bytes with nothing that people edit.
 */
import type { Directory } from "@taskwal/disk";
import { stateName } from "@taskwal/format";
import { copyToTemporary } from "./copy-file.ts";
import { isSameState, noteReplacement } from "./known-state.ts";
import { temporaryName, triesMax, unstable } from "./save-names.ts";

/**
 * For a writer, at open. True if state.json was re-made; who knew its identity need not care. Durable on
 * return; after a crash or an error state.json is as it was or the copy, and always whole. Throws errors
 * of the disk, and EBUSY if somebody keeps changing the file.
 */
export const unshareState = async (directory: Directory): Promise<boolean> => {
  for (let tried = 0; tried < triesMax; tried++) {
    const before = await directory.stat(stateName);
    if (before?.kind !== "file" || before.links < 2) return false;
    await copyToTemporary(directory, stateName, temporaryName);
    const copy = await directory.stat(temporaryName);
    const now = directory.statSync(stateName);
    if (!copy || !now || !isSameState(before, now)) continue;
    await directory.rename(temporaryName, stateName);
    noteReplacement(directory, before, copy);
    // Before anybody edits it: a power cut would make the edited name the shared file again.
    await directory.syncFolder(".");
    return true;
  }
  throw unstable(stateName);
};
