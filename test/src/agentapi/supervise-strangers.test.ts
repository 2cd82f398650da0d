/**
 * PIDs that mean somebody else now: no stranger is ever signalled, and none keeps agentapi from its start.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { openJournal, stopAgentApi } from "@taskwal/agentapi-bridge";
import { afterAll, describe, expect, it } from "vitest";

import { endAll, fakeProgram } from "./agentapi-process.ts";
import { disk, endSessions, said, Session, turn, until } from "./supervised-session.ts";

const strangers: ChildProcess[] = [];
afterAll(() => {
  for (const each of strangers) each.kill("SIGKILL");
  endSessions();
  endAll();
});

/** A program that would end at any signal that is sent to an agentapi. */
const startStranger = async (words: readonly string[] = []): Promise<ChildProcess> => {
  const program = "process.stdout.write('up'); setInterval(() => {}, 1000)";
  const stranger = spawn(process.execPath, ["-e", program, ...words], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  strangers.push(stranger);
  await once(stranger.stdout, "data");
  return stranger;
};

const isUnharmed = ({ exitCode, signalCode }: ChildProcess): boolean =>
  exitCode === null && signalCode === null;

const goesOn = async (session: Session): Promise<void> => {
  const supervised = await session.supervise();
  expect(session.names).not.toContain("adopted");
  await turn(supervised, "hello");
  expect((await supervised.checkpoint()).verdict).toMatch(/^(verified|clean)$/);
  expect(said(supervised)).toHaveLength(3);
  expect((await supervised.stop()).ended).toBe("terminated");
};

describe.concurrent("a stranger", () => {
  it("that has the PID in the PID file survives, and agentapi starts all the same", async () => {
    const session = await Session.of(fakeProgram("0.12.1"));
    const stranger = await startStranger();
    writeFileSync(session.pidFile, `${stranger.pid}\n`);
    await goesOn(session);
    expect(isUnharmed(stranger)).toBe(true);
  });

  it("that has the PID which the journal recorded survives, and so at a stop", async () => {
    const session = await Session.of(fakeProgram("0.12.1"));
    const stranger = await startStranger();
    const identity = disk.findProcess(stranger.pid ?? 0)?.identity;
    if (!identity) throw new Error("it has no identity");
    // The agentapi that had it was started a while before.
    const recorded = { ...identity, startTime: String(Number(identity.startTime) - 100) };
    const journal = await openJournal({ sessionDir: session.folder });
    await journal.note({
      phase: "ready",
      process: recorded,
      port: session.port,
      loadResolved: true,
    });
    await journal.close();
    expect((await stopAgentApi(disk, { identity: recorded })).ended).toBe("already");
    await goesOn(session);
    expect(isUnharmed(stranger)).toBe(true);
  });

  it("that is an agentapi too, of another session, is neither adopted nor ended", async () => {
    const [session, other] = [
      await Session.of(fakeProgram("0.12.1")),
      await Session.of(fakeProgram("0.12.1")),
    ];
    const another = await other.supervise();
    writeFileSync(session.pidFile, readFileSync(other.pidFile));
    await goesOn(session);
    await turn(another, "still there?");
    await another.stop();
  });

  it("is not taken for agentapi after it has ended under supervision and its PID was given away", async () => {
    const session = await Session.of(fakeProgram("0.12.1"));
    const supervised = await session.supervise();
    process.kill(supervised.agent.identity.pid, "SIGKILL");
    await supervised.ended;
    expect((await supervised.stop()).ended).toBe("already");
    expect((await supervised.checkpoint()).verdict).toBe("failed");
  });

  it("is what a file that names no process, or nothing at all, stands for", async () => {
    for (const text of ["-1\n", "0", "1\n", "", "not a number", "99999999999"]) {
      const session = await Session.of(fakeProgram("0.12.1"));
      writeFileSync(session.pidFile, text);
      const supervised = await session.supervise();
      await supervised.stop();
      expect(existsSync(session.pidFile)).toBe(false);
    }
  });
});

describe.concurrent("a zombie", () => {
  /** A parent that never collects its child, which ends at once. */
  const startZombie = async (): Promise<number> => {
    const parent = spawn("sh", ["-c", "sleep 0 & echo $!; exec sleep 600"], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    strangers.push(parent);
    const [text] = (await once(parent.stdout, "data")) as [Buffer];
    const pid = Number(String(text));
    await until("it has ended", () => disk.findProcess(pid) === undefined);
    return pid;
  };

  it("that has the PID has ended: agentapi is started, and its PID file is its own", async () => {
    const session = await Session.of(fakeProgram("0.12.1"));
    writeFileSync(session.pidFile, `${await startZombie()}\n`);
    await goesOn(session);
  });

  it("that agentapi became is noticed by a supervisor that has adopted it", async () => {
    const session = await Session.of(fakeProgram("0.12.1"));
    const flags = [
      "--port",
      String(session.port),
      "--type",
      "custom",
      "--pid-file",
      session.pidFile,
    ];
    const words = ["server", ...flags, "--state-file", session.stateFile, "--", ...session.agent()];
    // This one is not its parent, and that one never looks.
    const script = `'${session.binary}' "$@" & exec sleep 600`;
    const parent = spawn("sh", ["-c", script, "sh", ...words], {
      stdio: "ignore",
      env: session.env,
    });
    strangers.push(parent);
    await until("it has a PID", () => existsSync(session.pidFile));
    const supervised = await session.supervise();
    expect(session.names).toContain("adopted");
    await turn(supervised, "hello");
    const { ended } = await supervised.stop();
    expect(ended).toBe("terminated");
    expect(session.saved).toHaveLength(3);
  });
});
