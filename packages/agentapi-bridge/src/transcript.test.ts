import { describe, expect, it } from "vitest";

import type { ConversationMessage } from "./conversation-state.ts";
import type { Place } from "./journal-model.ts";
import { placesOf, Transcript, uncertain } from "./transcript.ts";

/**
 * An agentapi, its state file, and a journal that is told of it, as small as they can be.
 *
 * A restart tells its boot screen and then what it loaded; who follows may know of it or not, and may be
 * connected or not.
 */
class World {
  journal: ConversationMessage[] = [];
  place: Place = uncertain();
  /** What agentapi has. */
  messages: ConversationMessage[] = [{ role: "agent", message: "hi", time: "0" }];
  /** Whether something was said since it started: until then nobody can tell what a new one goes on with. */
  isSaid = false;
  #file: ConversationMessage[] = [];
  #transcript = new Transcript(this.place);
  #isConnected = true;
  #clock = 0;

  constructor() {
    this.#tell(0);
  }

  readonly actions = {
    say: () => {
      this.messages.push({ role: "user", message: "again", time: this.#now() });
      this.isSaid = true;
      this.#tell(this.messages.length - 1);
    },
    "reply A": () => this.#reply("A"),
    "reply B": () => this.#reply("B"),
    save: () => {
      this.#file = [...this.messages];
    },
    disconnect: () => {
      this.#isConnected = false;
    },
    reconnect: () => {
      this.#isConnected = true;
      this.#tellAll();
    },
    "restart, known": () => this.#restart(true, this.#file),
    "restart, unknown": () => this.#restart(false, this.#file),
    "restart without a load": () => this.#restart(true, []),
  };

  get isConnected(): boolean {
    return this.#isConnected;
  }

  /** The journal's messages that are those of agentapi. */
  get own(): readonly ConversationMessage[] {
    return placesOf(this.place.runs, this.journal.length).flatMap(
      (index) => this.journal[index] ?? [],
    );
  }

  #reply(message: string): void {
    const isNew = this.messages.at(-1)?.role === "user";
    const index = isNew ? this.messages.length : this.messages.length - 1;
    this.messages[index] = { role: "agent", message, time: this.#now() };
    this.#tell(index);
  }

  #restart(isKnown: boolean, loaded: readonly ConversationMessage[]): void {
    if (isKnown) {
      this.place = uncertain(this.place);
      this.#transcript = new Transcript(this.place);
    }
    this.isSaid = false;
    this.messages = [{ role: "agent", message: "booting", time: this.#now() }];
    this.#tell(0);
    if (loaded.length > 0) this.messages = [...loaded];
    this.#tellAll();
  }

  #tellAll(): void {
    for (const id of this.messages.keys()) this.#tell(id);
  }

  #tell(id: number): void {
    const message = this.messages[id];
    if (!this.#isConnected || !message) return;
    const { journal } = this;
    const heard = this.#transcript.hear(
      { id, ...message },
      {
        length: journal.length,
        at: (index) => journal[index],
      },
    );
    if (heard.kind === "revised") journal[heard.index] = message;
    if (heard.kind !== "added") return;
    journal.push(
      ...heard.messages.map(
        (one) => one ?? ({ role: "agent", message: "missed", time: "" } as const),
      ),
    );
    this.place = heard.place;
  }

  #now(): string {
    this.#clock += 1;
    return String(this.#clock);
  }
}

type Action = keyof World["actions"];

const actions = Object.keys(new World().actions) as Action[];

const sequences = function* (length: number): Generator<readonly Action[]> {
  if (length === 0) return yield [];
  for (const rest of sequences(length - 1)) for (const action of actions) yield [...rest, action];
};

const textsOf = (messages: readonly ConversationMessage[]): string =>
  messages.map(({ role, message }) => `${role}: ${message}`).join("\n");

/** What is wrong after a step; undefined if nothing is. */
const complaint = (world: World, before: readonly ConversationMessage[]): string | undefined => {
  const { journal, messages, own, isConnected, isSaid } = world;
  const final = before.at(-1)?.role === "agent" ? before.slice(0, -1) : before;
  if (final.some((message, index) => journal[index] !== message)) return "a final message changed";
  const times = journal.filter(({ role }) => role === "user").map(({ time }) => time);
  if (new Set(times).size !== times.length) return "a message is there twice";
  if (!isConnected) return undefined;
  const said = messages.filter(({ role }) => role === "user");
  if (said.some(({ time }) => !times.includes(time))) return "a message is lost";
  if (isSaid && textsOf(own) !== textsOf(messages)) {
    return "the journal's own messages are not those of agentapi";
  }
  return undefined;
};

describe("a conversation that is told", () => {
  it("is in the journal once and in order, whatever agentapi loads, forgets or repeats, and whoever is cut off", () => {
    const length = process.env["TASKWAL_LONG"] === "1" ? 6 : 5;
    const wrong: string[] = [];
    for (const sequence of sequences(length)) {
      const world = new World();
      for (const [index, action] of sequence.entries()) {
        const before = [...world.journal];
        world.actions[action]();
        const found = complaint(world, before);
        if (found) wrong.push(`${sequence.slice(0, index + 1).join(", ")}: ${found}`);
        if (found) break;
      }
    }
    expect([...new Set(wrong)].slice(0, 5)).toEqual([]);
  });

  it("has a reply at once that is made after a load, before anybody says more", () => {
    const world = new World();
    for (const action of ["say", "save", "restart, known", "reply A"] as const) {
      world.actions[action]();
    }
    expect(textsOf(world.journal)).toBe("agent: hi\nuser: again\nagent: A");
  });
});
