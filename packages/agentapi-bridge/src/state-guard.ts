/**
 * A state file that the end of agentapi may replace by nothing: kept before, put back after.
 *
 *     before        after, as agentapi leaves it        the file then       <name>.replaced then
 *     a u a u a     a u a u a … more                    after
 *     a u a u a     a, a boot screen; or not whole      before              after
 *     a u a u a     a u … of another conversation       after               before
 *     not whole     whatever                            after               before
 *
 * The rule: agentapi saves at its end whatever it has, loaded or not. A file of before comes back only where nobody
 * has said anything since; no bytes that may be a conversation are lost. <name>.kept is a durable copy from before the
 * end: a guard that is killed is made good by the next one.
 */
import type { Disk } from "@taskwal/disk";

import { judgeCheckpoint, openEnded } from "./checkpoint-verdict.ts";
import type { ComparedMessage } from "./checkpoint-verdict.ts";
import { parseConversationState } from "./conversation-state.ts";
import { readFileAt, removeFileAt, writeFileAt } from "./file-at.ts";

export interface StateGuard {
  /** The messages of the file as it was; undefined where it was no good one. */
  readonly messages: readonly ComparedMessage[] | undefined;
  /** After the end. Throws what the disk throws. */
  restore(): Promise<"kept" | "restored">;
}

/** Before the end. Throws what the disk throws: then nothing is kept. */
export const guardState = async (disk: Disk, stateFile: string): Promise<StateGuard> => {
  const [copy, replaced] = [`${stateFile}.kept`, `${stateFile}.replaced`];
  const before = await toGuard(disk, { stateFile, copy, replaced });
  if (!before) return { messages: undefined, restore: async () => "kept" };
  const messages = messagesIn(before);
  await writeFileAt(disk, copy, before);
  const judge = async (): Promise<"kept" | "restored"> => {
    const after = await readFileAt(disk, stateFile);
    const became = whatBecame(before, after);
    if (became === "held") return "kept";
    const aside = became === "lost" ? after : before;
    if (aside) await writeFileAt(disk, replaced, aside);
    if (became === "another") return "kept";
    await writeFileAt(disk, stateFile, before);
    return "restored";
  };
  return {
    messages,
    restore: async () => {
      const outcome = await judge();
      await removeFileAt(disk, copy);
      return outcome;
    },
  };
};

/** The file, or the copy of a guard that was killed, where the file has lost it. */
const toGuard = async (
  disk: Disk,
  { stateFile, copy, replaced }: { stateFile: string; copy: string; replaced: string },
): Promise<Uint8Array | undefined> => {
  const [file, left] = [await readFileAt(disk, stateFile), await readFileAt(disk, copy)];
  const became = left ? whatBecame(left, file) : "held";
  if (left && became === "another") await writeFileAt(disk, replaced, left);
  return became === "lost" ? left : file;
};

/** Of the bytes of before: they are in those of after, or somebody went on without them, or they are gone. */
const whatBecame = (
  before: Uint8Array,
  after: Uint8Array | undefined,
): "held" | "another" | "lost" => {
  if (after && Buffer.compare(before, after) === 0) return "held";
  const [old, now] = [messagesIn(before), after && messagesIn(after)];
  if (!old) return "another";
  if (!now) return "lost";
  const { verdict } = judgeCheckpoint(now, openEnded(old));
  const isWhole = now.length >= old.length && (verdict === "verified" || verdict === "ahead");
  if (isWhole) return "held";
  return now.some(({ role }) => role === "user") ? "another" : "lost";
};

const messagesIn = (bytes: Uint8Array): readonly ComparedMessage[] | undefined => {
  const read = parseConversationState(bytes);
  return read.verdict === "ok" ? read.state.messages : undefined;
};
