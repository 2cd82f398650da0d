/**
 * The three phases on a real process: what they save, what they post, that they end, and that they end nobody else.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import {
  readShutdownRequest,
  shutdownAgentApi,
  type ShutdownEvent,
  type ShutdownResult,
  type StopLimits,
} from "@taskwal/agentapi-bridge";
import { openNodeDisk } from "@taskwal/disk";
import { afterAll, describe, expect, it } from "vitest";

import { capture } from "./agentapi-captures.ts";
import { endAll, fakeProgram, startAndListen, type RunningAgentApi } from "./agentapi-process.ts";
import { startFakeCoder, type CoderAnswer, type FakeCoder } from "./fake-coder.ts";
import { moduleEnvironment, savedMessages, stateOf } from "./shutdown-command.ts";

const disk = openNodeDisk();
const coders: FakeCoder[] = [];
const strangers: ChildProcess[] = [];
afterAll(async () => {
  endAll();
  for (const stranger of strangers) stranger.kill("SIGKILL");
  for (const coder of coders) await coder.close();
});

const fakeCoder = async (...answers: readonly CoderAnswer[]): Promise<FakeCoder> => {
  const coder = await startFakeCoder(...answers);
  coders.push(coder);
  return coder;
};

/** What waits for ever without them must end with them. */
const shortLimits: StopLimits = {
  checkpointMs: 12_000,
  snapshotMs: 8000,
  termMs: 800,
  killMs: 800,
};

const shutDown = (
  running: RunningAgentApi,
  coder: FakeCoder,
  {
    env = {},
    limits = {},
    onEvent,
  }: {
    readonly env?: Readonly<Record<string, string>>;
    readonly limits?: StopLimits;
    readonly onEvent?: (event: ShutdownEvent) => void;
  } = {},
): Promise<ShutdownResult> =>
  shutdownAgentApi(disk, {
    request: readShutdownRequest(moduleEnvironment(running, coder, env)),
    limits,
    ...(onEvent && { onEvent }),
  });

const isRunning = (pid: number): boolean => disk.findProcess(pid) !== undefined;

