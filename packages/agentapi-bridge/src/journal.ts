/**
 * The journal of one agentapi: what was said and sent, kept so that agentapi may lose it.
 *
 *     /events ─ hear ──┐                             ┌─> messages, projection    what the state file must hold
 *     POST ─── intend ─┼─> one transaction ─ sync ───┤
 *              settle  │   in <sessionDir>/journal   └─> commands                what is still open
 *     after an end ─ recover
 *
 * The rule: the journal is the truth. What it shows is durable, but for nothing: agentapi's state file is written
 * from it where the two differ. A rewritten text of the last message waits for `flush`, so that not every
 * change of a screen is a record.
 */
import { openStore, type Logger, type StoreOf } from "@taskwal/core";
import { openNodeDisk, type Disk } from "@taskwal/disk";
import { InvalidMutationError } from "@taskwal/errors";

import { openEnded, type JournalProjection } from "./checkpoint-verdict.ts";
import { untoldMessages } from "./command-match.ts";
import type { ConversationMessage } from "./conversation-state.ts";
import { journalModel, type JournalEntry } from "./journal-model.ts";
import type { JournalCommand, JournalFacts, Place } from "./journal-model.ts";
import {
  commandsOf,
  inOrder,
  RecordedMessages,
  sessionId,
  type Transaction,
} from "./recorded-messages.ts";
import { placesOf, type Heard, type Update } from "./transcript.ts";

type Store = StoreOf<typeof journalModel>;

export type Phase = JournalFacts["phase"];

type Optional<Facts> = {
  readonly [Key in keyof Facts]: null extends Facts[Key]
    ? Exclude<Facts[Key], null> | undefined
    : Facts[Key];
};

/** What is known of this life of agentapi. */
export type SessionFacts = Optional<JournalFacts>;

export interface Command {
  /** "1", "2", … in the order in which they were intended. */
  readonly id: string;
  readonly text: string;
  /** The journal's last message when it was intended, -1 for none. */
  readonly afterId: number;
  /**
   * accepted: agentapi said so, or told the message. rejected: nothing of it was typed. indeterminate: nobody knows
   * yet; it becomes accepted when the message is told.
   */
  readonly outcome: JournalCommand["outcome"];
  /** Why it was not accepted. */
  readonly detail?: string;
}

export interface OpenJournalOptions {
  /** The journal is the folder `journal` in it; both are created if they are missing. */
  readonly sessionDir: string;
  /** The disk, clock and randomness. Default: the real ones. */
  readonly disk?: Disk;
  readonly logger?: Logger;
}

/**
 * Opens the journal, or begins one. Commands that had no answer when the last bridge ended are indeterminate from
 * here on. Throws what `openStore` throws: LockedError while another bridge has it.
 */
export const openJournal = async (options: OpenJournalOptions): Promise<Journal> => {
  const { sessionDir, disk = openNodeDisk(), logger } = options;
  const store = await openStore({
    dir: `${sessionDir}/journal`,
    model: journalModel,
    disk,
    mirrors: false,
    ...(logger && { logger }),
  });
  await store.transact((tx) => {
    if (!tx.sessions.get(sessionId)) tx.sessions.mutate(sessionId, "session.begun", {});
    for (const { id, outcome } of tx.commands.all()) {
      if (outcome !== "pending") continue;
      const detail = "the bridge ended before agentapi answered";
      tx.commands.mutate(id, "command.settled", { outcome: "indeterminate", detail });
    }
  });
  return new Journal(store, disk);
};

export class Journal {
  /** Clock and randomness for what works with the journal. */
  readonly disk: Disk;
  readonly #store: Store;
  readonly #messages: RecordedMessages;
  #lastTurn: Promise<unknown> = Promise.resolve();

  constructor(store: Store, disk: Disk) {
    this.#store = store;
    this.disk = disk;
    this.#messages = new RecordedMessages(this.#facts().place);
  }

  get session(): SessionFacts {
    const { phase, process, port, loadResolved, checkpoint } = this.#facts();
    return {
      phase,
      process: process ?? undefined,
      port: port ?? undefined,
      loadResolved,
      checkpoint: checkpoint ?? undefined,
    };
  }

