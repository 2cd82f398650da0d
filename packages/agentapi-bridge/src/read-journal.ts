/**
 * What a journal says, read beside whoever writes it, and after it was left behind.
 *
 *     <sessionDir>/journal ─ read-only ─> messages, and the process that was recorded last
 *
 * The rule: it takes no lock and changes nothing, so a shutdown can ask while a supervisor runs.
 */
import { isLeft, openStore } from "@taskwal/core";
import type { Disk, ProcessIdentity } from "@taskwal/disk";

import type { JournalProjection } from "./checkpoint-verdict.ts";
import { untoldMessages } from "./command-match.ts";
import type { ConversationMessage } from "./conversation-state.ts";
import { projectionOf } from "./journal.ts";
import {
  journalModel,
  type JournalCommand,
  type JournalEntry,
  type JournalFacts,
} from "./journal-model.ts";
import { inOrder, sessionId } from "./recorded-messages.ts";

export interface JournalReading {
  /** Whether a supervisor that lives, in another process, has it open. */
  readonly isKept: boolean;
  /** All that was said, as it is on the disk: 0, 1, 2, …; raw. */
  readonly messages: readonly JournalEntry[];
  /** The agentapi of the last life. */
  readonly process: ProcessIdentity | undefined;
  /** Undefined for one that was only begun. */
  readonly facts: JournalFacts | undefined;
  readonly commands: readonly JournalCommand[];
  /** The messages, and what agentapi has accepted and not told yet. */
  readonly conversation: readonly ConversationMessage[];
  /** What that life of agentapi must have of the messages. */
  readonly projection: JournalProjection;
}

/** Undefined where there is no journal that can be read. */
export const readJournal = async (
  disk: Disk,
  sessionDir: string,
): Promise<JournalReading | undefined> => {
  try {
    const dir = `${sessionDir}/journal`;
    const isKept = await isKeptBy(disk, dir);
    const store = await openStore({ dir, model: journalModel, disk, readOnly: true });
    try {
      const messages = inOrder((id) => store.messages.get(id), 0);
      const commands = inOrder((id) => store.commands.get(id), 1);
      const session = store.sessions.get(sessionId);
      return {
        isKept,
        messages,
        process: session?.process ?? undefined,
        facts: session,
        commands,
        conversation: [...messages, ...untoldMessages(commands)],
        projection: projectionOf(messages, session?.place.runs ?? []),
      };
    } finally {
      await store.close();
    }
  } catch {
    return undefined;
  }
};

const isKeptBy = async (disk: Disk, dir: string): Promise<boolean> => {
  const directory = await disk.openDirectory(dir);
  try {
    return !(await isLeft(disk, directory));
  } finally {
    await directory.close();
  }
};