describe.concurrent("a shutdown", () => {
  it("saves the conversation, posts it, and ends the program: all three are verified", async () => {
    const coder = await fakeCoder();
    const running = await startAndListen(fakeProgram("0.12.1"));
    await running.statusIs("stable");
    expect((await running.say("What did you change?")).status).toBe(200);
    await running.statusIs("stable");
    const result = await shutDown(running, coder);
    expect(result).toMatchObject({
      checkpoint: { verdict: "verified", messageCount: 3 },
      snapshot: { outcome: "posted" },
      ended: "terminated",
      isRestored: false,
    });
    expect(await running.ended).toEqual([0, null]);
    expect(savedMessages(running)[1]).toBe("What did you change?");
    expect(coder.taken[0]?.messages[1]?.content).toBe("What did you change?");
    expect(result.phases.map(({ phase }) => phase)).toEqual(["checkpoint", "snapshot", "end"]);
  });

  it("is not stopped by a listener that throws at whatever it is told", async () => {
    const coder = await fakeCoder();
    const running = await startAndListen(fakeProgram("0.12.1"));
    await running.statusIs("stable");
    const onEvent = (): never => {
      throw new Error("of the listener");
    };
    expect(await shutDown(running, coder, { onEvent })).toMatchObject({
      checkpoint: { verdict: "verified" },
      snapshot: { outcome: "posted" },
      ended: "terminated",
    });
  });

  it("says that a message which agentapi does not save is missing in its file, and posts it", async () => {
    const coder = await fakeCoder();
    const state = capture("lost-user-message/state-before.json");
    const running = await startAndListen(fakeProgram("0.12.1"), { state, mode: "thinks" });
    await running.loaded();
    await running.statusIs("stable");
    expect((await running.say("Show the coverage as a table.")).status).toBe(200);
    const result = await shutDown(running, coder, { limits: shortLimits });
    const saved = savedMessages(running);
    const isSaved = saved.includes("Show the coverage as a table.");
    expect(["verified", "clean"].includes(result.checkpoint?.verdict ?? "")).toBe(isSaved);
    expect(coder.taken[0]?.messages.map(({ content }) => content)).toContain(
      "Show the coverage as a table.",
    );
  });

  it("posts what was said also while a message is in flight that nothing reacts to", async () => {
    const coder = await fakeCoder();
    const running = await startAndListen(fakeProgram("0.12.1", { postHold: "forever" }), {
      state: stateOf("Hello", "go on", "Done."),
    });
    await running.loaded();
    await running.statusIs("stable");
    const post = running.say("hello?").catch(() => "cut off");
    await sleep(300);
    const result = await shutDown(running, coder, {
      limits: { ...shortLimits, snapshotMs: 20_000 },
    });
    expect(result.snapshot).toEqual({ outcome: "posted", status: 204 });
    expect(coder.taken[0]?.messages[0]?.content).toBe("Hello");
    expect(result.ended).not.toBe("alive");
    await post;
  });

  it.each(["boots-for-ever", "crashes"])(
    "does not lose an old conversation that was not loaded yet: %s",
    async (mode) => {
      const coder = await fakeCoder();
      const before = capture("boot-overwrite/sigusr1/state-before.json");
      const running = await startAndListen(fakeProgram("0.12.1"), { state: before, mode });
      const result = await shutDown(running, coder);
      expect(result.checkpoint).toBe(undefined);
      await running.ended;
      if (mode === "boots-for-ever") {
        expect(result.withheld).toBe("it has not loaded the conversation in its state file");
        expect(result.isRestored).toBe(true);
        expect(existsSync(`${running.stateFile}.replaced`)).toBe(true);
        expect(readFileSync(running.stateFile)).toEqual(before);
      }
      expect(running.stdout()).not.toContain("Received SIGUSR1");
    },
  );

  it("asks an agentapi before 0.12.0 for no save, and ends it", async () => {
    const coder = await fakeCoder();
    const running = await startAndListen(fakeProgram("0.11.8"));
    await running.statusIs("stable");
    writeFileSync(running.pidFile, `${running.pid}\n`);
    const result = await shutDown(running, coder);
    expect(result.checkpoint).toBe(undefined);
    expect(result.withheld).toContain("it cannot save its state");
    expect(result).toMatchObject({ snapshot: { outcome: "posted" }, ended: "terminated" });
  });

  it.each([
    ["a full disk", { saveFail: "ENOSPC" }, "failed", "terminated"],
    ["a folder that it may not write in", { saveFail: "EACCES" }, "failed", "terminated"],
    ["a save that takes for ever", { saveDelayMs: 600_000 }, "unverified", "killed"],
    ["a crash in the middle of a save", { saveFail: "crashBeforeRename" }, "failed", "already"],
  ] as const)(
    "says that the state is not saved, and ends: %s",
    async (_, toggles, verdict, ended) => {
      const coder = await fakeCoder();
      const running = await startAndListen(fakeProgram("0.12.1", toggles), {
        stdoutName: "agentapi-start.log",
      });
      await running.statusIs("stable");
      const result = await shutDown(running, coder, { limits: shortLimits });
      expect(result.checkpoint).toMatchObject({ verdict });
      expect(result.ended).toBe(ended);
      expect(isRunning(running.pid)).toBe(false);
    },
  );

  it.each<[string, readonly CoderAnswer[]]>([
    ["answers 500", [500]],
    ["never answers", ["hangs"]],
    ["breaks the connection off", ["resets"]],
  ])("ends the program also where Coder %s", async (_, answers) => {
    const coder = await fakeCoder(...answers);
    const running = await startAndListen(fakeProgram("0.12.1"));
    await running.statusIs("stable");
    const result = await shutDown(running, coder, { limits: { snapshotMs: 8000 } });
    expect(result).toMatchObject({ snapshot: { outcome: "queued" }, ended: "terminated" });
  });

  it("waits for nothing longer than its limits, where nothing answers and nothing ends", async () => {
    const coder = await fakeCoder("hangs");
    const program = fakeProgram("0.12.1", {
      ignoreTerm: true,
      postHold: "forever",
      sseStall: true,
      saveDelayMs: 600_000,
    });
    const agent = [
      "bash",
      "-c",
      "trap '' HUP INT TERM; echo '> '; echo $$ > agent.pid; exec sleep 600",
    ];
    const running = await startAndListen(program, { agent });
    await running.statusIs("stable");
    void running.say("hello?").catch(() => {});
    await sleep(100);
    const signals: string[] = [];
    const result = await shutDown(running, coder, {
      limits: shortLimits,
      onEvent: (event) => {
        if (event.event === "end" && event.step.step === "signal") signals.push(event.step.signal);
      },
    });
    expect(result.checkpoint?.verdict).toBe("unverified");
    expect(result.snapshot?.outcome).toMatch(/^(failed|queued)$/);
    expect(result.ended).toBe("killed");
    expect(await running.ended).toEqual([null, "SIGKILL"]);
    // One SIGTERM, and what it had started is gone too, although it ignores the end of its terminal.
    expect(signals).toEqual(["SIGTERM", "SIGKILL", "SIGKILL"]);
    expect(isRunning(Number(readFileSync(join(running.folder, "agent.pid"), "utf8")))).toBe(false);
    expect(existsSync(running.pidFile)).toBe(false);
    const totalMs = result.phases.reduce((sum, { ms }) => sum + ms, 0);
    const { checkpointMs = 0, snapshotMs = 0, termMs = 0, killMs = 0 } = shortLimits;
    expect(totalMs).toBeLessThan(checkpointMs + snapshotMs + termMs + 3 * killMs + 1000);
  });

  it("sends no signal to a stranger that has the PID now, and posts what was kept", async () => {
    const coder = await fakeCoder();
    const stranger = spawn("sleep", ["600"], { stdio: "ignore" });
    strangers.push(stranger);
    const running = await startAndListen(fakeProgram("0.12.1"));
    running.signal("SIGKILL");
    await running.ended;
    writeFileSync(running.pidFile, `${stranger.pid}\n`);
    const result = await shutDown(running, coder, { limits: shortLimits });
    expect(result.owner).toEqual({ kind: "stranger", pid: stranger.pid });
    expect(result).toMatchObject({ ended: "already", snapshot: { outcome: "failed" } });
    expect(isRunning(stranger.pid ?? 0)).toBe(true);
  });

  it.each(["", "-1\n", "0", "1", "garbage"])(
    "sends no signal where the PID file holds %j",
    async (text) => {
      const coder = await fakeCoder();
      const running = await startAndListen(fakeProgram("0.12.1"));
      await running.statusIs("stable");
      writeFileSync(running.pidFile, text);
      const result = await shutDown(running, coder);
      expect(result).toMatchObject({ owner: { kind: "malformed" }, ended: "already" });
      expect(result.snapshot?.outcome).toBe("posted");
      expect(isRunning(running.pid)).toBe(true);
    },
  );

  it("waits for no zombie: one that has ended and that nobody collects", async () => {
    const coder = await fakeCoder();
    const running = await startAndListen(fakeProgram("0.12.1"));
    await running.statusIs("stable");
    const parent = spawn("bash", ["-c", "exec -a agentapi sleep 600 & echo $!; exec sleep 600"]);
    strangers.push(parent);
    const text = await new Promise<string>((done) =>
      parent.stdout.once("data", (data) => done(String(data))),
    );
    const pid = Number(text);
    // The shell has become a sleep, which collects nobody, once its name says so.
    while (disk.findProcess(pid)?.argv[0] !== "agentapi") await sleep(10);
    while (disk.findProcess(parent.pid ?? 0)?.argv[0] !== "sleep") await sleep(10);
    writeFileSync(running.pidFile, text);
    const result = await shutDown(running, coder, {
      env: { ARG_ENABLE_STATE_PERSISTENCE: "false" },
    });
    expect(result.ended).toBe("terminated");
    // The kernel knows it still: a loop over `kill -0` would not end.
    expect(process.kill(pid, 0)).toBe(true);
  });

  it("finds the state file that agentapi was started with, wherever that is", async () => {
    const coder = await fakeCoder();
    const running = await startAndListen(fakeProgram("0.12.1"));
    await running.statusIs("stable");
    const elsewhere = {
      ARG_MODULE_DIR_NAME: "",
      ARG_PID_FILE_PATH: running.pidFile,
      HOME: dirname(dirname(running.folder)),
    };
    const result = await shutDown(running, coder, { env: elsewhere });
    expect(result.checkpoint?.verdict).toBe("verified");
    expect(basename(running.stateFile)).toBe("agentapi-state.json");
  });
});
