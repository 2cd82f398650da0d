/**
 * What a journal says, read beside whoever writes it, and after it was left behind.
 *
 *     <sessionDir>/journal ─ read-only ─> messages, and the process that was recorded last
 *
 * The rule: it takes no lock and changes nothing, so a shutdown can ask while a supervisor runs.
 */
import { openStore } from "@taskwal/core";
import type { Disk, ProcessIdentity } from "@taskwal/disk";

import { journalModel, type JournalEntry } from "./journal-model.ts";
import { inOrder, sessionId } from "./recorded-messages.ts";

export interface JournalReading {
  /** All that was said, as it is on the disk: 0, 1, 2, …; raw. */
  readonly messages: readonly JournalEntry[];
  /** The agentapi of the last life. */
  readonly process: ProcessIdentity | undefined;
}

/** Undefined where there is no journal that can be read. */
export const readJournal = async (
  disk: Disk,
  sessionDir: string,
): Promise<JournalReading | undefined> => {
  try {
    const dir = `${sessionDir}/journal`;
    await (await disk.openDirectory(dir)).close();
    const store = await openStore({ dir, model: journalModel, disk, readOnly: true });
    try {
      return {
        messages: inOrder((id) => store.messages.get(id), 0),
        process: store.sessions.get(sessionId)?.process ?? undefined,
      };
    } finally {
      await store.close();
    }
  } catch {
    return undefined;
  }
};
