/**
 * `taskwal agentapi run`, `status` and `checkpoint`, as processes of their own.
 */
import { spawnSync } from "node:child_process";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";

import { endAll, fakeProgram } from "./agentapi-process.ts";
import { disk, endSessions, runVerb, Session, VerbProcess } from "./supervised-session.ts";

afterAll(() => {
  endSessions();
  endAll();
});

const ask = async (session: Session, verb: string): Promise<readonly [number | null, unknown]> => {
  const looking = new VerbProcess(session, verb);
  const code = await looking.ended;
  return [code, looking.events[0]];
};

describe.concurrent("taskwal agentapi run", () => {
  it("starts, is looked at and saved from beside, and stops in order at SIGTERM", async () => {
    const session = await Session.of(fakeProgram("0.12.1"));
    expect((await ask(session, "status"))[1]).toMatchObject({ process: "none" });
    expect((await ask(session, "checkpoint"))[0]).toBe(10);
    const run = runVerb(session);
    const { pid } = await run.told("loaded").then(() => run.told("started"));
    const [code, status] = await ask(session, "status");
    expect([code, status]).toMatchObject([
      0,
      { process: "ours", pid, isSupervised: true, port: session.port },
    ]);
    const [saved, checkpoint] = await ask(session, "checkpoint");
    expect([saved, checkpoint]).toMatchObject([
      0,
      { verdict: expect.stringMatching(/^(verified|clean)$/) },
    ]);
    run.child.kill("SIGTERM");
    expect(await run.ended).toBe(0);
    expect(run.events.at(-1)).toMatchObject({ event: "stopped", ended: "terminated", exitCode: 0 });
    expect(disk.findProcess(Number(pid))).toBe(undefined);
    expect((await ask(session, "status"))[1]).toMatchObject({
      process: "dead",
      isSupervised: false,
      phase: "stopped",
      state: { verdict: "verified" },
    });
  });

  it("does not make anybody wait who interrupts its start, and leaves nothing running", async () => {
    const session = await Session.of(fakeProgram("0.12.1"));
    // It waits for ever, and answers nothing.
    const run = runVerb(session, ["--binary", "/bin/sleep", "--gate", "registry"], {
      env: { PATH: `${session.folder}:/bin:/usr/bin` },
    });
    expect(await run.ended).toBe(14);
    expect(run.events.at(-1)).toMatchObject({ event: "not-started" });
    const slow = join(session.folder, "slow-agentapi");
    writeFileSync(slow, '#!/bin/sh\n[ "$1" = server ] && exec sleep 600\nexec agentapi "$@"\n');
    chmodSync(slow, 0o755);
    const waiting = runVerb(session, ["--binary", slow, "--start-timeout", "10m"]);
    const { pid } = await waiting.told("spawned");
    waiting.child.kill("SIGINT");
    expect(await waiting.ended).toBe(130);
    expect(disk.findProcess(Number(pid))).toBe(undefined);
  });

  it("says what is missing where nothing names a folder or an agent", async () => {
    const session = await Session.of(fakeProgram("0.12.1"));
    const withoutAgent = new VerbProcess(session, "run");
    expect(await withoutAgent.ended).toBe(2);
    expect(withoutAgent.stderr).toContain("run needs an agent");
    const taskwal = "packages/taskwal/bin/taskwal.js";
    const { status, stderr } = spawnSync(process.execPath, [taskwal, "agentapi", "status"], {
      env: { PATH: process.env["PATH"] },
      encoding: "utf8",
    });
    expect([status, stderr]).toEqual([2, expect.stringContaining("name the session's folder")]);
  });

  it("adopts the agentapi of a run that was killed, and ends with it when somebody else ends it", async () => {
    const session = await Session.of(fakeProgram("0.12.1"));
    const first = runVerb(session);
    const { pid } = await first.told("loaded").then(() => first.told("started"));
    await first.kill();
    expect((await ask(session, "status"))[1]).toMatchObject({
      process: "ours",
      isSupervised: false,
    });
    const second = runVerb(session);
    expect((await second.told("adopted"))["pid"]).toBe(pid);
    await second.told("connected");
    process.kill(Number(pid), "SIGTERM");
    expect(await second.ended).toBe(0);
    expect(second.names.slice(-2)).toEqual(["reconciled", "ended"]);
  });
});
