/**
 * SIGKILL of the shutdown in each of its phases, and then another one: as if the first had never been.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, describe, expect, it } from "vitest";

import { capture } from "./agentapi-captures.ts";
import { endAll, fakeProgram, startAndListen } from "./agentapi-process.ts";
import { startFakeCoder, type CoderAnswer, type FakeCoder } from "./fake-coder.ts";
import type { SomeToggles } from "./fake-toggles.ts";
import { moduleEnvironment, savedMessages, ShutdownProcess } from "./shutdown-command.ts";

const coders: FakeCoder[] = [];
afterAll(async () => {
  endAll();
  for (const coder of coders) await coder.close();
});

interface Phase {
  readonly phase: string;
  /** It has printed this when it is killed. */
  readonly line: string;
  readonly toggles?: SomeToggles;
  readonly answers?: readonly CoderAnswer[];
  /** Whether agentapi was told to end by the first one. */
  readonly isEnding?: boolean;
}

const phases: readonly Phase[] = [
  { phase: "at its start", line: "Shutting down AgentAPI" },
  { phase: "during the save", line: "Sending SIGUSR1", toggles: { saveDelayMs: 400 } },
  { phase: "while it asks for messages", line: "Fetching messages" },
  { phase: "during the post", line: "Posting log snapshot", answers: ["hangs", 204] },
  {
    phase: "while it waits for the end",
    line: "Sending SIGTERM",
    toggles: { saveDelayMs: 400 },
    isEnding: true,
  },
];

describe.concurrent("a shutdown that is killed", () => {
  it.each(phases)(
    "is made good by the next one, which saves, posts and ends: $phase",
    async ({ line, toggles = {}, answers = [204], isEnding = false }) => {
      const coder = await startFakeCoder(...answers);
      coders.push(coder);
      const running = await startAndListen(fakeProgram("0.12.1", toggles));
      await running.statusIs("stable");
      expect((await running.say("What did you change?")).status).toBe(200);
      await running.statusIs("stable");
      const env = moduleEnvironment(running, coder);
      const first = new ShutdownProcess(env, ["--compat", "registry"]);
      await first.printed(line);
      while (line.startsWith("Posting") && coder.requests.length === 0) await sleep(10);
      if (isEnding) await running.logged("Received shutdown signal");
      first.child.kill("SIGKILL");
      expect((await first.ended).code).toBe(null);
      // What was told to end ends; what was not goes on as if nothing had been.
      if (isEnding) expect(await running.ended).toEqual([0, null]);
      else expect(running.child.exitCode).toBe(null);
      const again = await new ShutdownProcess(env, ["--json"]).ended;
      expect([0, 11]).toContain(again.code);
      expect(await running.ended).toEqual([0, null]);
      expect(savedMessages(running)[1]).toBe("What did you change?");
      const contents = coder.taken.map(({ messages }) => messages.map(({ content }) => content));
      expect(contents.at(-1)?.[1]).toBe("What did you change?");
      expect(readdirSync(join(running.folder, "outbox"))).toEqual([]);
    },
  );

  it("leaves what it was about to post in the outbox, also where agentapi has ended meanwhile", async () => {
    const coder = await startFakeCoder("hangs", 204);
    coders.push(coder);
    const running = await startAndListen(fakeProgram("0.12.1"));
    await running.statusIs("stable");
    const env = moduleEnvironment(running, coder);
    const first = new ShutdownProcess(env, ["--compat", "registry"]);
    await first.printed("Posting log snapshot");
    while (coder.requests.length === 0) await sleep(10);
    first.child.kill("SIGKILL");
    running.signal("SIGKILL");
    await Promise.all([first.ended, running.ended]);
    const { code, stdout } = await new ShutdownProcess(env, ["--json"]).ended;
    expect([code, JSON.parse(stdout)]).toMatchObject([
      0,
      { process: "dead", snapshot: { outcome: "posted" }, ended: "already" },
    ]);
    expect(coder.taken[0]?.messages[0]?.content).toContain("demo-agent 1.3.0");
  });

  it("has kept an old conversation that agentapi had not loaded, and the next one puts it back", async () => {
    const before = capture("boot-overwrite/sigterm/state-before.json");
    const coder = await startFakeCoder();
    coders.push(coder);
    const options = { state: before, mode: "boots-for-ever" };
    const running = await startAndListen(fakeProgram("0.12.1", { saveDelayMs: 300 }), options);
    const env = moduleEnvironment(running, coder);
    const first = new ShutdownProcess(env, ["--compat", "registry"]);
    await running.logged("Received shutdown signal");
    first.child.kill("SIGKILL");
    await Promise.all([first.ended, running.ended]);
    expect(savedMessages(running).length).toBe(1);
    const { stdout } = await new ShutdownProcess(env, ["--json"]).ended;
    expect(JSON.parse(stdout)).toMatchObject({ restored: true, ended: "already" });
    expect(readFileSync(running.stateFile)).toEqual(before);
  });
});
