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
import { moduleEnvironment, stateOf } from "./shutdown-command.ts";

const disk = openNodeDisk();
const coders: FakeCoder[] = [];
const journals: Journal[] = [];
afterAll(async () => {
  for (const journal of journals) await journal.close();
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

const said = ["Hello", "What did you change?", "A line."];

describe.concurrent("a shutdown beside a journal", () => {
  it("posts what the journal has, while its supervisor runs and agentapi answers nothing", async () => {
    const running = await startAndListen(
      fakeProgram("0.12.1", { sseStall: true, postHold: "forever" }),
    );
    await running.statusIs("stable");
    journals.push(await journalOf(running, said));
    void running.say("hello?").catch(() => {});
    const { result, posted } = await shutDown(running);
    expect(result.snapshot?.outcome).toBe("posted");
    expect(posted).toEqual(said);
    expect(result.ended).not.toBe("alive");
  });

  it("posts what the journal has after agentapi and its supervisor were killed", async () => {
    const running = await startAndListen(fakeProgram("0.12.1"));
    await (await journalOf(running, said)).close();
    running.signal("SIGKILL");
    await running.ended;
    const { result, posted } = await shutDown(running);
    expect([result.ended, result.snapshot?.outcome]).toEqual(["already", "posted"]);
    expect(posted).toEqual(said);
  });

  it("posts what agentapi tells where that is more than a journal that nobody keeps any more", async () => {
    const running = await startAndListen(fakeProgram("0.12.1"), {
      state: stateOf(...said, "x", "y"),
    });
    await running.loaded();
    await (await journalOf(running, said)).close();
    expect((await shutDown(running)).posted).toEqual([...said, "x", "y"]);
  });

  it("ends the process that the journal recorded, where there is no PID file", async () => {
    const running = await startAndListen(fakeProgram("0.12.1"));
    await running.statusIs("stable");
    await (await journalOf(running, said)).close();
    rmSync(running.pidFile);
    const { result } = await shutDown(running);
    expect(result.ended).toBe("terminated");
    expect(await running.ended).toEqual([0, null]);
  });
});
