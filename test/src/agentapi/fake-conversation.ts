/**
 * The conversation of the real program: messages made of what is on the screen, every 25 ms.
 *
 *     tick ─ load, once, when the agent is ready ─ the agent's last message is what the screen says
 *          └ tell what changed: messages by id, then the status
 *
 *     send    type it ─ wait for an echo ─ Enter ─ wait for a reply ─ the user's message is appended
 *
 * The rule: as the real one, in the order of what is told and in what makes the state worth saving.
 */
import { setTimeout as sleep } from "node:timers/promises";

import { log } from "./fake-log.ts";
import type { Screen } from "./fake-screen.ts";
import { loadStateFile, saveStateFile } from "./fake-state-file.ts";
import type { FakeMessage } from "./fake-state-file.ts";
import type { Toggles } from "./fake-toggles.ts";

export type Status = "running" | "stable";

export type Told =
  | { readonly event: "message_update"; readonly data: object }
  | { readonly event: "status_change"; readonly data: object }
  | { readonly event: "agent_error"; readonly data: object };

export interface ConversationOptions {
  readonly toggles: Toggles;
  readonly screen: Screen;
  readonly agentType: string;
  readonly stateFile: string;
  readonly loadState: boolean;
  readonly saveState: boolean;
  readonly initialPrompt: string;
  readonly type: (keys: string) => void;
  readonly tell: (told: Told) => void;
}

const tickMs = 25;
const stableAfterMs = 2000;
const sendMs = 1100;
const reactWithinMs = 15_000;
const errorsMax = 100;

export class SendError extends Error {}

