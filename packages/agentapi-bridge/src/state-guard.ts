/**
 * A state file that the end of agentapi may replace by nothing: remembered before, put back after.
 *
 *     before   a u a u a                   a good file, which agentapi may not have loaded yet
 *     after    a u a u a … more            kept: it holds what was there
 *              a (a boot screen), or bad   put back; what was in its place goes to <name>.replaced
 *
 * The rule: agentapi saves at its end whatever it has, loaded or not. A file of before comes back only where the
 * one after lacks a message of it.
 */
import { basename, dirname } from "node:path";
import { readWhole, replaceFile } from "@taskwal/disk";
import type { Directory, Disk } from "@taskwal/disk";

import { judgeCheckpoint, openEnded } from "./checkpoint-verdict.ts";
import type { ComparedMessage } from "./checkpoint-verdict.ts";
import { parseConversationState } from "./conversation-state.ts";

export interface StateGuard {
  /** The messages of the file as it was; undefined where it was no good one. */
  readonly messages: readonly ComparedMessage[] | undefined;
  /** After the end. Throws what the disk throws. */
  restore(): Promise<"kept" | "restored">;
}

const stateBytesMax = 1 << 28;

export const guardState = async (disk: Disk, stateFile: string): Promise<StateGuard> => {
  const before = await readState(disk, stateFile);
  return {
    messages: before?.messages,
    restore: async () => {
      if (!before || before.messages.length === 0) return "kept";
      const after = await readState(disk, stateFile);
      const { verdict } = judgeCheckpoint(after?.messages ?? [], openEnded(before.messages));
      const isLonger = (after?.messages.length ?? 0) >= before.messages.length;
      if (isLonger && (verdict === "verified" || verdict === "ahead")) return "kept";
      await putBack(disk, stateFile, before.bytes);
      return "restored";
    },
  };
};

const putBack = async (disk: Disk, stateFile: string, bytes: Uint8Array): Promise<void> => {
  const [directory, name] = [await disk.createDirectory(dirname(stateFile)), basename(stateFile)];
  try {
    const replaced = await readWhole(directory, name, stateBytesMax).catch(() => undefined);
    if (replaced) await replaceFile(directory, `${name}.replaced`, replaced);
    await replaceFile(directory, name, bytes);
  } finally {
    await directory.close();
  }
};

const readState = async (
  disk: Disk,
  stateFile: string,
): Promise<
  { readonly bytes: Uint8Array; readonly messages: readonly ComparedMessage[] } | undefined
> => {
  let directory: Directory | undefined;
  try {
    directory = await disk.openDirectory(dirname(stateFile));
    const bytes = await readWhole(directory, basename(stateFile), stateBytesMax);
    const read = parseConversationState(bytes);
    return read.verdict === "ok" ? { bytes, messages: read.state.messages } : undefined;
  } catch {
    return undefined;
  } finally {
    await directory?.close();
  }
};
