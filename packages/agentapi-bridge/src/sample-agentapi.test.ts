/**
 * An agentapi and its state file, as small as they can be: what it has, and what it tells.
 *
 * A restart tells a boot screen and then what it loaded; who follows may know of it or not, and may be connected
 * or not. The rule: what it tells is tested below; what a journal makes of it is judged by `complaintAbout`.
 */
import { expect, it } from "vitest";

import type { ConversationMessage } from "./conversation-state.ts";
import type { Update } from "./transcript.ts";

export interface Told {
  /** Whether who follows knows that another one was started before it told this. */
  readonly isAnother: boolean;
  readonly updates: readonly Update[];
}

export const actions = [
  "say",
  "reply A",
  "reply B",
  "save",
  "disconnect",
  "reconnect",
  "restart, known",
  "restart, unknown",
  "restart without a load",
] as const;

export type Action = (typeof actions)[number];

export class SampleAgentApi {
  messages: readonly ConversationMessage[] = [{ role: "agent", message: "hi", time: "0" }];
  isConnected = true;
  /** Whether something was said since it started: until then nobody can tell what a new one goes on with. */
  isSaid = false;
  #file: readonly ConversationMessage[] = [];
  #clock = 0;

  /** What is told by it, and by connecting to it. */
  act(action: Action): Told {
    switch (action) {
      case "say":
        this.isSaid = true;
        return this.#set(this.messages.length, "user", "again");
      case "reply A":
      case "reply B":
        return this.#set(this.#replyId, "agent", action);
      case "save":
        this.#file = this.messages;
        return this.#told([]);
      case "disconnect":
        this.isConnected = false;
        return this.#told([]);
      case "reconnect":
        this.isConnected = true;
        return this.all;
      case "restart, known":
        return this.#restart(true, this.#file);
      case "restart, unknown":
        return this.#restart(false, this.#file);
      case "restart without a load":
        return this.#restart(true, []);
    }
  }

  /** What it tells to who connects. */
  get all(): Told {
    return this.#told(this.messages.map((message, id) => ({ id, ...message })));
  }

  get #replyId(): number {
    return this.messages.length - (this.messages.at(-1)?.role === "user" ? 0 : 1);
  }

  #set(id: number, role: "agent" | "user", message: string): Told {
    this.#clock += 1;
    const said = { role, message, time: String(this.#clock) };
    this.messages = [...this.messages.slice(0, id), said];
    return this.#told([{ id, ...said }]);
  }

  #restart(isAnother: boolean, loaded: readonly ConversationMessage[]): Told {
    this.isSaid = false;
    this.messages = [];
    const { updates } = this.#set(0, "agent", "booting");
    if (loaded.length > 0) this.messages = loaded;
    return { isAnother, updates: [...updates, ...this.all.updates] };
  }

  #told(updates: readonly Update[]): Told {
    return { isAnother: false, updates: this.isConnected ? updates : [] };
  }
}

export interface FoundJournal {
  /** All messages before the last action, and now. */
  readonly before: readonly ConversationMessage[];
  readonly messages: readonly ConversationMessage[];
  /** Those that are said to be agentapi's. */
  readonly own: readonly ConversationMessage[];
}

/** What is wrong with a journal that was told all of it; undefined if nothing is. */
export const complaintAbout = (
  agentApi: SampleAgentApi,
  { before, messages, own }: FoundJournal,
): string | undefined => {
  const final = before.at(-1)?.role === "agent" ? before.slice(0, -1) : before;
  if (textsOf(final) !== textsOf(messages.slice(0, final.length))) return "a final message changed";
  const times = messages.filter(({ role }) => role === "user").map(({ time }) => time);
  if (new Set(times).size !== times.length) return "a message is there twice";
  if (!agentApi.isConnected) return undefined;
  const said = agentApi.messages.filter(({ role }) => role === "user");
  if (said.some(({ time }) => !times.includes(time))) return "a message is lost";
  return agentApi.isSaid && textsOf(own) !== textsOf(agentApi.messages)
    ? "its own messages are not those of agentapi"
    : undefined;
};

export const textsOf = (messages: readonly ConversationMessage[]): string =>
  messages.map(({ role, message }) => `${role}: ${message}`).join("\n");

it("tells a boot screen and then what it has saved, and nothing to nobody", () => {
  const agentApi = new SampleAgentApi();
  const told = (["say", "save", "reply A", "restart, known"] as const).map((action) =>
    agentApi.act(action).updates.map(({ id, message }) => `${id} ${message}`),
  );
  expect(told).toEqual([["1 again"], [], ["2 reply A"], ["0 booting", "0 hi", "1 again"]]);
  agentApi.act("disconnect");
  expect(agentApi.act("reply B").updates).toEqual([]);
  expect(agentApi.act("reconnect").updates).toHaveLength(3);
});
