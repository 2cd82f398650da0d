import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import {
  composeConversationState,
  followEvents,
  judgeCheckpoint,
  openJournal,
  parseConversationState,
  sendMessage,
  type Command,
  type Following,
  type Journal,
} from "@taskwal/agentapi-bridge";
import { openNodeDisk } from "@taskwal/disk";
import { afterAll, describe, expect, it } from "vitest";

import {
  endAll,
  fakeProgram,
  newFolder,
  startAndListen,
  type Program,
  type RunningAgentApi,
  type StartOptions,
} from "./agentapi-process.ts";
import { codeBlock, repository, textOf } from "../documents.ts";
import type { SomeToggles } from "./fake-toggles.ts";
import { realProgram } from "./real-agentapi.ts";

afterAll(endAll);

/** A journal that follows one agentapi after another. */
class Bridge {
  readonly journal: Journal;
  running!: RunningAgentApi;
  following!: Following;
  #stop = new AbortController();

  private constructor(journal: Journal) {
    this.journal = journal;
  }

  static async open(): Promise<Bridge> {
    return new Bridge(await openJournal({ sessionDir: newFolder() }));
  }

  async start(program: Program, options: StartOptions): Promise<void> {
    this.running = await startAndListen(program, options);
    const { pid, port } = this.running;
    const { identity } = openNodeDisk().findProcess(pid) ?? {};
    await this.journal.note({ phase: "started", process: identity, port });
    this.#stop = new AbortController();
    this.following = followEvents({
      journal: this.journal,
      baseUrl: this.#baseUrl,
      signal: this.#stop.signal,
    });
    await this.following.ready;
  }

