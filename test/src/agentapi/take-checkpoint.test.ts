/**
 * A save that was asked for, and what it is worth: judged by what the file holds, not by what the log says.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import {
  openEnded,
  takeCheckpoint,
  type Checkpoint,
  type ComparedMessage,
  type JournalProjection,
} from "@taskwal/agentapi-bridge";
import { openNodeDisk } from "@taskwal/disk";
import { afterAll, describe, expect, it } from "vitest";

import { endAll, fakeProgram, startAndListen, type RunningAgentApi } from "./agentapi-process.ts";
import { stateOf } from "./shutdown-command.ts";

const disk = openNodeDisk();
afterAll(endAll);

const loaded = async (): Promise<RunningAgentApi> => {
  const state = stateOf("Hello", "go on", "Done.");
  const running = await startAndListen(fakeProgram("0.12.1"), { state });
  await running.loaded();
  await running.statusIs("stable");
  return running;
};

const take = (
  running: RunningAgentApi,
  expected: JournalProjection | undefined,
  logFile: string | undefined = running.logFile,
  limitMs = 15_000,
): Promise<Checkpoint> =>
  takeCheckpoint(
    disk,
    {
      identity: disk.findProcess(running.pid)?.identity ?? disk.process,
      stateFile: running.stateFile,
      ...(logFile !== "" && { logFile }),
      expected: async () => expected,
    },
    { limitMs, signal: new AbortController().signal },
  );

const said = (role: "agent" | "user", message: string): ComparedMessage => ({ role, message });
const conversation = [said("agent", "Hello"), said("user", "go on"), said("agent", "Done.")];

describe.concurrent("a checkpoint of an agentapi that says there is nothing to save", () => {
  it.each<[string, readonly ComparedMessage[], Checkpoint["verdict"], string]>([
    ["is clean where the file has it all", conversation, "clean", "nothing had changed"],
    [
      "is behind where a message was accepted that the file lacks",
      [...conversation, said("user", "thanks")],
      "behind",
      "it lacks the messages 3",
    ],
    [
      "is ahead where the journal lacks one",
      conversation.slice(0, 1),
      "ahead",
      "more messages: 1, 2",
    ],
    [
      "is diverged where it is another conversation",
      [said("agent", "Hello"), said("user", "stop"), said("agent", "Done.")],
      "diverged",
      "another conversation from message 1 on",
    ],
  ])("%s", async (_, messages, verdict, reason) => {
    const taken = await take(await loaded(), openEnded(messages));
    expect(taken).toMatchObject({ verdict, messageCount: 3 });
    expect(taken.reason).toContain(reason);
  });

  it("is verified by the file alone, where its log is not known", async () => {
    const taken = await take(await loaded(), openEnded(conversation), "");
    expect(taken.verdict).toBe("verified");
  });

  it("is unverified by the file alone, where the file lacks something", async () => {
    const messages = [...conversation, said("user", "thanks")];
    expect((await take(await loaded(), openEnded(messages), "", 1500)).verdict).toBe("unverified");
  });

  it("is no more than clean where nothing is known to compare it with", async () => {
    expect((await take(await loaded(), undefined)).verdict).toBe("clean");
  });
});

describe.concurrent("a checkpoint", () => {
  it("is verified with the very bytes of the file, once a reply was saved", async () => {
    const running = await loaded();
    expect((await running.say("thanks")).status).toBe(200);
    await running.statusIs("stable");
    const messages = [...conversation, said("user", "thanks"), said("agent", "")];
    const taken = await take(running, openEnded(messages));
    const bytes = readFileSync(running.stateFile);
    expect(taken).toMatchObject({ verdict: "verified", messageCount: 5 });
    expect(taken.bytes).toEqual(new Uint8Array(bytes));
    expect(taken.sha256).toBe(createHash("sha256").update(bytes).digest("hex"));
  });

  it("of one that has ended has failed, and no signal is sent", async () => {
    const running = await loaded();
    const identity = disk.findProcess(running.pid)?.identity ?? disk.process;
    running.signal("SIGKILL");
    await running.ended;
    const order = { identity, stateFile: running.stateFile, expected: async () => undefined };
    const limits = { limitMs: 1000, signal: new AbortController().signal };
    expect(await takeCheckpoint(disk, order, limits)).toEqual({
      verdict: "failed",
      reason: "it runs no more",
    });
  });
});
