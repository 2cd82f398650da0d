/**
 * The shutdown tests of the registry's module (main.test.ts, "shutdown script"), on `taskwal agentapi shutdown`.
 *
 * The rule: each has the name that it has there, and looks for the lines that it looks for there.
 */
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";

import {
  endAll,
  fakeProgram,
  newFolder,
  startAndListen,
  type RunningAgentApi,
} from "./agentapi-process.ts";
import { startFakeCoder, type CoderAnswer, type FakeCoder } from "./fake-coder.ts";
import { moduleEnvironment, ShutdownProcess, stateOf, type VerbRun } from "./shutdown-command.ts";

const coders: FakeCoder[] = [];
afterAll(async () => {
  endAll();
  for (const coder of coders) await coder.close();
});

const normal = ["Hello", "Hi there", "How are you?", "Good", "Great"];

interface Setting {
  readonly contents?: readonly string[];
  readonly answers?: readonly CoderAnswer[];
  readonly env?: Readonly<Record<string, string>>;
}

interface Shown extends VerbRun {
  readonly running: RunningAgentApi;
  readonly coder: FakeCoder;
}

const shutDown = async ({ contents = normal, answers = [], env }: Setting): Promise<Shown> => {
  const coder = await startFakeCoder(...answers);
  coders.push(coder);
  const running = await startAndListen(fakeProgram("0.12.1"), { state: stateOf(...contents) });
  await running.loaded();
  const words = ["--compat", "registry", "--save-timeout", "12s", "--snapshot-timeout", "6s"];
  const run = await new ShutdownProcess(moduleEnvironment(running, coder, env), words).ended;
  return { ...run, running, coder };
};

const hasEnded = async ({ running }: Shown): Promise<boolean> => (await running.ended)[0] === 0;

describe.concurrent("shutdown script", () => {
  test("posts snapshot with normal messages", async () => {
    const { code, stdout, coder } = await shutDown({});
    expect(code).toBe(0);
    expect(stdout).toContain("Retrieved 5 messages for log snapshot");
    expect(stdout).toContain("Log snapshot posted successfully");
    expect(stdout).not.toContain("Log snapshot capture failed");
    const [{ taskId, messages } = { taskId: "", messages: [] }] = coder.taken;
    expect(taskId).toBe("test-task");
    expect(messages.map(({ content }) => content)).toEqual(normal);
  });

  test("truncates to last 10 messages", async () => {
    const contents = Array.from({ length: 15 }, (_, index) => `Message ${index + 1}`);
    const { code, coder } = await shutDown({ contents });
    expect(code).toBe(0);
    expect(coder.taken[0]?.messages.map(({ content }) => content)).toEqual(contents.slice(5));
  });

  test("truncates huge message content", async () => {
    const { code, stdout, coder } = await shutDown({ contents: ["x".repeat(70_000)] });
    expect(code).toBe(0);
    expect(stdout).toContain("truncating final message content");
    expect(coder.taken[0]?.taskId).toBe("test-task");
    expect(coder.taken[0]?.messages).toHaveLength(1);
    expect(coder.taken[0]?.messages[0]?.content).toContain("[...content truncated");
  });

  test("skips gracefully when TASK_ID is empty", async () => {
    const { code, stdout, coder } = await shutDown({ env: { ARG_TASK_ID: "" } });
    expect(code).toBe(0);
    expect(stdout).toContain("No task ID, skipping log snapshot");
    expect(coder.requests).toEqual([]);
  });

  test("handles 404 gracefully for older Coder versions", async () => {
    const { code, stdout } = await shutDown({ answers: [404] });
    expect(code).toBe(0);
    expect(stdout).toContain("Log snapshot endpoint not supported by this Coder version");
  });

  test("sends SIGUSR1 before shutdown", async () => {
    const { code, stdout, running } = await shutDown({});
    expect(code).toBe(0);
    expect(stdout).toContain("Sending SIGUSR1 to AgentAPI");
    const log = running.stdout();
    expect(log.indexOf("Received SIGUSR1")).toBeGreaterThan(0);
    expect(log.indexOf("Received SIGUSR1")).toBeLessThan(log.indexOf("Received shutdown signal"));
  });

  test("handles missing PID file gracefully", async () => {
    const { code, stdout } = await shutDown({ env: { ARG_PID_FILE_PATH: "/nowhere/nothing.pid" } });
    expect(code).toBe(0);
    expect(stdout).toContain("Shutdown complete");
  });

  test("sends SIGTERM even when snapshot fails", async () => {
    const shown = await shutDown({ answers: [500] });
    expect(shown.code).toBe(0);
    expect(shown.stdout).toContain("Log snapshot capture failed, continuing shutdown");
    expect(shown.stdout).toContain("Sending SIGTERM to AgentAPI");
    expect(await hasEnded(shown)).toBe(true);
  });

  test("resolves default PID path from MODULE_DIR_NAME", async () => {
    const shown = await shutDown({});
    expect(shown.code).toBe(0);
    expect(shown.stdout).toContain("Sending SIGUSR1 to AgentAPI");
    expect(shown.stdout).toContain("Sending SIGTERM to AgentAPI");
    expect(await hasEnded(shown)).toBe(true);
  });

  test("skips SIGUSR1 when no PID file available", async () => {
    const { code, stdout, running } = await shutDown({
      env: { ARG_MODULE_DIR_NAME: "", ARG_ENABLE_STATE_PERSISTENCE: "false" },
    });
    expect(code).toBe(0);
    expect(stdout).not.toContain("Sending SIGUSR1");
    expect(stdout).not.toContain("Sending SIGTERM");
    expect(stdout).toContain("Shutdown complete");
    expect(running.child.exitCode).toBe(null);
  });

  test("skips SIGUSR1 when state persistence disabled", async () => {
    const shown = await shutDown({ env: { ARG_ENABLE_STATE_PERSISTENCE: "false" } });
    expect(shown.code).toBe(0);
    expect(shown.stdout).not.toContain("Sending SIGUSR1");
    expect(shown.stdout).toContain("Sending SIGTERM to AgentAPI");
    expect(await hasEnded(shown)).toBe(true);
    expect(shown.running.stdout()).not.toContain("Received SIGUSR1");
  });

  test("asks for no save where the agentapi on the PATH is too old, as lib.sh decides", async () => {
    const programs = newFolder();
    writeFileSync(join(programs, "agentapi"), "#!/bin/sh\necho agentapi version 0.11.8\n", {
      mode: 0o755,
    });
    const path = `${programs}:${process.env["PATH"]}`;
    const { code, stdout } = await shutDown({ env: { PATH: path } });
    expect(code).toBe(0);
    expect(stdout).not.toContain("Sending SIGUSR1");
    expect(stdout).toContain("Sending SIGTERM to AgentAPI");
  });

  test("keeps in the module's folder what Coder has not taken", async () => {
    const { code, running } = await shutDown({ answers: [500] });
    expect(code).toBe(0);
    expect(existsSync(join(running.folder, "outbox"))).toBe(true);
  });
});