  get #baseUrl(): string {
    return `http://127.0.0.1:${this.running.port}`;
  }

  send(text: string): Promise<Command> {
    return sendMessage({ journal: this.journal, baseUrl: this.#baseUrl, text, timeoutMs: 30_000 });
  }

  /** Waits until so many messages were told: a status may be that of before what was sent. */
  async isStable(messages = 1): Promise<void> {
    await this.running.until(
      "it is stable",
      () => this.said.length >= messages && this.following.status() === "stable",
    );
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    this.running.signal(signal);
    await this.running.ended;
    this.#stop.abort();
    await this.following.done;
  }

  /** What its state file holds; undefined for none that is whole. */
  get saved() {
    const read = parseConversationState(readFileSync(this.running.stateFile));
    return read.verdict === "ok" ? read.state.messages : undefined;
  }

  get verdict(): string {
    return judgeCheckpoint(this.saved ?? [], this.journal.projection()).verdict;
  }

  /** Takes over what the state file has more, and what a state file must hold then. */
  async reconcile(): Promise<Buffer> {
    const { saved, verdict } = this;
    await this.journal.recover(saved && /verified|ahead/.test(verdict) ? saved : []);
    const messages = this.journal.messages();
    return Buffer.from(
      composeConversationState({ messages, initialPrompt: "", initialPromptSent: false }),
    );
  }

  get said(): readonly string[] {
    return this.journal.messages().map(({ role, message }) => `${role}: ${message.trim()}`);
  }

  /** What agentapi itself tells. */
  async saidBy(): Promise<readonly string[]> {
    const { body } = await this.running.ask("GET", "/messages");
    const { messages } = JSON.parse(body) as { messages: { content: string; role: string }[] };
    return messages.map(({ role, content }) => `${role}: ${content.trim()}`);
  }

  /** Ends all of it. */
  async close(): Promise<void> {
    await this.end("SIGKILL");
    await this.journal.close();
  }
}

const greeting = "agent: demo-agent 1.3.0 – type a message";

interface Weakness {
  readonly name: string;
  /** What the fake needs for it, if it is not as the real one. */
  readonly toggles?: SomeToggles;
  readonly run: (program: Program) => Promise<void>;
}

const weaknesses: readonly Weakness[] = [
  {
    name: "has the conversation once agentapi has told it, and it goes on in the next one",
    run: async (program) => {
      const bridge = await Bridge.open();
      await bridge.start(program, {});
      await bridge.isStable(1);
      expect(await bridge.send(" hello ")).toEqual({
        id: "1",
        text: " hello ",
        afterId: 0,
        outcome: "accepted",
      });
      await bridge.isStable(3);
      const said = [greeting, "user: hello", "agent: You said: hello"];
      expect(bridge.said).toEqual(said);
      await bridge.end("SIGTERM");
      expect(bridge.verdict).toBe("verified");
      await bridge.start(program, { state: await bridge.reconcile() });
      await bridge.running.loaded();
      expect((await bridge.send("more")).outcome).toBe("accepted");
      await bridge.isStable(5);
      expect(bridge.said).toEqual([...said, "user: more", "agent: You said: more"]);
      expect(await bridge.saidBy()).toEqual(bridge.said);
      await bridge.close();
    },
  },
  {
    name: "has a message that agentapi accepted, did not save, and lost at its end",
    run: async (program) => {
      const bridge = await Bridge.open();
      // An agent that says nothing for a while: nothing else makes agentapi save.
      await bridge.start(program, { mode: "thinks" });
      await bridge.isStable();
      bridge.running.signal("SIGUSR1");
      await bridge.running.logged("State saved successfully");
      expect((await bridge.send("do not lose me")).outcome).toBe("accepted");
      await bridge.end("SIGKILL");
      expect(bridge.saved).toHaveLength(1);
      const state = await bridge.reconcile();
      expect(bridge.said).toContain("user: do not lose me");
      expect(bridge.said).toHaveLength(new Set(bridge.said).size);
      await bridge.start(program, { state });
      await bridge.running.loaded();
      expect(await bridge.saidBy()).toContain("user: do not lose me");
      await bridge.close();
    },
  },
  {
    name: "keeps the conversation that a boot screen has replaced in the state file",
    run: async (program) => {
      const bridge = await Bridge.open();
      await bridge.start(program, {});
      await bridge.send("hello");
      await bridge.isStable(3);
      const { said } = bridge;
      await bridge.end("SIGTERM");
      await bridge.start(program, { mode: "boots-for-ever", state: await bridge.reconcile() });
      await bridge.running.until("the boot screen was taken", async () =>
        (await bridge.saidBy()).some((one) => one.includes("loading model weights")),
      );
      bridge.running.signal("SIGUSR1");
      await bridge.running.logged("State saved successfully");
      expect(bridge.saved).toHaveLength(1);
      expect(bridge.verdict).toBe("diverged");
      expect(bridge.said).toEqual(said);
      await bridge.end("SIGKILL");
      await bridge.start(program, { state: await bridge.reconcile() });
      await bridge.running.loaded();
      await bridge.isStable();
      expect(await bridge.saidBy()).toEqual(said);
      expect(bridge.said).toEqual(said);
      await bridge.close();
    },
  },
  {
    name: "has a message whose reply agentapi drops because it is the one before again, and goes on after a restart",
    run: async (program) => {
      const bridge = await Bridge.open();
      await bridge.start(program, { mode: "repeats" });
      await bridge.send("once");
      await bridge.isStable(3);
      expect((await bridge.send("twice")).outcome).toBe("accepted");
      const said = [greeting, "user: once", "agent: Done.", "user: twice"];
      await bridge.running.until("it was told", () => bridge.said.length === 4);
      expect(bridge.said).toEqual(said);
      await bridge.end("SIGTERM");
      await bridge.start(program, { mode: "repeats", state: await bridge.reconcile() });
      await bridge.running.loaded();
      // It takes what is on the screen for the reply.
      await bridge.isStable(5);
      expect(bridge.said).toEqual([...said, greeting]);
      expect(await bridge.saidBy()).toEqual(bridge.said);
      await bridge.close();
    },
  },
];

const fakes = weaknesses.map((one) => ({ ...one, program: fakeProgram("0.12.1", one.toggles) }));

describe("a journal of the fake 0.12.1", () => {
  it.each(fakes)("$name", async ({ program, run }) => run(program));

  it("keeps a reply that is the one before again as a message of its own, where agentapi does", async () => {
    const bridge = await Bridge.open();
    await bridge.start(fakeProgram("0.12.1", { bug: { identicalReply: false } }), {
      mode: "repeats",
    });
    for (const [index, text] of ["once", "twice"].entries()) {
      await bridge.send(text);
      await bridge.isStable(3 + 2 * index);
    }
    expect(bridge.said).toEqual([
      greeting,
      "user: once",
      "agent: Done.",
      "user: twice",
      "agent: Done.",
    ]);
    await bridge.close();
  });
});

it("is used as the README of the bridge prints it", async () => {
  const running = await startAndListen(fakeProgram("0.12.1"));
  const words = ["--input-type=module", "-", newFolder(), `http://127.0.0.1:${running.port}`];
  // Where the bridge is an installed package, as for any user.
  const ran = promisify(execFile)(process.execPath, words, { cwd: join(repository, "test") });
  ran.child.stdin?.end(codeBlock(textOf("packages/agentapi-bridge/README.md"), "ts"));
  expect((await ran).stdout).toMatch(/^accepted [12]\n$/);
});

const real = realProgram("0.12.1");
if ("reason" in real) {
  describe(`a journal of the real 0.12.1 (not here: ${real.reason})`, () => {
    for (const { name } of weaknesses) it.skip(name, () => {});
  });
} else {
  describe("a journal of the real 0.12.1", () => {
    it.each(weaknesses)("$name", async ({ run }) => run(real.program), 180_000);
  });
}