export class FakeConversation {
  readonly #options: ConversationOptions;
  readonly #startedAtMs = performance.now();
  #messages: FakeMessage[] = [];
  readonly #toldMessages = new Map<number, string>();
  #toldStatus: Status | undefined;
  readonly #errors: object[] = [];
  /** Where on the screen the agent's last message begins. */
  #mark = 0;
  /** A loaded message stays as it was saved until the user says something. */
  #isPinned = false;
  #isLoadTried = false;
  #lastSave: Promise<void> = Promise.resolve();
  #isDirty = false;
  #isSending = false;
  #screenLength = -1;
  #changedAtMs = performance.now();
  #initialPrompt = "";
  #initialPromptSent = false;
  #isPromptEnqueued = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: ConversationOptions) {
    this.#options = options;
    this.#initialPrompt = options.initialPrompt;
  }

  start(): void {
    this.#timer = setInterval(() => this.#tick(), tickMs);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  get messages(): readonly FakeMessage[] {
    return this.#messages;
  }

  /** As the last tick told it: who asks and who listens are never told different things. */
  get status(): Status {
    return this.#isSending ? "running" : (this.#toldStatus ?? "running");
  }

  #screenStatus(): Status {
    const isQuiet = performance.now() - this.#changedAtMs >= this.#paced(stableAfterMs);
    const waits = this.#messages.at(-1)?.role === "user" || this.#isSending;
    // At its pace an agent that is slow to start would be waited for no longer: an empty screen is never quiet.
    const isBegun = this.#options.screen.length() > 0;
    return this.#toldMessages.size > 0 && isBegun && isQuiet && !waits && !this.#isPromptEnqueued
      ? "stable"
      : "running";
  }

  /** What a new stream is told at once: all that there is, without a mark where it ends. */
  replay(): readonly Told[] {
    const messages = this.#messages.filter(({ id }) => this.#toldMessages.has(id));
    return [
      ...messages.map((message) => messageUpdate(message)),
      this.#statusChange(this.#toldStatus ?? "running"),
      ...this.#errors.map((data): Told => ({ event: "agent_error", data })),
    ];
  }

  async send(content: string): Promise<void> {
    const text = content.trim();
    if (text === "") throw new SendError("message must not be empty");
    if (this.status !== "stable") {
      throw new SendError("message can only be sent when the agent is waiting for user input");
    }
    await this.#send(text);
  }

  typeRaw(content: string): void {
    this.#options.type(content);
  }

  async #send(text: string): Promise<void> {
    const { toggles, screen, type } = this.#options;
    this.#isSending = true;
    try {
      // What is queued is taken only while the agent is ready: one that never is blocks for ever.
      while (!this.#isReady()) await sleep(tickMs);
      const time = now();
      const endsAtMs = performance.now() + this.#paced(sendMs);
      type(`x\b\x1B[200~${text}\x1B[201~`);
      await this.#reaction(screen.length(), "failed to wait for screen to stabilize");
      await sleep(Math.max(0, endsAtMs - performance.now()));
      const mark = screen.length();
      type("\r");
      await this.#reaction(mark, "failed to wait for processing to start");
      if (toggles.postHold === "forever") await new Promise(() => {});
      else await sleep(toggles.postHold);
      this.#mark = mark;
      this.#isPinned = false;
      const id = this.#messages.length;
      this.#messages.push({ id, message: text, role: "user", time });
      if (!toggles.bug.dirty) this.#isDirty = true;
    } finally {
      this.#isSending = false;
    }
  }

  /** Waits for anything new on the screen. */
  async #reaction(mark: number, says: string): Promise<void> {
    const endsAtMs = performance.now() + this.#paced(reactWithinMs);
    while (this.#options.screen.length() === mark) {
      if (performance.now() > endsAtMs) {
        throw new SendError(`failed to send message: ${says}: timeout waiting for condition`);
      }
      await sleep(5);
    }
  }

  /** Under the lock of the conversation: one that takes long holds up the next. */
  save(source: "SIGUSR1" | "shutdown"): Promise<void> {
    this.#lastSave = this.#lastSave.then(() => this.#save(source));
    return this.#lastSave;
  }

  async #save(source: "SIGUSR1" | "shutdown"): Promise<void> {
    const { saveState, stateFile, toggles } = this.#options;
    if (!saveState) return log("INFO", "State persistence is disabled");
    const isBeforeLoad = this.#options.loadState && !this.#isLoadTried;
    if (!this.#isDirty || (isBeforeLoad && !toggles.bug.saveBeforeLoad)) {
      return log("INFO", "Skipping state save: no changes since last save");
    }
    try {
      const state = {
        messages: this.#messages,
        initialPrompt: this.#initialPrompt,
        initialPromptSent: this.#initialPromptSent,
      };
      const saving = saveStateFile(stateFile, state, toggles);
      // The real one lets nothing change meanwhile; here, what does is not in the file.
      this.#isDirty = false;
      await saving.catch((error: unknown) => {
        this.#isDirty = true;
        throw error;
      });
      log("INFO", "State saved successfully", { path: stateFile });
    } catch (error) {
      const { message } = error as Error;
      log("ERROR", "Failed to save conversation state", { source, error: message });
      const during = source === "SIGUSR1" ? "on SIGUSR1" : "during shutdown";
      log("ERROR", `Failed to save state ${during}`, { error: message });
    }
  }

  #isReady(): boolean {
    const { ready } = this.#options.toggles;
    if (ready === "never") return false;
    const isAgentReady = this.#options.screen.hasPrompt();
    return ready === undefined
      ? isAgentReady
      : isAgentReady && performance.now() - this.#startedAtMs >= ready;
  }

  #tick(): void {
    const { screen, loadState } = this.#options;
    if (screen.length() !== this.#screenLength) {
      this.#screenLength = screen.length();
      this.#changedAtMs = performance.now();
    }
    const isFirst = this.#messages.length === 0;
    this.#updateAgentMessage();
    if (!isFirst && this.#isReady()) {
      if (loadState && !this.#isLoadTried) {
        // What was on the screen before the load was told, and may have been saved.
        this.#tellMessages();
        this.#load();
      }
      this.#enqueueInitialPrompt();
    }
    this.#tellMessages();
    this.#tellStatus();
  }

  #updateAgentMessage(): void {
    if (this.#isPinned || this.#isSending) return;
    const text = this.#options.screen.messageSince(this.#mark);
    const last = this.#messages.at(-1);
    if (last?.role === "agent") {
      if (last.message === text) return;
      this.#messages[last.id] = { ...last, message: text, time: now() };
      this.#isDirty = true;
      return;
    }
    const before = this.#messages.findLast(({ role }) => role === "agent");
    const isSame = before?.message === text && this.#options.toggles.bug.identicalReply;
    if (last && (text.trim() === "" || isSame)) return;
    const id = this.#messages.length;
    // The very first message is there before the agent has said anything.
    const first = last ? text : "";
    this.#messages.push({ id, message: first, role: "agent", time: now() });
    if (last) this.#isDirty = true;
  }

  #load(): void {
    const { stateFile } = this.#options;
    this.#isLoadTried = true;
    try {
      const state = loadStateFile(stateFile);
      if (!state) {
        log("INFO", "No previous state to load (file does not exist)", { path: stateFile });
        return;
      }
      this.#messages = [...state.messages];
      this.#isPinned = this.#messages.at(-1)?.role !== "user";
      this.#isDirty = false;
      if (this.#initialPrompt === "" || this.#initialPrompt === state.initialPrompt) {
        this.#initialPrompt = state.initialPrompt;
        this.#initialPromptSent = state.initialPromptSent;
      }
      log("INFO", "Successfully loaded state", {
        path: stateFile,
        messages: state.messages.length,
      });
    } catch (error) {
      const { message } = error as Error;
      log("ERROR", "Failed to load state", { error: message });
      const inline = message.replace(":\n  - ", ": ").replace(/:$/, "");
      const data = {
        message: `Failed to restore previous session: ${inline}`,
        level: "warning",
        time: now(),
      };
      this.#errors.push(data);
      this.#errors.splice(0, this.#errors.length - errorsMax);
      this.#options.tell({ event: "agent_error", data });
    }
  }

  #enqueueInitialPrompt(): void {
    if (this.#initialPrompt === "" || this.#initialPromptSent || this.#isPromptEnqueued) return;
    this.#isPromptEnqueued = true;
    this.#isDirty = true;
    if (this.#options.toggles.bug.promptSent) this.#initialPromptSent = true;
    // The real program delivers it once the screen has been quiet.
    setTimeout(() => {
      void this.#send(this.#initialPrompt).then(() => {
        this.#initialPromptSent = true;
        this.#isPromptEnqueued = false;
      });
    }, this.#paced(stableAfterMs));
  }

  #tellMessages(): void {
    for (const message of this.#messages) {
      const text = JSON.stringify(message);
      if (this.#toldMessages.get(message.id) === text) continue;
      this.#toldMessages.set(message.id, text);
      this.#options.tell(messageUpdate(message));
    }
  }

  #tellStatus(): void {
    const status = this.#screenStatus();
    // A stream that was opened before the first tick was told "running" already.
    if (status === (this.#toldStatus ?? "running")) return;
    this.#toldStatus = status;
    this.#options.tell(this.#statusChange(status));
  }

  #statusChange(status: Status): Told {
    return { event: "status_change", data: { status, agent_type: this.#options.agentType } };
  }

  #paced(realMs: number): number {
    return realMs / this.#options.toggles.pace;
  }
}

const messageUpdate = ({ id, role, message, time }: FakeMessage): Told => ({
  event: "message_update",
  data: { id, role, message, time },
});

/** With nine digits of a second, as Go writes it; the last six are invented, since Node has no finer clock. */
const now = (): string => new Date().toISOString().replace("Z", "000001Z");
