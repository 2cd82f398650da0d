import { describe, expect, it } from "vitest";

import type { ConversationMessage } from "./conversation-state.ts";
import type { Place } from "./journal-model.ts";
import { actions, complaintAbout, SampleAgentApi, textsOf } from "./sample-agentapi.test.ts";
import type { Action, Told } from "./sample-agentapi.test.ts";
import { placesOf, Transcript, uncertain, type Said } from "./transcript.ts";

/** A journal in memory. */
class Listener {
  readonly messages: ConversationMessage[] = [];
  #place: Place = uncertain();
  #transcript = new Transcript(this.#place);

  /** The journal's messages that are those of agentapi. */
  get own(): readonly ConversationMessage[] {
    const { messages } = this;
    return placesOf(this.#place.runs, messages.length).flatMap((index) => messages[index] ?? []);
  }

  hear({ isAnother, updates }: Told): void {
    if (isAnother) {
      this.#place = uncertain(this.#place);
      this.#transcript = new Transcript(this.#place);
    }
    const { messages } = this;
    for (const update of updates) {
      const said: Said = { length: messages.length, at: (index) => messages[index] };
      const heard = this.#transcript.hear(update, said);
      if (heard.kind === "revised") messages[heard.index] = update;
      if (heard.kind !== "added") continue;
      messages.push(...heard.messages.map((one) => one ?? missed));
      this.#place = heard.place;
    }
  }
}

const missed: ConversationMessage = { role: "agent", message: "missed", time: "" };

const sequences = function* (length: number): Generator<readonly Action[]> {
  if (length === 0) return yield [];
  for (const rest of sequences(length - 1)) for (const action of actions) yield [...rest, action];
};

/** What is wrong after the first action after which something is. */
const complaint = (sequence: readonly Action[]): string | undefined => {
  const agentApi = new SampleAgentApi();
  const listener = new Listener();
  listener.hear(agentApi.all);
  for (const [index, action] of sequence.entries()) {
    const before = [...listener.messages];
    listener.hear(agentApi.act(action));
    const { messages, own } = listener;
    const found = complaintAbout(agentApi, { before, messages, own });
    if (found !== undefined) return `${sequence.slice(0, index + 1).join(", ")}: ${found}`;
  }
  return undefined;
};

describe("a conversation that is told", () => {
  it("is in the journal once and in order, whatever agentapi loads, forgets or repeats, and whoever is cut off", () => {
    const length = process.env["TASKWAL_LONG"] === "1" ? 6 : 5;
    const wrong = new Set<string>();
    for (const sequence of sequences(length)) {
      const found = complaint(sequence);
      if (found !== undefined) wrong.add(found);
    }
    expect([...wrong].slice(0, 5)).toEqual([]);
  });

  it("has a reply at once that is made after a load, before anybody says more", () => {
    const agentApi = new SampleAgentApi();
    const listener = new Listener();
    listener.hear(agentApi.all);
    for (const action of ["say", "save", "restart, known", "reply A"] as const) {
      listener.hear(agentApi.act(action));
    }
    expect(textsOf(listener.messages)).toBe("agent: hi\nuser: again\nagent: reply A");
  });
});
