/**
 * A shutdown beside the journal of a supervisor, one that still runs or one that is gone.
 */
import { rmSync } from "node:fs";
import {
  openJournal,
  readShutdownRequest,
  shutdownAgentApi,
  type Journal,
  type ShutdownResult,
} from "@taskwal/agentapi-bridge";
import { openNodeDisk } from "@taskwal/disk";
import { afterAll, describe, expect, it } from "vitest";

import { endAll, fakeProgram, startAndListen, type RunningAgentApi } from "./agentapi-process.ts";
import { startFakeCoder, type FakeCoder } from "./fake-coder.ts";
import { AgentApiVerb, moduleEnvironment, ShutdownProcess, stateOf } from "./shutdown-command.ts";
import { endSessions, said, Session, until } from "./supervised-session.ts";

const disk = openNodeDisk();
const coders: FakeCoder[] = [];
const journals: Journal[] = [];
afterAll(async () => {
  for (const journal of journals) await journal.close();
  endSessions();
  endAll();
  for (const coder of coders) await coder.close();
});

const journalOf = async (running: RunningAgentApi, texts: readonly string[]): Promise<Journal> => {
  const journal = await openJournal({ sessionDir: running.folder });
  const identity = disk.findProcess(running.pid)?.identity;
  await journal.note({ phase: "ready", process: identity, port: running.port });
  for (const [id, message] of texts.entries()) {
    const role = id % 2 === 0 ? "agent" : "user";
    await journal.hear({ id, role, message, time: "2026-01-01T00:00:00Z" });
  }
  await journal.flush();
  return journal;
};

const shutDown = async (
  running: RunningAgentApi,
): Promise<{ result: ShutdownResult; posted: readonly string[] | undefined }> => {
  const coder = await startFakeCoder();
  coders.push(coder);
  const request = readShutdownRequest(moduleEnvironment(running, coder));
  const limits = { checkpointMs: 3000, termMs: 1000, killMs: 1000 };
  const result = await shutdownAgentApi(disk, { request, limits });
  return { result, posted: coder.taken[0]?.messages.map(({ content }) => content) };
};

const contents = ["Hello", "What did you change?", "A line."];

describe.concurrent("a shutdown beside a journal", () => {
  it("posts what the journal has, while its supervisor runs and agentapi answers nothing", async () => {
    const running = await startAndListen(
      fakeProgram("0.12.1", { sseStall: true, postHold: "forever" }),
    );
    await running.statusIs("stable");
    journals.push(await journalOf(running, contents));
    void running.say("hello?").catch(() => {});
    const { result, posted } = await shutDown(running);
    expect(result.snapshot?.outcome).toBe("posted");
    expect(posted).toEqual(contents);
    expect(result.ended).not.toBe("alive");
  });

  it("posts what the journal has after agentapi and its supervisor were killed", async () => {
    const running = await startAndListen(fakeProgram("0.12.1"));
    await (await journalOf(running, contents)).close();
    running.signal("SIGKILL");
    await running.ended;
    const { result, posted } = await shutDown(running);
    expect([result.ended, result.snapshot?.outcome]).toEqual(["already", "posted"]);
    expect(posted).toEqual(contents);
  });

  it("posts a message that agentapi accepted and did not tell before it was killed", async () => {
    const running = await startAndListen(fakeProgram("0.12.1"));
    const journal = await journalOf(running, contents);
    const { id } = await journal.intend("and now?");
    await journal.settle(id, "accepted");
    await journal.close();
    running.signal("SIGKILL");
    await running.ended;
    expect((await shutDown(running)).posted).toEqual([...contents, "and now?"]);
  });

  it("is one by its supervisor too, which posts a message that was accepted and told to nobody", async () => {
    const session = await Session.of(fakeProgram("0.12.1", { sseStall: true }));
    const coder = await startFakeCoder();
    coders.push(coder);
    const supervised = await session.supervise({ limits: { loadMs: 500 } });
    expect((await supervised.send("hello")).outcome).toBe("accepted");
    const { snapshot } = await supervised.stop({
      taskId: "a-task",
      coder: { url: coder.url, token: "a-token" },
    });
    expect(snapshot?.outcome).toBe("posted");
    expect(coder.taken[0]?.messages.map(({ content }) => content)).toEqual(["hello"]);
    expect(session.saved).toContain("user: hello");
  });

  it("posts what agentapi tells where that is more than a journal that nobody keeps any more", async () => {
    const running = await startAndListen(fakeProgram("0.12.1"), {
      state: stateOf(...contents, "x", "y"),
    });
    await running.loaded();
    await (await journalOf(running, contents)).close();
    expect((await shutDown(running)).posted).toEqual([...contents, "x", "y"]);
  });

  it("ends the process that the journal recorded, where there is no PID file", async () => {
    const running = await startAndListen(fakeProgram("0.12.1"));
    await running.statusIs("stable");
    await (await journalOf(running, contents)).close();
    rmSync(running.pidFile);
    const { result } = await shutDown(running);
    expect(result.ended).toBe("terminated");
    expect(await running.ended).toEqual([0, null]);
  });

  it("ends an agentapi whose supervisor runs on, and that ends in order too", async () => {
    const session = await Session.of(fakeProgram("0.12.1"));
    const coder = await startFakeCoder();
    coders.push(coder);
    const env = {
      ...session.env,
      ARG_MODULE_DIR_NAME: "session",
      ARG_AGENTAPI_PORT: String(session.port),
      ARG_TASK_ID: "test-task",
      ARG_ENABLE_STATE_PERSISTENCE: "true",
      CODER_AGENT_URL: coder.url,
      CODER_AGENT_TOKEN: "test-token",
    };
    const words = ["--json", "--type", "custom", "--", ...session.agent()];
    const run = new AgentApiVerb("run", env, words);
    await run.printed('"event":"loaded"');
    const baseUrl = `http://localhost:${session.port}`;
    await until("it is stable", async () => {
      const { status } = (await (await fetch(`${baseUrl}/status`)).json()) as { status: string };
      return status === "stable";
    });
    const post = { content: "What did you change?", type: "user" };
    const headers = { "Content-Type": "application/json" };
    const sent = await fetch(`${baseUrl}/message`, {
      method: "POST",
      headers,
      body: JSON.stringify(post),
    });
    expect(sent.status).toBe(200);
    const shutdown = await new ShutdownProcess(env, ["--json"]).ended;
    expect(JSON.parse(shutdown.stdout)).toMatchObject({
      process: "ours",
      snapshot: { outcome: "posted" },
      ended: "terminated",
    });
    expect((await run.ended).code).toBe(0);
    expect(session.saved).toContain("user: What did you change?");
    expect(coder.taken.at(-1)?.messages[1]?.content).toBe("What did you change?");
    // The next life has all of it.
    const next = await session.supervise();
    expect(said(next)).toContain("user: What did you change?");
    await next.stop();
  });
});