  /**
   * Durable when it resolves. Another process than the one before tells its own conversation; what the one before
   * accepted and never told becomes a message.
   */
  async note(facts: Partial<SessionFacts>): Promise<void> {
    const noted = Object.fromEntries(
      Object.entries(facts).map(([key, value]) => [key, value ?? null]),
    ) as Partial<JournalFacts>;
    const before = this.session.process;
    const { process } = noted;
    const isAnother =
      process &&
      (["pid", "startTime", "bootId"] as const).some((key) => process[key] !== before?.[key]);
    await this.#change((tx) => {
      tx.sessions.mutate(sessionId, "session.noted", noted);
      if (isAnother) this.#messages.expectAnother(tx, before !== undefined);
    });
  }

  /** All that was said, as it is on the disk: 0, 1, 2, …; raw. */
  messages(): readonly JournalEntry[] {
    return inOrder((id) => this.#store.messages.get(id), 0);
  }

  /** What this life of agentapi must have of it: what it had loaded, and what was said since. */
  projection(): JournalProjection {
    return projectionOf(this.messages(), this.#facts().place.runs);
  }

  /** `messages`, and what agentapi has accepted and not told yet, which it does a tick later. For people to read. */
  conversation(): readonly ConversationMessage[] {
    return [...this.messages(), ...untoldMessages(this.#commands())];
  }

  commands(): readonly Command[] {
    return this.#commands().map(commandOf);
  }

  #commands(): readonly JournalCommand[] {
    return inOrder((id) => this.#store.commands.get(id), 1);
  }

  /**
   * What agentapi tells of a message. What is new is durable once it resolves; another text of the last
   * message waits for the next message or for `flush`, and then only the last one is recorded.
   */
  async hear(update: Update): Promise<Heard["kind"]> {
    return this.#change((tx) => this.#messages.hear(tx, update));
  }

  /** Whether the last message has a text that is not recorded yet. */
  get hasRevision(): boolean {
    return this.#messages.hasRevision;
  }

  /** Records the text of the last message as it was told last. */
  async flush(): Promise<void> {
    await this.#change((tx) => this.#messages.revise(tx));
  }

  /** Before a message is sent. Durable when it resolves. */
  async intend(text: string): Promise<Command> {
    return this.#change((tx) => {
      const id = String(commandsOf(tx).length + 1);
      const afterId = this.#messages.said(tx).length - 1;
      return commandOf(tx.commands.mutate(id, "command.intended", { text, afterId }));
    });
  }

  /** What came of it. One that was told meanwhile stays accepted. */
  async settle(
    id: string,
    outcome: Exclude<Command["outcome"], "pending">,
    detail?: string,
  ): Promise<Command> {
    return this.#change((tx) => {
      const command = tx.commands.get(id);
      if (command?.outcome === "accepted") return commandOf(command);
      const settled = { outcome, ...(detail !== undefined && { detail }) };
      return commandOf(tx.commands.mutate(id, "command.settled", settled));
    });
  }

  /** Runs `work` when all that was given before has ended: one message is sent at a time. */
  async turn<Result>(work: () => Promise<Result>): Promise<Result> {
    const turn = this.#lastTurn.then(work);
    this.#lastTurn = turn.catch(() => {});
    return turn;
  }

  /**
   * After an end of agentapi, never while it runs: takes over what its state file has more than `projection`, `[]`
   * where there is none that goes with it, and then each message that agentapi accepted and that is in neither.
   * Then the journal's messages are what the state file must hold. Of two texts of the last message the later is kept.
   * Throws InvalidMutationError for another conversation.
   */
  async recover(messages: readonly ConversationMessage[]): Promise<void> {
    await this.#change((tx) => this.#messages.recover(tx, messages));
  }

  /** Records what is not recorded yet, and frees the directory. */
  async close(): Promise<void> {
    try {
      await this.flush();
    } finally {
      await this.#store.close();
    }
  }

  /** One transaction. If it fails, what is only in memory is forgotten: agentapi tells it again. */
  async #change<Result>(work: (tx: Transaction) => Result): Promise<Result> {
    try {
      if (this.#store.poisoned) {
        await this.#store.reopen();
        this.#messages.restart(this.#facts().place);
      }
      return await this.#store.transact(work);
    } catch (error) {
      this.#messages.restart(this.#facts().place);
      throw error;
    }
  }

  #facts(): JournalFacts & { readonly place: Place } {
    const session = this.#store.sessions.get(sessionId);
    if (!session) throw new InvalidMutationError({ reason: "the journal has no session" });
    return session;
  }
}

export const projectionOf = (
  messages: readonly JournalEntry[],
  runs: Place["runs"],
): JournalProjection =>
  openEnded(placesOf(runs, messages.length).flatMap((index) => messages[index] ?? []));

const commandOf = ({ id, text, afterId, outcome, detail }: JournalCommand): Command => ({
  id,
  text,
  afterId,
  outcome,
  ...(detail !== undefined && { detail }),
});
